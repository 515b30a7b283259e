"""What happens to a job, as it is written to the job's log. Replaying the log gives the job.

Times are Unix seconds as the buyer's node saw them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args

from fogchain.errors import CorruptData
from fogchain.market.reputation import MAX_QUOTA

# work makes a result, a check repeats one, a canary repeats one that was confirmed before
Purpose = Literal["work", "check", "canary"]


@dataclass(frozen=True, slots=True)
class SessionPlanned:
    """A payment session with this provider belongs to the job; its opening may still be under way."""

    at: float
    provider: str
    peer: str
    name: str
    price: int
    session: str
    cap: int
    operator: str = ""  # who runs it by the registry; empty when that is the provider itself
    quota: int = MAX_QUOTA  # tasks at once, by its record with this buyer


@dataclass(frozen=True, slots=True)
class CapRaised:
    at: float
    provider: str
    cap: int


@dataclass(frozen=True, slots=True)
class Sent:
    """An order was signed; written before it leaves, so that a restart sends the very same one again."""

    at: float
    task: int
    attempt: int
    provider: str
    purpose: Purpose
    order: str  # hex of the order's wire form
    signature: str
    resumed: int = 0  # fuel that had been burnt for the task when it goes on from a checkpoint
    makers: str = ""  # of that checkpoint: providers, comma-separated, oldest first


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider signed the same order: it promised to deliver."""

    at: float
    attempt: int
    promise: str  # hex of its signature


@dataclass(frozen=True, slots=True)
class Committed:
    """The provider has sealed its answer; it is opened when all others of the task are fixed."""

    at: float
    attempt: int
    answer: str  # hex of the commitment's hash


@dataclass(frozen=True, slots=True)
class Delivered:
    """A signed receipt came and its result is here, hashed. `check`: the draw says another provider runs it again."""

    at: float
    attempt: int
    result: str
    fuel: int
    exit: int
    started: int
    finished: int
    receipt: str  # hex of the receipt's signature
    check: bool
    restarted: int = 0  # fuel that had been burnt when it went on from a checkpoint of its provider's own


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """A run's checkpoint is here, so that another can go on from it."""

    at: float
    attempt: int
    archive: str  # the blob
    size: int  # bytes
    fuel: int  # burnt for the task until then


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider says it could not run the order, or refused it."""

    at: float
    attempt: int
    exit: int
    detail: str
    logs: str = ""  # the blob that holds what it printed, see jobs/logs.py


@dataclass(frozen=True, slots=True)
class Lost:
    """The provider went silent with the order, or it is no longer needed. `breach`: it had promised and is to blame.
    `handed_back`: its machine is wanted for something else, which it may say at any time and nobody is to blame for."""

    at: float
    attempt: int
    detail: str
    breach: bool = False
    handed_back: bool = False


@dataclass(frozen=True, slots=True)
class Filed:
    """A signed receipt that earns nothing is kept, as its provider keeps it: of a run that failed there, or that came
    when it was no longer waited for."""

    at: float
    attempt: int
    result: str  # hex, zeros for a run without one; it is not here
    fuel: int
    exit: int
    started: int
    finished: int
    receipt: str  # hex of the receipt's signature


@dataclass(frozen=True, slots=True)
class JuryClosed:
    """Nobody else can be asked about this task now: the majority of those that answered decides."""

    at: float
    task: int


@dataclass(frozen=True, slots=True)
class Distrusted:
    """The provider's operator was proven wrong in another job of this buyer."""

    at: float
    provider: str
    detail: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A voucher over `amount` in all was signed; written before it leaves."""

    at: float
    provider: str
    amount: int
    signature: str


@dataclass(frozen=True, slots=True)
class Ended:
    """No more work: the tasks have all ended, the buyer cancelled, or money or time ran out."""

    at: float
    state: Literal["done", "failed", "cancelled"]
    detail: str


@dataclass(frozen=True, slots=True)
class Paid:
    """Every voucher is claimed; the job is closed."""

    at: float


JobEvent = (
    SessionPlanned | CapRaised | Sent | Accepted | Committed | Delivered | Checkpointed | Failed | Lost | Filed
    | JuryClosed | Distrusted | Signed | Ended | Paid
)  # fmt: skip
_KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(JobEvent)}


def to_record(event: JobEvent) -> tuple[str, dict[str, Any]]:
    """The event's kind and its JSON-able body."""
    return type(event).__name__, dataclasses.asdict(event)


def from_record(kind: str, body: dict[str, Any]) -> JobEvent:
    """Raises CorruptData for a record no version has written."""
    try:
        event: JobEvent = _KINDS[kind](**body)
    except (KeyError, TypeError) as error:
        raise CorruptData(f"a job's log holds a record {kind} that can't be read: {error}") from error
    return event
