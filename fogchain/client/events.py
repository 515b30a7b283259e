"""What happens to a job, as events; and the fold that makes each of them once, over any break of the connection.

The node's own events may be missed, doubled or late when the connection breaks or the node restarts. What `Follow` says
is made from what is known of the job by then: the end of every task and every receipt is told exactly once, states in
between at most once. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fogchain.api.models import Event, JobState, JobSummary, RunState, RunView, TaskState, TaskView

_RANK: dict[JobState, int] = {"planning": 0, "running": 1, "settling": 2, "done": 3, "failed": 3, "cancelled": 3}
_HANDED_OVER: frozenset[RunState] = frozenset({"delivered", "accepted", "wrong", "superseded"})
_FINAL: frozenset[TaskState] = frozenset({"done", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class JobChanged:
    """Progress, money spent or the state of the job changed."""

    job: JobSummary


@dataclass(frozen=True, slots=True)
class TaskChanged:
    """A task came into another state. `before` is None when it is heard of for the first time."""

    task: int
    state: TaskState
    before: TaskState | None
    detail: str  # why it failed, in words
    view: TaskView

    @property
    def over(self) -> bool:
        return self.state in _FINAL


@dataclass(frozen=True, slots=True)
class ReceiptAdded:
    """A provider handed over a result and signed what it cost: `cost` in base units of FOG, `fuel` in instructions."""

    task: int
    attempt: int
    purpose: str  # "work"; "check" when it is run again to be compared, "canary" when it tries a new provider
    provider: str
    provider_name: str
    exit: str
    fuel: int
    cost: int
    result: str  # hash


@dataclass(frozen=True, slots=True)
class JobEnded:
    """The last event: the job has ended, and what is owed is paid."""

    job: JobSummary


JobEvent = JobChanged | TaskChanged | ReceiptAdded | JobEnded


def over(job: JobSummary) -> bool:
    """Nothing more will happen: ended, and all that is owed is paid."""
    return job.state == "done" or (job.state in ("failed", "cancelled") and job.paid)


def worked_off(job: JobSummary) -> bool:
    """No task of it will change any more, though money may still move."""
    counts = job.tasks
    return over(job) or counts.done + counts.failed + counts.cancelled == counts.total > 0


class Follow:
    """One job, as it becomes known."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.job: JobSummary | None = None
        self.seq: int | None = None  # of the newest event that was heard
        self._tasks: dict[int, TaskView] = {}
        self._receipts: set[tuple[int, int]] = set()

    @property
    def over(self) -> bool:
        return self.job is not None and over(self.job)

    @property
    def behind(self) -> bool:
        """Whether more tasks have ended than were told: then look at all of them again."""
        if self.job is None:
            return True
        ended = sum(task.state in _FINAL for task in self._tasks.values())
        counts = self.job.tasks
        return ended < counts.done + counts.failed + counts.cancelled

    def look(self, job: JobSummary, tasks: Iterable[TaskView] = ()) -> Iterator[JobEvent]:
        """What the node said when it was asked for the job, and for its tasks."""
        for task in tasks:
            yield from self._task(task)
        yield from self._job(job)

    def hear(self, event: Event) -> Iterator[JobEvent]:
        """What the node said of its own accord; what concerns other jobs is passed over."""
        self.seq = max(self.seq or 0, event.seq)
        if event.task is not None and event.job_id == self.job_id:
            yield from self._task(event.task)
        elif event.job is not None and event.job.id == self.job_id:
            yield from self._job(event.job)

    def _job(self, job: JobSummary) -> Iterator[JobEvent]:
        job = JobSummary.model_validate(job.model_dump())  # a detail is more than is compared
        known = self.job
        if known == job or (known is not None and _age(job) < _age(known)):
            return
        self.job = job
        yield JobChanged(job)

    def _task(self, task: TaskView) -> Iterator[JobEvent]:
        known = self._tasks.get(task.index)
        if known is not None and _progress(task) < _progress(known):
            return  # it was said before what is known was
        self._tasks[task.index] = task
        for run in task.runs:
            key = (task.index, run.attempt)
            if key not in self._receipts and _signed(run):
                self._receipts.add(key)
                yield _receipt(task.index, run)
        before = known.state if known else None
        if task.state != before and not (before is None and task.state == "queued"):
            yield TaskChanged(task.index, task.state, before, task.detail, task)


def _age(job: JobSummary) -> tuple[int, int, int, bool]:
    counts = job.tasks
    return _RANK[job.state], counts.done + counts.failed + counts.cancelled, job.spent, job.paid


def _progress(task: TaskView) -> tuple[bool, int, int]:
    """Never less in what the node says later: runs only ever come and end."""
    return task.state in _FINAL, len(task.runs), sum(run.finished is not None for run in task.runs)


def _signed(run: RunView) -> bool:
    return run.state in _HANDED_OVER and run.result is not None and run.fuel is not None


def _receipt(task: int, run: RunView) -> ReceiptAdded:
    return ReceiptAdded(
        task=task,
        attempt=run.attempt,
        purpose=run.purpose,
        provider=run.provider,
        provider_name=run.provider_name,
        exit=run.exit or "",
        fuel=run.fuel or 0,
        cost=run.cost or 0,
        result=run.result or "",
    )
