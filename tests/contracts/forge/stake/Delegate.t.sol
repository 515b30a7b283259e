// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {StakeTest} from "./StakeTest.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";

contract DelegateTest is StakeTest {
    function setUp() public override {
        super.setUp();
        bond(buyer, 100e18);
    }

    function test_BondVotesOnceItIsDelegated() public {
        vm.assertEq(stake.getVotes(buyer), 0);
        vm.expectEmit(address(stake));
        emit IVotes.DelegateVotesChanged(buyer, 0, 100e18);
        delegate(buyer, buyer);
        vm.assertEq(stake.getVotes(buyer), 100e18);
        vm.assertEq(stake.delegates(buyer), buyer);
    }

    function test_VotesOfSeveralAddUpAndMove() public {
        delegate(buyer, other);
        delegate(provider, other);
        vm.assertEq(stake.getVotes(other), 50_100e18);
        delegate(provider, buyer);
        vm.assertEq(stake.getVotes(other), 100e18);
        vm.assertEq(stake.getVotes(buyer), 50_000e18);
        delegate(provider, address(0));
        vm.assertEq(stake.getVotes(buyer), 0);
    }

    function testFuzz_VotesFollowTheBond(uint96 more, uint96 less) public {
        more = uint96(more % 800e18) + 1;
        delegate(buyer, other);
        bond(buyer, more);
        vm.assertEq(stake.getVotes(other), 100e18 + more);
        less = uint96(less % (100e18 + more)) + 1;
        unbond(buyer, less);
        vm.assertEq(stake.getVotes(other), 100e18 + more - less);
        vm.prank(buyer);
        stake.cancelUnbond(0);
        vm.assertEq(stake.getVotes(other), 100e18 + more);
    }

    function test_WhatIsSeizedVotesNoMore() public {
        delegate(buyer, other);
        slash(buyer, 30e18, provider, 30e18, address(0));
        vm.assertEq(stake.getVotes(other), 70e18);
        compensate(buyer, 20e18, provider);
        vm.assertEq(stake.getVotes(other), 50e18);
    }

    function test_WhatIsSeizedFromTheQueueNeverVoted() public {
        delegate(buyer, other);
        unbond(buyer, 60e18);
        slash(buyer, 70e18, provider, 0, address(0));
        vm.assertEq(stake.getVotes(other), 0);
        vm.assertEq(stake.slashable(buyer), 30e18);
    }
}
