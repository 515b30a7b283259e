"""`AsyncClient`: the Python client for programs with an event loop. `Client` is the same for all others."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from fogchain.api.client import AsyncClient as Api
from fogchain.api.models import (
    Event,
    JobDetail,
    JobSummary,
    NodeStatus,
    Page,
    ProviderView,
    ReceiptView,
    TaskView,
    WalletView,
)
from fogchain.client.events import Follow, JobEnded, JobEvent, TaskChanged, worked_off
from fogchain.client.link import PATIENCE, PAUSE, NodeLink
from fogchain.client.results import TaskResult, check_file, result_of
from fogchain.client.saving import SavedResults, save_results
from fogchain.client.show import PricedJob, Progress, job_line, job_table
from fogchain.client.work import MappedJob, Terms, Work, fresh_key, job_of, map_job
from fogchain.errors import BadInput, JobFailed, TaskError, Unavailable
from fogchain.folder import DataFolder
from fogchain.jobs.file import ResolvedJob
from fogchain.jobs.source import BlobSource
from fogchain.jobs.spec import Limits, Verify

PAGE = 500
RENEW = 10.0  # seconds after which the job is asked for anew, in case an event was lost


class AsyncClient:
    """A node's jobs, money and providers. Close it when done, or use it in `async with`.

    Without arguments it is the node of the default data folder ($FOGCHAIN_HOME, else ~/.fogchain); `data` names another
    folder, `url` and `token` a node elsewhere. It follows a node that is restarted. All methods raise FogchainError
    subclasses: Unavailable when the node does not answer, Unauthorized for a wrong token.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, data: str | Path | None = None) -> None:
        """Raises BadInput. The node is not asked before it is needed."""
        folder = DataFolder(Path(data).expanduser().absolute()) if data is not None else DataFolder.default()
        self._link = NodeLink(url, token, folder)

    # ---- jobs

    async def quote(self, job: Work, *, budget: str | None = None, max_price: str | None = None) -> PricedJob:
        """What `job` (a job file's path, or a JobSpec) would cost now; nothing is spent. Raises BadInput."""
        spec = (await asyncio.to_thread(job_of, job, budget, max_price)).spec
        quote = await self._link.patiently(lambda node: node.quote(spec))
        return PricedJob(name=spec.name, **quote.__dict__)

    async def submit(
        self,
        job: Work,
        *,
        budget: str | None = None,
        max_price: str | None = None,
        wait: bool | float = False,
        deposit: bool = True,
        key: str | None = None,
    ) -> AsyncJob:
        """Submit a job: from now on it may spend its budget (`"5 FOG"`, of the job file or given here).

        What the market lacks of the budget is deposited from the node's wallet, unless `deposit` is False. `wait`:
        until the job has ended, True for however long, a number for at most so many seconds. The same `key` gives the
        same job, however often it is submitted.

        Raises BadInput for a bad job file, PaymentRequired when wallet and market hold less than the budget, Conflict
        for a key that was used for another job; with `wait`, JobFailed, and TimeoutError (the job then goes on).
        """
        resolved = await asyncio.to_thread(job_of, job, budget, max_price)
        submitted = await self._submit(resolved, deposit, key)
        if wait is not False:
            await submitted.result(None if wait is True else wait)
        return submitted

    async def quote_map(
        self,
        work: Callable[[Any], Any] | str | Path | bytes,
        items: Iterable[Any],
        *,
        budget: str,
        max_price: str | None = None,
        verify: str | Mapping[str, Any] | Verify | None = None,
        limits: Mapping[str, Any] | Limits | None = None,
        time_limit: str | None = None,
        chunk: int = 1,
        name: str | None = None,
    ) -> PricedJob:
        """What `map` with the same arguments would cost now; nothing is sent or spent. Raises BadInput."""
        terms = Terms(budget, max_price, verify, limits, time_limit, name)
        mapped = await asyncio.to_thread(map_job, work, items, terms, chunk)
        return await self.quote(mapped.job)

    async def job(self, id: str) -> AsyncJob:
        """A job by its id, or by the first digits that no other job has. Raises NotFound, BadInput."""
        return AsyncJob(self._link, await self._link.patiently(lambda node: node.job(id)))

    async def jobs(self, limit: int = 50, cursor: str | None = None) -> Page[JobSummary]:
        """The newest jobs, at most 1000; `cursor` is the `next_cursor` of the page before. Raises BadInput."""
        return await self._link.patiently(lambda node: node.jobs(limit, cursor))

    async def all_jobs(self) -> AsyncGenerator[JobSummary, None]:
        """Every job, newest first, however many pages that takes."""
        cursor: str | None = None
        while True:
            page = await self.jobs(PAGE, cursor)
            for job in page.items:
                yield job
            if (cursor := page.next_cursor) is None:
                return

    async def map(
        self,
        work: Callable[[Any], Any] | str | Path | bytes,
        items: Iterable[Any],
        *,
        budget: str,
        max_price: str | None = None,
        verify: str | Mapping[str, Any] | Verify | None = None,
        limits: Mapping[str, Any] | Limits | None = None,
        time_limit: str | None = None,
        chunk: int = 1,
        name: str | None = None,
        deposit: bool = True,
        return_exceptions: bool = False,
        progress: bool | None = None,
    ) -> AsyncMapped:
        """Run `work` on every item, on other people's machines; iterate over what is returned for the outputs, in the
        items' order, as they come. `quote_map` says what it would cost before anything is spent.

        `work` is a Python function of one argument, or a program: a `.wasm` or `.py` file, or a module's bytes.

        A *function* runs on CPython compiled to WebAssembly, with the standard library alone. Its source goes there,
        and with it functions of one's own that it calls and plain values that it uses from outside; BadInput names
        what can't go along. Items and outputs are None, numbers, text, bytes, and lists, tuples, sets and dicts of
        them. They travel as JSON: nothing that a provider sends is ever unpickled, since a pickle runs what its maker
        likes.
        `chunk` items go into one task, which saves the interpreter's start (50 ms and half a Gfuel).

        A *program* gets one item a task, and its output is a `TaskResult`. Text, bytes and a Path are standard input; a
        list of text is arguments; a dict has `args`, `env`, `stdin` and `inputs`, whose names stand below /in.

        `budget` (`"5 FOG"`) is the most it may cost, `max_price` (`"0.8 FOG/Gfuel"`) leaves dearer providers out,
        `verify` is `"L0"`, `"L1"` or `{"level": …, "sample": "10 %"}`, `limits` are those of a job file (`{"fuel":
        "2 Gfuel"}`), `time_limit` (`"1 h"`) is the whole job's.

        An item whose function raised, or whose task failed, raises TaskError when its turn comes; iteration may go on
        after it. With `return_exceptions` the TaskError is the item's output instead. `progress` shows a line on
        standard error; by default where somebody sees it. Raises as `submit`.
        """
        terms = Terms(budget, max_price, verify, limits, time_limit, name)
        mapped = await asyncio.to_thread(map_job, work, items, terms, chunk)
        job = await self._submit(mapped.job, deposit, None)
        return AsyncMapped(job, mapped, return_exceptions, progress)

    # ---- the rest of the node

    async def offers(self) -> list[ProviderView]:
        """The providers the node knows, with what they offer and ask, and why some can't be used now."""
        return await self._link.patiently(lambda node: node.providers())

    async def wallet(self) -> WalletView:
        """Balances of the node's wallet and of its account in the market, in base units."""
        return await self._link.patiently(lambda node: node.wallet())

    async def status(self) -> NodeStatus:
        return await self._link.patiently(lambda node: node.status())

    async def close(self) -> None:
        await self._link.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _submit(self, job: ResolvedJob, deposit: bool, key: str | None) -> AsyncJob:
        spec, link = job.spec, self._link
        quote = await link.patiently(lambda node: node.quote(spec))
        if quote.missing and deposit:
            once = fresh_key()
            await link.patiently(lambda node: node.deposit(quote.missing, once))
        for sha256, source in job.blobs.items():
            await link.patiently(partial(_bring, sha256=sha256, source=source))
        once_only = key or fresh_key()
        summary = await link.patiently(lambda node: node.submit(spec, once_only))
        return AsyncJob(link, summary)


class AsyncJob:
    """A job that the node drives to its end, whether anybody watches or not."""

    def __init__(self, link: NodeLink, summary: JobSummary) -> None:
        self._link = link
        self.id = summary.id
        self.latest = summary  # as it was last heard of

    @property
    def name(self) -> str:
        return self.latest.name

    async def refresh(self) -> JobDetail:
        """The job as it is now, with its spec and its providers."""
        detail = await self._link.patiently(lambda node: node.job(self.id))
        self.latest = JobSummary.model_validate(detail.model_dump())
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
            tasks = [task async for task in self._tasks()]
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
        self.latest = await node.cancel(self.id)
        return self.latest

    async def receipts(self) -> list[ReceiptView]:
        """What providers have delivered for this job and what it cost, as both sides signed it, newest first."""
        found: list[ReceiptView] = []
        cursor: str | None = None
        while True:
            page = await self._receipts(cursor)
            found += page.items
            if (cursor := page.next_cursor) is None:
                return found

    async def _receipts(self, cursor: str | None) -> Page[ReceiptView]:
        return await self._link.patiently(lambda node: node.receipts("buyer", self.id, PAGE, cursor))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id[:12]}: {job_line(self.latest)}>"

    def _repr_html_(self) -> str:
        return job_table(self.latest)

    # ---- inside

    async def _watch_once(self, follow: Follow) -> AsyncGenerator[JobEvent, None]:
        """Until the job is over. Raises Unavailable when the connection breaks."""
        node = await self._link.api()
        async with _heard(node, follow.seq) as heard:
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
        told = list(follow.look(detail, [task async for task in self._tasks(node)]))
        self._note(follow)
        return told

    def _note(self, follow: Follow) -> None:
        if follow.job is not None:
            self.latest = follow.job

    async def _tasks(self, node: Api | None = None) -> AsyncIterator[TaskView]:
        cursor: str | None = None
        while True:
            if node is not None:
                page = await node.tasks(self.id, PAGE, cursor)
            else:
                page = await self._task_page(cursor)
            for task in page.items:
                yield task
            if (cursor := page.next_cursor) is None:
                return

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

    async def _file(self, task: int, name: str) -> bytes:
        return await self._link.patiently(lambda node: node.result_file(self.id, task, name))


class AsyncMapped:
    """The outputs of `map`, in the order of the items. `job` is the job that makes them."""

    def __init__(self, job: AsyncJob, mapped: MappedJob, return_exceptions: bool, progress: bool | None) -> None:
        self.job = job
        self._mapped, self._return_exceptions = mapped, return_exceptions
        self._line = Progress(progress)
        self._ready: dict[int, TaskResult] = {}
        self._next = 0  # the task whose outputs are due
        self._due: list[object] = []  # outputs of the task before it
        self._count = len(mapped.job.spec.tasks)
        self._coming: AsyncGenerator[TaskResult, None] | None = None

    def __aiter__(self) -> AsyncMapped:
        return self

    async def __anext__(self) -> Any:
        while not self._due:
            if self._next == self._count:
                self._line.end()
                raise StopAsyncIteration
            if (result := self._ready.pop(self._next, None)) is not None:
                self._next += 1
                self._due = list(self._mapped.outputs(result))
                break
            if self._coming is None:
                self._coming = self.job.results()
            try:
                arrived = await anext(self._coming)
            except StopAsyncIteration:
                raise JobFailed(f"{self.job.name} ended without the output of task {self._next}") from None
            self._ready[arrived.index] = arrived
            self._line.show(self.job.latest)
        output = self._due.pop(0)
        if isinstance(output, TaskError) and not self._return_exceptions:
            raise output
        return output

    async def aclose(self) -> None:
        """Stop listening; the job goes on. `job.cancel()` ends it."""
        if self._coming is not None:
            await self._coming.aclose()
        self._line.end()

    def _repr_html_(self) -> str:
        return self.job._repr_html_()


async def _bring(node: Api, sha256: str, source: BlobSource) -> None:
    """Upload what the node does not have. Raises BadInput for a file that is not there any more."""
    try:
        if not await node.has_blob(sha256):
            await node.put_blob(source, sha256)
    except OSError as error:
        raise BadInput(f"an input can't be read: {error}", hint="it was moved or removed meanwhile") from error


@contextlib.asynccontextmanager
async def _heard(node: Api, after: int | None) -> AsyncIterator[asyncio.Queue[Event | Unavailable]]:
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
