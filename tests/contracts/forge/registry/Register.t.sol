// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract RegisterTest is BaseTest {
    bytes32 private constant KEY = keccak256("node");
    bytes private signature = new bytes(64);

    function testFuzz_RecordIsWritten(address owner, bytes32 key, uint32 slots) public {
        vm.assume(key != 0);
        vm.expectEmit(address(registry));
        emit EventsLib.NodeRegistered(owner, key, slots, "/ip4/10.0.0.1/tcp/4001", signature);
        vm.prank(owner);
        registry.register(key, signature, slots, "/ip4/10.0.0.1/tcp/4001");
        (bytes32 storedKey, uint32 storedSlots, uint40 updated) = registry.record(owner);
        vm.assertEq(storedKey, key);
        vm.assertEq(storedSlots, slots);
        vm.assertEq(updated, block.timestamp);
        vm.assertEq(registry.ownerOf(key), owner);
    }

    function test_OverwriteWithTheSameKey() public {
        vm.startPrank(provider);
        registry.register(KEY, signature, 1, "a");
        vm.warp(block.timestamp + 60);
        registry.register(KEY, signature, 2, "b");
        vm.stopPrank();
        (, uint32 slots, uint40 updated) = registry.record(provider);
        vm.assertEq(slots, 2);
        vm.assertEq(updated, block.timestamp);
    }

    function test_NewKeyFreesTheOldOne() public {
        vm.startPrank(provider);
        registry.register(KEY, signature, 1, "a");
        vm.expectEmit(address(registry));
        emit EventsLib.NodeDeregistered(provider, KEY);
        registry.register(keccak256("new"), signature, 1, "a");
        vm.stopPrank();
        vm.assertEq(registry.ownerOf(KEY), address(0));
        vm.prank(other);
        registry.register(KEY, signature, 1, "a");
        vm.assertEq(registry.ownerOf(KEY), other);
    }

    function test_KeyOfAnotherIsRefused() public {
        vm.prank(provider);
        registry.register(KEY, signature, 1, "a");
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NodeKeyTaken.selector, provider));
        vm.prank(other);
        registry.register(KEY, signature, 1, "a");
    }

    function test_NoKeyIsRefused() public {
        vm.expectRevert(ErrorsLib.BadNodeKey.selector);
        registry.register(0, signature, 1, "a");
    }

    function testFuzz_SignatureOfAnotherLengthIsRefused(bytes calldata bad) public {
        vm.assume(bad.length != 64);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignatureLength.selector, bad.length));
        registry.register(KEY, bad, 1, "a");
    }

    function test_LongEndpointsAreRefused() public {
        registry.register(KEY, signature, 1, string(new bytes(1024)));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.EndpointsTooLong.selector, 1025));
        registry.register(KEY, signature, 1, string(new bytes(1025)));
    }
}
