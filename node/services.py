"""What the API can ask of this node: `node.api.services.NodeServices` over buyer, provider and chain."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

import psutil

from fogchain import __version__
from fogchain.api.models import (
    AccountView,
    AuctionView,
    BuyerRating,
    CallRequest,
    CallView,
    ChainView,
    Event,
    JobDetail,
    JobSummary,
    MatchView,
    NodeStatus,
    Page,
    ProviderView,
    Quote,
    RatingView,
    ReceiptProof,
    ReceiptView,
    SentView,
    SessionView,
    TaskView,
    TransactionPlan,
    TransactionRequest,
    TransactionView,
    WalletView,
)
from fogchain.api.statement import StatementView
from fogchain.chain.calls import Call, Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.index import CLOCK_OFF, EventIndex
from fogchain.chain.records import SessionRecord
from fogchain.chain.sender import Sender, TxResult
from fogchain.chain.transfer import transfer
from fogchain.config import NodeConfig
from fogchain.errors import BadInput, Conflict, CorruptData, NotFound, PaymentRequired
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.spec import JobSpec, ResultManifest
from fogchain.jobs.store import JobStore
from fogchain.market.constraints import Wanted
from fogchain.units import MAX_UINT96, Coin, format_duration, format_fog
from fogchain.wallet.keystore import Wallet
from node import views
from node.accounts import Accounts
from node.api.once import Answers
from node.api.services import Role
from node.commons import Commons
from node.data import Data
from node.devices import Devices
from node.feed import Feed
from node.harvesting import Harvesting
from node.operators import Operators
from node.papers import Papers
from node.refusals import Refusals
from node.statements import Statements
from node.trade.auctioneer import Auctioneer
from node.trade.book import ProviderBook
from node.trade.buyer import Buyer
from node.trade.driver import JobDriver
from node.trade.ledger import Ledger
from node.trade.ports import Network
from node.trade.provider import Provider

T = TypeVar("T")

BEAT = 2.0  # seconds between node events
FLEET_PAUSE = 0.2  # seconds between events of the fleet at least


class Services:
    """Implements `NodeServices`. Reads are synchronous and quick; what waits for the chain is async."""

    def __init__(
        self,
        *,
        config: NodeConfig,
        wallet: Wallet,
        client: ChainClient,
        calls: Calls,
        index: EventIndex,
        sender: Sender,
        blobs: BlobStore,
        network: Network,
        peers: Callable[[], int],
        book: ProviderBook | None,
        auctioneer: Auctioneer,
        buyer: Buyer | None,
        store: JobStore,
        provider: Provider | None,
        ledger: Ledger,
        feed: Feed,
        answers: Answers,
        data: Callable[[Callable[[str], JobMachine]], Data],
        refusals: Refusals,
        refused_by_peers: Refusals,
        fleet: Devices,
        harvesting: Harvesting | None = None,
    ) -> None:
        self.blobs, self.answers = blobs, answers
        self._harvesting = harvesting
        self.data = data(self._machine)
        self.fleet = fleet
        self.commons = Commons(
            client=client, index=index, calls=calls, sender=sender, address=wallet.address, mined=self._mined
        )
        self.operators = Operators(
            wallet=wallet,
            client=client,
            index=index,
            sender=sender,
            calls=calls,
            provider=provider,
        )
        self._config, self._wallet, self._client, self._calls = config, wallet, client, calls
        self._index, self._sender, self._network, self._peers = index, sender, network, peers
        self._book, self._buyer, self._store = book, buyer, store
        self._provider, self._ledger, self._feed = provider, ledger, feed
        self._refusals, self._refused_by_peers = refusals, refused_by_peers
        self._accounts = Accounts(client, calls)
        self._statements = Statements(
            index, wallet.address, list(client.deployment.addresses.values()), jobs=self._job_name, names=self._names
        )
        self._papers = Papers(
            wallet.address, client.deployment.domain, store, ledger, index, self._machine, self._unpaid
        )
        self._auctioneer = auctioneer
        self._started = time.monotonic()
        self._process = psutil.Process(os.getpid())
        self.stopping = False
        self._fleet_moves = False

    @property
    def harvesting(self) -> Harvesting:
        """Raises NotFound at a node that is no provider."""
        if self._harvesting is None:
            raise NotFound("this node is no provider: it runs nothing for others")
        return self._harvesting

    # ---------------------------------------------------------------- node and wallet

    def status(self) -> NodeStatus:
        waiting, done = self._ledger.counts()
        running = self._provider.running if self._provider else 0
        healthy, trouble = self._index.healthy, ""
        if not healthy:
            trouble = "the chain does not answer; work goes on, payment waits"
        elif abs(off := self._index.clock_off()) > CLOCK_OFF:
            much = format_duration(int(abs(off)) * 1000)
            trouble = f"this machine's clock is {much} {'ahead' if off > 0 else 'behind'}; the chain's is used"
        elif self._provider and not self._provider.registered:
            trouble = "the provider record is not on the chain yet"
        busy = running > 0 or (self._buyer is not None and bool(self._buyer.drivers))
        head = self._index.head
        return NodeStatus(
            name=self._config.node.name,
            version=__version__,
            state="stopping" if self.stopping else "degraded" if trouble else "working" if busy else "ready",
            detail=trouble,
            roles=list(self._config.node.roles),
            address=self._wallet.address,
            peer_id=self._network.peer_id,
            listen=list(self._network.endpoints),
            pid=os.getpid(),
            uptime_s=round(time.monotonic() - self._started, 1),
            memory=self._process.memory_info().rss,
            peers=self._peers(),
            slots=self._config.provider.slots if self._provider else 0,
            running=running,
            waiting=max(0, waiting - running),
            done=done,
            held_back=self._harvesting.why_not() if self._harvesting else "",
            earned=sum(held.amount for held in self._ledger.sessions()),
            registered=self._provider.registered if self._provider else False,
            offer=views.offer_view(offer) if self._provider and (offer := self._provider.offer) else None,
            runtimes=views.runtime_views(self._provider.sandbox.runtimes()) if self._provider else [],
            executor=self._config.provider.executor if self._provider else "",
            ended=views.counts_view(self._provider.sandbox.ended()) if self._provider else {},
            refusals=views.refusals(self._refusals),
            refused_by_peers=views.refusals(self._refused_by_peers),
            chain=ChainView(
                chain_id=self._client.deployment.chain_id,
                rpc_url=self._config.chain.rpc_url,
                market=self._client.deployment.market,
                token=self._client.deployment.token,
                block=head.number if head else 0,
                block_time=head.timestamp if head else 0,
                healthy=healthy,
                detail=trouble if not healthy else "",
            ),
        )

    async def wallet(self) -> WalletView:
        address = self._wallet.address
        account = self._index.account(address)
        eth, token, bond = await asyncio.gather(
            self._client.eth_balance(address), self._client.token_balance(address), self._client.bond(address)
        )
        unclaimed = 0
        for held in self._ledger.sessions():
            record = self._index.session(held.session)
            if record is not None and record.open:
                unclaimed += max(0, held.amount - record.claimed)
        return WalletView(
            address=address,
            eth=eth,
            token=token,
            free=account.free,
            promised=self._promised(),
            locked=account.locked,
            earned=account.earned,
            fees=account.fees,
            spent=account.spent,
            unclaimed=unclaimed,
            bonded=bond.bonded,
            unbonding=bond.slashable - bond.bonded,
            rewards=bond.rewards,
        )

    async def deposit(self, amount: int, key: str | None) -> WalletView:
        tag = f"deposit:{key or uuid.uuid4().hex}"
        if not self._sender.knows(tag):
            token = await self._client.token_balance(self._wallet.address)
            if amount > token:
                raise PaymentRequired(
                    f"the wallet holds {format_fog(token, 6)}, less than {format_fog(amount)}", hint="deposit less"
                )
            if await self._client.allowance(self._wallet.address) < amount:
                await self._sender.send(self._calls.approve(MAX_UINT96), tag=f"approve:{tag}")
        return await self._after(await self._sender.send(self._calls.deposit(amount), tag=tag))

    async def withdraw(self, amount: int, key: str | None) -> WalletView:
        tag = f"withdraw:{key or uuid.uuid4().hex}"
        async with self._balance():
            if not self._sender.knows(tag):
                await self._check_withdrawal(amount)
            result = await self._sender.send(self._calls.withdraw(amount), tag=tag)
        return await self._after(result)

    async def _check_withdrawal(self, amount: int) -> None:
        """Raises PaymentRequired for more than is free, and for what jobs on account count on: their providers were
        shown it as what they are paid from."""
        free, promised = await self._client.free_balance(self._wallet.address), self._promised()
        if amount > free:
            raise PaymentRequired(
                f"{format_fog(free, 6)} is free in the market, less than {format_fog(amount)}",
                hint="what is locked in sessions comes free when their jobs end",
            )
        if amount > free - promised:
            raise PaymentRequired(
                f"{format_fog(free, 6)} is free in the market, of which {format_fog(promised, 6)} is promised to "
                f"running jobs that are paid in a batch; {format_fog(max(0, free - promised), 6)} can be withdrawn",
                hint="wait until they are paid, or cancel them: `fogchain job list` shows them",
            )

    def _promised(self) -> int:
        return self._buyer.promised if self._buyer else 0

    def _balance(self) -> AbstractAsyncContextManager[object]:
        return self._buyer.balance_lock if self._buyer else contextlib.nullcontext()

    async def call(self, request: CallRequest, key: str | None) -> CallView:
        data = bytes.fromhex(request.data.removeprefix("0x"))
        call = Call(request.to.lower(), data, request.gas, request.value, request.what)
        tag = f"by-hand:{key or uuid.uuid4().hex}"
        amount = self._calls.withdrawn_by(call)
        async with self._balance() if amount is not None else contextlib.nullcontext():
            if amount is not None and not self._sender.knows(tag):
                await self._check_withdrawal(amount)
            result = await self._sender.send(call, tag=tag)
        await self._after(result)
        return CallView(hash=result.hash, block=result.block, gas_used=result.gas_used)

    async def send(self, to: str, amount: Coin, key: str | None) -> SentView:
        result = await transfer(self._client, self._sender, to, amount, key or uuid.uuid4().hex)
        await self._after(result)
        return SentView(to=to, amount=str(amount), hash=result.hash, block=result.block, fee=result.fee)

    async def account(self, address: str) -> AccountView:
        return await self._accounts.account(address)

    async def plan(self, address: str, wanted: TransactionRequest) -> TransactionPlan:
        if wanted.action == "withdraw" and address.lower() == self._wallet.address:
            await self._check_withdrawal(wanted.amount)
        return await self._accounts.plan(address, wanted)

    async def transaction(self, hash: str) -> TransactionView:
        return await self._accounts.transaction(hash)

    async def _after(self, result: TxResult) -> WalletView:
        """The wallet once the index has seen the transaction's block."""
        await self._mined(result.block)
        return await self.wallet()

    async def _mined(self, block: int) -> None:
        await self._index.wait_for(lambda: (head := self._index.head) is not None and head.number >= block, 15)
        self._feed.publish(Event(kind="wallet", time=time.time()))

    def sessions(self, role: Role | None, limit: int, cursor: str | None) -> Page[SessionView]:
        return self._papers.sessions(role, limit, cursor)

    def receipts(self, role: Role | None, job: str | None, limit: int, cursor: str | None) -> Page[ReceiptView]:
        return self._papers.receipts(role, job, limit, cursor)

    def receipt(self, order: str, job: str) -> ReceiptProof:
        return self._papers.receipt(order, job)

    def statement(self, first: int, end: int, limit: int, cursor: str | None) -> StatementView:
        return self._statements.view(first, end, limit, _number(cursor) or 0)

    def statement_csv(self, first: int, end: int) -> str:
        return self._statements.csv(first, end)

    def providers(self, limit: int, cursor: str | None) -> Page[ProviderView]:
        if self._book is None:
            return Page(items=[], total=0)
        paid: dict[str, int] = {}
        for session in self._index.sessions(buyer=self._wallet.address):
            owner = session.provider.lower()
            paid[owner] = paid.get(owner, 0) + session.claimed
        known = [known for known in self._book.all() if known.address or known.name]
        page = _slice(known, limit, cursor)
        items = [
            views.provider_view(
                one, self._store.record(one.address), paid.get(one.address, 0), self._rating(one.address)
            )
            for one in page[0]
        ]
        return Page(items=items, next_cursor=page[1], total=len(known))

    def ratings(self, provider: str, limit: int, cursor: str | None) -> Page[BuyerRating]:
        return _page([views.buyer_rating(record) for record in self._index.ratings_of(provider)], limit, cursor)

    def _rating(self, provider: str) -> RatingView | None:
        return views.rating_view(self._index.ratings_of(provider), self._wallet.address)

    async def auction(self, resource_class: str) -> AuctionView:
        return await self._auctioneer.view(resource_class)

    async def match(self, spec: JobSpec | None) -> MatchView:
        if self._book is None:
            raise NotFound("this node has no buyer role", hint='set roles = ["buyer"] in config.toml')
        await self._book.settle(3.0)
        wanted = spec.wanted() if spec is not None else Wanted()
        found, why = self._book.look(wanted)
        return views.match_view(self._book, found, why, anything=spec is None, rating_of=self._rating)

    # ---------------------------------------------------------------- jobs

    async def quote(self, spec: JobSpec) -> Quote:
        buyer = self._need_buyer()
        if self._book is not None:
            await self._book.settle(3.0)
        quote, _ = buyer.quote(spec)
        free = await self._client.free_balance(self._wallet.address)
        missing = spec.budget - max(0, free - self._promised())
        return quote.model_copy(update={"free": free, "missing": max(0, missing)})

    async def submit(self, spec: JobSpec, key: str | None) -> JobSummary:
        return self._summary(await self._need_buyer().submit(spec, key))

    def jobs(self, limit: int, cursor: str | None) -> Page[JobSummary]:
        rows, total = self._store.page(limit + 1, _number(cursor))
        more = views.cursor_of(rows[limit - 1][1]) if len(rows) > limit else None
        return Page(items=[self._summary(job_id) for job_id, _ in rows[:limit]], next_cursor=more, total=total)

    def job(self, job_id: str) -> JobDetail:
        machine = self._machine(self._store.resolve(job_id))
        sessions = {share.session: self._session(share.session) for share in machine.shares.values()}
        present = {key: record for key, record in sessions.items() if record is not None}
        return views.detail(machine, self._driver(machine.id), present, self._index.now())

    def tasks(self, job_id: str, limit: int, cursor: str | None) -> Page[TaskView]:
        machine = self._machine(self._store.resolve(job_id))
        first, total = _number(cursor) or 0, len(machine.tasks)
        items = [self.task(machine, index) for index in range(first, min(first + limit, total))]
        more = views.cursor_of(first + limit) if first + limit < total else None
        return Page(items=items, next_cursor=more, total=total)

    def task(self, machine: JobMachine, index: int) -> TaskView:
        driver = self._driver(machine.id)
        view = views.task_view(machine, index, driver, self._manifest(machine, index))
        return view.model_copy(update={"transfer": views.transfer(machine.tasks[index], driver)})

    def result_file(self, job_id: str, task: int, name: str) -> Path:
        machine = self._machine(self._store.resolve(job_id))
        if not 0 <= task < len(machine.tasks):
            raise NotFound(f"job {machine.id[:12]} has tasks 0 to {len(machine.tasks) - 1}, not {task}")
        manifest = self._manifest(machine, task)
        if manifest is None:
            raise NotFound(f"task {task} has no result: it is {machine.tasks[task].state}")
        for file in manifest.files:
            if file.name == name:
                return self.blobs.path(file.sha256)
        raise NotFound(
            f"task {task} wrote no file {name[:80]!r}", hint=f"it wrote {', '.join(f.name for f in manifest.files)}"
        )

    async def cancel(self, job_id: str) -> JobSummary:
        found = self._store.resolve(job_id)
        self._need_buyer().cancel(found)
        return self._summary(found)

    # ---------------------------------------------------------------- events

    def subscribe(self, after: int | None) -> AsyncIterator[Event]:
        return self._feed.listen(after)

    def job_changed(self, driver: JobDriver, touched: set[int]) -> None:
        if not self._feed.heard:
            return
        now, machine = time.time(), driver.machine
        for index in touched:
            self._feed.publish(Event(kind="task", time=now, job_id=machine.id, task=self.task(machine, index)))
        self._feed.publish(Event(kind="job", time=now, job=views.summary(machine, driver)))

    def job_ended(self, machine: JobMachine) -> None:
        self._feed.publish(Event(kind="job", time=time.time(), job=views.summary(machine, None)))
        self._feed.publish(Event(kind="wallet", time=time.time()))

    def providers_changed(self) -> None:
        self._feed.publish(Event(kind="providers", time=time.time()))

    def node_changed(self) -> None:
        if self._feed.heard:
            self._feed.publish(Event(kind="node", time=time.time(), node=self.status()))

    def fleet_changed(self) -> None:
        """Told a little later, and once for all that changes until then: a fleet changes with every task."""
        if self._feed.heard and not self._fleet_moves:
            self._fleet_moves = True
            asyncio.get_running_loop().call_later(FLEET_PAUSE, self._tell_fleet)

    def _tell_fleet(self) -> None:
        self._fleet_moves = False
        self._feed.publish(Event(kind="fleet", time=time.time()))

    async def beat(self) -> None:
        """Publish the node's state regularly until cancelled."""
        while True:
            self.node_changed()
            await asyncio.sleep(BEAT)

    # ---------------------------------------------------------------- inside

    def _need_buyer(self) -> Buyer:
        if self._buyer is None:
            raise Conflict("this node is no buyer", hint='add "buyer" to node.roles in its config.toml and restart it')
        return self._buyer

    def _machine(self, job_id: str) -> JobMachine:
        if self._buyer is not None:
            return self._buyer.machine(job_id)
        return self._store.load(job_id)[0]

    def _unpaid(self) -> list[JobMachine]:
        return [driver.machine for driver in reversed(self._buyer.drivers)] if self._buyer else []

    def _job_name(self, job_id: str) -> str:
        with contextlib.suppress(NotFound, CorruptData):
            return self._machine(job_id).spec.name
        return ""

    def _names(self) -> dict[str, str]:
        return {known.address: known.name for known in self._book.all() if known.address} if self._book else {}

    def _driver(self, job_id: str) -> JobDriver | None:
        return self._buyer.driver(job_id) if self._buyer else None

    def _summary(self, job_id: str) -> JobSummary:
        return views.summary(self._machine(job_id), self._driver(job_id))

    def _session(self, session: str) -> SessionRecord | None:
        return self._index.session(bytes.fromhex(session[2:]))

    def _manifest(self, machine: JobMachine, index: int) -> ResultManifest | None:
        result = machine.tasks[index].result
        if result is None or not self.blobs.has(result.result):
            return None
        return ResultManifest.decode(self.blobs.read(result.result))


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isdecimal() or len(cursor) > 15:
        raise BadInput(f"{cursor[:40]!r} is not a cursor", hint="use the next_cursor of the page before")
    return int(cursor)


def _slice(items: list[T], limit: int, cursor: str | None) -> tuple[list[T], str | None]:
    """A page of them, and the cursor of the next."""
    first = _number(cursor) or 0
    more = views.cursor_of(first + limit) if first + limit < len(items) else None
    return items[first : first + limit], more


def _page(items: list[T], limit: int, cursor: str | None) -> Page[T]:
    found, more = _slice(items, limit, cursor)
    return Page(items=found, next_cursor=more, total=len(items))
