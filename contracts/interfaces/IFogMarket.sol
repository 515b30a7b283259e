// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What buyer and provider of one job agree on. The job's id is its
/// EIP-712 digest.
/// @param buyer Who pays.
/// @param provider Who answers for the job with a bond.
/// @param price The most that is paid in all. Locked while the job is open.
/// @param rate Pay per 10^9 fuel, at most `price` in all; zero for a fixed price.
/// @param breach What the provider's bond pays the buyer when nothing is delivered; at most `price`. With a breach the
/// provider signs, and must have the bond that the market asks for, and `lateBy` must leave time for challenge and
/// verdict before a bond could be gone that begins to leave now; without, he is bound to nothing.
/// @param inputBy Until then the buyer may cancel, and from then on he owes the job.
/// @param due Delivered until then the job earns its full pay.
/// @param lateBy From then on it earns nothing; in between the pay falls linearly.
/// @param work The hash of `Work`, which is shown only where it is needed.
struct Terms {
    address buyer;
    address provider;
    uint96 price;
    uint96 rate;
    uint96 breach;
    uint40 inputBy;
    uint40 due;
    uint40 lateBy;
    bytes32 work;
}

/// @notice The part of the terms that only a replicated job needs on the chain.
/// @param spec The hash of what is to be run: module, inputs, limits, engine.
/// @param quorum How many replicas must agree.
/// @param replicas Who runs it, in ascending order. Each is paid an equal share of the price.
/// @param salt Makes two equal jobs two.
struct Work {
    bytes32 spec;
    uint8 quorum;
    address[] replicas;
    uint256 salt;
}

/// @notice What a provider says it did.
/// @param result The hash of the result.
/// @param fuel The fuel it took, which is part of the result: whoever repeats the job gets the same.
/// @param at Block time of the delivery.
struct Delivery {
    bytes32 result;
    uint64 fuel;
    uint40 at;
}

/// @notice Where a job is. In the words of ERC-8183, Open is Funded, Delivered is Submitted, Settled is Completed,
/// Slashed is Rejected. Its default is reversed: a delivery that nobody evaluates is paid.
enum JobState {
    None,
    Open,
    Delivered,
    Challenged,
    Settled,
    Cancelled,
    Expired,
    Slashed
}

/// @notice A job's slot.
/// @param state Where it is.
/// @param version The parameters it was opened under.
/// @param feeBps The fee it was opened under.
/// @param since Block time of the last change of state.
/// @param number Block number of the last change of state.
/// @param delivery The head of the hash of the delivery.
struct Job {
    JobState state;
    uint16 version;
    uint16 feeBps;
    uint40 since;
    uint32 number;
    bytes18 delivery;
}

/// @notice A part of a buyer's balance that is reserved for one provider and one job.
/// @param buyer Who pays.
/// @param cap The most that is paid in all, fee included.
/// @param provider Who is paid.
/// @param claimed What was paid so far, fee included.
/// @param expiry Block time from which anyone may close it.
/// @param feeBps The fee it was opened under.
/// @param open False when it never existed or is closed.
struct Session {
    address buyer;
    uint96 cap;
    address provider;
    uint96 claimed;
    uint40 expiry;
    uint16 feeBps;
    bool open;
}

/// @notice A voucher to be claimed. See `claim`.
struct Claim {
    bytes32 session;
    uint96 amount;
    bytes signature;
}

/// @notice What governance sets for jobs and sessions that are opened later.
/// @param court Who judges challenges.
/// @param challengeWindow Seconds after a delivery in which it can be challenged.
/// @param feeBps Part of every payment that goes to audits and stakers, in basis points.
/// @param bondMultiple How many times a job's price its provider must have bonded.
struct Parameters {
    address court;
    uint32 challengeWindow;
    uint16 feeBps;
    uint16 bondMultiple;
}

/// @title IFogMarket
/// @notice Holds all escrow. A buyer deposits once, then pays single jobs (`open` ... `settle`), streams of tasks
/// (`openSession`, cumulative vouchers) or a whole batch of finished jobs (`settleBatch`). Payments are credited to the
/// payee's balance here, and withdrawn from it. Nothing stops an exit: no role moves a balance or changes an open job.
/// @dev Amounts are base units of FOG, times Unix seconds of block time, ratios basis points. Every state has a
/// deadline and, after it, a way out that anyone can take:
///
///     Open       after `lateBy`                        expire      the buyer is refunded, and has the breach
///     Delivered  after the challenge window            finalize    the provider is paid
///     Challenged after the verdict, or MAX_VERDICT_TIME             the court closes its case, or finalize
///     a session  after `expiry`                        closeSession  what is unclaimed is the buyer's again
interface IFogMarket {
    // ---- what is logged by hand: here and not in EventsLib, because only so does the market's ABI have it

    /// @notice `price` of the buyer's free balance was locked for the job, whose terms these are. Its parameters are
    /// those of the last `ParametersSet`.
    event JobOpened(
        bytes32 indexed job,
        address indexed buyer,
        address indexed provider,
        uint96 price,
        uint96 rate,
        uint96 breach,
        uint40 inputBy,
        uint40 due,
        uint40 lateBy,
        bytes32 work
    );

    /// @notice The job ended because these replicas agree: of its price `paid` is free for each of them, `fee` is kept
    /// back of each, `refund` is free for the buyer again.
    event ReplicasPaid(bytes32 indexed job, address[] replicas, uint96 paid, uint96 fee, uint96 refund);

    // ---- balances

    /// @notice Adds `amount` of the caller's FOG to the caller's free balance. Needs an allowance.
    function deposit(uint96 amount) external;

    /// @notice As `deposit`, with an ERC-2612 permit of exactly `amount` for this market in place of an allowance.
    /// @dev A permit that somebody else used up first does no harm: the allowance it left decides.
    function depositWithPermit(uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Adds to the free balance of `owner`, who authorised it by ERC-3009 (`ReceiveWithAuthorization` to this
    /// market). Anyone may send it, so that the owner needs no gas.
    function depositWithAuthorization(
        address owner,
        uint96 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Pays `amount` of the caller's free balance to the caller. Nothing can stop it.
    function withdraw(uint96 amount) external;

    // ---- jobs

    /// @notice Opens a job and locks its price. The buyer sends it with the provider's signature of the terms, or the
    /// provider with the buyer's. A job without a breach binds its provider to nothing: it needs no word of his, and
    /// with the buyer's signature anyone may send it.
    /// @return id The EIP-712 digest of the terms. Terms can be opened once, ever.
    function open(Terms calldata terms, bytes calldata signature) external returns (bytes32 id);

    /// @notice The provider commits to a result and its fuel. From here on silence pays.
    function deliver(Terms calldata terms, bytes32 result, uint64 fuel) external;

    /// @notice Ends an open or delivered job with `amount` for the provider, as both say: the buyer by a signature of
    /// Acceptance(job, amount), the provider by sending it. The whole price takes the buyer alone, who may send it
    /// without a signature, or anyone with his.
    function settleSigned(Terms calldata terms, uint96 amount, bytes calldata signature) external;

    /// @notice Ends an open or delivered job when enough of its replicas signed Replica(job, result, fuel) with the
    /// same result and fuel; each that signed is paid. Anyone may.
    /// @param signatures One for each of `work.replicas`; empty for one that did not sign.
    function settleQuorum(
        Terms calldata terms,
        Work calldata work,
        bytes32 result,
        uint64 fuel,
        bytes[] calldata signatures
    ) external;

    /// @notice Pays a delivered job that nobody challenged in time, or whose court gave no verdict in time. Anyone may.
    function finalize(Terms calldata terms, Delivery calldata delivery) external;

    /// @notice Ends an open job without pay or breach: the buyer until `inputBy`, the provider until halfway from there
    /// to `due`, because inputs may never come.
    function cancel(Terms calldata terms) external;

    /// @notice Ends an open job of which nothing was delivered until `lateBy`: the buyer is refunded, and the breach is
    /// paid to him from the provider's bond in the same transaction. Anyone may.
    function expire(Terms calldata terms) external;

    /// @notice Sends a delivered job to the court of its terms. The buyer may within the challenge window, with a bond
    /// of the price from his free balance, which he loses when the delivery stands; the court may, when its audit was
    /// drawn.
    function challenge(Terms calldata terms, Delivery calldata delivery) external;

    /// @notice The verdict of the job's court on a challenged job: guilty refunds the buyer and slashes the provider,
    /// else the provider is paid. Only that court may.
    /// @param slash What to take from the provider's bond, at most MAX_SLASH_MULTIPLE times the price.
    /// @param finder Who found it, and has a part of what is slashed; zero for nobody.
    function rule(Terms calldata terms, Delivery calldata delivery, bool guilty, uint96 slash, address finder) external;

    // ---- sessions

    /// @notice Locks `cap` of the caller's free balance for `provider` until the session is closed.
    /// @param expiry Block time from which anyone may close it, at most 365 days ahead.
    /// @param job What it is for. One buyer, provider and job have one session, ever.
    /// @return id The session: keccak256(abi.encode(buyer, provider, job)).
    function openSession(address provider, uint96 cap, uint40 expiry, bytes32 job) external returns (bytes32 id);

    /// @notice Locks `amount` more for the open session `id`. Only its buyer may.
    function topUp(bytes32 id, uint96 amount) external;

    /// @notice Pays the session's provider what the voucher promises beyond what was claimed. Anyone may call it.
    /// @param amount The voucher's amount: owed in all since the session opened, fee included.
    /// @param signature The buyer's signature of Voucher(session, amount), as `hashVoucher` gives it: 65 bytes, or
    /// the 64 of EIP-2098, with low s, or what the buyer's contract accepts by ERC-1271.
    /// @dev A contract that is a buyer can take back its ERC-1271 word before the claim: providers should claim from it
    /// early, or serve key holders only. A key holder cannot, not even by delegating its account to code (EIP-7702).
    function claim(bytes32 id, uint96 amount, bytes calldata signature) external;

    /// @notice Claims many vouchers. One that can't be claimed is skipped with an event and stops no other.
    function claimMany(Claim[] calldata claims) external;

    /// @notice Ends the session and frees what is unclaimed for its buyer. The provider may at any time, anyone from
    /// the expiry on.
    function closeSession(bytes32 id) external;

    /// @notice `claim` and `closeSession` in one, for the provider at the end of a job.
    /// @dev When somebody claimed the same voucher, or a better one, a moment before, it only closes.
    function claimAndClose(bytes32 id, uint96 amount, bytes calldata signature) external;

    // ---- batches

    /// @notice The caller pays many finished jobs of his own from his free balance. One that is wrong reverts all.
    /// @param payees Whom to pay.
    /// @param items 16 bytes a job: uint16 index into `payees`, uint32 number that the caller gave the job, uint80
    /// amount, fee included. A number is paid once, ever.
    function settleBatch(address[] calldata payees, bytes calldata items) external;

    // ---- fees

    /// @notice Moves the fees that were kept back from these providers' pay to audits and stakers, and reports the
    /// volume behind them to the price controller. Anyone may.
    function collectFees(address[] calldata providers) external;

    // ---- governance

    /// @notice Sets the parameters of jobs and sessions that are opened later. Only the timelock may, within bounds.
    function setParameters(Parameters calldata parameters) external;

    /// @notice Names the contract to which volume is reported. Only the timelock may.
    function setPricing(address pricing) external;

    /// @notice Stops new jobs and sessions until `until`, at most 14 days ahead and not again within 14 days of a
    /// stop's end. Only the guardian may, until its term ends. The timelock may end a stop.
    function stop(uint40 until) external;

    // ---- views

    /// @notice The token of all amounts.
    function token() external view returns (address);

    /// @notice Where bonds are.
    function stake() external view returns (address);

    /// @notice Who sets parameters.
    function timelock() external view returns (address);

    /// @notice Who may stop new jobs.
    function guardian() external view returns (address);

    /// @notice Block time at which the guardian's term ends.
    function guardianUntil() external view returns (uint40);

    /// @notice To whom volume is reported.
    function pricing() external view returns (address);

    /// @notice What `owner` may withdraw or lock.
    function free(address owner) external view returns (uint96);

    /// @notice Fees kept back from what `owner` earned, and the volume behind them in 10^9 base units, both since they
    /// were last collected.
    function withheld(address owner) external view returns (uint96 fees, uint64 volume);

    /// @notice The slot of job `id`; all zero when it never existed.
    function job(bytes32 id) external view returns (Job memory);

    /// @notice The court that judges job `id`, and nobody else; zero when it never existed.
    function courtOf(bytes32 id) external view returns (address);

    /// @notice The session `id`; all zero when it never existed.
    function session(bytes32 id) external view returns (Session memory);

    /// @notice The id of the session of this buyer, provider and job.
    function sessionId(address buyer, address provider, bytes32 job) external pure returns (bytes32);

    /// @notice Whether `buyer` paid his job `number` in a batch.
    function settled(address buyer, uint32 number) external view returns (bool);

    /// @notice The parameters that new jobs get, their version, and until when new jobs are stopped.
    function current() external view returns (Parameters memory parameters, uint16 version, uint40 stoppedUntil);

    /// @notice The parameters of jobs that were opened under `version`.
    function parametersOf(uint16 version) external view returns (Parameters memory);

    /// @notice What a job earns for `fuel` delivered at block time `at`.
    function payOf(Terms calldata terms, uint64 fuel, uint40 at) external pure returns (uint96);

    /// @notice The job's id: what buyer and provider sign.
    function hashTerms(Terms calldata terms) external view returns (bytes32);

    /// @notice The member `work` of the terms.
    function hashWork(Work calldata work) external pure returns (bytes32);

    /// @notice The 32 bytes a buyer signs to settle `job` with `amount`.
    function hashAcceptance(bytes32 job, uint96 amount) external view returns (bytes32);

    /// @notice The 32 bytes a replica signs for its result.
    function hashReplica(bytes32 job, bytes32 result, uint64 fuel) external view returns (bytes32);

    /// @notice The 32 bytes a buyer signs to promise `amount` in all in session `id`.
    function hashVoucher(bytes32 id, uint96 amount) external view returns (bytes32);

    /// @notice The EIP-712 domain separator: name "fogchain", version "1", this chain, this contract.
    function domainSeparator() external view returns (bytes32);
}
