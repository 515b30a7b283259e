// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Record} from "../../../../contracts/interfaces/IFogRegistry.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {RegistryTest} from "./RegistryTest.sol";

contract DeregisterTest is RegistryTest {
    function test_RecordAndItsCapacityAreGone() public {
        bond(seller, 1000e18);
        register(seller, plain());
        vm.expectEmit(address(registry));
        emit EventsLib.CapacityCounted(seller, CPU, 0);
        vm.expectEmit(address(registry));
        emit EventsLib.NodeDeregistered(seller, KEY);
        vm.prank(seller);
        registry.deregister();
        Record memory record = registry.record(seller);
        vm.assertEq(record.nodeKey, 0);
        vm.assertEq(record.operator, address(0));
        vm.assertEq(record.updated, 0);
        vm.assertEq(record.place, 0);
        vm.assertEq(registry.count(), 0);
        vm.assertEq(registry.capacityOf(CPU), 0);
    }

    /// @dev Whoever leaves, in whatever order, the others stay listed once each.
    function testFuzz_OthersStayListed(uint256 order) public {
        address[] memory owners = new address[](6);
        for (uint160 i; i < 6; ++i) {
            owners[i] = address(0x1000 + i);
            register(owners[i], plain());
        }
        for (uint256 left = 6; left > 0; --left) {
            uint256 chosen = order % left;
            order /= left;
            vm.prank(owners[chosen]);
            registry.deregister();
            owners[chosen] = owners[left - 1];

            address[] memory listed = registry.page(0, 100);
            vm.assertEq(listed.length, left - 1);
            uint256 found;
            for (uint256 i; i < left - 1; ++i) {
                vm.assertEq(registry.record(listed[i]).place, i + 1);
                for (uint256 k; k < left - 1; ++k) {
                    if (owners[k] == listed[i]) ++found;
                }
            }
            vm.assertEq(found, left - 1);
        }
    }

    function test_WithoutARecordIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotRegistered.selector, other));
        vm.prank(other);
        registry.deregister();
    }
}
