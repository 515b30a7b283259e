# Made of fogchain/client/aio/job.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""`Job`: follow a job, have its results."""

from __future__ import annotations

from pathlib import Path

from fogchain.api.data import TaskLogs
from fogchain.api.models import JobDetail, JobSummary, ReceiptView
from fogchain.client.aio import AsyncJob
from fogchain.client.events import JobEvent
from fogchain.client.printed import LogEvent
from fogchain.client.results import TaskResult
from fogchain.client.saving import SavedResults
from fogchain.client.sync.bridge import Blocking, Stream


class Job(Blocking[AsyncJob]):
    """A job that the node drives to its end, whether anybody watches or not."""

    _inner: AsyncJob

    @property
    def id(self) -> str:
        """The whole of it, in hexadecimal digits."""
        return self._inner.id

    @property
    def name(self) -> str:
        """The job's own, or its file's."""
        return self._inner.name

    @property
    def latest(self) -> JobSummary:
        """The job as it was last heard of; asks nobody."""
        return self._inner.latest

    def refresh(self) -> JobDetail:
        """The job as it is now, with its spec and its providers."""
        return self._loop.do(self._inner.refresh())

    def watch(self) -> Stream[JobEvent]:
        """What happens to the job, from what has happened already to `JobEnded`, which is the last.

        Every end of a task and every receipt is told exactly once, whatever breaks meanwhile: a connection that is lost
        is made anew, and a node that restarts is waited for. Raises Unavailable when it stays away for two minutes.
        """
        return Stream(self._loop, self._inner.watch())

    def results(self) -> Stream[TaskResult]:
        """The tasks' results as they come, each as soon as its task has ended, failed ones too: see `TaskResult.ok`.

        Raises as `watch`, and BadMessage for bytes that are not those that their provider signed.
        """
        return Stream(self._loop, self._inner.results())

    def result(self, timeout: float | None = None, *, progress: bool | None = None) -> list[TaskResult]:
        """All results in the tasks' order, once every task has ended.

        `timeout` in seconds. Raises TimeoutError (the job goes on), JobFailed when the job was cancelled or a task
        failed: `results` then has those that did not.
        """
        return self._loop.do(self._inner.result(timeout, progress=progress))

    def save(self, folder: str | Path) -> SavedResults:
        """Write every result there is so far into `folder`, as `fogchain job results` does: `0/stdout`, `0/out/…` and a
        manifest.json; what is there already is kept. Raises NotFound without results, Unavailable for a full disk."""
        return self._loop.do(self._inner.save(folder))

    def cancel(self) -> JobSummary:
        """End the job; what was delivered is paid. Raises Conflict when it has ended already."""
        return self._loop.do(self._inner.cancel())

    def receipts(self) -> list[ReceiptView]:
        """What providers have delivered for this job and what it cost, as both sides signed it, newest first."""
        return self._loop.do(self._inner.receipts())

    def logs(self, task: int) -> TaskLogs:
        """What each run of a task has printed, also while it runs; long output has its middle left out."""
        return self._loop.do(self._inner.logs(task))

    def printed(self, task: int | None = None) -> Stream[LogEvent]:
        """What the tasks, or one of them, print, as they do, until they are over: pieces of text, and each run's end.

        What comes before a run's end is what its provider says; see `Printed.unverified` and `RunEnded.contradicted`.
        Looked for once a second. Raises as `watch`, and NotFound when there is no such task.
        """
        return Stream(self._loop, self._inner.printed(task))

    def __repr__(self) -> str:
        return self._inner.__repr__()

    def _repr_html_(self) -> str:
        return self._inner._repr_html_()
