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

    /// @notice Only the market may do this.
    error NotMarket(address caller);

    /// @notice Only the timelock may do this: it takes a vote.
    error NotTimelock(address caller);

    /// @notice The parameter is outside its bounds. `name` is the parameter's.
    error OutOfBounds(bytes32 name, uint256 value);

    /// @notice Neither the key's signature nor accepted by the account's contract (ERC-1271).
    error BadSignature(address signer);

    /// @notice This is for ever as it was deployed.
    error Fixed();

    // ---- token

    /// @notice There are not as many amounts as recipients.
    error LengthMismatch(uint256 recipients, uint256 amounts);

    /// @notice The amounts do not add up to the supply.
    error NotTheSupply(uint256 sum);

    // ---- market

    /// @notice Terms that can't be: `what` says why.
    error BadTerms(bytes32 what);

    /// @notice The job is not in a state in which this can be done.
    error WrongState(bytes32 job, uint8 state);

    /// @notice It is too late for this: it could be done until `until`.
    error TooLate(uint40 until);

    /// @notice It is too early for this: it can be done after `after_`.
    error TooEarly(uint40 after_);

    /// @notice The provider has less bonded than the job asks for.
    error BondTooSmall(uint96 bonded, uint256 wanted);

    /// @notice More than the job's price, or than its terms give for the fuel.
    error AbovePrice(uint96 amount, uint96 price);

    /// @notice It differs from what was delivered.
    error NotDelivered(bytes32 job);

    /// @notice The work shown is not that of the terms.
    error NotTheWork(bytes32 work);

    /// @notice Fewer replicas signed than the quorum asks for.
    error NoQuorum(uint256 signed, uint256 quorum);

    /// @notice The quorum is no majority of the replicas, they are too many, or there is not one signature for each.
    error BadQuorum(uint256 replicas, uint256 quorum);

    /// @notice Replicas are not distinct accounts in ascending order, or one is the buyer.
    error NotAReplica(address replica);

    /// @notice Only the job's court may do this.
    error NotCourt(address caller);

    /// @notice New jobs and sessions are stopped until then. What is open goes on.
    error Stopped(uint40 until);

    /// @notice Only the guardian may do this, and only in its term.
    error NotGuardian(address caller);

    /// @notice The guardian may stop new jobs again from then on.
    error StopTooSoon(uint40 from);

    /// @notice So much volume of this account waits for `collectFees` that no more can be booked before it.
    error FeesUncollected(address owner);

    /// @notice The batch's length is not a multiple of 16 bytes, or an item names no payee.
    error BadBatch(uint256 item);

    /// @notice The buyer paid this job in a batch before.
    error AlreadySettled(uint256 item, uint32 number);

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

    /// @notice The voucher promises more than the session's cap.
    error AboveCap(uint96 amount, uint96 cap);

    /// @notice The voucher adds nothing to what was already claimed.
    error NothingToClaim(uint96 amount, uint96 claimed);

    // ---- stake

    /// @notice The unbonding period is shorter or longer than allowed.
    error BadUnbondingPeriod(uint40 period);

    /// @notice The account has as many unbonding entries as allowed.
    error TooManyUnbondings();

    /// @notice The account has no unbonding entry with this index.
    error NoSuchUnbonding(uint256 index);

    /// @notice No unbonding entry of the account is due yet.
    error NothingMatured();

    /// @notice Only the treasury and the market fund rewards.
    error NotTreasury(address caller);

    /// @notice The treasury may stream no more this year.
    error AboveBudget(uint96 left, uint96 wanted);

    // ---- court

    /// @notice The auditor's bond is too small for the seats, or the seats too many.
    error TooManySeats(uint256 seats);

    /// @notice The auditor's bond covers its seats.
    error SeatsCovered(address auditor);

    /// @notice The delivery's audit is not drawn, or its block is too long ago to tell.
    error NotDrawn(bytes32 job);

    /// @notice There is a case of this job already.
    error CaseExists(bytes32 job);

    /// @notice There is no open case of this job.
    error NoCase(bytes32 job);

    /// @notice The case is not in the phase in which this can be done.
    error WrongPhase(bytes32 job);

    /// @notice The caller is not in the committee, or did this before.
    error NotAsked(address caller);

    /// @notice It is not what was committed to.
    error NotCommitted(bytes32 commitment);

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

    /// @notice The operator took back all agreements with the owner that expire by then.
    error Disowned(address operator);

    /// @notice The job is in its provider's reputation already.
    error RatedAlready(bytes32 job);

    /// @notice Both sides of the job are one's own, or run by the same operator.
    error SelfRated(address provider, address client);

    /// @notice The client gave the agent no feedback of this number.
    error NoSuchFeedback(uint64 index);

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

    // ---- pricing

    /// @notice There is no such resource class.
    error UnknownClass(bytes32 class);

    /// @notice The resource class exists already.
    error ClassExists(bytes32 class);

    /// @notice There are as many resource classes as allowed.
    error TooManyClasses();

    /// @notice The class's price had its step of this epoch; the next is possible from `next` on.
    error SteppedAlready(uint256 next);

    /// @notice Bids of this round can't be given in now: from its end on they can for 600 s.
    error NotInTime(uint40 round);

    /// @notice The round is over: its bids stand.
    error RoundOver(uint40 round);

    /// @notice Bids are not in strict order: dearest first, asks cheapest first, those of one price by their hash.
    error OutOfOrder(uint256 index);

    /// @notice The trader took back his bids of this round.
    error BidVoid(address trader);

    /// @notice The buyer's free balance in the market does not cover this bid and those of lower number.
    error BidNotCovered(address trader, uint32 number);

    /// @notice The seller's counted capacity of this class does not cover this ask and those of lower number.
    error AskNotCovered(address trader, uint32 number);

    /// @notice No trade comes of these bids.
    error NoTrades();

    /// @notice An earlier submission of this round took in as much, or more.
    error NotBetter();
}
