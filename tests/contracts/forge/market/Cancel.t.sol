// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {JobState, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {bound, vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

contract CancelTest is MarketTest {
    Terms private t;
    bytes32 private id;
    uint40 private halfway;

    function setUp() public override {
        super.setUp();
        t = terms();
        id = open(t);
        halfway = uint40(block.timestamp + 35 minutes);
    }

    function testFuzz_BuyerUntilInputBy(uint40 at) public {
        vm.warp(bound(at, block.timestamp, t.inputBy - 1));
        cancels(buyer);
    }

    function testFuzz_ProviderUntilHalfwayToDue(uint40 at) public {
        vm.warp(bound(at, block.timestamp, halfway - 1));
        cancels(provider);
    }

    function test_BuyerTooLateIsRefused() public {
        vm.warp(t.inputBy);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooLate.selector, t.inputBy));
        vm.prank(buyer);
        market.cancel(t);
    }

    function test_ProviderTooLateIsRefused() public {
        vm.warp(halfway);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooLate.selector, halfway));
        vm.prank(provider);
        market.cancel(t);
    }

    function testFuzz_OthersAreRefused(address caller) public {
        vm.assume(caller != buyer && caller != provider);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotParty.selector, caller));
        vm.prank(caller);
        market.cancel(t);
    }

    function test_DeliveredJobIsRefused() public {
        deliver(t);
        expectWrongState(id, JobState.Delivered);
        vm.prank(buyer);
        market.cancel(t);
    }

    function cancels(address who) private {
        vm.expectEmit(address(market));
        emit EventsLib.JobCancelled(id, who);
        vm.prank(who);
        market.cancel(t);
        assertState(id, JobState.Cancelled);
        vm.assertEq(market.free(buyer), 100e18);
        vm.assertEq(stake.bonded(provider), 50_000e18);
    }
}
