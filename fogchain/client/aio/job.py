"""`AsyncJob`: follow a job, have its results."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from pathlib import Path

from fogchain.api.client import AsyncClient as Api
from fogchain.api.data import TaskLogs
from fogchain.api.models import (
    Event,
    JobDetail,
    JobSummary,
    Page,
    ReceiptView,
    TaskView,
)
from fogchain.client.events import Follow, JobEnded, JobEvent, TaskChanged, over, worked_off
from fogchain.client.link import PAGE, PATIENCE, PAUSE, NodeLink, every
from fogchain.client.printed import FollowPrinted, LogEvent, Printed
from fogchain.client.results import TaskResult, check_file, result_of
from fogchain.client.saving import SavedResults, save_results
from fogchain.client.show import Progress, job_line, job_table
from fogchain.errors import JobFailed, NotFound, Unavailable

LOOK = 1.0  # seconds between looks at what tasks print
RENEW = 10.0  # seconds after which the job is asked for anew, in case an event was lost


class AsyncJob:
    """A job that the node drives to its end, whether anybody watches or not."""

    def __init__(self, link: NodeLink, summary: JobSummary) -> None:
        self._link, self._latest = link, summary

    @property
    def id(self) -> str:
        """The whole of it, in hexadecimal digits."""
        return self._latest.id

    @property
    def name(self) -> str:
        """The job's own, or its file's."""
        return self._latest.name

    @property
    def latest(self) -> JobSummary:
        """The job as it was last heard of; asks nobody."""
        return self._latest

    async def refresh(self) -> JobDetail:
        """The job as it is now, with its spec and its providers."""
        detail = await self._link.patiently(lambda node: node.job(self.id))
        self._latest = JobSummary.model_validate(detail.model_dump())
        return detail

    async def watch(self) -> AsyncGenerator[JobEvent, None]:
        """What happens to the job, from what has happened already to `JobEnded`, which is the last.

        Every end of a task and every receipt is told exactly once, whatever breaks meanwhile: a connection that is lost
        is made anew, and a node that restarts is waited for. Raises Unavailable when it stays away for two minutes.
        """
        follow, patience = Follow(self.id), time.monotonic() + PATIENCE
        while True:
            try:
                async with contextlib.aclosing(self._watch_once(follow)) as events:
                    async for event in events:
                        patience = time.monotonic() + PATIENCE
                        yield event
                job = follow.job
                assert job is not None
                yield JobEnded(job)
                return
            except Unavailable:
                if time.monotonic() > patience:
                    raise
            await asyncio.sleep(PAUSE)

    async def results(self) -> AsyncGenerator[TaskResult, None]:
        """The tasks' results as they come, each as soon as its task has ended, failed ones too: see `TaskResult.ok`.

        Raises as `watch`, and BadMessage for bytes that are not those that their provider signed.
        """
        told: set[int] = set()
        async with contextlib.aclosing(self._ends()) as ends:
            async for task in ends:
                if task.index not in told:
                    told.add(task.index)
                    yield await self._result(task)

    async def result(self, timeout: float | None = None, *, progress: bool | None = None) -> list[TaskResult]:
        """All results in the tasks' order, once every task has ended.

        `timeout` in seconds. Raises TimeoutError (the job goes on), JobFailed when the job was cancelled or a task
        failed: `results` then has those that did not.
        """
        async with asyncio.timeout(timeout):
            line = Progress(progress)
            try:
                async with contextlib.aclosing(self.watch()) as events:
                    async for _ in events:
                        line.show(self.latest)
                        if worked_off(self.latest):
                            break
            finally:
                line.end()
            await self.refresh()
            tasks = [task async for task in every(self._task_page)]
            failed = [task for task in tasks if task.state != "done"]
            if failed:
                raise JobFailed(
                    f"{self.name}: {len(failed)} of {len(tasks)} tasks have no good end; "
                    f"task {failed[0].index}: {failed[0].detail or failed[0].state}",
                    hint="job.results() has what there is of each task",
                )
            return [await self._result(task) for task in tasks]

    async def save(self, folder: str | Path) -> SavedResults:
        """Write every result there is so far into `folder`, as `fogchain job results` does: `0/stdout`, `0/out/…` and a
        manifest.json; what is there already is kept. Raises NotFound without results, Unavailable for a full disk."""
        target = Path(folder)
        return await self._link.patiently(lambda node: save_results(node, self.id, target))

    async def cancel(self) -> JobSummary:
        """End the job; what was delivered is paid. Raises Conflict when it has ended already."""
        node = await self._link.api()
        self._latest = await node.cancel(self.id)
        return self.latest

    async def receipts(self) -> list[ReceiptView]:
        """What providers have delivered for this job and what it cost, as both sides signed it, newest first."""

        async def page(cursor: str | None) -> Page[ReceiptView]:
            return await self._link.patiently(lambda node: node.receipts("buyer", self.id, PAGE, cursor))

        return [receipt async for receipt in every(page)]

    async def logs(self, task: int) -> TaskLogs:
        """What each run of a task has printed, also while it runs; long output has its middle left out."""
        return await self._link.patiently(lambda node: node.logs(self.id, task))

    async def printed(self, task: int | None = None) -> AsyncGenerator[LogEvent, None]:
        """What the tasks, or one of them, print, as they do, until they are over: pieces of text, and each run's end.

        What comes before a run's end is what its provider says; see `Printed.unverified` and `RunEnded.contradicted`.
        Looked for once a second. Raises as `watch`, and NotFound when there is no such task.
        """
        follow = FollowPrinted()
        while True:
            job = await self.refresh()
            if task is not None and not 0 <= task < job.tasks.total:
                raise NotFound(f"job {self.id[:12]} has tasks 0 to {job.tasks.total - 1}, not {task}")
            again = False
            for each in [one async for one in every(self._task_page) if task in (None, one.index)]:
                for run in follow.open(each):
                    async for event in self._printed_by(follow, each.index, run.attempt):
                        yield event
                again = again or bool(follow.open(each)) or each.state not in ("done", "failed", "cancelled")
            if not again or over(job):
                return
            await asyncio.sleep(LOOK)

    def __repr__(self) -> str:
        return f"<Job {self.id[:12]}: {job_line(self.latest)}>"

    def _repr_html_(self) -> str:
        return job_table(self.latest)

    # ---- inside

    async def _watch_once(self, follow: Follow) -> AsyncGenerator[JobEvent, None]:
        """Until the job is over. Raises Unavailable when the connection breaks."""
        node = await self._link.api()
        async with heard_from(node, follow.seq) as heard:
            # Asked after the events are on: nothing falls between.
            for event in await self._look(node, follow):
                yield event
            while not follow.over:
                try:
                    async with asyncio.timeout(RENEW):
                        said = await heard.get()
                except TimeoutError:
                    said = None
                if isinstance(said, Unavailable):
                    raise said
                told = [] if said is None else list(follow.hear(said))
                if said is None or said.kind == "gap" or (said.job is not None and follow.behind):
                    told += await self._look(node, follow)
                self._note(follow)
                for event in told:
                    yield event
            for event in await self._look(node, follow):
                yield event

    async def _look(self, node: Api, follow: Follow) -> list[JobEvent]:
        detail = await node.job(self.id)
        told = list(follow.look(detail, [task async for task in every(partial(node.tasks, self.id, PAGE))]))
        self._note(follow)
        return told

    def _note(self, follow: Follow) -> None:
        if follow.job is not None:
            self._latest = follow.job

    async def _task_page(self, cursor: str | None) -> Page[TaskView]:
        return await self._link.patiently(lambda node: node.tasks(self.id, PAGE, cursor))

    async def _ends(self) -> AsyncGenerator[TaskView, None]:
        """The tasks as they end."""
        async with contextlib.aclosing(self.watch()) as events:
            ended = 0
            async for event in events:
                if isinstance(event, TaskChanged) and event.over:
                    ended += 1
                    yield event.view
                if ended == self.latest.tasks.total > 0:
                    return

    async def _result(self, task: TaskView) -> TaskResult:
        contents = {}
        for file in task.files:
            data = await self._file(task.index, file.name) if file.size else b""
            contents[file.name] = check_file(task.index, file, data)
        return result_of(task, contents)

    async def _printed_by(self, follow: FollowPrinted, task: int, attempt: int) -> AsyncIterator[LogEvent]:
        """All there is now of a run."""
        more = True
        while more:
            ask = partial(_logs, job=self.id, task=task, attempt=attempt, since=follow.since(task, attempt))
            more = False
            for event in list(follow.hear(await self._link.patiently(ask))):
                more = more or isinstance(event, Printed)
                yield event

    async def _file(self, task: int, name: str) -> bytes:
        return await self._link.patiently(lambda node: node.result_file(self.id, task, name))


async def _logs(node: Api, job: str, task: int, attempt: int, since: tuple[int, int]) -> TaskLogs:
    return await node.logs(job, task, attempt, *since)


@contextlib.asynccontextmanager
async def heard_from(node: Api, after: int | None) -> AsyncIterator[asyncio.Queue[Event | Unavailable]]:
    """The node's events from now on, or after one that was heard before; at its end the error that ended them."""
    heard: asyncio.Queue[Event | Unavailable] = asyncio.Queue()
    on = asyncio.Event()

    async def listen() -> None:
        try:
            async with contextlib.aclosing(node.events(after, on.set)) as events:
                async for event in events:
                    heard.put_nowait(event)
        except Unavailable as error:
            heard.put_nowait(error)
        finally:
            on.set()

    listening = asyncio.create_task(listen(), name="job events")
    try:
        await on.wait()
        if listening.done() and (error := listening.exception()) is not None:
            raise error
        yield heard
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await listening
