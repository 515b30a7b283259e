"""`Client`: the Python client for scripts and notebooks. It works inside a running event loop, too.

Everything happens in an `AsyncClient` whose loop runs in a thread of its own; the calls here wait for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from fogchain.api.models import JobDetail, JobSummary, NodeStatus, Page, ProviderView, ReceiptView, WalletView
from fogchain.client.aio import AsyncClient, AsyncJob, AsyncMapped
from fogchain.client.events import JobEvent
from fogchain.client.results import TaskResult
from fogchain.client.saving import SavedResults
from fogchain.client.show import PricedJob, job_line
from fogchain.client.work import Work
from fogchain.jobs.spec import Limits, Verify

T = TypeVar("T")


class Loop:
    """An event loop in a thread. Ends with the program."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fogchain client", daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for it. On Ctrl-C it is cancelled."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def await_(self, work: Coroutine[Any, Any, T]) -> T:
        """The same for a caller that has a loop of its own."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def end(self) -> None:
        """What still goes on is cancelled and waited for."""

        async def finish() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self._loop.shutdown_asyncgens()

        self.do(finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


class Stream(Generic[T]):
    """To be iterated over with `for`, or with `async for`."""

    def __init__(self, loop: Loop, source: AsyncGenerator[T, None]) -> None:
        self._loop, self._source = loop, source

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        try:
            return self._loop.do(_next(self._source))
        except StopAsyncIteration:
            raise StopIteration from None

    def __aiter__(self) -> Stream[T]:
        return self

    async def __anext__(self) -> T:
        return await self._loop.await_(_next(self._source))

    def close(self) -> None:
        """Stop listening; the job goes on."""
        self._loop.do(self._source.aclose())


class Client:
    """A node's jobs, money and providers; see `AsyncClient`, whose methods these are. May be used from any thread.

        client = fogchain.Client()
        for output in client.map(lambda x: x * x, range(100), budget="1 FOG"):
            print(output)

    Without arguments it is the node of the default data folder; `data` names another folder, `url` and `token` a node
    elsewhere. All methods raise FogchainError subclasses, whose `hint` says what to do.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, data: str | Path | None = None) -> None:
        """Raises BadInput. The node is not asked before it is needed."""
        self._client = AsyncClient(url, token, data=data)
        self._loop = Loop()

    def quote(self, job: Work, *, budget: str | None = None, max_price: str | None = None) -> PricedJob:
        """What a job would cost now, before anything is spent; see `AsyncClient.quote`."""
        return self._loop.do(self._client.quote(job, budget=budget, max_price=max_price))

    def submit(
        self,
        job: Work,
        *,
        budget: str | None = None,
        max_price: str | None = None,
        wait: bool | float = False,
        deposit: bool = True,
        key: str | None = None,
    ) -> Job:
        """Submit a job file's path or a JobSpec; see `AsyncClient.submit`."""
        work = self._client.submit(job, budget=budget, max_price=max_price, wait=wait, deposit=deposit, key=key)
        return Job(self._loop, self._loop.do(work))

    def quote_map(
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
        quote = self._client.quote_map(
            work,
            items,
            budget=budget,
            max_price=max_price,
            verify=verify,
            limits=limits,
            time_limit=time_limit,
            chunk=chunk,
            name=name,
        )
        return self._loop.do(quote)

    def job(self, id: str) -> Job:
        """A job by its id or its first digits. Raises NotFound, BadInput."""
        return Job(self._loop, self._loop.do(self._client.job(id)))

    def jobs(self, limit: int = 50, cursor: str | None = None) -> Page[JobSummary]:
        """The newest jobs, at most 1000; `cursor` is the `next_cursor` of the page before."""
        return self._loop.do(self._client.jobs(limit, cursor))

    def all_jobs(self) -> Stream[JobSummary]:
        """Every job, newest first, however many pages that takes."""
        return Stream(self._loop, self._client.all_jobs())

    def map(
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
    ) -> Mapped:
        """Run a function or a program on every item; iterate over what is returned. See `AsyncClient.map`."""
        mapped = self._client.map(
            work,
            items,
            budget=budget,
            max_price=max_price,
            verify=verify,
            limits=limits,
            time_limit=time_limit,
            chunk=chunk,
            name=name,
            deposit=deposit,
            return_exceptions=return_exceptions,
            progress=progress,
        )
        return Mapped(self._loop, self._loop.do(mapped))

    def offers(self) -> list[ProviderView]:
        """The providers the node knows, what they offer and ask, and why some can't be used now."""
        return self._loop.do(self._client.offers())

    def wallet(self) -> WalletView:
        """Balances of the node's wallet and of its account in the market, in base units."""
        return self._loop.do(self._client.wallet())

    def status(self) -> NodeStatus:
        return self._loop.do(self._client.status())

    def close(self) -> None:
        """Jobs go on; iterators over them end."""
        self._loop.do(self._client.close())
        self._loop.end()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Job:
    """A job that the node drives to its end, whether anybody watches or not; see `AsyncJob`."""

    def __init__(self, loop: Loop, job: AsyncJob) -> None:
        self._loop, self._job = loop, job

    @property
    def id(self) -> str:
        return self._job.id

    @property
    def name(self) -> str:
        return self._job.name

    @property
    def latest(self) -> JobSummary:
        """The job as it was last heard of."""
        return self._job.latest

    def refresh(self) -> JobDetail:
        """The job as it is now, with its spec and its providers."""
        return self._loop.do(self._job.refresh())

    def watch(self) -> Stream[JobEvent]:
        """What happens to the job until it has ended, through restarts of the node; for `for` and `async for`."""
        return Stream(self._loop, self._job.watch())

    def result(self, timeout: float | None = None, *, progress: bool | None = None) -> list[TaskResult]:
        """All results in the tasks' order, once every task has ended. `timeout` in seconds.

        Raises TimeoutError (the job goes on), JobFailed.
        """
        return self._loop.do(self._job.result(timeout, progress=progress))

    def results(self) -> Stream[TaskResult]:
        """The tasks' results as they come; for `for` and `async for`."""
        return Stream(self._loop, self._job.results())

    def save(self, folder: str | Path) -> SavedResults:
        """Write every result there is so far into `folder`. Raises NotFound without results, Unavailable."""
        return self._loop.do(self._job.save(folder))

    def cancel(self) -> JobSummary:
        """End the job; what was delivered is paid. Raises Conflict when it has ended already."""
        return self._loop.do(self._job.cancel())

    def receipts(self) -> list[ReceiptView]:
        """What providers have delivered and what it cost, as both sides signed it."""
        return self._loop.do(self._job.receipts())

    def __repr__(self) -> str:
        return f"<Job {self.id[:12]}: {job_line(self.latest)}>"

    def _repr_html_(self) -> str:
        return self._job._repr_html_()


class Mapped(Stream[Any]):
    """The outputs of `map`, in the items' order, as they come; for `for` and `async for`."""

    def __init__(self, loop: Loop, mapped: AsyncMapped) -> None:
        super().__init__(loop, cast("AsyncGenerator[Any, None]", mapped))
        self.job = Job(loop, mapped.job)

    def _repr_html_(self) -> str:
        return self.job._repr_html_()


async def _next(source: AsyncGenerator[T, None]) -> T:
    return await anext(source)
