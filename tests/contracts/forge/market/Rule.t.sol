// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, JobState, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib, Reason} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

contract RuleTest is MarketTest {
    Terms private t;
    Delivery private d;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        (t, d, id) = challenged();
    }

    function test_NotGuiltyPaysTheProvider() public {
        vm.expectEmit(address(market));
        emit EventsLib.JobSettled(id, net(4e18), fee(4e18), 6e18, Reason.Acquitted);
        vm.prank(judge);
        market.rule(t, d, false, 0, other);
        assertState(id, JobState.Settled);
        vm.assertEq(market.free(provider), net(4e18));
        vm.assertEq(market.free(buyer), 96e18);
        vm.assertEq(stake.bonded(provider), 50_000e18);
    }

    function testFuzz_GuiltyRefundsTheBuyerAndTakesTheBond(uint96 slash) public {
        slash = uint96(slash % (1000e18 + 1));
        vm.expectEmit(address(market));
        emit EventsLib.JobSlashed(id, slash);
        vm.prank(judge);
        market.rule(t, d, true, slash, other);
        assertState(id, JobState.Slashed);
        vm.assertEq(market.free(buyer), 100e18);
        vm.assertEq(market.free(provider), 0);
        vm.assertEq(stake.bonded(provider), 50_000e18 - slash);

        // The victim comes first, with at most the price. Of the rest a quarter is the finder's.
        uint96 toVictim = slash < 10e18 ? slash : 10e18;
        vm.assertEq(token.balanceOf(buyer), 900e18 + toVictim);
        vm.assertEq(token.balanceOf(other), (slash - toVictim) / 4);
    }

    function test_PartyIsNoFinder() public {
        vm.prank(judge);
        market.rule(t, d, true, 400e18, buyer);
        vm.assertEq(token.balanceOf(buyer), 910e18);
        vm.assertEq(token.totalSupply(), 1_000_000_000e18 - 390e18);
    }

    function test_ProviderIsNoFinder() public {
        vm.prank(judge);
        market.rule(t, d, true, 400e18, provider);
        vm.assertEq(token.balanceOf(provider), 0);
    }

    function test_MoreThanTheBondTakesWhatIsThere() public {
        vm.prank(provider);
        stake.unbond(49_800e18);
        vm.warp(block.timestamp + UNBONDING);
        vm.prank(provider);
        stake.withdraw();
        vm.expectEmit(address(market));
        emit EventsLib.JobSlashed(id, 200e18);
        vm.prank(judge);
        market.rule(t, d, true, 400e18, address(0));
        vm.assertEq(stake.slashable(provider), 0);
    }

    function test_MoreThanTheHighestMultipleIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("slash"), 1000e18 + 1));
        vm.prank(judge);
        market.rule(t, d, true, 1000e18 + 1, other);
    }

    function testFuzz_OthersThanTheJobsCourtAreRefused(address caller) public {
        vm.assume(caller != judge);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotCourt.selector, caller));
        vm.prank(caller);
        market.rule(t, d, true, 1, other);
    }

    function test_CourtOfLaterJobsIsRefused() public {
        vm.prank(timelock);
        market.setParameters(parameters(other));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotCourt.selector, other));
        vm.prank(other);
        market.rule(t, d, true, 1, other);
        vm.prank(judge);
        market.rule(t, d, true, 1, other);
    }

    function test_OtherThanWasDeliveredIsRefused() public {
        d.result = keccak256("other");
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotDelivered.selector, id));
        vm.prank(judge);
        market.rule(t, d, true, 1, other);
    }

    function test_JobThatNobodyChallengedIsRefused() public {
        vm.warp(block.timestamp + 1);
        Terms memory later = terms();
        bytes32 job = open(later);
        d = deliver(later);
        expectWrongState(job, JobState.Delivered);
        vm.prank(judge);
        market.rule(later, d, true, 1, other);
    }
}
