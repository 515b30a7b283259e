// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract DeregisterTest is BaseTest {
    bytes32 private constant KEY = keccak256("node");

    function test_RecordAndKeyAreFree() public {
        vm.startPrank(provider);
        registry.register(KEY, new bytes(64), 1, "a");
        vm.expectEmit(address(registry));
        emit EventsLib.NodeDeregistered(provider, KEY);
        registry.deregister();
        vm.stopPrank();
        (bytes32 key, uint32 slots, uint40 updated) = registry.record(provider);
        vm.assertEq(key, 0);
        vm.assertEq(slots, 0);
        vm.assertEq(updated, 0);
        vm.assertEq(registry.ownerOf(KEY), address(0));
    }

    function test_WithoutARecordIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotRegistered.selector, other));
        vm.prank(other);
        registry.deregister();
    }
}
