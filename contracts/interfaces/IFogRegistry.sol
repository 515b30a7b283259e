// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, Terms} from "./IFogMarket.sol";

/// @notice How a job ended for its provider.
enum Outcome {
    Settled,
    Late,
    Expired,
    Slashed
}

/// @notice How jobs ended for a provider.
/// @param count How many were rated.
/// @param sum The sum of their values.
/// @param settled Of them, those that were settled, as far as known in time.
/// @param late Those that were delivered after they were due, and settled.
/// @param expired Those of which nothing came.
/// @param slashed Those that a court found wrong.
struct Tally {
    uint64 count;
    uint64 sum;
    uint32 settled;
    uint32 late;
    uint32 expired;
    uint32 slashed;
}

/// @notice What a buyer says of how one of his sessions went.
/// @param session The session, closed.
/// @param value From 0, nothing of what was promised, to 100, all of it.
struct Review {
    bytes32 session;
    uint8 value;
}

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

    /// @notice Takes the end of a job into its provider's reputation, once a job. Anyone may call it.
    /// @dev Nobody's opinion counts, only how the market says the job ended: 100 for settled, a part of it when it was
    /// delivered late, as its pay falls; 0 for expired or slashed. A job between accounts that have one operator is
    /// refused. Who hides that they are his can still buy from himself, and pays fees for it: weigh by client.
    /// @param delivery What was delivered, if anything was: it tells when. Else it is not read.
    /// @return index The number of this feedback among those of the job's buyer for its provider, from 1 on.
    function rate(Terms calldata terms, Delivery calldata delivery) external returns (uint64 index);

    /// @notice Publishes what the caller says of sessions that he was the buyer of, once a session.
    /// @dev An opinion, and kept apart from how jobs ended: no `tally` has it, and nothing on the chain goes by it. A
    /// session needs no word of its provider's and may end without pay, so that anyone can praise himself, or run down
    /// another, from as many accounts as he likes for little more than gas. Show it by client; do not sum it up.
    /// One that can't count is skipped with an event and stops no other: when the session is not the caller's, is open
    /// or has been reviewed, or when one hand runs both sides of it.
    function review(Review[] calldata reviews) external;

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

    /// @notice Whether the end of this job is in its provider's reputation.
    function rated(bytes32 job) external view returns (bool);

    /// @notice Whether the buyer of this session has said how it went.
    function reviewed(bytes32 session) external view returns (bool);

    /// @notice How all rated jobs of `provider` ended.
    function tally(address provider) external view returns (Tally memory);

    // ---- reputation as ERC-8004's readers ask for it. An agent's id is its address as a number, clients are buyers.
    // Of how a job ended, the first tag is "fogchain", the second "settled", "late", "expired" or "slashed"; of what a
    // buyer says of a session they are "review" and "session".

    /// @notice Where agents are registered: here.
    function getIdentityRegistry() external view returns (address);

    /// @notice The feedback of these clients, or of all when none is named, with these tags, each unless it is empty.
    /// @return number How many there are.
    /// @return value Their average, rounded down.
    /// @return decimals Of the average: 2.
    function getSummary(uint256 agentId, address[] calldata clients, string calldata tag1, string calldata tag2)
        external
        view
        returns (uint64 number, int128 value, uint8 decimals);

    /// @notice One feedback, by its number from 1 on.
    function readFeedback(uint256 agentId, address client, uint64 index)
        external
        view
        returns (int128 value, uint8 decimals, string memory tag1, string memory tag2, bool isRevoked);

    /// @notice All who ever gave feedback for the agent. Grows without limit: for readers off the chain.
    function getClients(uint256 agentId) external view returns (address[] memory);

    /// @notice How many feedbacks `client` gave for the agent.
    function getLastIndex(uint256 agentId, address client) external view returns (uint64);

    /// @notice The mix directory's committee and its threshold.
    function committee() external view returns (address[] memory members, uint8 threshold);

    /// @notice The hash of the mixnet's document of `epoch`; zero while it is not agreed on.
    function document(uint40 epoch) external view returns (bytes32);

    /// @notice How many members of the present committee attest `documentHash` for `epoch`.
    function attestations(uint40 epoch, bytes32 documentHash) external view returns (uint256);

    /// @notice Whether `member` attested a document of `epoch` under the present committee.
    function hasAttested(uint40 epoch, address member) external view returns (bool);
}
