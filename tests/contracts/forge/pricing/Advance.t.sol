// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bounds} from "../../../../contracts/interfaces/IFogPricing.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {bound, vm} from "../Vm.sol";
import {PricingTest} from "./PricingTest.sol";

contract AdvanceTest is PricingTest {
    /// @dev One epoch in which `bps` of the capacity was used, and the step after it.
    function epoch(uint256 bps) private {
        vm.warp(block.timestamp + 600);
        // Rounded up, so that the fuel it comes to is not short of it.
        report(seller, (uint256(1000) * perGfuel() * bps + 9999) / 10_000);
        pricing.advance(CPU);
    }

    function test_AtTheTargetPricesStay() public {
        epoch(7000);
        vm.assertEq(perGfuel(), PER_GFUEL);
    }

    function test_FullUseIsTheGreatestStepUp() public {
        vm.warp(block.timestamp + 600);
        report(seller, 500e18);
        vm.expectEmit(address(pricing));
        emit EventsLib.BasePrice(CPU, round(), PER_GFUEL * 9 / 8, PER_GIBS * 9 / 8, 10_000);
        pricing.advance(CPU);
        (uint96 perGfuel_, uint96 perGiBs) = pricing.basePrice(CPU);
        vm.assertEq(perGfuel_, PER_GFUEL * 9 / 8);
        vm.assertEq(perGiBs, PER_GIBS * 9 / 8);
    }

    function test_NoUseIsTheGreatestStepDown() public {
        epoch(0);
        vm.assertEq(perGfuel(), PER_GFUEL * 7 / 8);
    }

    function test_HalfWayIsHalfAStep() public {
        epoch(8500);
        vm.assertEq(perGfuel(), PER_GFUEL * 17 / 16);
    }

    function testFuzz_StepIsWithinCapAndBounds(uint256 use, uint16 cap, uint16 target, uint96 floor, uint96 ceiling)
        public
    {
        use %= 12_001;
        cap = uint16(bound(cap, 50, 1250));
        target = uint16(bound(target, 5000, 9000));
        Bounds memory b = bounds();
        b.fuelFloor = uint96(bound(floor, 1e6, PER_GFUEL));
        b.fuelCeiling = uint96(bound(ceiling, PER_GFUEL, 100e18));
        vm.startPrank(timelock);
        pricing.setControl(cap, target);
        pricing.setBounds(CPU, LOT, b);
        vm.stopPrank();

        epoch(use);
        uint256 price = perGfuel();
        uint256 moved = price > PER_GFUEL ? price - PER_GFUEL : PER_GFUEL - price;
        vm.assertLe(moved * 10_000, uint256(PER_GFUEL) * cap, "more than the cap");
        vm.assertGe(price, b.fuelFloor, "below the floor");
        vm.assertLe(price, b.fuelCeiling, "above the ceiling");
        if (use > target) vm.assertGe(price, PER_GFUEL, "down in high use");
        if (use < target) vm.assertLe(price, PER_GFUEL, "up in low use");
    }

    function testFuzz_OneStepAnEpoch(uint256 early) public {
        epoch(0);
        uint256 next = block.timestamp + 600;
        vm.warp(block.timestamp + early % 600);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SteppedAlready.selector, next));
        pricing.advance(CPU);
        vm.warp(next);
        pricing.advance(CPU);
    }

    function testFuzz_MissedEpochsAreOneStep(uint40 missed) public {
        vm.warp(block.timestamp + 600 + missed % 1000 days);
        pricing.advance(CPU);
        vm.assertEq(perGfuel(), PER_GFUEL * 7 / 8);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SteppedAlready.selector, block.timestamp + 600));
        pricing.advance(CPU);
    }

    function test_UseCountsForItsEpochOnly() public {
        epoch(10_000);
        epoch(0);
        vm.assertEq(perGfuel(), uint256(PER_GFUEL) * 63 / 64);
    }

    function test_WithoutCapacityPricesStay() public {
        vm.prank(seller);
        registry.deregister();
        vm.warp(block.timestamp + 6000);
        pricing.advance(CPU);
        vm.assertEq(perGfuel(), PER_GFUEL);
    }

    function test_CapacityThatLeftAfterItsUseIsNoMoreThanFullUse() public {
        vm.warp(block.timestamp + 600);
        report(seller, 500e18);
        vm.prank(seller);
        registry.register(withCapacity(1));
        pricing.advance(CPU);
        vm.assertEq(perGfuel(), PER_GFUEL * 9 / 8);
    }

    function test_PricesStopAtTheirBounds() public {
        for (uint256 i; i < 60; ++i) {
            epoch(10_000);
        }
        vm.assertEq(perGfuel(), 50e18);
        for (uint256 i; i < 100; ++i) {
            epoch(0);
        }
        (uint96 perGfuel_, uint96 perGiBs) = pricing.basePrice(CPU);
        vm.assertEq(perGfuel_, 0.01e18);
        vm.assertEq(perGiBs, 0.0001e18);
    }

    /// @dev Buyers who spend a fixed sum, and four times as much from one epoch to the next: the price is there within
    /// 16 epochs, and not beyond.
    function test_FourfoldDemandIsMetWithoutOvershoot() public {
        uint256 steps;
        while (uint256(perGfuel()) * 100 < uint256(PER_GFUEL) * 4 * 95) {
            uint256 use = uint256(7000) * 4 * PER_GFUEL / perGfuel();
            epoch(use > 10_000 ? 10_000 : use);
            ++steps;
        }
        vm.assertLe(steps, 16, "too slow");
        for (uint256 i; i < 50; ++i) {
            epoch(uint256(7000) * 4 * PER_GFUEL / perGfuel());
            vm.assertLe(perGfuel(), uint256(PER_GFUEL) * 4, "overshoot");
        }
    }
}
