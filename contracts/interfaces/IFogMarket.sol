// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A part of a buyer's balance that is reserved for one provider and one job.
/// @param buyer Who pays.
/// @param cap The most the provider can be paid in all.
/// @param provider Who is paid.
/// @param claimed What the provider has been paid so far.
/// @param expiry Block time from which the buyer may close it.
/// @param open False when it never existed or is closed.
/// @param job What it is for: any 32 bytes that buyer and provider agreed on.
struct Session {
    address buyer;
    uint96 cap;
    address provider;
    uint96 claimed;
    uint40 expiry;
    bool open;
    bytes32 job;
}

/// @title IFogMarket
/// @notice Holds all escrow. A buyer deposits once, opens a capped session with each provider of a job, and pays task
/// by task with cumulative vouchers signed off the chain; the provider claims the last one. No owner, pause or upgrade.
/// @dev Amounts are base units of FOG, times Unix seconds of block time. For every account
/// deposited == withdrawn + paid + free + locked, and the market's tokens cover all free and locked balances.
interface IFogMarket {
    /// @notice Adds `amount` of the caller's FOG to the caller's free balance. Needs an allowance.
    function deposit(uint96 amount) external;

    /// @notice As `deposit`, with an ERC-2612 permit of exactly `amount` for this market in place of an allowance.
    /// @dev A permit that somebody else used up first does no harm: the allowance it left decides.
    function depositWithPermit(uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Pays `amount` of the caller's free balance to the caller. Nothing can stop it.
    function withdraw(uint96 amount) external;

    /// @notice Locks `cap` of the caller's free balance for `provider` until the session is closed.
    /// @param expiry Block time from which the caller may close it, at most 365 days ahead.
    /// @param job What it is for. One buyer, provider and job have one session, ever.
    /// @return id The session: keccak256(abi.encode(buyer, provider, job)).
    function openSession(address provider, uint96 cap, uint40 expiry, bytes32 job) external returns (bytes32 id);

    /// @notice Locks `amount` more for the open session `id`. Only its buyer may.
    function topUp(bytes32 id, uint96 amount) external;

    /// @notice Pays the session's provider what the voucher promises beyond what was claimed. Anyone may call it.
    /// @param amount The voucher's amount: owed in all since the session opened.
    /// @param signature The buyer's signature of Voucher(session, amount), as `hashVoucher` gives it: 65 bytes with low
    /// s, or what the buyer's contract accepts by ERC-1271.
    /// @dev A contract that is a buyer can take back its ERC-1271 word before the claim: providers should claim from it
    /// early, or serve key holders only. A key holder cannot, not even by delegating its account to code (EIP-7702).
    function claim(bytes32 id, uint96 amount, bytes calldata signature) external;

    /// @notice Ends the session and frees what is unclaimed for its buyer. The provider may at any time, the buyer from
    /// the expiry on.
    function closeSession(bytes32 id) external;

    /// @notice `claim` and `closeSession` in one, for the provider at the end of a job.
    /// @dev When somebody claimed the same voucher, or a better one, a moment before, it only closes.
    function claimAndClose(bytes32 id, uint96 amount, bytes calldata signature) external;

    /// @notice The token of all amounts.
    function token() external view returns (address);

    /// @notice What `owner` may withdraw or lock.
    function free(address owner) external view returns (uint96);

    /// @notice What is locked in open sessions of `owner` as their buyer.
    function locked(address owner) external view returns (uint96);

    /// @notice The session `id`; all zero when it never existed.
    function session(bytes32 id) external view returns (Session memory);

    /// @notice The id of the session of this buyer, provider and job.
    function sessionId(address buyer, address provider, bytes32 job) external pure returns (bytes32);

    /// @notice The 32 bytes a buyer signs to promise `amount` in all in session `id`.
    function hashVoucher(bytes32 id, uint96 amount) external view returns (bytes32);

    /// @notice The EIP-712 domain separator: name "fogchain", version "1", this chain, this contract.
    function domainSeparator() external view returns (bytes32);
}
