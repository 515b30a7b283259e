// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What an owner says of his node.
/// @param nodeKey The node's Ed25519 public key.
/// @param nodeSignature The node key's signature that it serves the owner on this network, 64 bytes.
/// @param class The resource class that it sells, e.g. bytes32("cpu").
/// @param slots How many tasks it runs at once.
/// @param capacity What it can run in an epoch of 600 s with all slots, in Gfuel.
/// @param endpoints Where it is reached, at most 1024 bytes.
/// @param operator Who runs it; zero or the owner himself when nobody else does.
/// @param operatorExpiry Until when the operator's signature may be used, at most 365 days ahead.
/// @param operatorSignature The operator's signature of Operates, as `hashOperates` gives it. Not read when the owner
/// runs the node himself, nor when the record already names this operator for this node key.
struct Node {
    bytes32 nodeKey;
    bytes nodeSignature;
    bytes32 class;
    uint32 slots;
    uint64 capacity;
    string endpoints;
    address operator;
    uint40 operatorExpiry;
    bytes operatorSignature;
}

/// @notice What the registry keeps of a node; the rest is in the event.
/// @param nodeKey The node's Ed25519 public key.
/// @param operator Who runs it: the owner himself, or who agreed to.
/// @param slots How many tasks it runs at once.
/// @param updated Block time of the last `register`.
/// @param class The resource class that it sells.
/// @param endpointHash keccak256 of the endpoints text.
/// @param capacity What it declares to run in an epoch, in Gfuel.
/// @param counted The part of the capacity that its owner's bond covers, as last counted.
/// @param place One more than its place in `page`; zero when there is no record.
struct Record {
    bytes32 nodeKey;
    address operator;
    uint32 slots;
    uint40 updated;
    bytes32 class;
    bytes32 endpointHash;
    uint64 capacity;
    uint64 counted;
    uint64 place;
}

/// @title IFogRegistry
/// @notice Where nodes say who they are, what they have, and how they did; and where the mixnet's document is fixed.
/// @dev One record an owner, who is the node's wallet. A node key's Ed25519 signature is not checked here, because the
/// chain has no cheap way to; readers check it and ignore a record whose key did not agree. For the same reason a key
/// is nobody's alone: who could claim keys unchecked could keep their nodes out.
/// Times are Unix seconds of block time.
interface IFogRegistry {
    /// @notice Writes the caller's record; an earlier one is replaced.
    function register(Node calldata node) external;

    /// @notice Removes the caller's record.
    function deregister() external;

    /// @notice Ends the caller's part as operator of `owner`'s node: no agreement of his that expires at or before
    /// `upTo` can be used any more, and a record that names him names the owner instead.
    function disown(address owner, uint40 upTo) external;

    /// @notice Counts anew how much of `owner`'s capacity his bond covers. Anyone may call it.
    function refresh(address owner) external;

    /// @notice Sets the bond that covers one Gfuel per epoch of capacity. Only the timelock, within limits; a node is
    /// counted by it from its next `register` or `refresh` on.
    function setBondPerGfuel(uint96 amount) external;

    /// @notice Replaces the mix directory's committee. Only the timelock. What an earlier committee attested without
    /// reaching its threshold counts no more.
    /// @param members At most 25, none twice, none zero.
    /// @param threshold How many must agree: more than half of them, so that two documents can't both be agreed on.
    function setCommittee(address[] calldata members, uint8 threshold) external;

    /// @notice Attests as a member of the committee that the mixnet's document of `epoch` has this hash. Once a member
    /// and epoch; when as many members as the threshold agree, it is fixed for ever.
    function attest(uint40 epoch, bytes32 documentHash) external;

    /// @notice Who may set parameters.
    function timelock() external view returns (address);

    /// @notice The market whose jobs count as reputation.
    function market() external view returns (address);

    /// @notice Where the bonds are.
    function stake() external view returns (address);

    /// @notice The record of `owner`; all zero when there is none.
    function record(address owner) external view returns (Record memory);

    /// @notice What `owner`'s node sells, and how much of it his bond covers, in Gfuel per epoch.
    function capacity(address owner) external view returns (bytes32 class, uint64 counted);

    /// @notice How many owners have a record.
    function count() external view returns (uint256);

    /// @notice The owners of the records `start` to `start + n - 1`; fewer at the end. A removal moves the last record
    /// to the free place: read all pages at one block.
    function page(uint256 start, uint256 n) external view returns (address[] memory);

    /// @notice The sum of the counted capacity of all nodes of `class`, in Gfuel per epoch.
    function capacityOf(bytes32 class) external view returns (uint256);

    /// @notice The bond that covers one Gfuel per epoch of capacity, in base units of FOG.
    function bondPerGfuel() external view returns (uint96);

    /// @notice Agreements of `operator` for `owner` that expire at or before this time are void.
    function disownedUpTo(address operator, address owner) external view returns (uint40);

    /// @notice The 32 bytes an operator signs to run `owner`'s node with this key: EIP-712
    /// Operates(address node,address operator,bytes32 nodeKey,uint40 expiry) where `node` is the owner.
    function hashOperates(address owner, address operator, bytes32 nodeKey, uint40 expiry)
        external
        view
        returns (bytes32);

    /// @notice The mix directory's committee and its threshold.
    function committee() external view returns (address[] memory members, uint8 threshold);

    /// @notice The hash of the mixnet's document of `epoch`; zero while it is not agreed on.
    function document(uint40 epoch) external view returns (bytes32);

    /// @notice How many members of the present committee attest `documentHash` for `epoch`.
    function attestations(uint40 epoch, bytes32 documentHash) external view returns (uint256);

    /// @notice Whether `member` attested a document of `epoch` under the present committee.
    function hasAttested(uint40 epoch, address member) external view returns (bool);
}
