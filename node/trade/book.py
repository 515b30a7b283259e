"""The providers a buyer knows: found by registry, mDNS or bootstrap list, bound to a wallet by the registry, with
their offers pulled by request."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import structlog

from fogchain.chain.index import EventIndex
from fogchain.chain.records import NOBODY, NodeRecord
from fogchain.errors import BadMessage, BadSignature, FogchainError, Unavailable
from fogchain.identity import check_binding
from fogchain.jobs.spec import JobSpec
from fogchain.market.constraints import Candidate, Matching, Wanted
from fogchain.market.engines import Runtime, engine_for, split
from fogchain.market.matching import match
from fogchain.market.messages import Offer
from fogchain.market.offers import check
from fogchain.market.reputation import Outcomes
from fogchain.market.wording import reasons
from fogchain.wallet.eip712 import Domain, verify
from node.trade import wire
from node.trade.ports import Network
from node.trade.wire import Announcement, SignedOffer

log = structlog.get_logger(__name__)

Source = Literal["registry", "mdns", "bootstrap"]
State = Literal["ready", "no offer", "unreachable", "unregistered", "refused"]

REFRESH = 20.0  # seconds between looks at a provider that answers
FIRST_RETRY, LAST_RETRY = 0.5, 30.0
SOON_RETRY, LONG_AWAY = 4.0, 600.0  # a provider that was there a while ago is looked for more often
MAX_ANNOUNCED = 1024
FIRST_RATE = 100_000_000.0  # fuel/s assumed of a provider whose offer names none
MAX_RATE = 20e9  # beyond this an offer's claim counts no more
CLOCK_SKEW = 120
TICK = 0.5
FORGIVEN_AFTER = 20  # accepted results for each that was wrong


@dataclass(slots=True)
class Known:
    """One provider's node. `address` is empty until the registry or its offer says whose it is."""

    peer_id: str
    address: str = ""
    name: str = ""
    endpoints: tuple[str, ...] = ()
    found_by: set[Source] = field(default_factory=set)
    state: State = "no offer"
    detail: str = "not asked yet"
    offer: Offer | None = None
    digest: bytes = b""  # of the offer
    last_seen: float | None = None  # Unix seconds of its last answer
    heard: float | None = None  # monotonic seconds of its last sign of life: an answer, an announcement, a status
    next_try: float = 0.0  # by the monotonic clock
    pause: float = FIRST_RETRY

    def engine_for(self, runtime: Runtime) -> str | None:
        """What its offer says it runs such tasks with."""
        return engine_for(split(self.offer.engines), runtime) if self.offer else None


class ProviderBook:
    """Keeps offers fresh; `matching` says who can serve a job and why the others can't."""

    def __init__(
        self,
        *,
        own_address: str,
        domain: Domain,
        network: Network,
        index: EventIndex,
        changed: Callable[[], None],
        refused: Callable[[str, FogchainError], None] = lambda subject, error: None,
        stale_after: float = 60.0,
        record: Callable[[str], Outcomes] = lambda _: Outcomes(),
    ) -> None:
        """`stale_after`: seconds of silence after which an offer is not matched any more."""
        self._stale_after, self._record = stale_after, record
        self._announced: OrderedDict[str, Announcement] = OrderedDict()  # of nodes that nothing else names yet
        self.score: Callable[[str], float | None] = lambda _: None  # fuel a second and slot, where it was measured
        self.observe: Callable[[str, int, float], None] = lambda *_: None  # a task's provider, fuel and seconds there
        self._own, self._domain, self._network, self._index = own_address, domain, network, index
        self._changed, self._refused, self._now = changed, refused, index.now
        self._known: dict[str, Known] = {}
        self._asking: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._bound: dict[tuple[str, bytes], bool] = {}

    async def run(self) -> None:
        """Look after the book until cancelled."""
        try:
            while True:
                self._read_registry()
                now = time.monotonic()
                for known in list(self._known.values()):
                    if known.next_try <= now and known.peer_id not in self._asking:
                        self._asking.add(known.peer_id)
                        task = asyncio.create_task(self._ask(known))
                        self._tasks.add(task)
                        task.add_done_callback(self._tasks.discard)
                await asyncio.sleep(TICK)
        finally:
            for task in self._tasks:
                task.cancel()

    def found(self, peer_id: str, endpoints: tuple[str, ...], source: Source) -> None:
        """A peer was seen; whether it sells anything is asked next."""
        if peer_id == self._network.peer_id:
            return
        known = self._known.setdefault(peer_id, Known(peer_id))
        if source not in known.found_by or known.state != "ready":
            known.next_try = 0.0
        known.found_by.add(source)
        known.endpoints = tuple(dict.fromkeys((*endpoints, *known.endpoints)))[:16]

    def up(self, peer_id: str) -> None:
        """A connection to the peer has come up: if it is a provider that was away, ask it now."""
        known = self._known.get(peer_id)
        if known is not None and (known.state != "ready" or self.stale(known)):
            known.next_try, known.pause = 0.0, FIRST_RETRY

    def down(self, peer_id: str) -> None:
        """The last connection to the peer is gone: if it is a provider, ask soon whether it still answers."""
        known = self._known.get(peer_id)
        if known is not None and known.state == "ready":
            known.next_try = min(known.next_try, time.monotonic() + FIRST_RETRY)

    def heard(self, peer_id: str) -> None:
        """The provider gave a sign of life."""
        if (known := self._known.get(peer_id)) is not None:
            known.heard = time.monotonic()

    def announced(self, peer_id: str, data: bytes) -> None:
        """A node says that it has an offer. Nobody is asked, let alone dialled, because of such words alone: the
        registry or this network's neighbourhood has to know it, too."""
        try:
            said = Announcement.decode(data)
        except FogchainError as error:
            log.debug("an announcement that makes no sense", peer=peer_id, why=error.message)
            return
        known = self._known.get(peer_id)
        if known is None:
            self._announced[peer_id] = said
            self._announced.move_to_end(peer_id)
            if len(self._announced) > MAX_ANNOUNCED:
                self._announced.popitem(last=False)
            return
        self._note(known, said)

    def _note(self, known: Known, said: Announcement) -> None:
        was_stale = self.stale(known)
        known.endpoints = tuple(dict.fromkeys((*said.endpoints, *known.endpoints)))[:16]
        if known.state == "ready":
            known.heard = time.monotonic()
        if known.state != "ready" or was_stale or said.digest != known.digest:
            known.next_try, known.pause = 0.0, FIRST_RETRY

    def stale(self, known: Known) -> bool:
        """Whether a provider that seemed ready has been silent too long."""
        return known.state == "ready" and self._silence(known) > self._stale_after

    def _silence(self, known: Known) -> float:
        return time.monotonic() - known.heard if known.heard is not None else math.inf

    def silent(self, peer_id: str, detail: str) -> None:
        """The trade found this provider unreachable; ask it again soon."""
        if known := self._known.get(peer_id):
            self._set(known, "unreachable", detail)
            known.next_try = time.monotonic() + FIRST_RETRY
            known.pause = FIRST_RETRY

    def all(self) -> list[Known]:
        return sorted(self._known.values(), key=lambda known: (known.state != "ready", known.name, known.peer_id))

    def get(self, address: str) -> Known | None:
        """The node of this wallet; the one that answers, where the wallet changed its node."""
        nodes = [known for known in self._known.values() if known.address == address]
        return max(nodes, key=lambda known: (known.state == "ready", known.last_seen or 0.0), default=None)

    def operator_of(self, address: str) -> str:
        """Who runs this wallet's node, by the registry; itself when nobody else does."""
        for record in self._index.providers():
            if record.owner.lower() == address:
                operator = record.operator.lower()
                return address if operator == NOBODY else operator
        return address

    async def settle(self, timeout: float) -> None:
        """Wait until each registered provider has been asked once, at most `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self._read_registry()
            if all(known.detail != "not asked yet" for known in self._known.values()):
                return
            await asyncio.sleep(0.05)

    def matching(self, spec: JobSpec, engine: str | None = None) -> tuple[list[Known], list[str]]:
        """Providers that can serve the job, cheapest first, and for the others why not, in words.

        All of them have the same engine, since only then their results can be compared: `engine`, or the one with the
        most slots.
        """
        wanted = spec.wanted(engine)
        pool = self.candidates()
        found = match(wanted, pool)
        return [self._known[peer_id] for peer_id in found.matching], reasons(wanted, found, pool)

    def look(self, wanted: Wanted) -> tuple[Matching, list[str]]:
        """Every constraint put to every offer that is known; ids are peer ids."""
        pool = self.candidates()
        found = match(wanted, pool)
        return found, reasons(wanted, found, pool)

    def candidates(self) -> list[Candidate]:
        """All that the registry names: with others no session can be opened."""
        now = self._now()
        return [self._candidate(known, now) for known in self._known.values() if known.address]

    def _candidate(self, known: Known, now: float) -> Candidate:
        away = ""
        if known.state != "ready":
            away = f"{known.state}: {known.detail}" if known.detail else known.state
        elif known.offer is None or known.offer.expiry <= now:
            away = "its offer has expired"
        silence = f"nothing was heard of it for {self._silence(known):.0f} s" if self.stale(known) else ""
        return Candidate(
            id=known.peer_id,
            offer=known.offer,
            rate=self.rate(known),
            away=away,
            stale=silence,
            distrust=distrust(self._record(known.address)),
        )

    def rate(self, known: Known) -> float:
        """Fuel a second and slot: as measured, or as it claims while it was not."""
        if (measured := self.score(known.address)) is not None:
            return measured
        claimed = float(known.offer.fuel_rate) if known.offer else 0.0
        return min(claimed or FIRST_RATE, MAX_RATE)

    # ---------------------------------------------------------------- finding

    def _read_registry(self) -> None:
        for record in self._index.providers():
            owner = record.owner.lower()
            if owner == self._own or not self._is_bound(record):
                continue
            peer_id = self._network.peer_id_of(record.node_key)
            known = self._known.setdefault(peer_id, Known(peer_id))
            known.address = owner
            if (said := self._announced.pop(peer_id, None)) is not None:
                self._note(known, said)
            if "registry" not in known.found_by:
                known.found_by.add("registry")
                known.next_try = 0.0
            registered = tuple(part for part in record.endpoints.split(",") if part)
            fresh = tuple(dict.fromkeys((*registered, *known.endpoints)))[:16]
            if fresh != known.endpoints:
                known.endpoints, known.next_try = fresh, 0.0

    def _is_bound(self, record: NodeRecord) -> bool:
        key = (record.owner, record.signature)
        if key not in self._bound:
            try:
                check_binding(record.node_key, record.signature, record.owner, self._domain)
                self._bound[key] = True
            except BadSignature as error:
                log.warning("a registry record is not signed by its node", owner=record.owner, why=error.message)
                self._bound[key] = False
        return self._bound[key]

    async def _ask(self, known: Known) -> None:
        try:
            await self._network.dial(known.peer_id, known.endpoints)
            answer = await self._network.request(known.peer_id, "offer", wire.EMPTY, timeout=10)
            self._take(known, SignedOffer.decode(answer))
            known.last_seen, known.heard = self._now(), time.monotonic()
            known.pause = FIRST_RETRY
            known.next_try = time.monotonic() + (self._pause_after(known) if known.state == "ready" else 2.0)
        except FogchainError as error:
            away = isinstance(error, Unavailable)
            if not away:
                self._refused("offer", error)
            self._set(known, "unreachable" if away else "refused", error.message)
            known.next_try = time.monotonic() + known.pause
            known.pause = min(known.pause * 2, LAST_RETRY if self._silence(known) > LONG_AWAY else SOON_RETRY)
        finally:
            self._asking.discard(known.peer_id)

    def _pause_after(self, known: Known) -> float:
        """Seconds until a provider that answers is asked again, unless it announces something new before."""
        return min(REFRESH, self._stale_after / 3)

    def _take(self, known: Known, signed: SignedOffer) -> None:
        offer, now = signed.offer, self._now()
        check(offer)
        verify(self._domain, offer, signed.signature, offer.provider)
        if self._network.peer_id_of(offer.node) != known.peer_id:
            raise BadMessage("its offer is another node's")
        if offer.issued > now + CLOCK_SKEW or offer.expiry <= now:
            raise BadMessage("its offer has expired or is from the future: one of the two clocks is wrong")
        known.name = signed.name
        if known.address != offer.provider:
            known.offer = None
            self._set(known, "unregistered", "it offers capacity but has no registry record on this chain")
            return
        known.offer, known.digest = offer, self._domain.digest(offer)
        self._set(known, "ready", "")

    def _set(self, known: Known, state: State, detail: str) -> None:
        if (known.state, known.detail) != (state, detail):
            known.state, known.detail = state, detail
            self._changed()


def distrust(record: Outcomes) -> str:
    """What speaks against a provider in this buyer's own record: a wrong result in less than twenty right ones."""
    if record.wrong and record.accepted < FORGIVEN_AFTER * record.wrong:
        return f"shown wrong {record.wrong} times, with {record.accepted} results accepted"
    return ""
