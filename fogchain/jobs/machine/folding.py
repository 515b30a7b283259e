"""How a job goes on from event to event, and how it ends."""

from __future__ import annotations

from typing import Literal

from fogchain import units
from fogchain.jobs.events import (
    Accepted,
    CapRaised,
    Checkpointed,
    Committed,
    Delivered,
    Distrusted,
    Ended,
    Failed,
    Filed,
    JobEvent,
    JuryClosed,
    Lost,
    Paid,
    Sent,
    SessionPlanned,
    Signed,
)
from fogchain.jobs.machine.placing import Placing
from fogchain.jobs.machine.runs import OVER, Run, Share
from fogchain.jobs.machine.settling import Settling
from fogchain.market.messages import late_pay
from fogchain.market.reputation import halved
from fogchain.units import cost

FIRST_BACKOFF = 2.0  # seconds a provider is left alone after a fault in this job; doubles with each
MAX_DOUBLINGS = 8
HANDED_BACK_PAUSE = 10.0  # seconds for which a provider that handed an order back gets none: its machine is in use


class JobMachine(Placing, Settling):
    """One job. `apply` folds events; everything else only looks."""

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
            case Checkpointed():
                self._save(event)
            case Failed() | Lost():
                self._troubled(event)
            case Filed():
                self._file(event)
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
        fits = task.state not in OVER if event.purpose != "canary" else task.result is not None and not self.ended
        if not fits:
            raise self._corrupt(f"an order for task {event.task}, which needs none")
        run = Run(
            event.attempt, event.task, event.provider, event.purpose, event.at, event.order, event.signature,
            due=self.due(event.at), sealed=self.sealed(event.purpose),
            resumed=event.resumed, makers=tuple(event.makers.split(",")) if event.makers else (),
        )  # fmt: skip
        if event.makers and task.saved is not None:
            self.archives.add(task.saved.archive)
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
        run.finished, run.restarted = event.at, event.restarted
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
        if self._ended_badly(run):
            self._void(run, "went on from another's checkpoint and did not end well: it is done from the start")
            self._settle(task)
            return
        if task.state in OVER:
            self._compare(task, run)
            return
        task.checking = task.checking or event.check
        self._settle(task)

    def _troubled(self, event: Failed | Lost) -> None:
        run = self._out(event.attempt)
        share, task = self.shares[run.provider], self.tasks[run.task]
        del share.live[event.attempt]
        run.finished, run.detail = event.at, event.detail
        if isinstance(event, Failed):
            run.state, run.exit, run.logs = "failed", event.exit, event.logs
            self._forget(task, run.makers)  # who knows what it was
        else:
            run.state = "lost"
        if not self.needed(run):
            return  # called back
        if isinstance(event, Lost) and event.handed_back:
            run.handed_back = True
            share.blocked_until = max(share.blocked_until, event.at + HANDED_BACK_PAUSE)
            self._settle(task)
            return
        run.blamed = True
        if isinstance(event, Lost) and event.breach and run.promise:
            run.breached = True
            share.penalties += self.spec.penalty_at(share.price, run.resumed)
        if event.at >= share.blocked_until:  # else it is the same outage: all orders out are lost at once
            share.faults += 1
            share.outages += 1
            share.failing = event.detail
            if share.given_up:
                self._given_up.add(share.operator)
            share.quota = halved(share.quota)
            share.blocked_until = event.at + FIRST_BACKOFF * 2 ** min(share.faults - 1, MAX_DOUBLINGS)
        self._settle(task)

    def _file(self, event: Filed) -> None:
        run = self.runs.get(event.attempt)
        if run is None or not run.may_file:
            raise self._corrupt(f"a receipt of attempt {event.attempt} is kept, which is not over or has one")
        run.filed = event

    def _end(self, event: Ended) -> None:
        if self.ended is not None:
            raise self._corrupt("it ended twice")
        self.ended = event
        for task in self.tasks:
            for run in task.live("held"):
                self._credit(run)  # its provider did the work in good faith and the buyer stopped asking: silence pays
            if task.state not in OVER:
                self._finish(task, "cancelled", event.detail)

    def _out(self, attempt: int) -> Run:
        run = self.runs.get(attempt)
        if run is None or run.state != "out":
            raise self._corrupt(f"attempt {attempt} is not out")
        return run


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"
