# Made of fogchain/client/aio/client.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""`Client`: a node's jobs, money and providers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from fogchain.api.models import JobSummary, NodeStatus, Page, ProviderView, WalletView
from fogchain.client.aio import AsyncClient
from fogchain.client.show import PricedJob
from fogchain.client.sync.bridge import BlockingClient, Stream
from fogchain.client.sync.job import Job
from fogchain.client.sync.mapped import Mapped
from fogchain.client.work import Work
from fogchain.jobs.spec import Limits, Verify


class Client(BlockingClient):
    """A node's jobs, money and providers. Close it when done, or use it in `with`.

        with fogchain.Client() as client:
            for output in client.map(lambda x: x * x, range(100), chunk=25, budget="10 FOG"):
                print(output)

    Without arguments it is the node of the default data folder ($FOGCHAIN_HOME, else ~/.fogchain); `data` names another
    folder, `url` and `token` a node elsewhere. It follows a node that is restarted. All methods raise FogchainError
    subclasses, whose `hint` says what to do: Unavailable when the node does not answer, Unauthorized for a wrong token.
    """

    _inner: AsyncClient

    def quote(self, job: Work, *, budget: str | None = None, max_price: str | None = None) -> PricedJob:
        """What `job` (a job file's path, or a JobSpec) would cost now; nothing is spent. Raises BadInput."""
        return self._loop.do(self._inner.quote(job, budget=budget, max_price=max_price))

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
        """Submit a job: from now on it may spend its budget (`"5 FOG"`, of the job file or given here).

        What the market lacks of the budget is deposited from the node's wallet, unless `deposit` is False. `wait`:
        until the job has ended, True for however long, a number for at most so many seconds. The same `key` gives the
        same job, however often it is submitted.

        Raises BadInput for a bad job file, PaymentRequired when wallet and market hold less than the budget, Conflict
        for a key that was used for another job; with `wait`, JobFailed, and TimeoutError (the job then goes on).
        """
        inner = self._loop.do(
            self._inner.submit(job, budget=budget, max_price=max_price, wait=wait, deposit=deposit, key=key)
        )
        return Job(self._loop, inner)

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
        return self._loop.do(
            self._inner.quote_map(
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
        )

    def job(self, id: str) -> Job:
        """A job by its id, or by the first digits that no other job has. Raises NotFound, BadInput."""
        inner = self._loop.do(self._inner.job(id))
        return Job(self._loop, inner)

    def jobs(self, limit: int = 50, cursor: str | None = None) -> Page[JobSummary]:
        """The newest jobs, at most 1000; `cursor` is the `next_cursor` of the page before. Raises BadInput."""
        return self._loop.do(self._inner.jobs(limit, cursor))

    def all_jobs(self) -> Stream[JobSummary]:
        """Every job, newest first, however many pages that takes."""
        return Stream(self._loop, self._inner.all_jobs())

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
        inner = self._loop.do(
            self._inner.map(
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
        )
        return Mapped(self._loop, inner)

    def offers(self) -> list[ProviderView]:
        """The providers the node knows, with what they offer and ask, and why some can't be used now."""
        return self._loop.do(self._inner.offers())

    def wallet(self) -> WalletView:
        """Balances of the node's wallet and of its account in the market, in base units."""
        return self._loop.do(self._inner.wallet())

    def status(self) -> NodeStatus:
        """What the node is, does and holds; the state of its chain and its peers among it."""
        return self._loop.do(self._inner.status())
