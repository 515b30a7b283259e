// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {RegistryTest} from "./RegistryTest.sol";

contract RefreshTest is RegistryTest {
    function testFuzz_AnyoneDropsTheCapacityOfABondThatIsGone(address caller) public {
        bond(seller, 1000e18);
        register(seller, plain());
        vm.prank(seller);
        stake.unbond(999e18);
        vm.expectEmit(address(registry));
        emit EventsLib.CapacityCounted(seller, CPU, 10);
        vm.prank(caller);
        registry.refresh(seller);
        vm.assertEq(registry.record(seller).counted, 10);
        vm.assertEq(registry.record(seller).capacity, 1000);
        vm.assertEq(registry.capacityOf(CPU), 10);
    }

    function test_LaterBondIsCounted() public {
        register(seller, plain());
        vm.assertEq(registry.capacityOf(CPU), 0);
        bond(seller, 1000e18);
        registry.refresh(seller);
        vm.assertEq(registry.capacityOf(CPU), 1000);
    }

    function test_DearerCoverCountsLess() public {
        bond(seller, 100e18);
        register(seller, plain());
        vm.prank(timelock);
        registry.setBondPerGfuel(1e18);
        vm.assertEq(registry.capacityOf(CPU), 1000);
        registry.refresh(seller);
        vm.assertEq(registry.capacityOf(CPU), 100);
    }

    function test_WithoutARecordIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotRegistered.selector, other));
        registry.refresh(other);
    }
}
