// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ErrorsLib
/// @notice Every reason for which a fogchain contract refuses.
library ErrorsLib {
    /// @notice An address that must be given is zero.
    error ZeroAddress();

    /// @notice An amount that must be positive is zero.
    error ZeroAmount();

    /// @notice The account has less than is asked for.
    error InsufficientBalance(uint96 available, uint96 wanted);

    /// @notice The token moved another amount than it was told to: it takes a fee, and such tokens are refused.
    error TransferMismatch(uint256 expected, uint256 received);

    /// @notice Only the timelock, that is a vote, may do this.
    error NotTimelock(address caller);

    /// @notice The parameter is outside of the limits that the code sets.
    error OutOfBounds(uint256 value);

    // ---- market

    /// @notice A session with this buyer, provider and job exists, or existed once.
    error SessionExists(bytes32 session);

    /// @notice The session never existed or is closed.
    error SessionNotOpen(bytes32 session);

    /// @notice The expiry is not in the future, or farther away than allowed.
    error BadExpiry(uint40 expiry);

    /// @notice Only the buyer of the session may do this.
    error NotBuyer(address caller);

    /// @notice Only the provider of the session may do this.
    error NotProvider(address caller);

    /// @notice Only the buyer and the provider of the session may do this.
    error NotParty(address caller);

    /// @notice The buyer may close the session only from its expiry on.
    error NotExpired(uint40 expiry);

    /// @notice The voucher is not signed by the session's buyer for this market on this chain.
    error BadVoucher();

    /// @notice The voucher promises more than the session's cap.
    error AboveCap(uint96 amount, uint96 cap);

    /// @notice The voucher adds nothing to what was already claimed.
    error NothingToClaim(uint96 amount, uint96 claimed);

    // ---- stake

    /// @notice The unbonding period is longer than allowed.
    error BadUnbondingPeriod(uint40 period);

    /// @notice The account has as many unbonding entries as allowed.
    error TooManyUnbondings();

    /// @notice The account has no unbonding entry with this index.
    error NoSuchUnbonding(uint256 index);

    /// @notice No unbonding entry of the account is due yet.
    error NothingMatured();

    // ---- registry

    /// @notice The node key is zero.
    error BadNodeKey();

    /// @notice The node key's signature is not 64 bytes, as Ed25519's are.
    error BadSignatureLength(uint256 length);

    /// @notice The endpoints text is longer than allowed.
    error EndpointsTooLong(uint256 length);

    /// @notice The account has no node record.
    error NotRegistered(address owner);

    /// @notice The resource class is zero.
    error BadClass();

    /// @notice The operator did not sign that he runs this node for the caller on this chain.
    error BadOperatorSignature();

    /// @notice The operator took back all agreements with the owner that expire by then.
    error Disowned(address operator);

    /// @notice The committee is larger than allowed, names somebody twice or nobody, or its threshold is not between
    /// more than half and all of its members.
    error BadCommittee();

    /// @notice Only a member of the present committee may do this.
    error NotMember(address caller);

    /// @notice The document's hash is zero.
    error BadDocument();

    /// @notice The epoch's document is agreed on already.
    error DocumentFixed(uint40 epoch);

    /// @notice The member attested a document for this epoch before.
    error AlreadyAttested(uint40 epoch);
}
