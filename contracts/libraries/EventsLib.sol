// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title EventsLib
/// @notice What fogchain contracts report. Replaying the events alone rebuilds every balance and state.
library EventsLib {
    // ---- market

    /// @notice `amount` was added to the owner's free balance.
    event Deposited(address indexed owner, uint96 amount);

    /// @notice `amount` left the owner's free balance for the owner's own account.
    event Withdrawn(address indexed owner, uint96 amount);

    /// @notice `cap` of the buyer's free balance was locked for the provider.
    event SessionOpened(
        bytes32 indexed session, address indexed buyer, address indexed provider, bytes32 job, uint96 cap, uint40 expiry
    );

    /// @notice The buyer locked more: `cap` is the new cap.
    event SessionToppedUp(bytes32 indexed session, uint96 cap);

    /// @notice `paid` left the buyer's locked balance for the provider's account; `total` is claimed in all.
    event VoucherClaimed(
        bytes32 indexed session, address indexed buyer, address indexed provider, uint96 paid, uint96 total
    );

    /// @notice The session ended with `claimed` paid in all; `refunded` is free for the buyer again.
    event SessionClosed(
        bytes32 indexed session, address indexed buyer, address indexed provider, uint96 claimed, uint96 refunded
    );

    // ---- stake

    /// @notice `amount` was added to the owner's bond.
    event Bonded(address indexed owner, uint96 amount);

    /// @notice `amount` left the owner's bond and can be withdrawn from `release` on.
    event UnbondStarted(address indexed owner, uint96 amount, uint40 release);

    /// @notice `amount`, which was due at `release`, is bonded again.
    event UnbondCancelled(address indexed owner, uint96 amount, uint40 release);

    /// @notice `amount` of matured unbondings left for the owner's own account.
    event StakeWithdrawn(address indexed owner, uint96 amount);

    // ---- registry

    /// @notice The owner's node record was written. Readers check the node key's signature before they trust it.
    event NodeRegistered(
        address indexed owner,
        bytes32 indexed nodeKey,
        address indexed operator,
        bytes32 class,
        uint32 slots,
        uint64 capacity,
        string endpoints,
        bytes nodeSignature
    );

    /// @notice The owner's node record is gone.
    event NodeDeregistered(address indexed owner, bytes32 indexed nodeKey);

    /// @notice The operator runs the owner's node no more; his agreements that expire at or before `upTo` are void.
    event NodeDisowned(address indexed operator, address indexed owner, uint40 upTo);

    /// @notice Of the owner's node, `counted` Gfuel per epoch count to the class's capacity now.
    event CapacityCounted(address indexed owner, bytes32 indexed class, uint64 counted);

    /// @notice `amount` of bond covers one Gfuel per epoch of capacity from now on.
    event BondPerGfuelSet(uint96 amount);

    /// @notice The mix directory has another committee.
    event CommitteeSet(address[] members, uint8 threshold);

    /// @notice A member of the committee attested a document of the epoch.
    event MixAttested(uint40 indexed epoch, address indexed member, bytes32 documentHash);

    /// @notice The committee agreed on the epoch's document.
    event MixDocument(uint40 indexed epoch, bytes32 documentHash);

    // ---- pricing

    /// @notice A resource class is open from now on, or has other bounds.
    /// @dev Bounds in base units of FOG per Gfuel and per GiB and second; a lot of the auction has `lot` Gfuel.
    event ClassSet(
        bytes32 indexed class,
        uint64 lot,
        uint96 fuelFloor,
        uint96 fuelCeiling,
        uint96 memoryFloor,
        uint96 memoryCeiling
    );

    /// @notice The resource class is closed.
    event ClassRetired(bytes32 indexed class);

    /// @notice The base prices of a class from now on, and the use in basis points that led to them; zero where a vote
    /// set them.
    event BasePrice(bytes32 indexed class, uint40 indexed epoch, uint96 perGfuel, uint96 perGiBs, uint16 utilBps);

    /// @notice What the class's providers used, by what they were paid.
    event UsageReported(bytes32 indexed class, address indexed provider, uint256 fuel);

    /// @notice The control has other parameters, in basis points.
    event ControlSet(uint16 stepCap, uint16 targetUse);

    /// @notice The trader's bids of this round are void.
    event BidsCancelled(address indexed trader, uint40 indexed round);

    /// @notice The round's lottery is drawn with this seed.
    event RoundSealed(uint40 indexed round, bytes32 seed);

    /// @notice The best submission of the round so far: `trades` lots at `price` each Gfuel. `root` is that of the
    /// Merkle tree of the bids that trade.
    event AuctionCleared(bytes32 indexed class, uint40 indexed round, uint96 price, uint32 trades, bytes32 root);

    // ---- governor

    /// @notice What OpenZeppelin's events do not say of a governor: who may cancel and until when, and the votes it
    /// takes to decide however little is bonded.
    event GovernorDeployed(address indexed guardian, uint40 guardianUntil, uint96 quorumFloor);
}
