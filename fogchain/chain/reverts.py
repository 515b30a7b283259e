"""Why a contract refused a transaction, in words."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from fogchain.chain.abi import ErrorType, artifact, selector
from fogchain.chain.deployment import CONTRACTS
from fogchain.chain.records import JobState
from fogchain.errors import Conflict
from fogchain.units import format_fog

_REASON = selector("Error(string)")
_PANIC = selector("Panic(uint256)")

# In words, with what to do; the arguments are the error's own, by name. `:fog` shows money, `:time` a time, `:text` a
# word of bytes, `:id` a hash, `:state` where a job is.
_WORDS: dict[str, tuple[str, str]] = {
    "ZeroAddress": ("an address is missing: it is zero", ""),
    "ZeroAmount": ("the amount is zero, or there is nothing to take", ""),
    "InsufficientBalance": ("{wanted:fog} are wanted, {available:fog} are there", "deposit or bond more first"),
    "TransferMismatch": ("the token moved {received} instead of {expected} base units", "such tokens are refused"),
    "NotMarket": ("only the market can do this, not {caller}", ""),
    "NotTimelock": ("only a vote can do this, not {caller}", "propose it"),
    "OutOfBounds": ("{name:text} can't be {value}", "its limits are in the contract's code"),
    "BadSignature": ("{signer} did not sign this", "ask for a signature for this chain and contract"),
    "Fixed": ("this is for ever as it was deployed", ""),
    # token
    "LengthMismatch": ("{recipients} recipients have {amounts} amounts", "give each one"),
    "NotTheSupply": ("the shares add up to {sum:fog}, which is not the supply", ""),
    "ERC20InsufficientBalance": ("the wallet holds {balance:fog}, {needed:fog} are needed", "send it tokens first"),
    "ERC20InsufficientAllowance": (
        "the contract may take {allowance:fog} from the wallet, {needed:fog} are needed",
        "approve that amount first",
    ),
    # market: jobs
    "BadTerms": ("such terms can't be: {what:text}", "agree on others"),
    "WrongState": ("job {job:id} is {state:state}", ""),
    "TooLate": ("this could be done until {until:time}", ""),
    "TooEarly": ("this can be done only from {after_:time} on", "wait until then"),
    "BondTooSmall": ("the provider has {bonded:fog} bonded, the job asks for {wanted:fog}", "bond more first"),
    "AbovePrice": ("{amount:fog} are more than the job's price of {price:fog}", "settle with less"),
    "NotDelivered": ("that is not what was delivered for job {job:id}", "show result, fuel and time as they were"),
    "NotTheWork": ("that is not the work of these terms, which has the hash {work:id}", ""),
    "NoQuorum": ("{signed} replicas signed, {quorum} must agree", "collect more signatures"),
    "BadQuorum": (
        "{quorum} of {replicas} replicas is no quorum, or there is not one signature for each",
        "a quorum is a majority of at most 16 replicas",
    ),
    "NotAReplica": ("{replica} can't be a replica here", "replicas are distinct, ascending, and not the buyer"),
    "NotCourt": ("only the job's court can do this, not {caller}", ""),
    "Stopped": ("new jobs and sessions are stopped until {until:time}", "what is open goes on"),
    "NotGuardian": ("only the guardian can do this, in his term, not {caller}", ""),
    "StopTooSoon": ("new jobs can be stopped again only from {from:time} on", ""),
    "FeesUncollected": ("so much volume of {owner} waits to be booked that no more can be", "collect its fees first"),
    # market: batches
    "BadBatch": ("item {item} of the batch names no payee, or the batch is cut off there", ""),
    "AlreadySettled": ("job number {number} was paid in a batch before", "leave out item {item}"),
    # market: sessions
    "SessionExists": ("this session was opened before", "a job has one session with a provider, for good"),
    "SessionNotOpen": ("the session is closed, or was never opened", ""),
    "BadExpiry": ("the expiry {expiry:time} is past or more than a year away", "choose a time in between"),
    "NotExpired": ("who is not its provider can close the session only from {expiry:time} on", "wait, or ask him"),
    "NotBuyer": ("{caller} is not the buyer", ""),
    "NotProvider": ("{caller} is not the provider", ""),
    "NotParty": ("{caller} is neither buyer nor provider", ""),
    "AboveCap": ("the voucher's {amount:fog} are above the session's cap of {cap:fog}", "the buyer can top it up"),
    "NothingToClaim": ("{claimed:fog} were claimed already, the voucher is for {amount:fog}", ""),
    # stake
    "BadUnbondingPeriod": ("an unbonding period of {period} s is too short or too long", ""),
    "TooManyUnbondings": ("32 parts of the bond are unbonding already", "withdraw or cancel one first"),
    "NoSuchUnbonding": ("there is no unbonding number {index}", ""),
    "GovernorInsufficientProposerVotes": (
        "{proposer} has {votes:fog} of votes, to propose takes {threshold:fog}",
        "bond more, or have more delegated; votes bonded in this very block don't count yet",
    ),
    "GovernorAlreadyCastVote": ("{voter} has voted already", "a vote can't be changed"),
    "GovernorUnexpectedProposalState": ("the proposal is not in a state for this", "look at it again"),
    "GovernorUnableToCancel": ("only who proposed it may cancel it, before its vote begins", ""),
    "NothingMatured": ("no bond has finished its unbonding time", "wait for its release"),
    "NotTreasury": ("only the market and the treasury fund rewards, not {caller}", ""),
    "AboveBudget": ("the treasury may give {left:fog} more this year, not {wanted:fog}", ""),
    # court
    "TooManySeats": ("{seats} seats are more than the bond covers, or more than 64", "bond more, or take fewer"),
    "SeatsCovered": ("the bond of {auditor} covers its seats", ""),
    "NotDrawn": ("no audit of job {job:id} is drawn, or its block is too long ago", ""),
    "CaseExists": ("job {job:id} was before the court already", ""),
    "NoCase": ("job {job:id} is not before the court", ""),
    "WrongPhase": ("the case of job {job:id} is not in the phase for this", "see its times"),
    "NotAsked": ("{caller} is not in the committee, or did this before", ""),
    "NotCommitted": ("that is not what was committed to", "reveal result, fuel and salt as committed"),
    # registry
    "NotRegistered": ("{owner} has no node on record", ""),
    "Disowned": ("{operator} took back his agreement to run this node", "ask him for one that ends later"),
    "RatedAlready": ("job {job:id} is in its provider's reputation already", ""),
    "SelfRated": ("{provider} and {client} are one, or run by one operator", "nobody rates himself"),
    "NoSuchFeedback": ("there is no feedback number {index} of this client", ""),
    "BadNodeKey": ("the node's key is zero", ""),
    "BadSignatureLength": ("a node key's signature has 64 bytes, this one has {length}", ""),
    "EndpointsTooLong": ("{length} bytes of endpoints are more than the registry takes", "at most 1024"),
    "BadClass": ("the resource class is empty", 'name one, such as "cpu"'),
    "BadCommittee": ("such a committee can't be", "at most 25 distinct members; more than half of them must agree"),
    "NotMember": ("{caller} is not in the mix directory's committee", ""),
    "BadDocument": ("the document's hash is zero", ""),
    "DocumentFixed": ("the committee agreed on the document of epoch {epoch} already", ""),
    "AlreadyAttested": ("a document of epoch {epoch} was attested by this member before", ""),
    # pricing
    "UnknownClass": ("there is no resource class {class:text}", ""),
    "ClassExists": ("there is a resource class {class:text} already", ""),
    "TooManyClasses": ("there are as many resource classes as can be", "retire one first"),
    "SteppedAlready": ("the price had its step of this epoch", "the next can be from {next:time} on"),
    "NotInTime": ("bids of round {round} can't be given in now", "they can for 600 s from the round's end on"),
    "RoundOver": ("round {round} is over: its bids stand", ""),
    "OutOfOrder": ("bid number {index} is out of order", "dearest bid and cheapest ask first, then by hash"),
    "BidVoid": ("{trader} took back his bids of this round", "leave them out"),
    "BidNotCovered": ("{trader} has not enough free in the market for his bid number {number}", "leave it out"),
    "AskNotCovered": ("the capacity of {trader} does not cover his ask number {number}", "leave it out"),
    "NoTrades": ("no trade comes of these bids", ""),
    "NotBetter": ("an earlier submission of this round took in as much", ""),
    # signatures and votes, by OpenZeppelin
    "ERC2612ExpiredSignature": ("the permit was good until {deadline:time}", "sign a new one"),
    "ERC2612InvalidSigner": ("the permit is signed by {signer}, not by {owner}", "it may have been used before"),
    "ERC3009InvalidAuthorizationTime": (
        "the authorization is good from {validAfter:time} to {validBefore:time}",
        "sign one for now",
    ),
    "ERC3009InvalidSignature": ("the authorization is not signed by its owner", ""),
    "ERC3009UsedAuthorization": ("the authorization was used or cancelled before", "sign one with another nonce"),
    "VotesExpiredSignature": ("the delegation was good until {expiry:time}", "sign a new one"),
    "InvalidAccountNonce": ("the signature's nonce is not {currentNonce}, the next of {account}", "sign a new one"),
}


class Reverted(Conflict):
    """The contract refused. `name` and `values` are its custom error's, or `Error`/`Panic`, or empty."""

    code = "reverted"

    def __init__(self, message: str, *, hint: str = "", name: str = "", values: dict[str, Any] | None = None) -> None:
        super().__init__(message, hint=hint)
        self.name = name
        self.values = values or {}


class _Show:
    """Lets a template choose `{amount:fog}` for money."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __format__(self, kind: str) -> str:
        match kind:
            case "fog":
                return format_fog(self.value)
            case "time":
                return f"{datetime.fromtimestamp(self.value, UTC):%Y-%m-%d %H:%M:%S} UTC"
            case "text":
                return str(self.value.rstrip(b"\0").decode(errors="replace"))
            case "id":
                return f"0x{self.value.hex()[:12]}"
            case "state":
                return JobState(self.value).words
            case _:
                return str(self.value)


@cache
def _errors() -> dict[bytes, ErrorType]:
    found: dict[bytes, ErrorType] = {}
    for contract in CONTRACTS.values():
        found |= artifact(contract).errors
    return found


def explain(data: bytes, what: str, reason: str = "") -> Reverted:
    """The error for a revert's raw bytes; `what` was tried, `reason` is what the node said about it."""
    name, values = decode(data)
    if name in _WORDS:
        words, hint = _WORDS[name]
        shown = {key: _Show(value) for key, value in values.items()}
        text = f"{what} was refused: {words.format_map(shown)}"
        return Reverted(text, hint=hint.format_map(shown), name=name, values=values)
    if name:
        inside = ", ".join(f"{key} = {value}" for key, value in values.items())
        return Reverted(f"{what} was refused: {name}({inside})", name=name, values=values)
    return Reverted(f"{what} was refused: {reason or 'the contract gave no reason'}")


def decode(data: bytes) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a custom error, `Error` or `Panic`; `("", {})` for anything else."""
    head, body = data[:4], data[4:]
    try:
        if head == _REASON:
            return "Error", {"reason": abi_decode(("string",), body)[0]}
        if head == _PANIC:
            return "Panic", {"number": abi_decode(("uint256",), body)[0]}
        found = _errors().get(head)
        if found is None:
            return "", {}
        return found.name, dict(zip(found.names, abi_decode(found.inputs, body), strict=True))
    except (DecodingError, UnicodeDecodeError):
        return "", {}
