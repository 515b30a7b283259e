// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IFogRegistry
/// @notice Where nodes say who they are: one record per owner that binds the owner's account to a node key.
/// @dev The node key's Ed25519 signature is not checked here, because the chain has no cheap way to: readers check it
/// before they trust a record. Somebody may therefore squat a node key that is not his; readers ignore his record, and
/// the node takes a fresh key.
interface IFogRegistry {
    /// @notice Writes the caller's record; an earlier one is replaced.
    /// @param nodeKey The node's Ed25519 public key. It belongs to one owner at a time.
    /// @param nodeSignature The node key's signature that it serves the caller on this network, 64 bytes.
    /// @param slots How many tasks the node runs at once.
    /// @param endpoints Where it is reached, at most 1024 bytes.
    function register(bytes32 nodeKey, bytes calldata nodeSignature, uint32 slots, string calldata endpoints) external;

    /// @notice Removes the caller's record and frees its node key.
    function deregister() external;

    /// @notice The record of `owner`; all zero when there is none. Endpoints and signature are in the event.
    /// @return nodeKey The node's Ed25519 public key.
    /// @return slots How many tasks the node runs at once.
    /// @return updated Block time of the last `register`.
    function record(address owner) external view returns (bytes32 nodeKey, uint32 slots, uint40 updated);

    /// @notice Who registered `nodeKey`; zero when nobody did.
    function ownerOf(bytes32 nodeKey) external view returns (address);
}
