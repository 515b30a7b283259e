"""Everything the panel knows of one node: one events connection a node, however many browsers look.

Pages read the plain attributes and compare `rev(topic)` to see what changed; nothing here knows of pages.
A value that was never heard is None and shown as `–`; after the link breaks, the last values stay, marked stale.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, TypeVar

import structlog

from fogchain.api.client import AsyncClient
from fogchain.api.models import (
    Event,
    JobSummary,
    NodeStatus,
    ProviderView,
    ReceiptView,
    WalletView,
)  # fmt: skip
from fogchain.errors import FogchainError, Unauthorized, Unavailable
from ui.jobwatch import JobWatch
from ui.options import NodeAddress
from ui.rates import MinuteRate

log = structlog.get_logger(__name__)
T = TypeVar("T")

PROBE_EVERY = 0.8  # with the timeout and a page's tick: a node that falls silent is shown so within 2.3 s
PROBE_TIMEOUT = 1.0
CALL_TIMEOUT = 10.0
LOAD_TIMEOUT = 60.0  # s, for a job with all its tasks
WATCH_EVERY = 0.1
SETTLE = 0.5  # changes that come together are fetched together
RENEW_EVERY = 15.0  # everything is fetched anew, in case an event was lost
RETRY_FIRST, RETRY_LAST = 0.5, 5.0
RECENT_JOBS = 50
RECENT_RECEIPTS = 8
FORGET_WATCH = 30.0

LinkState = Literal["connecting", "up", "down", "refused"]
TOPICS = ("wallet", "jobs", "providers", "receipts")


@dataclass(frozen=True)
class Link:
    """Whether the node answers. `since`: Unix time of the last change; `heard`: of the last answer."""

    state: LinkState = "connecting"
    since: float = 0.0
    heard: float | None = None
    reason: str = ""
    hint: str = ""


class NodeFeed:
    """One node, followed. `run` never ends of itself."""

    def __init__(self, address: NodeAddress) -> None:
        self.address = address
        self.link = Link(since=time.time())
        self.status: NodeStatus | None = None
        self.wallet: WalletView | None = None
        self.jobs: dict[str, JobSummary] | None = None  # the newest ones, newest first
        self.jobs_total: int | None = None
        self.providers: list[ProviderView] | None = None
        self.receipts: list[ReceiptView] | None = None
        self.receipts_total: int | None = None
        self.rate = MinuteRate(time.time())
        self._revs: Counter[str] = Counter()
        self._stale: set[str] = set()
        self._wake = asyncio.Event()
        self._probe_now = asyncio.Event()
        self._watches: dict[str, JobWatch] = {}
        self._client: AsyncClient | None = None
        self._url = address.url
        self._target = ("", "")

    @property
    def name(self) -> str:
        """The node's own name once it is heard; before that, the one the panel was given."""
        return self.status.name if self.status else self.address.name

    @property
    def live(self) -> bool:
        return self.link.state == "up"

    @property
    def names(self) -> dict[str, str]:
        """What the providers that are known call themselves, by address in lower case."""
        return {provider.address.lower(): provider.name for provider in self.providers or [] if provider.name}

    def rev(self, *topics: str) -> tuple[int, ...]:
        """Changes whenever one of the topics does: link, node, wallet, jobs, providers, receipts."""
        return tuple(self._revs[topic] for topic in topics)

    def watch(self, job_id: str) -> JobWatch:
        """Follow one job with all its tasks; ends by itself when nobody has called `hold` for a while."""
        watch = self._watches.get(job_id) or JobWatch(job_id)
        self.hold(watch)
        return watch

    def hold(self, watch: JobWatch) -> None:
        """Somebody still looks."""
        if self._watches.get(watch.job_id) is not watch:  # new, or given up while its browser slept
            watch.invalidate()
            self._watches[watch.job_id] = watch
        watch.touched = time.monotonic()

    def refresh(self, *topics: str) -> None:
        """Fetch these again soon."""
        self._stale.update(topics)
        self._wake.set()

    async def ask(self, call: Callable[[AsyncClient], Awaitable[T]], timeout: float = CALL_TIMEOUT) -> T:
        """One call for a page, on the shared connection. Raises FogchainError."""
        async with _limit(timeout):
            return await call(await self._connect())

    async def ask_as(self, token: str, call: Callable[[AsyncClient], Awaitable[T]]) -> T:
        """One call in the name of a visitor who signed in with a wallet. Raises FogchainError."""
        async with _limit(PROBE_TIMEOUT), AsyncClient(self._url, token) as client:
            return await call(client)

    async def still_open(self, token: str) -> bool:
        """Whether the node still holds a wallet's session open; a node that is down can't have ended it."""
        try:
            await self.ask_as(token, lambda client: client.status())
        except Unauthorized:
            return False
        except FogchainError as error:
            log.debug("a session can't be asked for", reason=error.message)
        return True

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for loop in (self._probe, self._listen, self._renew, self._fetch, self._load_watches):
                    group.create_task(loop(), name=f"{loop.__name__} {self.address.name}")
        finally:
            if self._client is not None:
                await self._client.close()

    async def _connect(self) -> AsyncClient:
        """The client for the token that is in the file now, at the address that is in use."""
        target = (self._url, self.address.token())
        if self._client is None or target != self._target:
            old, self._client, self._target = self._client, AsyncClient(*target), target
            if old is not None:
                await old.close()
        return self._client

    # -- the loops

    async def _probe(self) -> None:
        """Ask for the status each second: it alone decides whether the node is up."""
        while True:
            self._probe_now.clear()
            try:
                async with _limit(PROBE_TIMEOUT):
                    status = await (await self._connect()).status()
            except FogchainError as error:
                self._set_down(error)
                self._url = self.address.url_after(self._url)
            else:
                self._heard(status)
            try:
                async with asyncio.timeout(PROBE_EVERY):
                    await self._probe_now.wait()
            except TimeoutError:
                pass

    async def _listen(self) -> None:
        """The events, connected again for ever. What was missed meanwhile is fetched after each connection."""
        pause = RETRY_FIRST
        while True:
            began = time.monotonic()
            try:
                client = await self._connect()
                async for event in client.events():
                    self._take(event)
                raise Unavailable("the node closed the events connection")
            except FogchainError as error:
                log.debug("events lost", node=self.address.name, reason=error.message)
            self._probe_now.set()
            self._renew_all()
            pause = RETRY_FIRST if time.monotonic() - began > RETRY_LAST else min(2 * pause, RETRY_LAST)
            await asyncio.sleep(pause)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY)
            self._renew_all()

    async def _fetch(self) -> None:
        """Bring stale topics up to date, at most twice a second."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not self.live:
                continue
            for topic in [t for t in TOPICS if t in self._stale]:
                self._stale.discard(topic)
                await self._try(topic, getattr(self, f"_fetch_{topic}"))
            await asyncio.sleep(SETTLE)

    async def _load_watches(self) -> None:
        """The jobs that are looked at, apart from the rest: a big one takes a while."""
        while True:
            await asyncio.sleep(WATCH_EVERY)
            self._forget_watches()
            for watch in list(self._watches.values()):
                if self.live and watch.due:
                    await self._try(watch.job_id, watch.load, LOAD_TIMEOUT)

    async def _try(
        self, topic: str, fetch: Callable[[AsyncClient], Awaitable[None]], timeout: float = CALL_TIMEOUT
    ) -> None:
        try:
            await self.ask(fetch, timeout)
        except FogchainError as error:  # the probe tells the user; the next renewal tries again
            log.debug("fetch failed", node=self.address.name, topic=topic, reason=error.message)

    async def _fetch_wallet(self, client: AsyncClient) -> None:
        self.wallet = await client.wallet()
        self._revs["wallet"] += 1

    async def _fetch_jobs(self, client: AsyncClient) -> None:
        before = self._revs["jobs"]
        page = await client.jobs(limit=RECENT_JOBS)
        if self.jobs is not None and self._revs["jobs"] != before:
            self.refresh("jobs")  # an event came meanwhile and is newer than this answer
            return
        for job in page.items:
            self._count_done(job)
        self.jobs, self.jobs_total = {job.id: job for job in page.items}, page.total
        self._revs["jobs"] += 1

    async def _fetch_providers(self, client: AsyncClient) -> None:
        self.providers = await client.providers()
        self._revs["providers"] += 1

    async def _fetch_receipts(self, client: AsyncClient) -> None:
        page = await client.receipts(limit=RECENT_RECEIPTS)
        self.receipts, self.receipts_total = page.items, page.total
        self._revs["receipts"] += 1

    # -- what comes in

    def _heard(self, status: NodeStatus) -> None:
        now = time.time()
        if self.status is not None and "buyer" not in status.roles and status.done > self.status.done:
            self.rate.add(now, status.done - self.status.done)
        if status != self.status:
            self.status = status
            self._revs["node"] += 1
        if self.link.state != "up":
            self.link = Link("up", now, now)
            self._revs["link"] += 1
            self._renew_all()
        else:
            self.link = Link("up", self.link.since, now)

    def _set_down(self, error: FogchainError) -> None:
        state: LinkState = "refused" if error.code == "unauthorized" else "down"
        if (self.link.state, self.link.reason) != (state, error.message):
            since = self.link.since if self.link.state == state else time.time()
            self.link = Link(state, since, self.link.heard, error.message, error.hint)
            self._revs["link"] += 1

    def _take(self, event: Event) -> None:
        match event.kind:
            case "node" if event.node is not None:
                self._heard(event.node)
            case "job" if event.job is not None:
                self._take_job(event.job)
            case "task" if event.task is not None and event.job_id is not None:
                watch = self._watching(event.job_id)
                if watch is not None:
                    watch.take_task(event.task)
                if event.task.state == "done":
                    self.refresh("receipts")
            case "wallet":
                self.refresh("wallet", "receipts", "providers")
                for watch in self._watches.values():
                    watch.look_again()  # what was claimed of it may be more
            case "providers":
                self.refresh("providers")
            case _:
                pass

    def _take_job(self, job: JobSummary) -> None:
        self._count_done(job)
        if self.jobs is None:
            self.refresh("jobs")
            return
        if job.id not in self.jobs:
            self.jobs_total = None if self.jobs_total is None else self.jobs_total + 1
            self.jobs = {job.id: job, **self.jobs}
        else:
            if self.jobs[job.id].state != job.state:
                self.refresh("providers")  # what they did for this node stands there
            self.jobs[job.id] = job
        self._revs["jobs"] += 1
        watch = self._watching(job.id)
        if watch is not None:
            watch.take_job(job)

    def _count_done(self, job: JobSummary) -> None:
        """Tasks that ended since this job was last heard of count as finished now."""
        known = self.jobs.get(job.id) if self.jobs is not None else None
        if known is not None and job.tasks.done > known.tasks.done:
            self.rate.add(time.time(), job.tasks.done - known.tasks.done)
        elif known is None and self.jobs is not None and job.tasks.done and job.created >= self.rate.began:
            self.rate.add(time.time(), job.tasks.done)

    def _watching(self, job_id: str) -> JobWatch | None:
        return next((watch for watch in self._watches.values() if watch.is_of(job_id)), None)

    def _renew_all(self) -> None:
        for watch in self._watches.values():
            watch.invalidate()
        self.refresh(*TOPICS)

    def _forget_watches(self) -> None:
        old = time.monotonic() - FORGET_WATCH
        self._watches = {key: watch for key, watch in self._watches.items() if watch.touched > old}


@asynccontextmanager
async def _limit(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Unavailable(
            f"no answer within {seconds:g} s", hint="see whether the node is overloaded or stuck"
        ) from error
