"""A node's services in memory, for tests of the API and of the programs that talk to it. No chain, no network."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

from fogchain import __version__
from fogchain.api.data import AttemptLogs, LogView, StorageView, TaskLogs
from fogchain.api.models import (
    AccountView,
    AuctionView,
    ChainView,
    Event,
    JobDetail,
    JobSummary,
    MatchView,
    NodeStatus,
    OfferMatch,
    OfferView,
    Page,
    ProviderShare,
    ProviderView,
    Quote,
    ReceiptProof,
    ReceiptView,
    RunView,
    SentView,
    SessionView,
    TaskCounts,
    TaskView,
    TransactionPlan,
    TransactionRequest,
    TransactionView,
    UnmetView,
    UnsignedTransaction,
    WalletView,
)
from fogchain.api.statement import BalancesView, StatementView
from fogchain.chain.statement import Balances, to_csv
from fogchain.database import open_database
from fogchain.errors import BadInput, Conflict, NotFound, PaymentRequired, TooLarge
from fogchain.jobs.blobname import name_of
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.logs import STREAMS, Log
from fogchain.jobs.spec import JobSpec, ResultFile
from fogchain.units import GFUEL, WEI, Coin, cost
from node.api.once import Answers, tables
from node.feed import Feed

BUYER, SELLER = "0x" + "b1" * 20, "0x" + "5e" * 20


class MemoryData:
    """Logs of finished tasks, the blobs as storage, and jobs that can be deleted once they are over."""

    def __init__(self, services: MemoryServices) -> None:
        self._services = services
        self.had: set[str] = set()
        self.quota = 1 << 30

    async def logs(
        self, job_id: str, task: int, *, attempt: int | None = None, since: tuple[int, int] | None = None
    ) -> TaskLogs:
        found = self._services._resolve(job_id)
        if task >= len(self._services.specs[found].tasks):
            raise NotFound(f"job {found[:12]} has no task {task}")
        view = self._services._task(found, task)
        files = self._services.files.get((found, task), {})
        streams: dict[str, LogView | None] = dict.fromkeys(STREAMS)
        for name, place in zip(STREAMS, since or (0, 0), strict=True):
            if name in files:
                log = Log(len(files[name]), files[name])
                streams[name] = LogView.of(log) if since is None else LogView.part(log, place, ended=True)
        attempts = [
            AttemptLogs(
                attempt=run.attempt, purpose=run.purpose, provider=run.provider, provider_name=run.provider_name,
                state=run.state, exit=run.exit, detail=run.detail, finished=run.finished, **streams,
            )
            for run in view.runs
            if attempt in (None, run.attempt)
        ]  # fmt: skip
        return TaskLogs(job=found, task=task, state=view.state, detail=view.detail, attempts=attempts)

    def storage(self) -> StorageView:
        used = sum(entry.size for entry in self._services.blobs.entries())
        return StorageView(
            folder=str(self._services.blobs.root), quota=self.quota, used=used, pinned=0, underway=0, disk_free=1 << 30,
            jobs=[],
        )  # fmt: skip

    def room(self, size: int) -> None:
        if size > self.quota:
            raise TooLarge(f"an upload of {size} bytes; this node keeps {self.quota}")

    def fetched(self, name: str) -> None:
        self.had.add(name)

    def delete(self, job_id: str) -> str:
        found = self._services._resolve(job_id)
        if self._services.states[found] not in ("done", "failed", "cancelled"):
            raise Conflict("that job is not over and paid yet")
        del self._services.specs[found]
        return found


class MemoryServices:
    """A buyer with `balance` in the wallet, one provider, and jobs whose tasks are finished by `finish`."""

    def __init__(self, folder: Path, balance: int = 10 * WEI) -> None:
        self.data = MemoryData(self)
        self.blobs = BlobStore(folder / "blobs")
        self.results = BlobStore(folder / "results")
        self.token, self.free = balance, 0
        self.specs: dict[str, JobSpec] = {}
        self.states: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.files: dict[tuple[str, int], dict[str, bytes]] = {}
        self.feed = Feed()
        self.answers = Answers(open_database(folder / "answers.db", tables, 1))
        self.sent: dict[str, tuple[str, Coin]] = {}  # by key
        self.quotes = 0
        self.explode = False

    @property
    def harvesting(self) -> NoReturn:
        raise NotFound("this node is no provider: it runs nothing for others")

    # -- what a test does to the node

    def finish(self, job_id: str, task: int, files: dict[str, bytes]) -> None:
        self.files[job_id, task] = {"stdout": b"", "stderr": b"", **files}
        for data in self.files[job_id, task].values():
            self.results.put(data)
        if all((job_id, n) in self.files for n in range(len(self.specs[job_id].tasks))):
            self.states[job_id] = "done"
        view = self.tasks(job_id, 1, str(task)).items[0]
        self.tell(Event(kind="task", time=time.time(), task=view, job_id=job_id))
        self.tell(Event(kind="job", time=time.time(), job=self._summary(job_id)))

    def tell(self, event: Event) -> None:
        self.feed.publish(event)

    @property
    def listeners(self) -> int:
        return self.feed.listeners

    # -- NodeServices

    def status(self) -> NodeStatus:
        if self.explode:
            raise RuntimeError("a secret detail")
        return NodeStatus(
            name="memory", version=__version__, state="ready", roles=["buyer"], address=BUYER, peer_id="12D3Koo",
            listen=[], pid=1, uptime_s=1.0, memory=50 << 20, peers=1, slots=0, running=0, waiting=0, done=0, earned=0,
            registered=False,
            chain=ChainView(
                chain_id=31337, rpc_url="http://127.0.0.1:1", market="0x" + "00" * 20, token="0x" + "01" * 20, block=7,
                block_time=1, healthy=True,
            ),
        )  # fmt: skip

    async def wallet(self) -> WalletView:
        return WalletView(
            address=BUYER, eth=WEI, token=self.token, free=self.free, locked=0, earned=0, spent=0, unclaimed=0, bonded=0
        )

    async def deposit(self, amount: int, key: str | None = None) -> WalletView:
        if amount > self.token:
            raise PaymentRequired("the wallet has too little", hint="bring tokens to the wallet")
        self.token, self.free = self.token - amount, self.free + amount
        return await self.wallet()

    async def withdraw(self, amount: int, key: str | None = None) -> WalletView:
        if amount > self.free:
            raise Conflict("the market holds less", hint="withdraw less")
        self.token, self.free = self.token + amount, self.free - amount
        return await self.wallet()

    async def send(self, to: str, amount: Coin, key: str | None) -> SentView:
        key = key or f"{len(self.sent)}"
        if self.sent.setdefault(key, (to, amount)) != (to, amount):
            raise Conflict("the key names another transfer", hint="give each its own")
        return SentView(to=to, amount=str(amount), hash="0x" + "ab" * 32, block=7, fee=21_000)

    async def account(self, address: str) -> AccountView:
        return AccountView(address=address, eth=WEI, token=self.token, free=self.free, locked=0, bonded=0)

    async def plan(self, address: str, wanted: TransactionRequest) -> TransactionPlan:
        step = UnsignedTransaction(what="the deposit", to="0x" + "00" * 20, data="0x", value="0x0", gas="0x5208")
        return TransactionPlan(chain_id=31337, sender=address, steps=[step])

    async def transaction(self, hash: str) -> TransactionView:
        return TransactionView(hash=hash, state="unknown")

    def sessions(self, role: str | None, limit: int, cursor: str | None) -> Page[SessionView]:
        return Page[SessionView](items=[], total=0)

    def receipts(self, role: str | None, job: str | None, limit: int, cursor: str | None) -> Page[ReceiptView]:
        return Page[ReceiptView](items=[], total=0)

    def receipt(self, order: str, job: str) -> ReceiptProof:
        raise NotFound(f"there is no receipt of order {order[:12]}")

    def statement(self, first: int, end: int, limit: int, cursor: str | None) -> StatementView:
        none = BalancesView(wallet=0, free=0, locked=0, bonded=0)
        return StatementView(
            items=[], total=0, address=BUYER, block=7, opening=none, closing=none, came=0, went=0, fees=0
        )

    def statement_csv(self, first: int, end: int) -> str:
        return to_csv(Balances(), [], Balances())

    def providers(self, limit: int, cursor: str | None) -> Page[ProviderView]:
        offer = OfferView(price=WEI // 2, slots=2, memory=512 << 20, fuel_rate=GFUEL, engines=["e"], expires=2**32)
        view = ProviderView(address=SELLER, peer_id="12D3Kop", name="p1", found_by=["mdns"], state="ready", offer=offer)
        return Page[ProviderView](items=[view], total=1)

    async def auction(self, resource_class: str) -> AuctionView:
        if resource_class != "cpu":
            raise NotFound(f"there is no resource class {resource_class!r}")
        return AuctionView(resource_class="cpu", round=1, now=700, ends=1200, lot=100 * GFUEL, bids=2, asks=3)

    async def match(self, spec: JobSpec | None) -> MatchView:
        known = self.providers()[0]
        failed = [UnmetView(constraint="memory", detail="512 MiB")] if spec and spec.limits.memory > 512 << 20 else []
        return MatchView(
            matching=not failed, total=1, summary="of 1 known, 0 give a task 1 GiB" if failed else "all 1 known match",
            reasons=[], counts=[], offers=[
                OfferMatch(
                    address=known.address, peer_id=known.peer_id, name=known.name, offer=known.offer, age_s=1.5,
                    matches=not failed, failed=failed,
                )
            ],
        )  # fmt: skip

    async def quote(self, spec: JobSpec) -> Quote:
        self.quotes += 1
        most = min(spec.budget, cost(spec.limits.fuel, WEI // 2) * len(spec.tasks))
        return Quote(
            tasks=len(spec.tasks), providers=1, slots=2, cheapest=WEI // 2, dearest=WEI // 2, most=most,
            budget=spec.budget, free=self.free, missing=max(0, most - self.free), reasons=[],
        )  # fmt: skip

    async def submit(self, spec: JobSpec, key: str | None) -> JobSummary:
        for sha256 in spec.blobs():
            if not self.blobs.has(sha256):
                raise Conflict(f"blob {sha256} is not here", hint="upload it first")
        if key is not None and key in self.keys:
            if self.specs[self.keys[key]] != spec:
                raise Conflict("that idempotency key was used for another job")
            return self._summary(self.keys[key])
        if (await self.quote(spec)).missing:
            raise PaymentRequired("too little is deposited", hint="deposit first")
        job_id = hashlib.sha256(f"{len(self.specs)}".encode() + spec.model_dump_json().encode()).hexdigest()
        self.specs[job_id], self.states[job_id] = spec, "running"
        if key is not None:
            self.keys[key] = job_id
        self.tell(Event(kind="job", time=time.time(), job=self._summary(job_id)))
        return self._summary(job_id)

    def jobs(self, limit: int, cursor: str | None) -> Page[JobSummary]:
        ids = list(reversed(self.specs))
        start = int(cursor or 0)
        more = str(start + limit) if start + limit < len(ids) else None
        items = [self._summary(job_id) for job_id in ids[start : start + limit]]
        return Page[JobSummary](items=items, next_cursor=more, total=len(ids))

    def job(self, job_id: str) -> JobDetail:
        found = self._resolve(job_id)
        share = ProviderShare(
            address=SELLER, name="p1", tasks=1, checks=0, fuel=GFUEL, owed=WEI // 2, claimed=0, session="aa" * 32,
            session_state="open",
        )  # fmt: skip
        summary = self._summary(found).model_dump()
        return JobDetail(**summary, spec=self.specs[found], providers=[share], checks_done=0, checks_failed=0)

    def tasks(self, job_id: str, limit: int, cursor: str | None) -> Page[TaskView]:
        found = self._resolve(job_id)
        start, count = int(cursor or 0), len(self.specs[found].tasks)
        items = [self._task(found, n) for n in range(start, min(count, start + limit))]
        more = str(start + limit) if start + limit < count else None
        return Page[TaskView](items=items, next_cursor=more, total=count)

    def result_file(self, job_id: str, task: int, name: str) -> Path:
        files = self.files.get((self._resolve(job_id), task), {})
        if name not in files:
            raise NotFound(f"task {task} has no file {name!r}", hint="the task may not be done yet")
        return self.results.path(name_of(files[name]))

    async def cancel(self, job_id: str) -> JobSummary:
        found = self._resolve(job_id)
        if self.states[found] != "running":
            raise Conflict(f"the job is {self.states[found]} already")
        self.states[found] = "cancelled"
        self.tell(Event(kind="job", time=time.time(), job=self._summary(found)))
        return self._summary(found)

    def subscribe(self, after: int | None) -> AsyncIterator[Event]:
        return self.feed.listen(after)

    def _resolve(self, prefix: str) -> str:
        found = [job_id for job_id in self.specs if job_id.startswith(prefix)]
        if not found:
            raise NotFound(f"there is no job {prefix}", hint="`fogchain job list` shows the ids")
        if len(found) > 1:
            raise BadInput(f"several jobs begin with {prefix}", hint="give more digits of the id")
        return found[0]

    def _task(self, job_id: str, index: int) -> TaskView:
        files = self.files.get((job_id, index))
        args = list(self.specs[job_id].tasks[index].args)
        if files is None:
            return TaskView(index=index, state="queued", args=args, runs=[])
        run = RunView(
            attempt=0, purpose="work", provider=SELLER, provider_name="p1", state="accepted", fuel=GFUEL,
            cost=WEI // 2, result="cc" * 32, exit="OK", sent=1.0, finished=2.0,
        )  # fmt: skip
        named = [ResultFile(name=name, sha256=name_of(data), size=len(data)) for name, data in sorted(files.items())]
        return TaskView(index=index, state="done", args=args, result="cc" * 32, files=named, runs=[run])

    def _summary(self, job_id: str) -> JobSummary:
        spec, done = self.specs[job_id], sum(1 for found, _ in self.files if found == job_id)
        state = self.states[job_id]
        return JobSummary.model_validate(
            {
                "id": job_id, "name": spec.name, "state": state, "budget": spec.budget, "spent": done * WEI // 2,
                "tasks": TaskCounts(queued=len(spec.tasks) - done, done=done), "paid": state == "done",
                "fuel": done * GFUEL, "created": 1000.0, "finished": 1010.0 if state == "done" else None,
            }
        )  # fmt: skip
