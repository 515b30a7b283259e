// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Why a job was paid. With a quorum, `ReplicasPaid` says it in place of `JobSettled`.
enum Reason {
    Accepted,
    Quorum,
    Unchallenged,
    Acquitted
}

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
        bytes32 indexed session,
        address indexed buyer,
        address indexed provider,
        bytes32 job,
        uint96 cap,
        uint40 expiry,
        uint16 feeBps
    );

    /// @notice The buyer locked more: `cap` is the new cap.
    event SessionToppedUp(bytes32 indexed session, uint96 cap);

    /// @notice Of what the session's buyer had locked, `paid` is free for the provider and `fee` is kept back; `total`
    /// was claimed in all.
    event VoucherClaimed(
        bytes32 indexed session, address indexed buyer, address indexed provider, uint96 paid, uint96 fee, uint96 total
    );

    /// @notice A voucher of `claimMany` could not be claimed.
    event ClaimSkipped(bytes32 indexed session, uint96 amount);

    /// @notice The session ended with `claimed` paid in all; `refunded` is free for the buyer again.
    event SessionClosed(
        bytes32 indexed session, address indexed buyer, address indexed provider, uint96 claimed, uint96 refunded
    );

    /// @notice The provider committed to a result, at the time of this block.
    event JobDelivered(bytes32 indexed job, bytes32 result, uint64 fuel);

    /// @notice The delivery goes to the court. `bond` left the buyer's free balance for the court's.
    event JobChallenged(bytes32 indexed job, address indexed court, uint96 bond);

    /// @notice The job ended: of its price `paid` is free for the provider, `fee` is kept back, `refund` is free for
    /// the buyer again.
    event JobSettled(bytes32 indexed job, uint96 paid, uint96 fee, uint96 refund, Reason reason);

    /// @notice The job ended before anything was delivered, without fault; its price is free for the buyer again.
    event JobCancelled(bytes32 indexed job, address indexed by);

    /// @notice Nothing was delivered: the price is free for the buyer again, `breach` was paid from the provider's
    /// bond.
    event JobExpired(bytes32 indexed job, uint96 breach);

    /// @notice The delivery was wrong: the price is free for the buyer again, `slashed` left the provider's bond.
    event JobSlashed(bytes32 indexed job, uint96 slashed);

    /// @notice The buyer paid `jobs` jobs for `total`; `root` is the hash of the items.
    event BatchSettled(address indexed buyer, bytes32 root, uint256 jobs, uint96 total);

    /// @notice What a batch came to for one payee.
    event BatchPaid(address indexed buyer, address indexed payee, uint96 paid, uint96 fee);

    /// @notice The jobs 256 * `word` + i of the buyer, for each bit i of `bits`, are now paid.
    event BatchNumbers(address indexed buyer, uint256 word, uint256 bits);

    /// @notice Fees kept back from the provider's pay were moved on; `volume` is in 10^9 base units.
    event FeesCollected(address indexed provider, uint96 fees, uint64 volume);

    /// @notice Parameters of jobs and sessions opened from now on.
    event ParametersSet(
        uint16 indexed version, address court, uint32 challengeWindow, uint16 feeBps, uint16 bondMultiple
    );

    /// @notice Volume is reported there from now on.
    // There is one at a time: nobody filters by it.
    // slither-disable-next-line unindexed-event-address
    event PricingSet(address pricing);

    /// @notice New jobs and sessions are refused until then.
    event StopSet(address indexed by, uint40 until);

    // ---- stake

    /// @notice `amount` was added to the owner's bond.
    event Bonded(address indexed owner, uint96 amount);

    /// @notice `amount` left the owner's bond and can be withdrawn from `release` on.
    event UnbondStarted(address indexed owner, uint96 amount, uint40 release);

    /// @notice `amount`, which was due at `release`, is bonded again.
    event UnbondCancelled(address indexed owner, uint96 amount, uint40 release);

    /// @notice `amount` of matured unbondings left for the owner's own account.
    event StakeWithdrawn(address indexed owner, uint96 amount);

    /// @notice The owner took its rewards.
    event RewardsClaimed(address indexed owner, uint96 amount);

    /// @notice `amount` will be streamed to all bonds.
    event RewardsFunded(address indexed by, uint96 amount);

    /// @notice A breach: `paid` left the owner's bond for `to`, `fromBond` of it what was not unbonding. What was
    /// unbonding went latest first.
    event Compensated(address indexed owner, address indexed to, uint96 paid, uint96 fromBond);

    /// @notice A verdict: toVictim + toFinder + burnt left the owner's bond, `fromBond` of it what was not unbonding.
    event Slashed(
        address indexed owner,
        address indexed victim,
        address indexed finder,
        uint96 fromBond,
        uint96 toVictim,
        uint96 toFinder,
        uint96 burnt
    );

    // ---- court

    /// @notice The auditor has `seats` seats now.
    event SeatsSet(address indexed auditor, uint16 seats);

    /// @notice A delivery is before the court: challenged with a bond, or drawn for an audit without.
    event CaseOpened(
        bytes32 indexed job, address indexed finder, address indexed provider, uint96 bond, uint40 verdictBy
    );

    /// @notice The hash of this block will draw the committee of the case's round.
    event SeedNamed(bytes32 indexed job, uint8 round, uint40 seedBlock);

    /// @notice The committee of the case's round, and its times.
    event CommitteeDrawn(bytes32 indexed job, uint8 round, address[] members, uint40 commitBy, uint40 revealBy);

    /// @notice A member committed to an answer.
    event Committed(bytes32 indexed job, uint8 round, address indexed auditor, bytes32 commitment);

    /// @notice A member showed its answer.
    event Revealed(bytes32 indexed job, uint8 round, address indexed auditor, bytes32 result, uint64 fuel);

    /// @notice The case is closed. `slashed` is zero when the provider is acquitted; each member of the last committee
    /// that said what the verdict says earned `pay`.
    event Verdict(bytes32 indexed job, bool guilty, uint8 round, uint96 slashed, uint96 pay);

    /// @notice An auditor took what it earned.
    event AuditPayCollected(address indexed auditor, uint96 amount);

    /// @notice Parameters of cases opened from now on.
    event CourtParametersSet(
        uint24 commitTime,
        uint24 revealTime,
        uint16 auditMinBps,
        uint16 auditFactor,
        uint16 slashMultiple,
        uint96 seatBond
    );

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

    /// @notice A job's end was taken into its provider's reputation, or a buyer said how a session went. The event is
    /// ERC-8004's: agent and client are provider and buyer, the value is out of 100. Of a job's end the first tag is
    /// "fogchain", the second the outcome, the hash the job's id; of a session they are "review", "session" and its id.
    event NewFeedback(
        uint256 indexed agentId,
        address indexed clientAddress,
        uint64 feedbackIndex,
        int128 value,
        uint8 valueDecimals,
        string indexed indexedTag1,
        string tag1,
        string tag2,
        string endpoint,
        string feedbackURI,
        bytes32 feedbackHash
    );

    /// @notice A review did not count: `session` is not its sender's, is open or reviewed already, or of one hand.
    event ReviewSkipped(bytes32 indexed session, address indexed sender);

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
