"""The providers a buyer knows: found by registry, mDNS or bootstrap list, bound to a wallet by the registry, with
their offers pulled by request."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import structlog

from fogchain.chain.index import EventIndex
from fogchain.chain.records import NodeRecord
from fogchain.errors import BadMessage, BadSignature, FogchainError, Unavailable
from fogchain.identity import check_binding
from fogchain.jobs.spec import JobSpec
from fogchain.market.engines import Runtime, engine_for, split
from fogchain.market.messages import Offer
from fogchain.market.offers import check
from fogchain.units import format_price, show_size
from fogchain.wallet.eip712 import Domain, verify
from node.trade import wire
from node.trade.ports import Network
from node.trade.wire import SignedOffer

log = structlog.get_logger(__name__)

Source = Literal["registry", "mdns", "bootstrap"]
State = Literal["ready", "no offer", "unreachable", "unregistered", "refused"]

REFRESH = 20.0  # seconds between looks at a provider that answers
FIRST_RETRY, LAST_RETRY = 0.5, 30.0
CLOCK_SKEW = 120
TICK = 0.5


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
    last_seen: float | None = None
    next_try: float = 0.0
    pause: float = FIRST_RETRY

    def engine_for(self, runtime: Runtime) -> str | None:
        """What its offer says it runs such tasks with."""
        return engine_for(split(self.offer.engines), runtime) if self.offer else None


class ProviderBook:
    """Keeps offers fresh; `matching` says who can serve a job and why the others can't."""

    def __init__(
        self, *, own_address: str, domain: Domain, network: Network, index: EventIndex, changed: Callable[[], None]
    ) -> None:
        self._own, self._domain, self._network, self._index = own_address, domain, network, index
        self._changed = changed
        self._known: dict[str, Known] = {}
        self._asking: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._bound: dict[tuple[str, bytes], bool] = {}

    async def run(self) -> None:
        """Look after the book until cancelled."""
        try:
            while True:
                self._read_registry()
                now = time.time()
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

    def silent(self, peer_id: str, detail: str) -> None:
        """The trade found this provider unreachable; ask it again soon."""
        if known := self._known.get(peer_id):
            self._set(known, "unreachable", detail)
            known.next_try = time.time() + FIRST_RETRY
            known.pause = FIRST_RETRY

    def all(self) -> list[Known]:
        return sorted(self._known.values(), key=lambda known: (known.state != "ready", known.name, known.peer_id))

    def get(self, address: str) -> Known | None:
        """The node of this wallet; the one that answers, where the wallet changed its node."""
        nodes = [known for known in self._known.values() if known.address == address]
        return max(nodes, key=lambda known: (known.state == "ready", known.last_seen or 0.0), default=None)

    async def settle(self, timeout: float) -> None:
        """Wait until each registered provider has been asked once, at most `timeout` seconds."""
        deadline = time.time() + timeout
        while time.time() < deadline:
            self._read_registry()
            if all(known.detail != "not asked yet" for known in self._known.values()):
                return
            await asyncio.sleep(0.05)

    def matching(self, spec: JobSpec, engine: str | None = None) -> tuple[list[Known], list[str]]:
        """Providers that can serve the job, cheapest first, and for the others why not, in words.

        All of them have the same engine, since only then their results can be compared: `engine`, or the one with the
        most slots.
        """
        now = time.time()
        ready: list[Known] = []
        dear, small, unable = [], [], []
        for known in self._known.values():
            offer = known.offer
            if known.state != "ready" or offer is None or offer.expiry <= now:
                continue
            if known.engine_for(spec.runtime) is None:
                unable.append(known)
            elif offer.memory < spec.limits.memory:
                small.append(offer.memory)
            elif spec.max_price is not None and offer.price > spec.max_price:
                dear.append(offer.price)
            else:
                ready.append(known)
        slots: Counter[str] = Counter()
        for known in ready:
            slots[known.engine_for(spec.runtime) or ""] += known.offer.slots if known.offer else 0
        engine = engine or max(slots, key=lambda name: (slots[name], name), default=None)
        other = [known for known in ready if known.engine_for(spec.runtime) != engine]
        ready = [known for known in ready if known.engine_for(spec.runtime) == engine]
        ready.sort(key=lambda known: (known.offer.price if known.offer else 0, known.peer_id))
        reasons = []
        if dear and spec.max_price is not None:
            reasons.append(
                f"{len(dear)} ask more than {format_price(spec.max_price)}; the least that would match one more: "
                f"{format_price(min(dear))}"
            )
        if small:
            reasons.append(
                f"{len(small)} give a task at most {show_size(max(small))} of memory; "
                f"the job wants {show_size(spec.limits.memory)}"
            )
        if unable:
            reasons.append(f"{len(unable)} do not run {spec.runtime}")
        if other:
            theirs = ", ".join(sorted({known.engine_for(spec.runtime) or "" for known in other}))
            reasons.append(
                f"{len(other)} run {spec.runtime} with {theirs}, whose results can't be compared to {engine}'s"
            )
        away = [known for known in self._known.values() if known.state != "ready" and known.address]
        for state in sorted({known.state for known in away}):
            group = [known for known in away if known.state == state]
            reasons.append(f"{len(group)} {state}: {group[0].detail}")
        if not self._known:
            reasons.append("no provider is known: none is registered on this chain, and none was found nearby")
        return ready, reasons

    # ---------------------------------------------------------------- finding

    def _read_registry(self) -> None:
        for record in self._index.providers():
            owner = record.owner.lower()
            if owner == self._own or not self._is_bound(record):
                continue
            peer_id = self._network.peer_id_of(record.node_key)
            known = self._known.setdefault(peer_id, Known(peer_id))
            known.address = owner
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
            known.last_seen = time.time()
            known.pause = FIRST_RETRY
            known.next_try = time.time() + (REFRESH if known.state == "ready" else 2.0)
        except FogchainError as error:
            away = isinstance(error, Unavailable)
            self._set(known, "unreachable" if away else "refused", error.message)
            known.next_try = time.time() + known.pause
            known.pause = min(known.pause * 2, LAST_RETRY)
        finally:
            self._asking.discard(known.peer_id)

    def _take(self, known: Known, signed: SignedOffer) -> None:
        offer, now = signed.offer, time.time()
        check(offer)
        verify(self._domain, offer, signed.signature, offer.provider)
        if self._network.peer_id_of(offer.node) != known.peer_id:
            raise BadMessage("its offer is another node's")
        if offer.issued > now + CLOCK_SKEW or offer.expiry <= now:
            raise BadMessage("its offer has expired or is from the future", hint="one of the two clocks is wrong")
        known.name = signed.name
        if known.address != offer.provider:
            known.offer = None
            self._set(known, "unregistered", "it offers capacity but has no registry record on this chain")
            return
        known.offer = offer
        self._set(known, "ready", "")

    def _set(self, known: Known, state: State, detail: str) -> None:
        if (known.state, known.detail) != (state, detail):
            known.state, known.detail = state, detail
            self._changed()
