// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Job, JobState, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {bound, vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

contract DeliverTest is MarketTest {
    Terms private t;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        t = terms();
        id = open(t);
    }

    function testFuzz_CommitsToResultFuelAndTime(bytes32 result, uint64 fuel, uint40 at, uint32 number) public {
        at = uint40(bound(at, block.timestamp, t.lateBy - 1));
        vm.warp(at);
        vm.roll(bound(number, block.number, type(uint32).max));
        vm.expectEmit(address(market));
        emit EventsLib.JobDelivered(id, result, fuel);
        vm.prank(provider);
        market.deliver(t, result, fuel);

        Job memory job = market.job(id);
        vm.assertEq(uint256(job.state), uint256(JobState.Delivered));
        vm.assertEq(job.version, 1);
        vm.assertEq(job.feeBps, FEE);
        vm.assertEq(job.since, at);
        vm.assertEq(job.number, block.number);
        vm.assertEq(bytes32(job.delivery), bytes32(bytes18(keccak256(abi.encode(result, fuel, at)))));
        vm.assertEq(market.free(provider), 0);
    }

    function testFuzz_OthersAreRefused(address caller) public {
        vm.assume(caller != provider);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotProvider.selector, caller));
        vm.prank(caller);
        market.deliver(t, RESULT, 1);
    }

    function test_TooLateIsRefused() public {
        vm.warp(t.lateBy);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooLate.selector, t.lateBy));
        vm.prank(provider);
        market.deliver(t, RESULT, 1);
    }

    function test_SecondDeliveryIsRefused() public {
        deliver(t);
        expectWrongState(id, JobState.Delivered);
        vm.prank(provider);
        market.deliver(t, keccak256("a better one"), 1);
    }

    function test_UnknownJobIsRefused() public {
        Terms memory unknown = t;
        unknown.work = keccak256("other work");
        bytes32 none = market.hashTerms(unknown);
        expectWrongState(none, JobState.None);
        vm.prank(provider);
        market.deliver(unknown, RESULT, 1);
    }
}
