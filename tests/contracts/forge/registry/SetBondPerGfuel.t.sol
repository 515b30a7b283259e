// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {bound, vm} from "../Vm.sol";
import {RegistryTest} from "./RegistryTest.sol";

contract SetBondPerGfuelTest is RegistryTest {
    function testFuzz_TimelockSetsItWithinLimits(uint256 amount) public {
        amount = bound(amount, 0.001e18, 100e18);
        vm.expectEmit(address(registry));
        emit EventsLib.BondPerGfuelSet(uint96(amount));
        vm.prank(timelock);
        registry.setBondPerGfuel(uint96(amount));
        vm.assertEq(registry.bondPerGfuel(), amount);
    }

    function testFuzz_BeyondTheLimitsIsRefused(uint96 amount) public {
        vm.assume(amount < 0.001e18 || amount > 100e18);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("bondPerGfuel"), amount));
        vm.prank(timelock);
        registry.setBondPerGfuel(amount);
    }

    function testFuzz_NobodyElseSetsIt(address caller) public {
        vm.assume(caller != timelock);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotTimelock.selector, caller));
        vm.prank(caller);
        registry.setBondPerGfuel(1e18);
    }
}
