"""Why a contract refused a transaction, in words."""

from __future__ import annotations

from functools import cache
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from fogchain.chain.abi import ErrorType, artifact, selector
from fogchain.chain.deployment import CONTRACTS
from fogchain.errors import Conflict
from fogchain.units import format_fog

_REASON = selector("Error(string)")
_PANIC = selector("Panic(uint256)")

# In words, with what to do; the arguments are the error's own, by name.
_WORDS: dict[str, tuple[str, str]] = {
    "InsufficientBalance": ("{wanted:fog} are wanted, {available:fog} are there", "deposit or bond more first"),
    "ERC20InsufficientBalance": ("the wallet holds {balance:fog}, {needed:fog} are needed", "send it tokens first"),
    "ERC20InsufficientAllowance": (
        "the contract may take {allowance:fog} from the wallet, {needed:fog} are needed",
        "approve that amount first",
    ),
    "SessionExists": ("this session was opened before", "a job has one session with a provider, for good"),
    "SessionNotOpen": ("the session is closed, or was never opened", ""),
    "BadExpiry": ("the session's expiry {expiry} is past or more than a year away", "choose a time in between"),
    "NotExpired": ("the session can be closed by its buyer only from time {expiry} on", "wait, or ask the provider"),
    "NotBuyer": ("{caller} is not the session's buyer", ""),
    "NotProvider": ("{caller} is not the session's provider", ""),
    "BadVoucher": ("the voucher is not signed by the session's buyer for this chain and market", ""),
    "AboveCap": ("the voucher's {amount:fog} are above the session's cap of {cap:fog}", "the buyer can top it up"),
    "NothingToClaim": ("{claimed:fog} were claimed already, the voucher is for {amount:fog}", ""),
    "NotRegistered": ("{owner} has no node on record", ""),
    "BadSignature": ("{signer} did not sign this", "ask for a signature for this chain and contract"),
    "Disowned": ("{operator} took back his agreement to run this node", "ask him for one that ends later"),
    "NotTimelock": ("only a vote can do this, not {caller}", "propose it"),
    "GovernorInsufficientProposerVotes": (
        "{proposer} has {votes:fog} of votes, to propose takes {threshold:fog}",
        "bond more, or have more delegated; votes bonded in this very block don't count yet",
    ),
    "GovernorAlreadyCastVote": ("{voter} has voted already", "a vote can't be changed"),
    "GovernorUnexpectedProposalState": ("the proposal is not in a state for this", "look at it again"),
    "GovernorUnableToCancel": ("only who proposed it may cancel it, before its vote begins", ""),
    "NothingMatured": ("no bond has finished its unbonding time", "wait for its release"),
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
        return format_fog(self.value) if kind == "fog" else str(self.value)


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
        text = words.format_map({key: _Show(value) for key, value in values.items()})
        return Reverted(f"{what} was refused: {text}", hint=hint, name=name, values=values)
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
