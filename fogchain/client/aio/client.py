"""`AsyncClient`: a node's jobs, money and providers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from fogchain.api.client import AsyncClient as Api
from fogchain.api.models import (
    JobSummary,
    NodeStatus,
    Page,
    ProviderView,
    WalletView,
)
from fogchain.client.aio.job import AsyncJob
from fogchain.client.aio.mapped import AsyncMapped
from fogchain.client.link import PAGE, NodeLink, every
from fogchain.client.show import PricedJob
from fogchain.client.work import Terms, Work, fresh_key, job_of, map_job
from fogchain.errors import BadInput
from fogchain.folder import DataFolder
from fogchain.jobs.file import ResolvedJob
from fogchain.jobs.source import BlobSource
from fogchain.jobs.spec import Limits, Verify


class AsyncClient:
    """A node's jobs, money and providers. Close it when done, or use it in `async with`.

        async with fogchain.AsyncClient() as client:
            async for output in await client.map(lambda x: x * x, range(100), chunk=25, budget="10 FOG"):
                print(output)

    Without arguments it is the node of the default data folder ($FOGCHAIN_HOME, else ~/.fogchain); `data` names another
    folder, `url` and `token` a node elsewhere. It follows a node that is restarted. All methods raise FogchainError
    subclasses, whose `hint` says what to do: Unavailable when the node does not answer, Unauthorized for a wrong token.
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
        async for job in every(partial(self.jobs, PAGE)):
            yield job

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
        """What the node is, does and holds; the state of its chain and its peers among it."""
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


async def _bring(node: Api, sha256: str, source: BlobSource) -> None:
    """Upload what the node does not have. Raises BadInput for a file that is not there any more."""
    try:
        if not await node.has_blob(sha256):
            await node.put_blob(source, sha256)
    except OSError as error:
        raise BadInput(f"an input can't be read: {error}", hint="it was moved or removed meanwhile") from error
