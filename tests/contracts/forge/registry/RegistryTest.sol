// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Node} from "../../../../contracts/interfaces/IFogRegistry.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

/// @notice Nodes as tests register them.
abstract contract RegistryTest is BaseTest {
    /// @dev The owner of a node, who has no bond but what a test gives him.
    address internal constant seller = address(0x5E11);
    bytes32 internal constant KEY = keccak256("node");
    bytes32 internal constant CPU = "cpu";
    bytes32 internal constant GPU = "gpu";
    string internal constant ENDPOINTS = "/ip4/10.0.0.1/tcp/4001";

    /// @dev A node that its owner runs: 4 slots, 1,000 Gfuel an epoch.
    function plain() internal pure returns (Node memory node) {
        node.nodeKey = KEY;
        node.nodeSignature = new bytes(64);
        node.class = CPU;
        node.slots = 4;
        node.capacity = 1000;
        node.endpoints = ENDPOINTS;
    }

    function withCapacity(uint64 capacity) internal pure returns (Node memory node) {
        node = plain();
        node.capacity = capacity;
    }

    /// @dev The same node, run by `other`, who signed it for `owner`.
    function operated(address owner, uint40 expiry) internal view returns (Node memory node) {
        node = plain();
        node.operator = other;
        node.operatorExpiry = expiry;
        node.operatorSignature = sign(OTHER_KEY, registry.hashOperates(owner, other, KEY, expiry));
    }

    function register(address owner, Node memory node) internal {
        vm.prank(owner);
        registry.register(node);
    }

    /// @dev A bond of `amount` for the account, out of the treasury.
    function bond(address owner, uint96 amount) internal {
        vm.prank(treasury);
        token.transfer(owner, amount);
        vm.startPrank(owner);
        token.approve(address(stake), amount);
        stake.bond(amount);
        vm.stopPrank();
    }
}
