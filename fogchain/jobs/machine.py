"""The job machine: a fold over the job's events, and what should happen next. No I/O, no clock.

    task   queued ─Sent▶ out ─Delivered▶ held ─(not drawn, or the others agree)▶ done
              ▲            │               │
              └── Lost, Failed ◀───────────┘ a majority says otherwise
    job    open ─all tasks ended, cancel, out of time or money▶ Ended ─every voucher claimed▶ Paid

A run is one order to one provider. Work runs make the result, check runs repeat it: after a draw at L1, from the start
at L2 and L3. A canary repeats a task that is done and confirmed, to see whether its provider gets it right: it never
makes a result, and only where few have confirmed the other one does it open the question again. Runs that are compared
are by different operators. Money follows accepted runs only, whatever they are for; an operator shown wrong once, here
or in another job of this buyer, has none of its other results trusted or paid. What a provider promised and never
delivered costs it the penalty, out of what it earns in this job and no more.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

from fogchain import units
from fogchain.errors import CorruptData
from fogchain.jobs.events import (
    Accepted,
    CapRaised,
    Committed,
    Delivered,
    Distrusted,
    Ended,
    Failed,
    JobEvent,
    JuryClosed,
    Lost,
    Paid,
    Purpose,
    Sent,
    SessionPlanned,
    Signed,
)  # fmt: skip
from fogchain.jobs.spec import JobSpec
from fogchain.market.messages import Exit, late_pay
from fogchain.market.reputation import MAX_QUOTA, Outcomes, grown, halved
from fogchain.market.verification import LEAD, Answer, Claim, Verdict, claim_of, judge
from fogchain.units import cost

MAX_TROUBLES = 6  # provider-side failures after which a task is given up,
MIN_TROUBLED = 3  # if so many different providers had them: a single one can't fail the job
MAX_TIMEOUTS = 2  # a task that runs out of wall clock on two providers will do so again
FIRST_BACKOFF = 2.0  # seconds a provider is left alone after a fault in this job; doubles with each
MAX_DOUBLINGS = 8
GIVEN_UP = 3  # outages in a row after which a provider gets no more of this job, unless there is nobody else
TAIL_TASKS = 8  # when so few are left, or a tenth of all, and none is queued,
TAIL_SLOWNESS = 3  # one that takes so many times its forecast is given to a second provider too,
TAIL_LEAST = 2.0  # but not before so many seconds
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


@dataclass(slots=True)
class Task:
    index: int
    runs: list[Run] = field(default_factory=list)
    state: TaskState = "queued"
    detail: str = ""
    checking: bool = False
    closed: bool = False  # nobody else can be asked: a majority decides
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
    operator: str
    quota: int = MAX_QUOTA  # tasks at once
    accepted: int = 0
    checks: int = 0  # and canaries
    right: int = 0  # of those accepted, confirmed by others
    passed: int = 0  # of these, the ones it delivered before it could know of the check
    late: int = 0
    outages: int = 0
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
        self._jury: dict[int, int] = {}  # tasks under check to how many more runs they want
        self._given_up: set[str] = set()  # operators
        self._left = len(spec.tasks)
        self._fuel_seen = 0
        self._delivered_count = 0
        self._taken = 0.0  # seconds from order to delivery, of all delivered runs

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
        return last if self.spec.deadline is None else min(last, ceil(at + self.spec.deadline / 1000))

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

    def wanted(self, limit: int, present: frozenset[str] | None = None) -> list[Work]:
        """Up to `limit` runs to place, checks first: they hold up payment.

        `present`: the providers that answer, in a pause after a fault or not; all, unless given.
        """
        if self.ended:
            return []
        here = self._operators(present)
        work = []
        for index, more in self._jury.items():
            work += [Work(index, "check", self._barred(self.tasks[index], here))] * more
            if len(work) >= limit:
                return work[:limit]
        for index in self._queued:
            work.append(Work(index, "work", self._barred(self.tasks[index], here)))
            if len(work) >= limit:
                break
        return work

    def stragglers(self, now: float, present: frozenset[str] | None = None) -> list[Work]:
        """Tasks of the tail that a second provider should be given too: the first good answer counts, the other run is
        called back. Only where one run makes the result: replicas are several already."""
        if self.ended or self._queued or not self._tail or self.spec.replicas > 1:
            return []
        here = self._operators(present)
        found = []
        for task in self.tasks:
            out = task.live("out") if task.state == "out" else []
            if len(out) != 1:
                continue
            share = self.shares[out[0].provider]
            forecast = share.taken / share.delivered if share.delivered else self.mean_time
            if forecast and now - out[0].sent > max(TAIL_LEAST, TAIL_SLOWNESS * forecast):
                found.append(Work(task.index, "work", self._barred(task, here)))
        return found

    @property
    def _tail(self) -> bool:
        return self._left <= max(TAIL_TASKS, len(self.tasks) // 10)

    def known(self, provider: str) -> list[int]:
        """Tasks fit to be this provider's canary, before it is given work: confirmed by others, and never given to its
        operator. Those whose confirmation suffices to prove a wrong answer, if there are any. None in the tail."""
        share = self.shares[provider]
        if self.ended or self._tail or share.begun:
            return []
        votes = {task.index: self._votes(task, share.operator) for task in self.tasks if task.state == "done"}
        enough = min(max(votes.values(), default=0), 1 + LEAD)
        return [index for index, count in votes.items() if count >= max(2, enough)]

    def _votes(self, task: Task, stranger: str) -> int:
        """Operators that confirm the task's result; 0 when one of them, or of those that tried, is `stranger`."""
        if len(task.runs) < 2 or any(self.shares[run.provider].operator == stranger for run in task.runs):
            return 0
        return len({self.shares[run.provider].operator for run in task.live("accepted")})

    def needed(self, run: Run) -> bool:
        """Whether its answer is still waited for."""
        return self.ended is None and (run.purpose == "canary" or self.tasks[run.task].state not in _OVER)

    @property
    def mean_time(self) -> float:
        """Mean seconds from order to delivery, 0.0 before the first."""
        return self._taken / self._delivered_count if self._delivered_count else 0.0

    def _operators(self, present: frozenset[str] | None) -> set[str]:
        shares = self.shares.values() if present is None else (self.shares[name] for name in present)
        return {share.operator for share in shares if not share.distrusted}

    def _barred(self, task: Task, here: set[str]) -> frozenset[str]:
        """Operators that get no run of this task. One answers a task once: a second answer of its own would confirm its
        first. One that failed it does not get it again, nor one that was given up, as long as there is another here."""
        if not task.runs and not self._given_up:
            return frozenset()
        answered = {self.shares[run.provider].operator for run in task.runs if run.state in ("out", "held", "wrong")}
        failed = {self.shares[run.provider].operator for run in task.runs if run.blamed}
        failed |= self._given_up
        return frozenset(answered | failed if here - answered - failed else answered)

    def _others(self, task: Task) -> bool:
        """Whether the job knows another operator that could be asked about this task."""
        answered = ("held", "accepted", "wrong")
        gone = {self.shares[run.provider].operator for run in task.runs if run.blamed or run.state in answered}
        return any(share.operator not in gone and not share.distrusted for share in self.shares.values())

    def may_serve(self, provider: str, now: float) -> bool:
        """Whether this provider may get orders of this job now."""
        share = self.shares.get(provider)
        return share is not None and not share.distrusted and now >= share.blocked_until

    def sealed(self, purpose: Purpose) -> bool:
        """Whether such a run's provider commits to its answer first: all that are compared, but those whose check is
        drawn after they were delivered."""
        return purpose == "check" or self.spec.replicas > 1

    @property
    def distrusted(self) -> set[str]:
        """Operators of which nothing is trusted."""
        return {share.operator for share in self.shares.values() if share.distrusted}

    def outcomes(self) -> dict[str, Outcomes]:
        """What this job adds to its providers' records."""
        wrong = Counter(run.provider for run in self.runs.values() if run.state == "wrong")
        return {name: share.outcomes(wrong[name]) for name, share in self.shares.items()}

    def may_open(self, run: Run) -> bool:
        """Whether a committed answer may be shown: every other answer to the task is fixed, too."""
        others = (other for other in self.tasks[run.task].runs if other is not run and other.state == "out")
        return all(other.commitment for other in others)

    def contested(self) -> list[int]:
        """Tasks where a majority waits for more to be asked."""
        return [i for i in self._jury if judge(self._answers(self.tasks[i].live("held")), last=True).kind == "agreed"]

    def payable(self, provider: str, *, pressed: bool = False) -> int:
        """What the next voucher to this provider should be over, or 0 when none is due: all its accepted runs less its
        penalties, and less those that the orders it still has may come to, since what is signed can't be taken back;
        but while one of its results is under check only those that others confirmed, and nothing more once it was shown
        wrong. `pressed`: nothing goes on unless it is paid ahead for results under check, so one run's most of those
        is added, and nothing is kept back."""
        share = self.shares[provider]
        retained = 0 if self.ended or pressed else share.out * self.spec.penalty_at(share.price)
        due = max(0, share.due - retained)
        if share.pending and not pressed:
            due = min(due, share.assured)
        elif share.pending:
            held = [run for run in self.runs.values() if run.provider == provider and run.state == "held"]
            value = sum(run.cost for run in held)
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
                    event.provider, event.peer, event.name, event.price, event.session, event.cap,
                    event.operator or event.provider, event.quota,
                )  # fmt: skip
            case CapRaised():
                self._share(event.provider).cap = event.cap
            case Sent():
                self._sent(event)
            case Accepted():
                self._out(event.attempt).promise = event.promise
            case Committed():
                self._out(event.attempt).commitment = event.answer
            case Delivered():
                self._delivered(event)
            case Failed() | Lost():
                self._troubled(event)
            case JuryClosed():
                if event.task not in self._jury:
                    raise self._corrupt(f"the jury of task {event.task} closed, which has none")
                self.tasks[event.task].closed = True
                self._settle(self.tasks[event.task])
            case Distrusted():
                self._distrust(self._share(event.provider), event.detail)
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
        if not 0 <= event.task < len(self.tasks):
            raise self._corrupt(f"an order for task {event.task}, which there is not")
        task = self.tasks[event.task]
        fits = task.state not in _OVER if event.purpose != "canary" else task.result is not None and not self.ended
        if not fits:
            raise self._corrupt(f"an order for task {event.task}, which needs none")
        run = Run(
            event.attempt, event.task, event.provider, event.purpose, event.at, event.order, event.signature,
            due=self.due(event.at), sealed=self.sealed(event.purpose),
        )  # fmt: skip
        task.runs.append(run)
        self.runs[event.attempt] = run
        share.live[event.attempt] = None
        share.begun = share.begun or event.purpose != "check"
        if event.purpose == "work":
            self._queued.pop(event.task, None)
            if task.state == "queued":
                task.state, task.detail = "out", ""
        self._ask(task, self._seats(task))

    def _delivered(self, event: Delivered) -> None:
        run = self._out(event.attempt)
        share, task = self.shares[run.provider], self.tasks[run.task]
        del share.live[event.attempt]
        run.result, run.fuel, run.exit = event.result, event.fuel, event.exit
        run.started, run.dated, run.receipt = event.started, event.finished, event.receipt
        run.finished = event.at
        gross = cost(event.fuel, share.price)
        run.cost = late_pay(gross, event.finished, run.due, run.due + self.spec.grace // 1000)
        run.late = event.finished > run.due
        self._fuel_seen += event.fuel
        self._delivered_count += 1
        self._taken += event.at - run.sent
        share.taken += event.at - run.sent
        share.delivered += 1
        share.faults = max(0, share.faults - 1)
        if not share.given_up:
            self._given_up.discard(share.operator)
        if not self.needed(run):
            run.state = "superseded"
            run.detail = "came after the job ended" if self.ended else "came after the task was decided"
            return
        run.state = "held"
        share.pending += 1
        if task.state in _OVER:
            self._compare(task, run)
            return
        task.checking = task.checking or event.check
        self._settle(task)

    def _compare(self, task: Task, canary: Run) -> None:
        """Hold a canary's answer against what others have confirmed."""
        known = task.live("accepted")
        if not known:
            self._drop(canary, "superseded", "no majority was found for any result of its task")
        elif self._claim(canary) == self._claim(known[0]):
            self.checks_done += 1
            self._credit(canary)
            self._confirmed(canary)
            self.shares[canary.provider].assured += canary.cost
        elif judge(self._answers([*known, canary]), last=not self._others(task)).kind == "agreed":
            self.checks_done += 1
            self.checks_failed += 1
            self._prove([canary], "other providers had confirmed another result")
        else:
            self._reopen(task)

    def _troubled(self, event: Failed | Lost) -> None:
        run = self._out(event.attempt)
        share, task = self.shares[run.provider], self.tasks[run.task]
        del share.live[event.attempt]
        run.finished, run.detail = event.at, event.detail
        if isinstance(event, Failed):
            run.state, run.exit, run.logs = "failed", event.exit, event.logs
        else:
            run.state = "lost"
        if not self.needed(run):
            return  # called back
        run.blamed = True
        if isinstance(event, Lost) and event.breach and run.promise:
            run.breached = True
            share.penalties += self.spec.penalty_at(share.price)
        if event.at >= share.blocked_until:  # else it is the same outage: all orders out are lost at once
            share.faults += 1
            share.outages += 1
            if share.given_up:
                self._given_up.add(share.operator)
            share.quota = halved(share.quota)
            share.blocked_until = event.at + FIRST_BACKOFF * 2 ** min(share.faults - 1, MAX_DOUBLINGS)
        self._settle(task)

    def _settle(self, task: Task) -> None:
        """Bring a task to where its runs say it is."""
        if task.state in _OVER:
            return
        held, out = task.live("held"), task.live("out")
        if not held:
            self._jury.pop(task.index, None)
            if out:  # maybe a check, of a result that fell with its provider: it becomes the result to check
                task.state, task.detail = "out", ""
                self._ask(task, self.spec.replicas)
            else:
                self._again(task)
            return
        if not task.checking and self.spec.replicas == 1:
            self._accept(task, held)
            return
        task.state = "checking"
        last = task.closed or not (out or self._others(task))
        verdict = judge(self._answers(held), self._seats(task), last=last)
        if verdict.kind == "agreed":
            self._conclude(task, verdict)
        elif verdict.kind == "hung":
            claims = len({self._claim(run) for run in held})
            for run in held:
                self._drop(run, "superseded", "providers disagree and no majority was found")
            self._finish(
                task, "failed", f"{len(held)} providers gave {claims} different results: the task is not deterministic"
            )
        else:
            task.detail = (
                "providers disagree: waits for others to decide"
                if len({self._claim(run) for run in held}) > 1
                else "waits for another provider to check it"
            )
            self._ask(task, verdict.seats)

    def _seats(self, task: Task) -> int:
        """How many answers a task wants from the start, or since its check was drawn."""
        return max(self.spec.replicas, 2 if task.checking else 1)

    def _ask(self, task: Task, seats: int) -> None:
        """See that there will be so many answers of this task."""
        if task.state in _OVER or task.state == "queued":
            return
        answers = task.live("held")
        if answers:  # a mismatch asks for more than what it began with
            seats = max(seats, judge(self._answers(answers), seats).seats)
        more = seats - len(answers) - len(task.live("out"))
        if more > 0:
            self._jury[task.index] = more
        else:
            self._jury.pop(task.index, None)

    def _answers(self, runs: list[Run]) -> list[Answer]:
        return [Answer(run.provider, self.shares[run.provider].operator, self._claim(run)) for run in runs]

    def _claim(self, run: Run) -> Claim:
        return claim_of(self.spec.runtime, bytes.fromhex(run.result), run.fuel, run.exit)

    def _conclude(self, task: Task, verdict: Verdict) -> None:
        held = task.live("held")
        self.checks_done += 1
        self.checks_failed += bool(verdict.wrong)
        owed = {provider: self.shares[provider].owed for provider in verdict.right}
        self._accept(task, [run for run in held if run.provider in verdict.right])
        for provider, before in owed.items():
            self.shares[provider].assured += self.shares[provider].owed - before
        for run in held:
            if run.provider in verdict.right:
                self._confirmed(run)
        wrong = [run for provider in verdict.wrong for run in held if run.provider == provider]
        self._prove(wrong, "a majority of providers got another result")

    def _prove(self, wrong: list[Run], detail: str) -> None:
        """These answers are wrong beyond doubt, and so is all that their providers have said."""
        for run in wrong:
            self._drop(run, "wrong", detail)
        for run in wrong:
            self.shares[run.provider].proven = True
            self._distrust(self.shares[run.provider], "its provider was shown wrong on another task")

    def _confirmed(self, run: Run) -> None:
        share = self.shares[run.provider]
        share.right += 1
        share.passed += not run.sealed

    def _accept(self, task: Task, runs: list[Run]) -> None:
        for run in runs:
            self._credit(run)
        for run in task.live("out"):
            if run.purpose != "canary":
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
        share.owed += run.cost
        share.late += run.late
        share.quota = grown(share.quota)
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
            self._uncredit(run)
        run.state, run.detail = state, detail

    def _uncredit(self, run: Run) -> None:
        share = self.shares[run.provider]
        share.fuel -= run.fuel
        share.owed -= run.cost
        share.late -= run.late
        if run.purpose == "work":
            share.accepted -= 1
        else:
            share.checks -= 1

    def _distrust(self, liar: Share, detail: str) -> None:
        """None of a liar's results stands, nor of its operator's other nodes: take them back, wait for no more, and
        have the tasks done again."""
        mine = {share.provider for share in self.shares.values() if share.operator == liar.operator}
        mine = {provider for provider in mine if not self.shares[provider].distrusted}
        for provider in mine:
            self.shares[provider].distrusted = True
        for run in [run for run in self.runs.values() if run.provider in mine]:
            task = self.tasks[run.task]
            if run.state == "out":
                self._drop(run, "superseded", detail)
                self._settle(task)
            elif run.state == "held":
                self._drop(run, "wrong", detail)
                self._settle(task)
            elif run.state == "accepted" and not self.ended:
                self._drop(run, "wrong", detail)
                self._fallen(task)
            elif run.state == "accepted":
                run.detail = detail  # what is not signed for yet never will be

    def _fallen(self, task: Task) -> None:
        """One of the accepted runs of an ended task has fallen with its provider: those that agreed with it stand only
        if they are enough without it."""
        others = task.live("accepted")
        if others and len(others) >= self._seats(task):
            task.result = others[0]
        else:
            self._reopen(task)

    def _reopen(self, task: Task) -> None:
        """What was accepted of an ended task is in question again."""
        for run in task.live("accepted"):
            self._uncredit(run)
            run.state = "held"
            self.shares[run.provider].pending += 1
        task.result, task.state, task.closed = None, "checking", False
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
            task.state, task.checking, task.closed = "queued", False, False
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
