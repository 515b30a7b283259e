"""What a job machine keeps of tasks, runs and providers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from fogchain.jobs.events import Filed, Purpose
from fogchain.jobs.spec import JobSpec
from fogchain.market.reputation import MAX_QUOTA, Outcomes
from fogchain.units import cost

GIVEN_UP = 3  # outages in a row after which a provider gets no more of this job, unless there is nobody else

RunState = Literal["out", "held", "accepted", "wrong", "failed", "lost", "superseded"]
TaskState = Literal["queued", "out", "checking", "done", "failed", "cancelled"]
OVER: frozenset[TaskState] = frozenset(("done", "failed", "cancelled"))


@dataclass(slots=True)
class Run:
    attempt: int
    task: int
    provider: str
    purpose: Purpose
    sent: float
    order: str
    signature: str
    state: RunState = "out"
    detail: str = ""
    result: str = ""
    fuel: int = 0
    exit: int = 0
    started: int = 0
    finished: float = 0.0  # when its result was here, by the buyer's clock
    dated: int = 0  # when it ended, by its provider's clock: what the receipt says, and its signature covers
    receipt: str = ""
    logs: str = ""  # the blob that holds what a failed run printed
    due: int = 0  # finished until then it earns its full pay
    sealed: bool = False  # a commitment comes before the receipt
    promise: str = ""  # its provider's signature over the order
    commitment: str = ""
    cost: int = 0  # what the delivered run earns, by when it was finished
    late: bool = False
    blamed: bool = False  # lost or failed through its provider's fault
    breached: bool = False  # promised and never delivered: costs the penalty
    handed_back: bool = False  # its provider's machine is wanted for something else
    filed: Filed | None = None  # the receipt that came and earns nothing
    resumed: int = 0  # the fuel that had been burnt for its task when it was ordered to go on from a checkpoint
    makers: tuple[str, ...] = ()  # providers whose work that checkpoint is, oldest first
    restarted: int = 0  # likewise, where its provider went on from a checkpoint of its own

    @property
    def went_on(self) -> bool:
        """Whether it did not run from the start in one go, so that its fuel is not that of others."""
        return bool(self.resumed or self.restarted)

    @property
    def may_file(self) -> bool:
        """Whether it ended without a receipt, so that one that comes now earns nothing."""
        return self.state in ("failed", "lost", "superseded") and not self.receipt and self.filed is None


@dataclass(frozen=True, slots=True)
class Saved:
    """A task's newest checkpoint that is here: the archive's name and size, the fuel burnt until it, and the providers
    whose work it is, oldest first."""

    archive: str
    size: int
    fuel: int
    makers: tuple[str, ...]


@dataclass(slots=True)
class Task:
    index: int
    runs: list[Run] = field(default_factory=list)
    state: TaskState = "queued"
    detail: str = ""
    checking: bool = False
    closed: bool = False  # nobody else can be asked: a majority decides
    result: Run | None = None  # the accepted run whose files are the task's result
    saved: Saved | None = None

    def live(self, state: RunState) -> list[Run]:
        return [run for run in self.runs if run.state == state]


@dataclass(slots=True)
class Share:
    """One provider's part in the job."""

    provider: str
    peer: str
    name: str
    price: int
    session: str
    cap: int
    operator: str
    quota: int = MAX_QUOTA  # tasks at once
    accepted: int = 0
    checks: int = 0  # and canaries
    right: int = 0  # of those accepted, confirmed by others
    passed: int = 0  # of these, the ones it delivered before it could know of the check
    late: int = 0
    outages: int = 0
    failing: str = ""  # why its last run failed or was lost
    fuel: int = 0
    owed: int = 0  # cost of its accepted runs
    penalties: int = 0  # for what it promised and never delivered
    signed: int = 0  # the newest voucher; can't be taken back
    signature: str = ""
    assured: int = 0  # of what is owed, the part that was signed for, or that another provider confirmed
    live: dict[int, None] = field(default_factory=dict)  # attempts sent and not answered, oldest first
    pending: int = 0  # delivered results that wait for their check
    faults: int = 0  # outages, less results delivered since
    blocked_until: float = 0.0
    distrusted: bool = False
    proven: bool = False  # wrong, in this job
    taken: float = 0.0  # seconds from order to delivery, of all runs it delivered
    delivered: int = 0
    begun: bool = False  # it was given work, or its canary
    unfit: bool = False  # had a hand in a checkpoint, or in what was made of one, that was no good

    @property
    def out(self) -> int:
        return len(self.live)

    @property
    def given_up(self) -> bool:
        return self.faults >= GIVEN_UP

    @property
    def due(self) -> int:
        """What it is to be paid in all: its accepted runs, less the penalties, but never less than nothing."""
        return 0 if self.distrusted else max(0, self.owed - self.penalties)

    @property
    def spent(self) -> int:
        return max(self.due, self.signed)

    @property
    def withheld(self) -> int:
        """Of what it earned, what penalties keep from it."""
        return max(0, self.owed - self.spent)

    def outcomes(self, wrong: int) -> Outcomes:
        """What this job adds to its record; `wrong`: runs of it that were taken back."""
        return Outcomes(
            self.accepted, self.checks, self.right, wrong, int(self.proven), self.outages, self.late, self.passed
        )

    def exposure(self, spec: JobSpec) -> int:
        """Spent, and what the orders out and the results under check could still come to."""
        return self.spent + (self.out + self.pending) * cost(spec.limits.fuel, self.price)


@dataclass(frozen=True, slots=True)
class Work:
    """One run that should be placed; not with the providers in `barred`."""

    task: int
    purpose: Purpose
    barred: frozenset[str]
