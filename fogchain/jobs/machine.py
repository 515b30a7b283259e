"""The job machine: a fold over the job's events, and what should happen next. No I/O, no clock.

    task   queued ─Sent▶ out ─Delivered▶ held ─(not drawn, or the check agrees)▶ done
              ▲            │               │
              └── Lost, Failed ◀───────────┘ a majority says otherwise
    job    open ─all tasks ended, cancel, out of time or money▶ Ended ─every voucher claimed▶ Paid

A run is one order to one provider. Work runs make the result, check runs repeat it. Money follows accepted runs
only, work and check alike; a provider shown wrong once has none of its other results in the job trusted or paid.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from fogchain import units
from fogchain.errors import CorruptData
from fogchain.jobs.events import (
    Accepted,
    CapRaised,
    Delivered,
    Ended,
    Failed,
    JobEvent,
    Lost,
    Paid,
    Purpose,
    Sent,
    SessionPlanned,
    Signed,
)  # fmt: skip
from fogchain.jobs.spec import JobSpec
from fogchain.market.messages import Exit
from fogchain.market.verification import Answer, Verdict, judge
from fogchain.units import cost

MAX_TROUBLES = 6  # provider-side failures after which a task is given up,
MIN_TROUBLED = 3  # if so many different providers had them: a single one can't fail the job
MAX_TIMEOUTS = 2  # a task that runs out of wall clock on two providers will do so again
FIRST_BACKOFF = 2.0  # seconds a provider is left alone after a fault in this job; doubles with each
MAX_DOUBLINGS = 8
ORDER_MARGIN = 60  # seconds for which an order may outlast its job

RunState = Literal["out", "held", "accepted", "wrong", "failed", "lost", "superseded"]
TaskState = Literal["queued", "out", "checking", "done", "failed", "cancelled"]
_OVER: frozenset[TaskState] = frozenset(("done", "failed", "cancelled"))


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
    finished: float = 0.0
    receipt: str = ""
    logs: str = ""  # the blob that holds what a failed run printed
    promise: str = ""  # its provider's signature over the order
    cost: int = 0  # what the delivered run earns, by when it was finished

    @property
    def answer(self) -> Answer:
        return Answer(self.provider, bytes.fromhex(self.result), self.fuel, self.exit)


@dataclass(slots=True)
class Task:
    index: int
    runs: list[Run] = field(default_factory=list)
    state: TaskState = "queued"
    detail: str = ""
    checking: bool = False
    result: Run | None = None  # the accepted run whose files are the task's result

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
    accepted: int = 0
    checks: int = 0
    fuel: int = 0
    owed: int = 0  # cost of its accepted runs
    signed: int = 0  # the newest voucher; can't be taken back
    signature: str = ""
    assured: int = 0  # of what is owed, the part that was signed for, or that another provider confirmed
    live: dict[int, None] = field(default_factory=dict)  # attempts sent and not answered, oldest first
    pending: int = 0  # delivered results that wait for their check
    faults: int = 0  # outages, less results delivered since
    blocked_until: float = 0.0
    distrusted: bool = False

    @property
    def out(self) -> int:
        return len(self.live)

    @property
    def spent(self) -> int:
        return max(self.owed, self.signed)

    def exposure(self, spec: JobSpec) -> int:
        """Spent, and what the orders out and the results under check could still come to."""
        return self.spent + (self.out + self.pending) * cost(spec.limits.fuel, self.price)


@dataclass(frozen=True, slots=True)
class Work:
    """One run that should be placed; not with the providers in `barred`."""

    task: int
    purpose: Purpose
    barred: frozenset[str]


class JobMachine:
    """One job. `apply` folds events; everything else only looks."""

    def __init__(self, job_id: str, spec: JobSpec, created: float) -> None:
        self.id = job_id
        self.spec = spec
        self.created = created
        self.tasks = [Task(index) for index in range(len(spec.tasks))]
        self.runs: dict[int, Run] = {}
        self.shares: dict[str, Share] = {}
        self.ended: Ended | None = None
        self.paid: Paid | None = None
        self.checks_done = 0
        self.checks_failed = 0
        self._queued: dict[int, None] = dict.fromkeys(range(len(spec.tasks)))  # ordered set
        self._jury: dict[int, None] = {}  # tasks under check that want another run
        self._left = len(spec.tasks)
        self._fuel_seen = 0
        self._delivered_count = 0

    # ---------------------------------------------------------------- looking

    @property
    def next_attempt(self) -> int:
        return len(self.runs)

    @property
    def deadline(self) -> float:
        return self.created + self.spec.time_limit / 1000

    def due(self, at: float) -> int:
        """Until when an order sent at `at` earns its full pay."""
        last = int(self.deadline) + ORDER_MARGIN
        return last if self.spec.deadline is None else min(last, int(at) + self.spec.deadline // 1000)

    @property
    def late_by(self) -> int:
        """From then on no order of this job earns anything."""
        return int(self.deadline) + ORDER_MARGIN + self.spec.grace // 1000

    @property
    def spent(self) -> int:
        return sum(share.spent for share in self.shares.values())

    @property
    def exposure(self) -> int:
        return sum(share.exposure(self.spec) for share in self.shares.values())

    @property
    def fuel(self) -> int:
        return sum(share.fuel for share in self.shares.values())

    def mean_fuel(self, default: float) -> float:
        """Mean fuel of delivered runs so far, or `default` before the first."""
        return self._fuel_seen / self._delivered_count if self._delivered_count else default

    def wanted(self, limit: int) -> list[Work]:
        """Up to `limit` runs to place, checks first: they hold up payment."""
        if self.ended:
            return []
        work = []
        for index in self._jury:
            work.append(Work(index, "check", self._barred(self.tasks[index])))
            if len(work) >= limit:
                return work
        for index in self._queued:
            work.append(Work(index, "work", self._barred(self.tasks[index])))
            if len(work) >= limit:
                break
        return work

    @staticmethod
    def _barred(task: Task) -> frozenset[str]:
        """One provider answers a task once: a second answer of its own would confirm its first."""
        return frozenset(run.provider for run in task.runs if run.state in ("out", "held", "wrong"))

    def may_serve(self, provider: str, now: float) -> bool:
        """Whether this provider may get orders of this job now."""
        share = self.shares.get(provider)
        return share is not None and not share.distrusted and now >= share.blocked_until

    def payable(self, provider: str, *, pressed: bool = False) -> int:
        """What the next voucher to this provider should be over, or 0 when none is due: all its accepted runs, but
        while one of its results is under check only those that others confirmed, and nothing more once it was shown
        wrong. `pressed`: nothing goes on unless it is paid ahead for results under check, so one run's most of those
        is added."""
        share = self.shares[provider]
        due = share.owed
        if share.pending and not pressed:
            due = min(due, share.assured)
        elif share.pending:
            held = [run for run in self.runs.values() if run.provider == provider and run.state == "held"]
            value = sum(cost(run.fuel, share.price) for run in held)
            due = max(due, min(due + value, share.signed + cost(self.spec.limits.fuel, share.price)))
        return due if due > share.signed and not share.distrusted else 0

    def verdict_of(self, now: float) -> tuple[Literal["done", "failed"], str] | None:
        """How the job ends, if it does now: all tasks ended, or no time or money for the rest."""
        if self.ended:
            return None
        if self._left == 0:
            if failed := [task for task in self.tasks if task.state == "failed"]:
                return (
                    "failed",
                    f"{len(failed)} of {len(self.tasks)} tasks failed; task {failed[0].index}: {failed[0].detail}",
                )
            return "done", ""
        if now >= self.deadline:
            limit = units.format_duration(self.spec.time_limit)
            return "failed", f"the time limit of {limit} passed with {_tasks(self._left)} left"
        idle = all(share.out == 0 for share in self.shares.values())
        if idle and self.shares and not self.can_afford():
            return "failed", (
                f"the budget is used up: {units.format_fog(self.spent, 6)} of {units.format_fog(self.spec.budget)} "
                f"spent, {_tasks(self._left)} left"
            )
        return None

    def can_afford(self) -> bool:
        """Whether the budget covers one more run at its fuel limit with the cheapest provider."""
        trusted = [share.price for share in self.shares.values() if not share.distrusted]
        if not trusted:
            return True
        return self.exposure + cost(self.spec.limits.fuel, min(trusted)) <= self.spec.budget

    # ---------------------------------------------------------------- folding

    def apply(self, event: JobEvent) -> None:
        """Fold one event in. Raises CorruptData for one that can't follow what came before."""
        match event:
            case SessionPlanned():
                if event.provider in self.shares:
                    raise self._corrupt(f"a second session with {event.provider}")
                self.shares[event.provider] = Share(
                    event.provider, event.peer, event.name, event.price, event.session, event.cap
                )
            case CapRaised():
                self._share(event.provider).cap = event.cap
            case Sent():
                self._sent(event)
            case Accepted():
                self._out(event.attempt).promise = event.promise
            case Delivered():
                self._delivered(event)
            case Failed() | Lost():
                self._troubled(event)
            case Signed():
                share = self._share(event.provider)
                if event.amount < share.signed:
                    raise self._corrupt(f"a voucher over {event.amount} after one over {share.signed}")
                share.signed, share.signature = event.amount, event.signature
                if event.amount >= share.owed:
                    share.assured = share.owed
            case Ended():
                self._end(event)
            case Paid():
                if self.ended is None:
                    raise self._corrupt("paid before it ended")
                self.paid = event

    def _sent(self, event: Sent) -> None:
        share = self._share(event.provider)
        if event.attempt != self.next_attempt:
            raise self._corrupt(f"attempt {event.attempt} does not follow {self.next_attempt - 1}")
        if not 0 <= event.task < len(self.tasks) or self.tasks[event.task].state in _OVER:
            raise self._corrupt(f"an order for task {event.task}, which needs none")
        task = self.tasks[event.task]
        run = Run(
            event.attempt, event.task, event.provider, event.purpose, event.at, event.order, event.signature
        )  # fmt: skip
        task.runs.append(run)
        self.runs[event.attempt] = run
        share.live[event.attempt] = None
        if event.purpose == "work":
            self._queued.pop(event.task, None)
            task.state, task.detail = "out", ""
        else:
            self._jury.pop(event.task, None)

    def _delivered(self, event: Delivered) -> None:
        run = self._out(event.attempt)
        share, task = self.shares[run.provider], self.tasks[run.task]
        del share.live[event.attempt]
        run.result, run.fuel, run.exit = event.result, event.fuel, event.exit
        run.started, run.finished, run.receipt = event.started, event.at, event.receipt
        self._fuel_seen += event.fuel
        self._delivered_count += 1
        share.faults = max(0, share.faults - 1)
        if self.ended or task.state in _OVER:
            run.state = "superseded"
            run.detail = "came after the job ended" if self.ended else "came after the task was decided"
            return
        run.state = "held"
        share.pending += 1
        task.checking = task.checking or event.check
        self._settle(task)

    def _troubled(self, event: Failed | Lost) -> None:
        run = self._out(event.attempt)
        share, task = self.shares[run.provider], self.tasks[run.task]
        del share.live[event.attempt]
        run.finished, run.detail = event.at, event.detail
        if isinstance(event, Failed):
            run.state, run.exit, run.logs = "failed", event.exit, event.logs
        else:
            run.state = "lost"
        if task.state in _OVER:
            return  # called back, since it was no longer needed
        if event.at >= share.blocked_until:  # else it is the same outage: all orders out are lost at once
            share.faults += 1
            share.blocked_until = event.at + FIRST_BACKOFF * 2 ** min(share.faults - 1, MAX_DOUBLINGS)
        self._settle(task)

    def _answer(self, run: Run) -> Answer:
        """What is compared: native programs never use the same processor time twice."""
        return replace(run.answer, fuel=0) if self.spec.runtime == "native" else run.answer

    def _settle(self, task: Task) -> None:
        """Bring a task to where its runs say it is."""
        if task.state in _OVER:
            return
        held, out = task.live("held"), task.live("out")
        if not held:
            self._jury.pop(task.index, None)
            if out:  # maybe a check, of a result that fell with its provider: it becomes the result to check
                task.state, task.detail = "out", ""
            else:
                self._again(task)
            return
        if not task.checking:
            self._accept(task, held)
            return
        task.state = "checking"
        verdict = judge([self._answer(run) for run in held]) if len(held) > 1 else Verdict("more")
        if verdict.kind == "agreed":
            self._conclude(task, verdict)
        elif verdict.kind == "hung":
            claims = len({self._answer(run).claim for run in held})
            for run in held:
                self._drop(run, "superseded", "providers disagree and no majority was found")
            self._finish(
                task, "failed", f"{len(held)} providers gave {claims} different results: the task is not deterministic"
            )
        elif not out:
            task.detail = (
                "waits for another provider to check it"
                if len(held) == 1
                else "providers disagree: waits for another to decide"
            )
            self._jury[task.index] = None

    def _conclude(self, task: Task, verdict: Verdict) -> None:
        held = task.live("held")
        self.checks_done += 1
        self.checks_failed += bool(verdict.wrong)
        owed = {provider: self.shares[provider].owed for provider in verdict.right}
        self._accept(task, [run for run in held if run.provider in verdict.right])
        for provider, before in owed.items():
            self.shares[provider].assured += self.shares[provider].owed - before
        for run in held:
            if run.provider in verdict.wrong:
                self._drop(run, "wrong", "a majority of providers got another result")
        for provider in verdict.wrong:
            self._distrust(provider)

    def _accept(self, task: Task, runs: list[Run]) -> None:
        for run in runs:
            self._credit(run)
        for run in task.live("out"):
            run.detail = "no longer needed"
        first = runs[0]
        task.result = first
        if first.exit == Exit.OK:
            self._finish(task, "done", "")
        else:
            self._finish(task, "failed", f"the program {_ending(first.exit)}")

    def _credit(self, run: Run) -> None:
        share = self.shares[run.provider]
        run.state = "accepted"
        share.pending -= 1
        share.fuel += run.fuel
        share.owed += cost(run.fuel, share.price)
        if run.purpose == "work":
            share.accepted += 1
        else:
            share.checks += 1

    def _drop(self, run: Run, state: RunState, detail: str) -> None:
        share = self.shares[run.provider]
        if run.state == "out":
            del share.live[run.attempt]
        elif run.state == "held":
            share.pending -= 1
        elif run.state == "accepted":
            share.fuel -= run.fuel
            share.owed -= cost(run.fuel, share.price)
            if run.purpose == "work":
                share.accepted -= 1
            else:
                share.checks -= 1
        run.state, run.detail = state, detail

    def _distrust(self, provider: str) -> None:
        """None of a liar's results stands: take them back, wait for no more, and have the tasks done again."""
        share = self.shares[provider]
        if share.distrusted:
            return
        share.distrusted = True
        for run in [run for run in self.runs.values() if run.provider == provider]:
            task = self.tasks[run.task]
            if run.state == "out":
                self._drop(run, "superseded", "its provider was shown wrong on another task")
                self._settle(task)
            elif run.state == "held":
                self._drop(run, "wrong", "its provider was shown wrong on another task")
                self._settle(task)
            elif run.state == "accepted":
                self._drop(run, "wrong", "its provider was shown wrong on another task")
                if task.result is run:
                    self._replace(task)

    def _replace(self, task: Task) -> None:
        """The result of an ended task has fallen with its provider."""
        others = task.live("accepted")
        if others:
            task.result = others[0]  # another provider had checked it and agreed
            return
        task.result, task.state, task.checking = None, "queued", False
        self._left += 1
        self._settle(task)

    def _again(self, task: Task) -> None:
        """Queue a task whose runs have come to nothing, or give it up."""
        troubles = [run for run in task.runs if run.state == "failed"]
        timeouts = [run for run in troubles if run.exit == Exit.TIMEOUT]
        if len(timeouts) >= MAX_TIMEOUTS and self._several(timeouts, MAX_TIMEOUTS):
            limit = units.format_duration(self.spec.limits.time)
            self._finish(task, "failed", f"ran into its time limit of {limit} {len(timeouts)} times; raise limits.time")
        elif len(troubles) >= MAX_TROUBLES and self._several(troubles, MIN_TROUBLED):
            self._finish(
                task, "failed", f"could not be run {len(troubles)} times; the last provider said: {troubles[-1].detail}"
            )
        else:
            task.state, task.checking = "queued", False
            task.detail = f"to be tried again: {task.runs[-1].detail}" if task.runs else ""
            self._queued[task.index] = None

    def _several(self, runs: list[Run], least: int) -> bool:
        """Whether these runs are of `least` different providers, or of all there are to ask."""
        trusted = sum(not share.distrusted for share in self.shares.values())
        return len({run.provider for run in runs}) >= min(least, trusted)

    def _finish(self, task: Task, state: Literal["done", "failed", "cancelled"], detail: str) -> None:
        task.state, task.detail = state, detail
        self._queued.pop(task.index, None)
        self._jury.pop(task.index, None)
        self._left -= 1

    def _end(self, event: Ended) -> None:
        if self.ended is not None:
            raise self._corrupt("it ended twice")
        self.ended = event
        for task in self.tasks:
            for run in task.live("held"):
                self._credit(run)  # its provider did the work in good faith and the buyer stopped asking: silence pays
            if task.state not in _OVER:
                self._finish(task, "cancelled", event.detail)

    def _out(self, attempt: int) -> Run:
        run = self.runs.get(attempt)
        if run is None or run.state != "out":
            raise self._corrupt(f"attempt {attempt} is not out")
        return run

    def _share(self, provider: str) -> Share:
        if (share := self.shares.get(provider)) is None:
            raise self._corrupt(f"{provider} has no session")
        return share

    def _corrupt(self, what: str) -> CorruptData:
        return CorruptData(f"the log of job {self.id[:12]} contradicts itself: {what}")


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"


def _ending(code: int) -> str:
    return {
        Exit.NONZERO: "exited with an error code; see its stderr",
        Exit.TRAP: "trapped (out-of-bounds access, unreachable code or the like); see its stderr",
        Exit.OUT_OF_FUEL: "used up its fuel; raise limits.fuel",
        Exit.OUTPUT_LIMIT: "wrote more than limits.output allows",
        Exit.BAD_MODULE: "is not a module the sandbox can run",
    }.get(Exit(code), f"ended with code {code}")
