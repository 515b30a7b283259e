"""What the index knows: accounts, sessions, batches, jobs, cases, slashes, nodes, parameters, as `ledger` makes them
of events.

Amounts are base units of FOG, times Unix seconds of block time, addresses lower case.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from fogchain.market.messages import Terms

Wide = Annotated[int, "wide"]  # may be larger than the 63 bits of a database's integers: amounts, fuel, votes

NOBODY = "0x" + "0" * 40
MAX_VERDICT_TIME = 3 * 24 * 3600  # seconds, as in contracts/libraries/ConstantsLib.sol


class JobState(IntEnum):
    """Where a job is: `JobState` of contracts/interfaces/IFogMarket.sol."""

    NONE = 0
    OPEN = 1
    DELIVERED = 2
    CHALLENGED = 3
    SETTLED = 4
    CANCELLED = 5
    EXPIRED = 6
    SLASHED = 7

    @property
    def over(self) -> bool:
        return self > JobState.CHALLENGED

    @property
    def words(self) -> str:
        return "unknown to the market" if self is JobState.NONE else self.name.lower()


class Reason(IntEnum):
    """Why a job was paid: `Reason` of contracts/libraries/EventsLib.sol."""

    ACCEPTED = 0
    QUORUM = 1
    UNCHALLENGED = 2
    ACQUITTED = 3


@dataclass(frozen=True, slots=True)
class Unbonding:
    """Part of a bond on its way out."""

    amount: Wide
    release: int


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """One address's money."""

    token: Wide = 0  # in the wallet
    free: Wide = 0  # in the market
    locked: Wide = 0  # what is unclaimed of open sessions, prices of open jobs, bonds of open challenges
    earned: Wide = 0  # as provider, in all, fees taken off
    fees: Wide = 0  # kept back from it, in all
    withheld: Wide = 0  # of these, what was not collected yet
    spent: Wide = 0  # as buyer, in all, fees included
    bonded: Wide = 0
    queue: tuple[Unbonding, ...] = ()  # by release; its places are those of `cancelUnbond`
    rewards: Wide = 0  # of the bond, claimed in all
    votes: Wide = 0  # delegated to it
    delegate: str = ""  # whom its bond votes by; empty for nobody
    seats: int = 0  # as auditor
    audit_pay: Wide = 0  # earned as auditor and not collected yet

    @property
    def unbonding(self) -> int:
        return sum(entry.amount for entry in self.queue)


@dataclass(frozen=True, slots=True)
class SessionRecord:
    id: bytes
    buyer: str
    provider: str
    job: bytes
    cap: Wide
    claimed: Wide  # in all, fees included
    fees: Wide  # of it
    fee_bps: int
    expiry: int  # anyone may close it from then on
    open: bool
    opened: int  # block
    closed: int | None  # block
    rating: int | None = None  # what its buyer has published of it, out of 100


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a provider says it did; `result` is a hash."""

    result: bytes
    fuel: Wide
    at: int


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job with all that it takes to end it when nobody else does."""

    id: bytes
    buyer: str
    provider: str
    price: Wide
    rate: Wide
    breach: Wide
    input_by: int
    due: int
    late_by: int
    work: bytes
    version: int  # of the parameters it was opened under
    fee_bps: int
    state: JobState
    opened: int
    since: int  # when it came into this state
    deadline: int | None  # from when on anyone may end it; None once it is over
    delivery: Delivery | None = None
    paid: Wide = 0  # to provider or replicas
    fee: Wide = 0
    refund: Wide = 0  # of the price
    reason: Reason | None = None  # why it was paid

    @property
    def terms(self) -> Terms:
        return Terms(
            self.buyer, self.provider, self.price, self.rate, self.breach,
            self.input_by, self.due, self.late_by, self.work,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reveal:
    """What one member of a committee got."""

    auditor: str
    result: bytes
    fuel: Wide


@dataclass(frozen=True, slots=True)
class Round:
    """One committee of a case; `members` is empty while none is drawn."""

    seed_block: int
    members: tuple[str, ...] = ()
    commit_by: int = 0
    reveal_by: int = 0
    committed: tuple[str, ...] = ()
    reveals: tuple[Reveal, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A challenged job before the court."""

    job: bytes
    finder: str
    provider: str
    bond: Wide  # zero for an audit
    opened: int
    verdict_by: int
    transaction: str  # of the verdict, or of the opening
    rounds: tuple[Round, ...] = ()
    closed: int | None = None  # when
    guilty: bool | None = None  # None until it is closed
    slash: Wide = 0  # what the verdict asks for; what was taken is in the SlashRecord
    pay: Wide = 0  # to each member that said what the verdict says


@dataclass(frozen=True, slots=True)
class SlashRecord:
    """What a provider's bond lost for one job, by a verdict or as the breach it had agreed on."""

    job: bytes
    owner: str
    victim: str
    finder: str  # NOBODY where there was none
    to_victim: Wide
    to_finder: Wide
    burnt: Wide
    breach: bool
    at: int
    transaction: str

    @property
    def taken(self) -> int:
        return self.to_victim + self.to_finder + self.burnt


@dataclass(frozen=True, slots=True)
class ParametersRecord:
    """What the market's jobs and sessions are opened under while this version is the newest."""

    version: int
    court: str
    challenge_window: int  # seconds
    fee_bps: int
    bond_multiple: int
    since: int


@dataclass(frozen=True, slots=True)
class NumbersRecord:
    """Which of a buyer's job numbers from 256 * `word` on were paid in batches: bit i for number i."""

    buyer: str
    word: int
    bits: Wide


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """What a buyer has paid somebody in batches, in all."""

    buyer: str
    payee: str
    paid: Wide  # fees taken off
    fees: Wide
    payments: int

    @property
    def gross(self) -> int:
        return self.paid + self.fees


@dataclass(frozen=True, slots=True)
class RatingRecord:
    """What one buyer has published of his sessions with one provider: an opinion."""

    provider: str
    buyer: str
    sessions: int
    points: int  # in all, each session's out of 100
    paid: Wide  # in these sessions, fees included


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A provider's record; the signature binds `node_key` to `owner` (`fogchain.identity.check_binding`), unchecked."""

    owner: str
    node_key: bytes
    operator: str  # who runs it, by his signature
    resource_class: bytes  # 32 bytes
    slots: int
    capacity: Wide  # what it declares, Gfuel per epoch of 600 s
    counted: Wide  # the part of it that the owner's bond covers
    endpoints: str
    signature: bytes
    block: int  # of the newest registration
