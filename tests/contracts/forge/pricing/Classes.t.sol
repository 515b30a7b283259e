// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogPricing} from "../../../../contracts/FogPricing.sol";
import {Bounds, FirstClass, ResourceClass} from "../../../../contracts/interfaces/IFogPricing.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {bound, vm} from "../Vm.sol";
import {PricingTest} from "./PricingTest.sol";

/// @notice addClass, retireClass, setBounds, setControl: what the timelock sets, and within which limits.
contract ClassesTest is PricingTest {
    function test_ClassStartsAtItsFirstPrices() public {
        vm.expectEmit(address(pricing));
        emit EventsLib.ClassSet(GPU, LOT, 0.01e18, 50e18, 0.0001e18, 1e18);
        vm.expectEmit(address(pricing));
        emit EventsLib.BasePrice(GPU, round(), PER_GFUEL, PER_GIBS, 0);
        addClass(GPU);
        ResourceClass memory class = pricing.resourceClass(GPU);
        vm.assertEq(class.perGfuel, PER_GFUEL);
        vm.assertEq(class.perGiBs, PER_GIBS);
        vm.assertEq(class.lot, LOT);
        vm.assertEq(class.stepped, block.timestamp);
        vm.assertEq(class.bounds.fuelCeiling, 50e18);
        vm.assertEq(pricing.classes().length, 2);
        vm.assertEq(pricing.classes()[1], GPU);
    }

    function test_SecondClassOfOneNameIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.ClassExists.selector, CPU));
        addClass(CPU);
    }

    function test_ClassWithoutANameIsRefused() public {
        vm.expectRevert(ErrorsLib.BadClass.selector);
        addClass(0);
    }

    function test_MoreThan64AreRefused() public {
        for (uint256 i = 1; i < 64; ++i) {
            addClass(bytes32(i));
        }
        vm.expectRevert(ErrorsLib.TooManyClasses.selector);
        addClass(GPU);
    }

    function testFuzz_FirstPricesMustBeWithinTheBounds(uint96 fuel, uint96 memory_) public {
        bool fuelFits = fuel >= 0.01e18 && fuel <= 50e18;
        bool memoryFits = memory_ >= 0.0001e18 && memory_ <= 1e18;
        vm.assume(!fuelFits || !memoryFits);
        vm.expectRevert(
            fuelFits
                ? abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("perGiBs"), memory_)
                : abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("perGfuel"), fuel)
        );
        vm.prank(timelock);
        pricing.addClass(GPU, LOT, fuel, memory_, bounds());
    }

    function test_BoundsThatCannotBeAreRefused() public {
        Bounds memory b = bounds();
        b.fuelFloor = 1e6 - 1;
        refused(LOT, b, "fuelFloor", b.fuelFloor);
        b = bounds();
        b.fuelCeiling = b.fuelFloor - 1;
        refused(LOT, b, "fuelCeiling", b.fuelCeiling);
        b = bounds();
        b.memoryFloor = 1e6 - 1;
        refused(LOT, b, "memoryFloor", b.memoryFloor);
        b = bounds();
        b.memoryCeiling = b.memoryFloor - 1;
        refused(LOT, b, "memoryCeiling", b.memoryCeiling);
        refused(0, bounds(), "lot", 0);
    }

    function refused(uint64 lot, Bounds memory b, bytes32 name, uint256 value) private {
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, name, value);
        vm.startPrank(timelock);
        vm.expectRevert(reason);
        pricing.addClass(GPU, lot, PER_GFUEL, PER_GIBS, b);
        vm.expectRevert(reason);
        pricing.setBounds(CPU, lot, b);
        vm.stopPrank();
    }

    function test_RetiredClassIsGoneAndItsNameFree() public {
        addClass(GPU);
        vm.expectEmit(address(pricing));
        emit EventsLib.ClassRetired(CPU);
        vm.prank(timelock);
        pricing.retireClass(CPU);
        vm.assertEq(pricing.classes().length, 1);
        vm.assertEq(pricing.classes()[0], GPU);

        bytes memory unknown = abi.encodeWithSelector(ErrorsLib.UnknownClass.selector, CPU);
        vm.expectRevert(unknown);
        pricing.basePrice(CPU);
        vm.expectRevert(unknown);
        pricing.advance(CPU);
        vm.startPrank(timelock);
        vm.expectRevert(unknown);
        pricing.retireClass(CPU);
        vm.expectRevert(unknown);
        pricing.setBounds(CPU, LOT, bounds());
        vm.stopPrank();

        addClass(CPU);
        vm.assertEq(pricing.classes()[1], CPU);
    }

    function testFuzz_PriceOutsideOfNewBoundsMovesToTheBound(uint96 floor, uint96 ceiling) public {
        floor = uint96(bound(floor, 1e6, 100e18));
        ceiling = uint96(bound(ceiling, floor, 200e18));
        Bounds memory b = bounds();
        (b.fuelFloor, b.fuelCeiling) = (floor, ceiling);
        vm.prank(timelock);
        pricing.setBounds(CPU, 7, b);
        vm.assertEq(perGfuel(), PER_GFUEL < floor ? floor : PER_GFUEL > ceiling ? ceiling : PER_GFUEL);
        (, uint96 perGiBs) = pricing.basePrice(CPU);
        vm.assertEq(perGiBs, PER_GIBS);
        vm.assertEq(pricing.resourceClass(CPU).lot, 7);
    }

    function testFuzz_ControlIsSetWithinLimits(uint16 step, uint16 target) public {
        bool stepFits = step >= 50 && step <= 1250;
        bool targetFits = target >= 5000 && target <= 9000;
        if (!stepFits) {
            vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("stepCap"), step));
        } else if (!targetFits) {
            vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("targetUse"), target));
        }
        vm.prank(timelock);
        pricing.setControl(step, target);
        if (stepFits && targetFits) {
            vm.assertEq(pricing.stepCap(), step);
            vm.assertEq(pricing.targetUse(), target);
        }
    }

    function testFuzz_ControlWithinLimitsIsSet(uint16 step, uint16 target) public {
        testFuzz_ControlIsSetWithinLimits(uint16(bound(step, 50, 1250)), uint16(bound(target, 5000, 9000)));
    }

    function testFuzz_NobodyElseSetsAnything(address caller) public {
        vm.assume(caller != timelock);
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.NotTimelock.selector, caller);
        vm.startPrank(caller);
        vm.expectRevert(reason);
        pricing.addClass(GPU, LOT, PER_GFUEL, PER_GIBS, bounds());
        vm.expectRevert(reason);
        pricing.retireClass(CPU);
        vm.expectRevert(reason);
        pricing.setBounds(CPU, LOT, bounds());
        vm.expectRevert(reason);
        pricing.setControl(100, 7000);
        vm.stopPrank();
    }

    function test_PricingKnowsItsPlace() public {
        vm.assertEq(pricing.timelock(), timelock);
        vm.assertEq(pricing.market(), address(market));
        vm.assertEq(pricing.registry(), address(registry));
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogPricing(address(0), address(market), address(registry), new FirstClass[](0));
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogPricing(timelock, address(0), address(registry), new FirstClass[](0));
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogPricing(timelock, address(market), address(0), new FirstClass[](0));
    }

    function test_FirstClassesAreThereFromTheStart() public {
        FirstClass[] memory first = new FirstClass[](1);
        first[0] = FirstClass("gpu", LOT, PER_GFUEL, PER_GIBS, bounds());
        FogPricing fresh = new FogPricing(timelock, address(market), address(registry), first);
        vm.assertEq(fresh.classes().length, 1);
        (uint96 fuel, uint96 memory_) = fresh.basePrice("gpu");
        vm.assertEq(fuel, PER_GFUEL);
        vm.assertEq(memory_, PER_GIBS);

        first[0].perGfuel = bounds().fuelCeiling + 1;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("perGfuel"), first[0].perGfuel));
        new FogPricing(timelock, address(market), address(registry), first);
    }
}
