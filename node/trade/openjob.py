"""One job on its way: its log on disk, and what the parts of its driver share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from fogchain.chain.calls import Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.index import EventIndex
from fogchain.chain.sender import Sender
from fogchain.config import BuyerSection
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.events import Delivered, Failed, JobEvent, Lost, Sent
from fogchain.jobs.machine import JobMachine, Run, Share
from fogchain.jobs.quota import Storage
from fogchain.jobs.spec import JobSpec
from fogchain.jobs.store import JobStore
from fogchain.market.reputation import Outcomes
from fogchain.wallet.eip712 import Domain
from fogchain.wallet.keystore import Wallet
from node.refusals import Refusals
from node.trade.auctioneer import Auctioneer
from node.trade.book import ProviderBook
from node.trade.ports import Network
from node.trade.settlement import Settlement
from node.trade.transfers import Transfers
from node.trade.verdicts import Verdicts
from node.trade.wire import SignedOrder

if TYPE_CHECKING:
    from node.trade.driver import JobDriver


log = structlog.get_logger(__name__)

REQUEST_TIMEOUT = 10.0
MAX_SLOTS = 64  # beyond these an offer's claim draws no more work
BESIDE = 256 << 10  # bytes that a run may leave here beside its output: its manifest, or its logs when it failed


@dataclass(frozen=True)
class Funding:
    """One look at the balance, and a deposit, at a time; what is promised to sessions not yet on the chain; and what
    jobs on account, by id, may still come to."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    promised: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, Callable[[], int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Surroundings:
    """What all jobs of a buyer share."""

    wallet: Wallet
    domain: Domain
    config: BuyerSection
    store: JobStore
    storage: Storage
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

    @property
    def blobs(self) -> BlobStore:
        return self.storage.store

    def why_barred(self, provider: str) -> str:
        """Why it gets no session of a new job, in words; empty when it may."""
        if self.book.operator_of(provider) in self.suspects:
            return "its operator was shown wrong in a job that is still open"
        seen = self.store.record(provider)
        if seen.ejected:
            return f"it was shown wrong in {seen.cases} of this node's jobs"
        return ""


class OpenJob:
    """One job of this buyer as the parts of its driver see it: the machine and its log, what is known of its runs, and
    what they have to tell those who watch."""

    def __init__(
        self, machine: JobMachine, seq: int, around: Surroundings, changed: Callable[[set[int]], None]
    ) -> None:
        """`seq`: of the next event in the log; `changed` is told the tasks that changed."""
        self.machine, self.around, self.changed = machine, around, changed
        self.now = around.index.now
        self.started: set[int] = set()  # attempts their provider says are in the sandbox now
        self.progress: dict[int, int] = {}  # attempt to the seconds that its provider says it has been running
        self.standing: set[int] = set()  # attempts that stand still, their machine being wanted for something else
        self.problems: dict[str, str] = {}  # provider to what hinders it now, in words
        self.transfers: Transfers[int] = Transfers()  # attempt to how far its inputs or its result have come
        self.waiting = ""  # why nothing can be placed, in words
        self.open: set[str] = set()  # providers whose session is on the chain
        self.unpaid: set[int] = set()  # attempts whose provider said last that it waits for a voucher
        self.refused: set[int] = set()  # attempts whose result this node had no room for: not their providers' fault
        self.coming: dict[int, asyncio.Future[None]] = {}  # attempts whose result is on its way here
        self.withdraw: dict[str, set[bytes]] = {}  # orders their provider should drop
        self.beats: dict[int, float] = {}  # attempt to when its provider last said it was running, by the wall clock
        self.asked: dict[int, float] = {}  # committed attempt to when it was first asked to show its answer
        self.verdicts = Verdicts(machine, self.digest)
        self.unwritten: list[JobEvent] = []  # that need not be on disk at once, and go with the next that must
        self.wake = asyncio.Event()
        self.turn = asyncio.Event()  # set, and made anew, with every event
        self.tasks: set[asyncio.Task[None]] = set()
        self.broken: BaseException | None = None
        self.digests: dict[bytes, int] = {}
        self._seq = seq
        self._digest_of: dict[int, bytes] = {}
        self._records: dict[str, Outcomes] = {}  # of the job's providers, as of before it
        self._ended_at: dict[str, list[float]] = {}  # by provider, when its last runs ended
        around.suspects.update(machine.distrusted)
        for run in machine.runs.values():
            self.digests[self.digest(run)] = run.attempt

    def record(self, *events: JobEvent) -> None:
        """Write events to the job's log, then let the machine know, then tell those who watch."""
        events, self.unwritten = (*self.unwritten, *events), []
        self.around.store.append(self.machine.id, self._seq, events)
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
                self.standing.discard(event.attempt)
        self.turn.set()
        self.turn = asyncio.Event()
        for provider in trusted:
            if self.machine.shares[provider].distrusted:
                self.around.suspects.add(self.machine.shares[provider].operator)
                self._call_back(provider)
                touched.update(run.task for run in self.machine.runs.values() if run.provider == provider)
        self.changed(touched)
        self.wake.set()

    def _clock(self, event: Delivered | Failed | Lost) -> None:
        """How long a task took at its provider, seen from here: since it was sent, or since a slot there was free."""
        run = self.machine.runs[event.attempt]
        known = self.around.book.get(run.provider)
        slots = min(known.offer.slots, MAX_SLOTS) if known and known.offer else 1
        ended = self._ended_at.setdefault(run.provider, [])
        began = max(run.sent, ended[-slots]) if len(ended) >= slots else run.sent
        ended.append(event.at)
        del ended[:-MAX_SLOTS]
        if isinstance(event, Delivered):
            self.around.book.observe(run.provider, event.fuel, event.at - began)

    def _call_back(self, provider: str) -> None:
        """A provider was shown wrong: it need not go on with what it still has."""
        log.warning("a provider was shown wrong", job=self.machine.id[:12], provider=provider)
        dropped = [run for run in self.machine.runs.values() if run.provider == provider and run.state == "superseded"]
        self.withdraw.setdefault(provider, set()).update(self.digest(run) for run in dropped)

    def seen(self, provider: str) -> Outcomes:
        """Its record before this job."""
        if provider not in self._records:
            self._records[provider] = self.around.store.record(provider)
        return self._records[provider]

    def session_open(self, share: Share) -> bool:
        record = self.around.index.session(bytes.fromhex(share.session[2:]))
        return record is not None

    @property
    def on_account(self) -> bool:
        """Whether the job is paid in a batch, without sessions."""
        return self.machine.spec.pay == "batch"

    @property
    def most_left(self) -> int:
        """Bytes that one run may leave here."""
        return room_of(self.machine.spec)

    def promised(self) -> int:
        """Bytes that the runs that are out may still leave here."""
        out = sum(share.out for share in self.machine.shares.values()) if self.machine.ended is None else 0
        return out * self.most_left

    def digest(self, run: Run) -> bytes:
        if run.attempt not in self._digest_of:
            order = SignedOrder.decode(bytes.fromhex(run.order)).order
            self._digest_of[run.attempt] = self.around.domain.digest(order)
        return self._digest_of[run.attempt]

    def fail(self, run: Run, event: Failed) -> None:
        if run.state == "out":
            log.info("run failed", job=self.machine.id[:12], task=run.task, provider=run.provider, why=event.detail)
            self.record(event)

    def spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """What kills a part kills the whole, which is then taken up anew from its log."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken = error
            self.wake.set()


def room_of(spec: JobSpec) -> int:
    """Bytes that a run may leave at its buyer."""
    return spec.limits.output + BESIDE
