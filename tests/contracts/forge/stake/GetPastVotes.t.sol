// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {StakeTest} from "./StakeTest.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";

contract GetPastVotesTest is StakeTest {
    function setUp() public override {
        super.setUp();
        bond(buyer, 100e18);
        delegate(buyer, buyer);
    }

    function test_VotesAreThoseOfTheTime() public {
        vm.warp(START + 50);
        bond(buyer, 10e18);
        vm.warp(START + 60);
        unbond(buyer, 40e18);
        vm.warp(START + 100);
        vm.assertEq(stake.getPastVotes(buyer, START - 1), 0);
        vm.assertEq(stake.getPastVotes(buyer, START), 100e18);
        vm.assertEq(stake.getPastVotes(buyer, START + 49), 100e18);
        vm.assertEq(stake.getPastVotes(buyer, START + 50), 110e18);
        vm.assertEq(stake.getPastVotes(buyer, START + 60), 70e18);
        vm.assertEq(stake.getPastVotes(buyer, START + 99), 70e18);
    }

    function test_BondOfOneBlockNeverVoted() public {
        vm.warp(START + 50);
        bond(other, 1000e18);
        delegate(other, other);
        unbond(other, 1000e18);
        vm.warp(START + 51);
        vm.assertEq(stake.getPastVotes(other, START + 50), 0);
    }

    function test_PresentAndFutureAreRefused() public {
        vm.expectRevert(abi.encodeWithSelector(Votes.ERC5805FutureLookup.selector, START, START));
        stake.getPastVotes(buyer, START);
    }
}
