// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {PricingTest} from "./PricingTest.sol";

contract ReportTest is PricingTest {
    function used() private view returns (uint256) {
        return pricing.resourceClass(CPU).used;
    }

    function test_VolumeCountsAtTheBasePrice() public {
        vm.warp(block.timestamp + 600);
        vm.expectEmit(address(pricing));
        emit EventsLib.UsageReported(CPU, seller, 700e9);
        report(seller, 350e18);
        vm.assertEq(used(), 700e9);
        vm.assertEq(pricing.reported(seller), block.timestamp);
    }

    function testFuzz_NobodyUsesMoreThanHisCapacity(uint256 volume, uint256 first, uint256 second) public {
        (first, second) = (first % 1 days, second % 1 days);
        vm.warp(block.timestamp + first);
        report(seller, volume);
        vm.assertLe(used(), 1000e9 * first / 600, "more than the capacity in the time");
        vm.warp(block.timestamp + second);
        report(seller, volume);
        vm.assertLe(used(), 1000e9 * (first + second) / 600, "time counted twice");
    }

    function test_SecondReportOfTheSameTimeCountsNothing() public {
        vm.warp(block.timestamp + 600);
        report(seller, 1e30);
        report(seller, 1e30);
        vm.assertEq(used(), 1000e9);
    }

    /// @dev Else a small seller could save up his time, and look like the whole class for an epoch.
    function test_TimeBeforeTheLastStepDoesNotCount() public {
        vm.warp(block.timestamp + 6000);
        pricing.advance(CPU);
        vm.warp(block.timestamp + 60);
        report(seller, 1e30);
        vm.assertEq(used(), 100e9);
    }

    function test_OnlyCapacityUnderBondCounts() public {
        vm.prank(seller);
        stake.unbond(90e18);
        registry.refresh(seller);
        vm.warp(block.timestamp + 600);
        report(seller, 1e30);
        vm.assertEq(used(), 100e9);
    }

    /// @dev Collecting fees must not hang on any of it.
    function testFuzz_StrangersAndAnyVolumeAreTaken(address stranger, uint256 volume, uint40 later) public {
        vm.assume(stranger != seller);
        vm.warp(block.timestamp + later);
        report(stranger, volume);
        vm.assertEq(used(), 0);
        report(seller, volume);

        vm.prank(timelock);
        pricing.retireClass(CPU);
        report(seller, volume);
    }

    function testFuzz_OnlyTheMarketReports(address caller) public {
        vm.assume(caller != address(market));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotMarket.selector, caller));
        vm.prank(caller);
        pricing.report(seller, 1);
    }
}
