// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogRegistry} from "./interfaces/IFogRegistry.sol";
import {MAX_ENDPOINTS} from "./libraries/ConstantsLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";

/// @title FogRegistry
/// @notice Where nodes say who they are.
contract FogRegistry is IFogRegistry {
    struct Record {
        bytes32 nodeKey;
        uint32 slots;
        uint40 updated;
    }

    /* STORAGE */

    /// @inheritdoc IFogRegistry
    mapping(address owner => Record) public record;

    /// @inheritdoc IFogRegistry
    mapping(bytes32 nodeKey => address) public ownerOf;

    /* RECORDS */

    /// @inheritdoc IFogRegistry
    function register(bytes32 nodeKey, bytes calldata nodeSignature, uint32 slots, string calldata endpoints) external {
        if (nodeKey == 0) revert ErrorsLib.BadNodeKey();
        if (nodeSignature.length != 64) revert ErrorsLib.BadSignatureLength(nodeSignature.length);
        if (bytes(endpoints).length > MAX_ENDPOINTS) revert ErrorsLib.EndpointsTooLong(bytes(endpoints).length);

        address owner = ownerOf[nodeKey];
        if (owner != msg.sender) {
            if (owner != address(0)) revert ErrorsLib.NodeKeyTaken(owner);
            _freeNodeKey();
            ownerOf[nodeKey] = msg.sender;
        }
        record[msg.sender] = Record({nodeKey: nodeKey, slots: slots, updated: uint40(block.timestamp)});
        emit EventsLib.NodeRegistered(msg.sender, nodeKey, slots, endpoints, nodeSignature);
    }

    /// @inheritdoc IFogRegistry
    function deregister() external {
        if (record[msg.sender].nodeKey == 0) revert ErrorsLib.NotRegistered(msg.sender);
        _freeNodeKey();
        delete record[msg.sender];
    }

    /* INTERNAL */

    /// @dev Frees the node key of the caller's record, if there is one.
    function _freeNodeKey() internal {
        bytes32 nodeKey = record[msg.sender].nodeKey;
        if (nodeKey == 0) return;
        delete ownerOf[nodeKey];
        emit EventsLib.NodeDeregistered(msg.sender, nodeKey);
    }
}
