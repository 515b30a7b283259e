"""Drives one job: asks the job machine what should happen next, and does it over network and chain.

Every decision is an event on disk before it leaves the node, so that a killed and restarted buyer replays the log and
goes on: it sends the same orders again (their providers know them), the same vouchers, and the same transactions.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from fogchain.batch.placement import Machine, Placement, place
from fogchain.chain.calls import Calls, session_id
from fogchain.chain.client import ChainClient
from fogchain.chain.index import EventIndex
from fogchain.chain.sender import Sender
from fogchain.config import BuyerSection
from fogchain.errors import BadMessage, FogchainError, NotFound, PaymentRequired, Unavailable
from fogchain.jobs import logs
from fogchain.jobs.blobname import name_of
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.events import (
    Accepted,
    CapRaised,
    Committed,
    Delivered,
    Distrusted,
    Ended,
    Failed,
    JobEvent,
    JuryClosed,
    Lost,
    Paid,
    Sent,
    SessionPlanned,
    Signed,
)  # fmt: skip
from fogchain.jobs.machine import JobMachine, Run, Share, Work
from fogchain.jobs.spec import BlobRef, ResultManifest
from fogchain.jobs.store import JobStore
from fogchain.market import auction
from fogchain.market.messages import BY_RECORD, ON_ACCOUNT, SERVED_PRIVACY, Agreement, Exit, Receipt, TaskOrder, Voucher
from fogchain.market.offers import class_id
from fogchain.market.reasons import Reason
from fogchain.market.reputation import BPS, Outcomes
from fogchain.market.verification import check_chance
from fogchain.units import GFUEL, MAX_UINT96, cost, format_duration, format_fog
from fogchain.wallet.eip712 import Domain, sign, verify
from fogchain.wallet.keystore import Wallet
from node.refusals import Refusals
from node.trade import wire
from node.trade.auctioneer import Auctioneer, Award, Demand
from node.trade.book import Known, ProviderBook
from node.trade.ports import Network
from node.trade.settlement import Settlement
from node.trade.sources import blobs_of
from node.trade.transfers import SHOWN_FROM, Transfers, decode_amounts
from node.trade.verdicts import PATIENCE, Verdicts, word_of
from node.trade.wire import Promise, SignedCommitment, SignedOrder, SignedReceipt, SignedVoucher

log = structlog.get_logger(__name__)

TICK = 1.0
VOUCHER_PAUSE = 0.25  # seconds between vouchers to one provider: tasks that end together share one
SESSION_MARGIN = 600  # seconds a session outlives its job's time limit, for claims
BATCH = 64
REQUEST_TIMEOUT = 10.0
DISCOVERY_PAUSE = 3.0
CONFIRMATIONS = 4  # blocks on top of a session's end before it counts: a chain that goes back takes the last few along
MAX_SLOTS = 64  # beyond these an offer's claim draws no more work
HANDING_OVER = 30.0  # seconds a provider may say "delivered" before its receipt is here
JURY_PATIENCE = 15.0  # seconds for which a majority waits for others that could be asked
LONG_POLL = 10.0  # seconds for which a sealed answer's provider is kept waiting for the others'
CLOCK_SKEW = 120  # seconds by which two honest clocks may differ
SLOWEST = 64 << 10  # bytes a second at which a result has to come, at least


@dataclass(frozen=True)
class Funding:
    """One look at the balance, and a deposit, at a time; and what is promised to sessions not yet on the chain."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    promised: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Surroundings:
    """What all jobs of a buyer share."""

    wallet: Wallet
    domain: Domain
    config: BuyerSection
    store: JobStore
    blobs: BlobStore
    network: Network
    book: ProviderBook
    client: ChainClient
    index: EventIndex
    auctioneer: Auctioneer
    sender: Sender
    calls: Calls
    funding: Funding
    settlement: Settlement
    changed: Callable[[JobDriver, set[int]], None]  # the job, and the tasks that changed
    refusals: Refusals = field(default_factory=Refusals)
    suspects: set[str] = field(default_factory=set)  # operators proven wrong in a job that is open

    def why_barred(self, provider: str) -> str:
        """Why it gets no session of a new job, in words; empty when it may."""
        if self.book.operator_of(provider) in self.suspects:
            return "its operator was shown wrong in a job that is still open"
        seen = self.store.record(provider)
        if seen.ejected:
            return f"it was shown wrong in {seen.cases} of this node's jobs"
        return ""


class JobDriver:
    """One job of this buyer. `run` returns when the job is paid."""

    def __init__(self, machine: JobMachine, seq: int, around: Surroundings) -> None:
        self.machine = machine
        self.started: set[int] = set()  # attempts their provider says are in the sandbox now
        self.progress: dict[int, int] = {}  # attempt to the seconds that its provider says it has been running
        self.problems: dict[str, str] = {}  # provider to what hinders it now, in words
        self.transfers: Transfers[int] = Transfers()  # attempt to how far its inputs or its result have come
        self.waiting = ""  # why nothing can be placed, in words
        self._seq = seq
        self._unwritten: list[JobEvent] = []  # that need not be on disk at once, and go with the next that must
        self._around, self._now = around, around.index.now
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: set[str] = set()  # providers whose session is on the chain
        self._opening: set[str] = set()
        self._raising: set[str] = set()
        self._digests: dict[bytes, int] = {}
        self._receiving: dict[int, asyncio.Future[None]] = {}
        self._acknowledged: set[int] = set()
        self._withdraw: dict[str, set[bytes]] = {}  # orders their provider should drop
        self._withdrawn: set[bytes] = set()
        self._acked: dict[str, tuple[int, bool]] = {}  # newest voucher the provider has confirmed
        self._vouching: set[str] = set()
        self._retry_at: dict[str, float] = {}
        self._account = asyncio.Lock()
        self._verdicts = Verdicts(machine, self._digest)
        self._telling: set[str] = set()  # providers that are being told
        self._billing = False  # something was billed because all stood still
        self._unpaid: set[int] = set()  # attempts whose provider said last that it waits for a voucher
        self._since: dict[tuple[int, str], float] = {}  # attempt and a state to when its provider first said so
        self._broken: BaseException | None = None
        self.readable = frozenset(machine.spec.blobs())
        self._digest_of: dict[int, bytes] = {}
        self._records: dict[str, Outcomes] = {}  # of the job's providers, as of before it
        self._heard: dict[str, float] = {}  # provider to when it last said anything, by the monotonic clock
        self._beats: dict[int, float] = {}  # attempt to when its provider last said it was running, by the wall clock
        self._opened: dict[int, float] = {}  # committed attempt to when it was first asked to show its answer
        self._turn = asyncio.Event()  # set, and made anew, with every event
        self._contested: dict[int, float] = {}  # task to since when a majority waits for more to be asked
        around.suspects.update(machine.distrusted)
        self._engine_used: str | None = None
        self._ended_at: dict[str, list[float]] = {}  # by provider, when its last runs ended
        self._covering = False  # the job's bids are, or are being, covered and made
        self._uncovered = ""  # why the job takes no part in the auction, in words
        for run in machine.runs.values():
            self._digests[self._digest(run)] = run.attempt

    # ---------------------------------------------------------------- the loop

    async def run(self) -> None:
        """Bring the job to its end and pay for it. Cancelling this stops the work and loses nothing."""
        try:
            for run in self.machine.runs.values():
                if run.state == "out" and not self.machine.ended:
                    self._spawn(self._deliver_order(run))
            for share in self.machine.shares.values():
                self._spawn(self._watch(share))
                if self._session_open(share):
                    self._open.add(share.provider)
                else:
                    self._spawn(self._begin_paying(share))
            while self.machine.paid is None:
                if self._broken is not None:
                    raise self._broken
                self._step()
                try:
                    await asyncio.wait_for(self._wake.wait(), TICK)
                except TimeoutError:
                    continue
                self._wake.clear()
        finally:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _step(self) -> None:
        machine, now = self.machine, self._now()
        if self._unwritten:
            self._record()
        if (verdict := machine.verdict_of(now)) is not None:
            self._record(Ended(now, *verdict))
        self._share_suspects(now)
        if machine.ended is None:
            self._plan_sessions(now)
            self._dispatch(now)
            self._close_juries(now)
        self._vouch(now)
        self._tell(now)
        if machine.ended is not None:
            self._settle(now)

    def _record(self, *events: JobEvent) -> None:
        """Write events to the job's log, then let the machine know, then tell those who watch."""
        events, self._unwritten = (*self._unwritten, *events), []
        self._around.store.append(self.machine.id, self._seq, events)
        self._seq += len(events)
        touched = set()
        trusted = {share.provider for share in self.machine.shares.values() if not share.distrusted}
        for event in events:
            self.machine.apply(event)
            if isinstance(event, Sent):
                touched.add(event.task)
            elif isinstance(event, Delivered | Failed | Lost):
                self._clock(event)
                touched.add(self.machine.runs[event.attempt].task)
                self.started.discard(event.attempt)
        self._turn.set()
        self._turn = asyncio.Event()
        for provider in trusted:
            if self.machine.shares[provider].distrusted:
                self._around.suspects.add(self.machine.shares[provider].operator)
                self._call_back(provider)
                touched.update(run.task for run in self.machine.runs.values() if run.provider == provider)
        self._around.changed(self, touched)
        self._wake.set()

    def _clock(self, event: Delivered | Failed | Lost) -> None:
        """How long a task took at its provider, seen from here: since it was sent, or since a slot there was free."""
        run = self.machine.runs[event.attempt]
        known = self._around.book.get(run.provider)
        slots = min(known.offer.slots, MAX_SLOTS) if known and known.offer else 1
        ended = self._ended_at.setdefault(run.provider, [])
        began = max(run.sent, ended[-slots]) if len(ended) >= slots else run.sent
        ended.append(event.at)
        del ended[:-MAX_SLOTS]
        if isinstance(event, Delivered):
            self._around.book.observe(run.provider, event.fuel, event.at - began)

    def _call_back(self, provider: str) -> None:
        """A provider was shown wrong: it need not go on with what it still has."""
        log.warning("a provider was shown wrong", job=self.machine.id[:12], provider=provider)
        dropped = [run for run in self.machine.runs.values() if run.provider == provider and run.state == "superseded"]
        self._withdraw.setdefault(provider, set()).update(self._digest(run) for run in dropped)

    def _share_suspects(self, now: float) -> None:
        """Who was shown wrong in another open job of this buyer is neither trusted nor paid here."""
        for share in list(self.machine.shares.values()):
            if not share.distrusted and share.operator in self._around.suspects:
                self._record(Distrusted(now, share.provider, "its operator was shown wrong in another job"))

    def cancel(self, detail: str) -> None:
        """End the job; what was delivered is paid."""
        if self.machine.ended is None:
            self._record(Ended(self._now(), "cancelled", detail))

    # ---------------------------------------------------------------- sessions

    def _plan_sessions(self, now: float) -> None:
        """Choose providers, as they come up, and give each a capped session."""
        machine, around = self.machine, self._around
        if self._defers(now):
            return
        ready, reasons = around.book.matching(machine.spec, self._engine)
        fresh = [known for known in ready if known.address not in machine.shares]
        for known in fresh:
            if why := around.why_barred(known.address):
                reasons.append(f"{known.name}: {why}")
        fresh = [known for known in fresh if not around.why_barred(known.address)]
        good = [share for share in machine.shares.values() if not share.distrusted and not share.given_up]
        room = around.config.max_providers - len(good)  # cheap offers that come to nothing keep nobody out
        if fresh and room > 0 and now >= machine.created + (0 if machine.shares else self._patience(len(ready))):
            count = len(machine.shares) + len(fresh[:room])
            for known in fresh[:room]:
                offer = known.offer
                if offer is None:
                    continue
                self._plan_session(now, known, offer.price, machine.spec.budget // count)
        self.waiting = self._why_waiting(reasons)
        if self.waiting and machine.spec.urgency == "deferrable":
            self.waiting = (
                f"{self._uncovered or 'the auction brought nothing'}: the best offer is taken; {self.waiting}"
            )

    def _plan_session(self, now: float, known: Known, price: int, cap: int) -> None:
        """`cap`: of the budget, at most that; one task has to fit."""
        machine, most = self.machine, cost(self.machine.spec.limits.fuel, price)
        if most > machine.spec.budget:
            self.problems[known.address] = f"one task at its fuel limit costs {format_fog(most)} there, over the budget"
            return
        cap = machine.spec.budget if self._on_account else max(cap, most)
        session = session_id(self._around.wallet.address, known.address, bytes.fromhex(machine.id))
        operator = self._around.book.operator_of(known.address)
        quota = self._seen(known.address).quota(self._around.config.newcomer_tasks)
        self._record(
            SessionPlanned(
                now, known.address, known.peer_id, known.name, price, "0x" + session.hex(), cap, operator, quota,
            )
        )  # fmt: skip
        share = machine.shares[known.address]
        self._spawn(self._watch(share))
        self._spawn(self._begin_paying(share))

    # ---------------------------------------------------------------- the auction

    def _defers(self, now: float) -> bool:
        """Whether the job waits for the auction, or has what it needs from it; the best offers are not looked at then.

        It waits for half of its time limit at most. What it has won is opened as sessions at the auction's price.
        """
        machine, spec = self.machine, self.machine.spec
        if spec.urgency == "now" or now >= machine.created + spec.time_limit / 2000 or self._uncovered:
            self._around.auctioneer.leave(machine.id)
            return False
        good = {share.operator for share in machine.shares.values() if not share.distrusted and not share.given_up}
        if good:
            return len(good) >= spec.operators
        if not self._covering:
            self._covering = True
            self._spawn(self._join_auction())
        awards = self._around.auctioneer.take(machine.id)
        for award in awards:
            self._take_award(now, award, len(awards))
        self.waiting = self._why_deferred() if not machine.shares else self._why_waiting([])
        return True

    def _take_award(self, now: float, award: Award, count: int) -> None:
        """Open a session with a seller that the auction has paired this job with, if it can run it."""
        spec = self.machine.spec.model_copy(update={"max_price": None})  # the auction has set the price
        able, _ = self._around.book.matching(spec, self._engine)
        known = next((known for known in able if known.address == award.seller), None)
        if known is None or known.address in self.machine.shares or self._around.why_barred(award.seller):
            log.warning("a seller of the auction can't serve the job", job=self.machine.id[:12], seller=award.seller)
            return
        most = min(cost(award.fuel, award.price), spec.budget // count)
        self._plan_session(now, known, award.price, most)

    async def _join_auction(self) -> None:
        """Bid for the whole job: what its tasks may burn, at the most that it may pay for it.

        The contract wants every bid covered by the buyer's free balance, a whole lot at a time; nothing of it is spent.
        """
        around, spec = self._around, self.machine.spec
        resource_class = class_id(spec.resource_class or "cpu")
        fuel = spec.limits.fuel * len(spec.tasks)
        price = spec.max_price or spec.budget * GFUEL // max(fuel, 1)
        while self.machine.ended is None and not self.machine.shares:
            try:
                lot = await around.auctioneer.lot_of(resource_class)
                if not lot:
                    self._uncovered = f"there is no auction for class {spec.resource_class or 'cpu'!r}"
                    return
                cover = auction.lots_for(fuel, lot) * lot * price
                await self._fund(cover, f"cover-{self.machine.id}")
                around.funding.promised.pop(f"cover-{self.machine.id}", None)
                around.auctioneer.want(self.machine.id, Demand(resource_class, fuel, price))
                return
            except PaymentRequired as error:
                self._uncovered = f"the auction wants bids covered: {error.message}"
                return
            except FogchainError as error:
                self.waiting = f"the auction can't be joined yet: {error.message}"
                await asyncio.sleep(3)

    def _why_deferred(self) -> str:
        around, machine = self._around, self.machine
        until = machine.created + machine.spec.time_limit / 2000
        left = format_duration(1000 * int(max(0, until - self._now())))
        last = f"; the best offer is taken if nothing is won within {left}"
        number = around.auctioneer.bid_round(machine.id)
        if number is None:
            return f"deferrable: its bid for the auction is being made{last}"
        pending = auction.final_at(number) - around.auctioneer.now
        if pending <= 0:
            return f"deferrable: round {number} brought nothing, the next takes its bid{last}"
        state = "takes bids" if around.auctioneer.now < auction.ends_at(number) else "is being cleared"
        return (
            f"deferrable: round {number} of the auction {state}, its result is final in {pending} s of block time{last}"
        )

    def _patience(self, ready: int) -> float:
        """Let discovery find the others before the budget is split, but not for long."""
        return 0.0 if ready >= 3 else DISCOVERY_PAUSE

    def _why_waiting(self, reasons: list[str]) -> str:
        machine = self.machine
        trusted = [share for share in machine.shares.values() if not share.distrusted]
        if not trusted:
            return "no provider matches: " + "; ".join(reasons) if reasons else "looking for providers"
        if not self._open:
            opening = (
                "money is being brought into the market" if self._on_account else "payment sessions are being opened"
            )
            return f"{opening} on the chain"
        operators, spec = {share.operator for share in trusted}, machine.spec
        if len(operators) < spec.operators:
            return (
                f"level {spec.verify.level} needs {spec.operators} providers of different operators, to compare their "
                f"results; {len(operators)} can be had: " + "; ".join(reasons)
            )
        if spec.privacy not in SERVED_PRIVACY:
            return f"no provider serves privacy {spec.privacy!r} yet; {', '.join(SERVED_PRIVACY)} is served"
        return ""

    def _seen(self, provider: str) -> Outcomes:
        """Its record before this job."""
        if provider not in self._records:
            self._records[provider] = self._around.store.record(provider)
        return self._records[provider]

    def _session_open(self, share: Share) -> bool:
        record = self._around.index.session(bytes.fromhex(share.session[2:]))
        return record is not None

    @property
    def _on_account(self) -> bool:
        """Whether the job is paid in a batch, without sessions."""
        return self.machine.spec.pay == "batch"

    async def _begin_paying(self, share: Share) -> None:
        await (self._open_account(share) if self._on_account else self._open_session(share))

    async def _open_account(self, share: Share) -> None:
        """Nothing is locked for a provider, but the market must hold the budget free, where all can see it."""
        purpose = f"account-{self.machine.id}"
        while self.machine.ended is None:
            try:
                async with self._account:
                    if purpose not in self._around.funding.promised:
                        await self._fund(self.machine.spec.budget, purpose)
                self._open.add(share.provider)
                self.problems.pop(share.provider, None)
                self._wake.set()
                return
            except FogchainError as error:
                self.problems[share.provider] = f"no money to pay with yet: {error.message}"
                self._around.changed(self, set())
                await asyncio.sleep(3)

    async def _open_session(self, share: Share) -> None:
        around, machine = self._around, self.machine
        session, tag = bytes.fromhex(share.session[2:]), f"open-{share.session}"
        if share.provider in self._opening:
            return
        self._opening.add(share.provider)
        try:
            while machine.ended is None or not self._never_opens(tag):
                try:
                    if not around.sender.knows(tag):
                        await self._fund(share.cap, tag)
                    expiry = machine.late_by + SESSION_MARGIN
                    call = around.calls.open_session(share.provider, share.cap, expiry, bytes.fromhex(machine.id))
                    await around.sender.send(call, tag=tag)
                    await around.index.wait_for(lambda: around.index.session(session) is not None, 30)
                    self._open.add(share.provider)
                    self.problems.pop(share.provider, None)
                    self._wake.set()
                    return
                except FogchainError as error:
                    self.problems[share.provider] = f"no payment session yet: {error.message}"
                    log.warning("session not opened", provider=share.provider, why=error.message)
                    around.changed(self, set())
                    await asyncio.sleep(3)
        finally:
            self._opening.discard(share.provider)
            around.funding.promised.pop(tag, None)

    def _never_opens(self, tag: str) -> bool:
        """The opening was never handed to the chain, or the chain has refused it. A session that was open and is gone
        from the index has been undone by the chain, and comes again."""
        if not self._around.sender.knows(tag):
            return True
        try:
            self._around.sender.result(tag)
        except FogchainError:
            return True
        return False

    async def _fund(self, cap: int, purpose: str) -> None:
        """See that the market holds `cap` free for us, moving what is missing from the wallet.

        The first session brings in what the whole budget needs, so that the others find it there.
        """
        around = self._around
        async with around.funding.lock:
            address = around.wallet.address
            free = await self._unpromised(address)
            if free < cap:
                rest = self.machine.spec.budget - sum(
                    share.cap for share in self.machine.shares.values() if self._session_open(share)
                )
                token = await around.client.token_balance(address)
                missing = cap - max(free, 0)
                if token < missing:
                    raise PaymentRequired(
                        f"{format_fog(missing, 4)} more is needed in the market, the wallet has {format_fog(token, 4)}",
                        hint="move FOG to the wallet, or submit with a smaller budget",
                    )
                missing = min(token, max(missing, rest - max(free, 0)))
                if await around.client.allowance(address) < missing:
                    await around.sender.send(around.calls.approve(MAX_UINT96), tag=f"approve-{purpose}")
                await around.sender.send(around.calls.deposit(missing), tag=f"deposit-{purpose}-{missing}")
            around.funding.promised[purpose] = cap

    async def _unpromised(self, address: str) -> int:
        """What is free in the market and not about to be locked by a session on its way to the chain."""
        around = self._around
        while True:
            under_way = {tag for tag in around.funding.promised if around.sender.result(tag) is None}
            free = await around.client.free_balance(address)
            if under_way == {tag for tag in around.funding.promised if around.sender.result(tag) is None}:
                return free - sum(around.funding.promised[tag] for tag in under_way)

    def _raise_cap(self, share: Share) -> None:
        """The session's cap, not the budget, is what hinders: lock some more."""
        if share.provider not in self._raising:
            self._raising.add(share.provider)
            self._spawn(self._top_up(share))

    async def _top_up(self, share: Share) -> None:
        around, spec = self._around, self.machine.spec
        step = min(max(share.cap // 2, 4 * cost(spec.limits.fuel, share.price)), spec.budget - share.cap)
        cap = share.cap + step
        tag = f"top-{share.session}-{cap}"
        try:
            if step <= 0:
                return
            if not around.sender.knows(tag):
                await self._fund(step, tag)
            session = bytes.fromhex(share.session[2:])
            await around.sender.send(around.calls.top_up(session, step), tag=tag)
            await around.index.wait_for(lambda: (r := around.index.session(session)) is not None and r.cap >= cap, 30)
            self._record(CapRaised(self._now(), share.provider, cap))
            self.problems.pop(share.provider, None)
        except FogchainError as error:
            self.problems[share.provider] = f"its session can't be raised: {error.message}"
            around.changed(self, set())
            await asyncio.sleep(5)
        finally:
            self._raising.discard(share.provider)
            around.funding.promised.pop(tag, None)

    # ---------------------------------------------------------------- orders

    def _dispatch(self, now: float) -> None:
        machine, spec = self.machine, self.machine.spec
        if len({s.operator for s in machine.shares.values() if not s.distrusted}) < spec.operators:
            return
        here = self._present()
        wanted = machine.wanted(BATCH, here) or machine.stragglers(now, here)
        if not wanted:
            return
        fuel = machine.mean_fuel(spec.limits.fuel / 4)
        budget = spec.budget - machine.exposure
        nodes = []
        engine = self._engine
        for share in machine.shares.values():
            if share.provider not in self._open or not machine.may_serve(share.provider, now):
                continue
            known = self._around.book.get(share.provider)
            if known is None or known.state != "ready" or known.offer is None:
                continue
            engine = engine or known.engine_for(spec.runtime)
            if engine is None or known.engine_for(spec.runtime) != engine:
                continue  # it was changed since
            price = cost(spec.limits.fuel, share.price)
            affordable = max(0, budget) // price if price else BATCH
            room = (share.cap - share.exposure(spec)) // price if price else BATCH
            if room <= 0 < affordable:
                self._raise_cap(share)
            rate = self._around.book.rate(known) * self._seen(share.provider).score / BPS
            nodes.append(
                Machine(
                    share.provider,
                    min(known.offer.slots, MAX_SLOTS),
                    rate,
                    share.out,
                    share.out * fuel,
                    max(0, min(room, affordable, share.quota - share.out)),
                )
            )
        operators = {share.provider: share.operator for share in machine.shares.values()}
        placements = _distinct(
            place(len(wanted), nodes, fuel=fuel, may=lambda work, name: operators[name] not in wanted[work].barred),
            [work.task for work in wanted],
            operators,
        )
        dearest = max((cost(spec.limits.fuel, machine.shares[p.machine].price) for p in placements), default=0)
        afford = max(0, budget) // dearest if dearest else len(placements)
        events = [
            self._order(wanted[placement.work], machine.shares[placement.machine], machine.next_attempt + number, now)
            for number, placement in enumerate(placements[:afford])
        ]
        if events:
            self._record(*events)
            for event in events:
                run = machine.runs[event.attempt]
                self._digests[self._digest(run)] = run.attempt
                self._spawn(self._deliver_order(run))

    def _present(self) -> frozenset[str]:
        """Providers that can be given orders, but for a pause after a fault."""
        found = set()
        for share in self.machine.shares.values():
            known = self._around.book.get(share.provider)
            if share.provider in self._open and known is not None and known.state == "ready":
                found.add(share.provider)
        return frozenset(found)

    def _close_juries(self, now: float) -> None:
        """Let a majority decide where nobody else can be asked."""
        machine, here = self.machine, self._present()
        contested = [index for index in machine.contested() if not machine.tasks[index].live("out")]
        self._contested = {index: self._contested.get(index, now) for index in contested}
        for index, since in list(self._contested.items()):
            answered = {machine.shares[run.provider].operator for run in machine.tasks[index].runs}
            others = {share.operator for share in machine.shares.values() if share.provider in here} - answered
            if not others or now - since > JURY_PATIENCE:
                self._record(JuryClosed(now, index))

    def _order(self, work: Work, share: Share, attempt: int, now: float) -> Sent:
        around, spec = self._around, self.machine.spec
        known = around.book.get(share.provider)
        run_spec = spec.run_spec(work.task)
        order = TaskOrder(
            buyer=around.wallet.address,
            provider=share.provider,
            session=ON_ACCOUNT if self._on_account else bytes.fromhex(share.session[2:]),
            job=bytes.fromhex(self.machine.id),
            task=work.task,
            attempt=attempt,
            spec=run_spec.digest,
            fuel_limit=spec.limits.fuel,
            engine=(known.engine_for(spec.runtime) if known else None) or "",
            issued=int(now),
            deadline=self.machine.due(now),
            sealed=int(self.machine.sealed(work.purpose)),
            terms=self._agreement(share),
        )
        signature = sign(around.wallet.key, around.domain, order)
        packed = SignedOrder(order, signature, run_spec.encode()).encode()
        return Sent(now, work.task, attempt, share.provider, work.purpose, packed.hex(), signature.hex())

    @property
    def _engine(self) -> str | None:
        """What this job's runs are made with, once one was ordered."""
        if self._engine_used is None and self.machine.runs:
            first = next(iter(self.machine.runs.values()))
            self._engine_used = SignedOrder.decode(bytes.fromhex(first.order)).order.engine
        return self._engine_used

    def _agreement(self, share: Share) -> Agreement:
        spec, session = self.machine.spec, self._around.index.session(bytes.fromhex(share.session[2:]))
        sample = spec.verify.sample
        return Agreement(
            price=share.price,
            fee=session.fee_bps if session else self._fee_now(),
            level=int(spec.verify.level[1:]),
            sample=BY_RECORD if sample is None else sample,
            grace=spec.grace // 1000,
            penalty=spec.penalty_at(share.price),
            privacy=spec.privacy,
        )

    def _fee_now(self) -> int:
        parameters = self._around.index.parameters() if self._on_account else None
        return parameters.fee_bps if parameters else 0

    def _digest(self, run: Run) -> bytes:
        if run.attempt not in self._digest_of:
            order = SignedOrder.decode(bytes.fromhex(run.order)).order
            self._digest_of[run.attempt] = self._around.domain.digest(order)
        return self._digest_of[run.attempt]

    async def _deliver_order(self, run: Run) -> None:
        """Send the order until its provider has it, or has been silent too long."""
        share = self.machine.shares[run.provider]
        patience = time.monotonic() + self._around.config.lost_after / 1000
        detail = ""
        while run.state == "out" and self.machine.ended is None:
            try:
                answer = await self._around.network.request(
                    share.peer, "order", bytes.fromhex(run.order), timeout=REQUEST_TIMEOUT
                )
                self._promised(run, Promise.decode(answer))
                self._acknowledged.add(run.attempt)
                return
            except Unavailable as error:
                detail = error.message
            except FogchainError as error:
                self._fail(run, Failed(self._now(), run.attempt, Exit.REFUSED, f"refused: {error.message}"))
                return
            if time.monotonic() > patience:
                self._lose(run, f"did not take the order: {detail}")
                return
            await asyncio.sleep(0.3)

    def _promised(self, run: Run, promise: Promise) -> None:
        """Raises BadSignature when the answer is not the provider's promise to do this order."""
        if run.state == "out" and not run.promise:
            order = SignedOrder.decode(bytes.fromhex(run.order)).order
            verify(self._around.domain, order, promise.signature, run.provider)
            self._unwritten.append(Accepted(self._now(), run.attempt, promise.signature.hex()))
            self._wake.set()
        self._note_state(run, promise.state)

    def _note_state(self, run: Run, state: str) -> None:
        before, now = run.attempt in self.started, time.monotonic()
        since = self._since.setdefault((run.attempt, state), now)  # one that takes its word back gains no time
        if state == wire.DELIVERED and run.commitment:  # it waits for us, until we ask
            since = self._opened.get(run.attempt, now)
        if state in (wire.UNKNOWN, wire.DROPPED):
            self._lose(run, "its provider no longer has the order", breach=True)
        elif state == wire.LAPSED:
            self._lose(run, "its provider let it go, since it had not heard of this node for long")
        elif state not in (wire.QUEUED, wire.UNPAID, wire.RUNNING, wire.DELIVERED):
            self._lose(run, f"its provider calls it {state!r}, which says nothing", breach=True)
        elif now - since > self._patience_with(run, state):
            self._lose(run, f"its provider says {state} and nothing comes of it", breach=True)
        elif state == wire.RUNNING and run.state == "out":
            self._beats[run.attempt] = self._now()
            self.started.add(run.attempt)
        waited = run.attempt in self._unpaid
        (self._unpaid.add if state == wire.UNPAID and run.state == "out" else self._unpaid.discard)(run.attempt)
        if (run.attempt in self.started) != before or (run.attempt in self._unpaid) != waited:
            self._around.changed(self, {run.task})
            self._wake.set()

    def _patience_with(self, run: Run, state: str) -> float:
        """Seconds for which an order may stay in this state at its provider."""
        limit, lost_after = self.machine.spec.limits.time / 1000, self._around.config.lost_after / 1000
        if state == wire.RUNNING:
            return limit + lost_after
        if state == wire.DELIVERED:
            return math.inf if run.attempt in self._receiving else max(HANDING_OVER, lost_after)
        ahead = sum(attempt < run.attempt for attempt in self.machine.shares[run.provider].live)
        return limit * (ahead + 1) + lost_after

    def _fail(self, run: Run, event: Failed) -> None:
        if run.state == "out":
            log.info("run failed", job=self.machine.id[:12], task=run.task, provider=run.provider, why=event.detail)
            self._record(event)

    def _lose(self, run: Run, detail: str, *, breach: bool = False) -> None:
        if run.state == "out":
            log.info("run lost", job=self.machine.id[:12], task=run.task, provider=run.provider, why=detail)
            self._withdraw.setdefault(run.provider, set()).add(self._digest(run))
            self._record(Lost(self._now(), run.attempt, detail, breach))

    def beat(self, peer: str, digest: bytes, seconds: int) -> None:
        """Its provider says that this order has been running for so long."""
        run = self.machine.runs[self._digests[digest]]
        if self.machine.shares[run.provider].peer == peer and run.state == "out":
            self._heard[run.provider] = time.monotonic()
            self.progress[run.attempt] = seconds
            self._note_state(run, wire.RUNNING)

    async def _watch(self, share: Share) -> None:
        """Ask one provider about its orders; give up on them when it stays silent."""
        around, machine = self._around, self.machine
        lost_after = around.config.lost_after / 1000
        pause = max(0.5, lost_after / 8)
        self._heard[share.provider] = time.monotonic()
        while machine.paid is None:
            over = machine.ended is not None
            live = [machine.runs[attempt] for attempt in share.live]
            stale = [run for run in live if over or machine.tasks[run.task].state in ("done", "failed")]
            withdraw = self._withdraw.setdefault(share.provider, set())
            withdraw.update({self._digest(run) for run in stale} - self._withdrawn)
            out = [] if over else [run for run in live if run.attempt in self._acknowledged and run not in stale]
            try:
                if withdraw:
                    asked = sorted(withdraw)
                    breached = [d for d in asked if machine.runs[self._digests[d]].breached]
                    message = wire.encode_cancel([d for d in asked if d not in breached], breached)
                    await around.network.request(share.peer, "cancel", message, timeout=REQUEST_TIMEOUT)
                    self._withdrawn.update(asked)
                    withdraw.difference_update(asked)
                    for run in stale:
                        if not over and run.state == "out":
                            self._record(Lost(self._now(), run.attempt, "no longer needed"))
                if out:
                    digests = [self._digest(run) for run in out]
                    answer = await around.network.request(
                        share.peer, "status", wire.encode_list(digests), timeout=min(REQUEST_TIMEOUT, lost_after)
                    )
                    for run, state in zip(out, wire.decode_states(answer, len(digests)), strict=True):
                        self._note_state(run, state)
                    await self._measure(share.peer, out)
                    around.book.heard(share.peer)
                    self.problems.pop(share.provider, None)
                    if waiting := sum(run.attempt in self._unpaid for run in out):
                        self.problems[share.provider] = f"waits for a voucher before it begins {_orders(waiting)}"
                self._heard[share.provider] = time.monotonic()
            except FogchainError as error:
                silent = time.monotonic() - self._heard[share.provider]
                self.problems[share.provider] = f"silent for {silent:.0f} s: {error.message}"
                around.book.silent(share.peer, error.message)
                if silent > lost_after:
                    for run in out:
                        self._lose(run, f"silent for {silent:.0f} s", breach=True)
            if over and not withdraw:
                return
            await asyncio.sleep(pause)

    # ---------------------------------------------------------------- receipts

    def receiving(self, attempt: int) -> bool:
        """Whether this attempt's result is on its way here."""
        return attempt in self._receiving

    def attempt_of(self, digest: bytes) -> int | None:
        return self._digests.get(digest)

    async def receive(self, peer: str, signed: SignedReceipt) -> tuple[str, Reason]:
        """Take a receipt: verify it, bring the result here and hash it. Returns what to answer, and why.

        Raises BadSignature, BadMessage, Unavailable when it can't be taken now.
        """
        attempt = self._digests[signed.receipt.order]
        run = self.machine.runs[attempt]
        verify(self._around.domain, signed.receipt, signed.signature, run.provider)
        if (going := self._receiving.get(attempt)) is not None:
            await asyncio.shield(going)
        elif run.state == "out":
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._receiving[attempt] = future
            try:
                await self._take(peer, run, signed)
            finally:
                self.transfers.end(attempt)
                future.set_result(None)
                del self._receiving[attempt]
        return word_of(run), self._verdicts.answer(run)

    def answers(self) -> dict[bytes, tuple[str, Reason]]:
        """What every receipt that was taken is answered with, also when it comes again."""
        return self._verdicts.answers()

    async def commit(self, signed: SignedCommitment) -> str:
        """Take a sealed answer, and say whether it may be shown now: once all other answers to the task are fixed.

        Raises BadSignature, BadMessage for another commitment than before.
        """
        run = self.machine.runs[self._digests[signed.commitment.order]]
        verify(self._around.domain, signed.commitment, signed.signature, run.provider)
        answer, patience = signed.commitment.answer.hex(), time.monotonic() + LONG_POLL
        if run.state == "out" and not run.commitment:
            self._record(Committed(self._now(), run.attempt, answer))
        elif run.commitment and run.commitment != answer:
            raise BadMessage("another answer than the one that was committed to")
        while run.state == "out" and not self.machine.may_open(run):
            turn, left = self._turn, patience - time.monotonic()
            if left <= 0:
                return wire.WAIT
            with suppress(TimeoutError):
                await asyncio.wait_for(turn.wait(), left)
        self._opened.setdefault(run.attempt, time.monotonic())
        return wire.OPEN

    async def _take(self, peer: str, run: Run, signed: SignedReceipt) -> None:
        receipt, now = signed.receipt, self._now()
        try:
            end = Exit(receipt.exit)
        except ValueError:
            self._refuse(run, f"its receipt names an unknown ending {receipt.exit}")
            return
        limit, ran = self.machine.spec.limits.time, receipt.finished - receipt.started
        if end is Exit.TIMEOUT and (now - run.sent < limit / 1000 or ran < limit // 1000):
            self._refuse(run, "claims the task's time limit passed; it did not")
            return
        if not end.deterministic:
            printed = self._around.blobs.put(logs.encode(signed.logs)) if signed.logs else ""
            self._fail(run, Failed(now, run.attempt, end, signed.detail or end.name.lower(), printed))
            return
        if why := self._contradicts(run, signed):
            self._refuse(run, why)
            return
        try:
            manifest = self._check(receipt, signed.manifest)
            async with asyncio.timeout(HANDING_OVER + sum(file.size for file in manifest.files) / SLOWEST):
                await self._gather(peer, run.attempt, manifest, signed.blobs)
        except (BadMessage, NotFound, TimeoutError) as error:
            why = error.message if isinstance(error, FogchainError) else "it does not arrive"
            self._refuse(run, f"its result is not what its receipt says: {why}")
            return
        if run.state != "out":
            return
        self._around.blobs.put(signed.manifest)
        share = self.machine.shares[run.provider]
        chance = check_chance(
            self.machine.spec.verify.level,
            self.machine.spec.verify.sample,
            self._seen(run.provider).clean + share.passed,
            receipt.exit,
        )
        self._record(
            Delivered(
                at=self._now(),
                attempt=run.attempt,
                result=receipt.result.hex(),
                fuel=receipt.fuel,
                exit=receipt.exit,
                started=receipt.started,
                finished=receipt.finished,
                receipt=signed.signature.hex(),
                check=secrets.randbelow(10_000) < chance,
            )
        )

    def _contradicts(self, run: Run, signed: SignedReceipt) -> str:
        """What is wrong with the receipt beside what was said before; empty when nothing is."""
        receipt = signed.receipt
        if run.sealed and receipt.commitment(run.provider, signed.salt.rjust(32, b"\0")).answer.hex() != run.commitment:
            return "its result is not what it committed to"
        if receipt.finished < receipt.started or receipt.finished > self._now() + CLOCK_SKEW:
            return "its receipt is dated in the future, or ends before it began"
        if receipt.finished < max(run.sent, self._beats.get(run.attempt, 0.0)) - CLOCK_SKEW:
            return "its receipt is dated before the order, or before its provider said that it was still running"
        return ""

    def _refuse(self, run: Run, why: str) -> None:
        if run.state == "out":
            self._around.refusals.note("receipt", BadMessage(why))
            self._fail(run, Failed(self._now(), run.attempt, Exit.REFUSED, why))

    def _check(self, receipt: Receipt, manifest: bytes) -> ResultManifest:
        """The receipt's manifest. Raises BadMessage when the two or the order contradict each other."""
        spec = self.machine.spec
        if hashlib.sha256(manifest).digest() != receipt.result:
            raise BadMessage("the manifest's hash differs")
        if receipt.fuel > spec.limits.fuel:
            raise BadMessage("more fuel than the order allows")
        decoded = ResultManifest.decode(manifest)
        if decoded.exit != receipt.exit:
            raise BadMessage("manifest and receipt name different endings")
        if sum(file.size for file in decoded.files) > 2 * spec.limits.output + (1 << 20):
            raise BadMessage("more output than the order allows")
        return decoded

    async def _measure(self, peer: str, out: list[Run]) -> None:
        """Learn how far the inputs of orders that wait have come."""
        for run in out:
            if run.attempt in self.started:
                self.transfers.end(run.attempt)
        large = [run for run in out if run.attempt not in self.started and self._input_bytes(run) >= SHOWN_FROM]
        if not large:
            return
        with suppress(FogchainError):
            digests = [self._digest(run) for run in large]
            answer = await self._around.network.request(
                peer, "progress", wire.encode_list(digests), timeout=REQUEST_TIMEOUT
            )
            for run, amount in zip(large, decode_amounts(answer, len(large)), strict=True):
                self.transfers.set(run.attempt, amount)
            self._around.changed(self, {run.task for run in large})

    def _input_bytes(self, run: Run) -> int:
        return sum(blobs_of(self.machine.spec.run_spec(run.task)).values())

    async def _gather(self, peer: str, attempt: int, manifest: ResultManifest, given: dict[bytes, bytes]) -> None:
        """Bring every file of a result into the blob store, each checked against its hash."""
        blobs = self._around.blobs
        refs = {file.sha256: BlobRef(sha256=file.sha256, size=file.size) for file in manifest.files}
        self.transfers.begin(attempt, [ref for name, ref in refs.items() if bytes.fromhex(name) not in given])
        for file in manifest.files:
            data = given.get(bytes.fromhex(file.sha256))
            if data is not None:
                if len(data) != file.size or name_of(data) != file.sha256:
                    raise BadMessage(f"{file.name} does not hash to its name")
                blobs.put(data)
            elif not blobs.has(file.sha256):
                await self._around.network.fetch(peer, refs[file.sha256], self.transfers.meter(attempt, file.sha256))
            elif blobs.size(file.sha256) != file.size:
                raise BadMessage(f"{file.name} has {blobs.size(file.sha256)} bytes, not {file.size}")

    # ---------------------------------------------------------------- money

    @property
    def unpaid(self) -> set[int]:
        """Attempts that their providers don't begin before more is signed for."""
        return self._unpaid

    def _stalled(self) -> bool:
        """Whether all that is out waits for vouchers, which wait for checks, which are among what is out."""
        out = [attempt for share in self.machine.shares.values() for attempt in share.live]
        return bool(out) and all(attempt in self._unpaid for attempt in out)

    def _vouch(self, now: float) -> None:
        """Sign what is due, and see that each provider has its newest voucher."""
        last, stalled = self.machine.ended is not None, self._stalled()
        if self._on_account:
            if last or stalled:
                self._bill(now, stalled)
            return
        for share in self.machine.shares.values():
            amount = self.machine.payable(share.provider, pressed=stalled and share.out > 0)
            if amount and (last or now >= self._retry_at.get(share.provider, 0.0)):
                voucher = Voucher(bytes.fromhex(share.session[2:]), amount)
                signature = sign(self._around.wallet.key, self._around.domain, voucher)
                self._record(Signed(now, share.provider, amount, signature.hex()))
                self._retry_at[share.provider] = now + VOUCHER_PAUSE
            news = self._acked.get(share.provider) != (share.signed, last)
            worth = share.signed > 0 or (last and self._session_open(share))
            if news and worth and share.provider not in self._vouching:
                self._vouching.add(share.provider)
                self._spawn(self._send_voucher(share))

    def _bill(self, now: float, stalled: bool) -> None:
        """Have what is due paid in a batch: when the job has ended, or when nothing goes on before something is paid;
        then once that is seen."""
        settlement, job = self._around.settlement, self.machine.id
        if not settlement.is_on_its_way(job):
            if stalled and self._billing:
                self._billing = False
                self._unpaid.clear()  # until they say so again
                return
            for share in self.machine.shares.values():
                amount = self.machine.payable(share.provider, pressed=stalled and share.out > 0)
                if amount:
                    self._record(Signed(now, share.provider, amount, ""))
                    self._billing = True
        for share in self.machine.shares.values():
            if share.signed:
                settlement.owe(job, share.provider, share.signed)

    def _tell(self, now: float) -> None:
        """See that each provider knows why its runs are paid or not."""
        for provider, reasons in self._verdicts.due(now).items():
            if provider not in self._telling:
                self._telling.add(provider)
                self._spawn(self._send_reasons(self.machine.shares[provider], reasons))

    async def _send_reasons(self, share: Share, reasons: dict[int, Reason]) -> None:
        try:
            await self._verdicts.tell(self._around.network, share.peer, reasons)
        except FogchainError as error:
            log.debug("reasons not told yet", provider=share.provider, why=error.message)
            await asyncio.sleep(TICK)
        finally:
            self._telling.discard(share.provider)
            self._wake.set()

    async def _send_voucher(self, share: Share) -> None:
        pause = 0.3
        try:
            while self.machine.paid is None:
                amount, last = share.signed, self.machine.ended is not None
                if self._acked.get(share.provider) == (amount, last) or self._closed(share):
                    return
                voucher = Voucher(bytes.fromhex(share.session[2:]), amount)
                signature = bytes.fromhex(share.signature)
                if not signature:  # one over nothing ends a session all the same, so it is signed too
                    signature = sign(self._around.wallet.key, self._around.domain, voucher)
                message = SignedVoucher(voucher, signature, last).encode()
                try:
                    await self._around.network.request(share.peer, "voucher", message, timeout=REQUEST_TIMEOUT)
                    self._acked[share.provider] = (amount, last)
                    self._unpaid -= set(share.live)  # until it says so again
                    pause = 0.3
                except FogchainError as error:
                    self.problems[share.provider] = f"does not take its voucher: {error.message}"
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 15.0)
        finally:
            self._vouching.discard(share.provider)
            self._wake.set()

    def _closed(self, share: Share) -> bool:
        record = self._around.index.session(bytes.fromhex(share.session[2:]))
        return record is not None and not record.open

    def _settled(self, share: Share) -> bool:
        """Nothing more is to come between us and this provider."""
        record = self._around.index.session(bytes.fromhex(share.session[2:]))
        if record is None:
            return share.provider not in self._opening and self._never_opens(f"open-{share.session}")
        if record.closed is not None:
            head = self._around.index.head
            return head is not None and head.number >= record.closed + CONFIRMATIONS
        known = self._around.book.get(share.provider)
        away = known is None or known.state != "ready"
        return record.claimed >= share.signed and away

    def _settle(self, now: float) -> None:
        if self._verdicts.due(now) and self.machine.ended is not None and now - self.machine.ended.at < PATIENCE:
            return
        if self._on_account:
            done = self._around.settlement.is_paid(self.machine.id)
        else:
            done = all(self._settled(share) for share in self.machine.shares.values())
        if done:
            self._around.funding.promised.pop(f"account-{self.machine.id}", None)
            self._record(Paid(now))

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """What kills a part kills the whole, which is then taken up anew from its log."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = error
            self._wake.set()


def _orders(count: int) -> str:
    return "an order" if count == 1 else f"{count} orders"


def _distinct(placements: list[Placement], tasks: list[int], operators: dict[str, str]) -> list[Placement]:
    """Without those that would give one operator the same task twice; `tasks`: of the pieces of work."""
    given: set[tuple[int, str]] = set()
    kept = []
    for placement in placements:
        key = tasks[placement.work], operators[placement.machine]
        if key not in given:
            given.add(key)
            kept.append(placement)
    return kept
