"""How fast providers are, measured by who will pay them: puzzles now and then, and every task of one's own.

    gauge      buyer → provider   [1, modulus ‖ base, squarings]   [1, answer]

A provider answers when it has nothing paid to do, and each buyer seldom. See `market/capability.py`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import Column, Engine, Float, Integer, LargeBinary, MetaData, String, Table, delete, insert, select

from fogchain import cbor
from fogchain.database import transaction
from fogchain.errors import BadMessage, FogchainError, Unavailable
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.spec import BlobRef, Limits, RunSpec, TaskSpec
from fogchain.market import capability
from fogchain.market.capability import BYTES, Puzzle, PuzzleMaker
from fogchain.market.messages import Exit, Offer
from node.trade.book import Known, ProviderBook
from node.trade.ports import Network, Sandbox
from node.trade.wire import VERSION

log = structlog.get_logger(__name__)

SMALL = 500  # squarings of the round trip that shows what network and start take
LEAST_FUEL, MOST_FUEL = 200_000_000, 2_000_000_000  # of the one that is measured
SECONDS = 0.4  # that it should take, by what the provider claims
DAY = 86_400.0
TRY_AGAIN = 600.0  # seconds after an attempt that came to nothing
BUSY_AGAIN = 30.0
PATIENCE = 60.0  # seconds for an answer
PAUSE = 2.0  # seconds between looks at who is due
WRONG = 1e6  # fuel a second: what a wrong answer counts as
KEPT = 200  # observed tasks of one provider
SHORTEST = 0.25  # seconds of a task below which network and start, not speed, decide
HOURLY = 12  # puzzles that a provider answers one asker in an hour

tables = MetaData()
_measured = Table(
    "speed_measured",
    tables,
    Column("provider", String, primary_key=True),
    Column("rate", Float, nullable=False),  # fuel a second and slot
    Column("at", Float, nullable=False),  # Unix seconds
    Column("claim", Integer, nullable=False),  # what its offer said then
    Column("node", LargeBinary, nullable=False),
    Column("engines", String, nullable=False),
)
_observed = Table(
    "speed_observed",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("provider", String, nullable=False, index=True),
    Column("rate", Float, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Measured:
    rate: float
    at: float
    claim: int
    node: bytes
    engines: str

    def holds(self, offer: Offer, now: float) -> bool:
        """Not older than a day, and of the same node, engines and about the same claim."""
        near = abs(offer.fuel_rate - self.claim) * 4 <= max(self.claim, 1)
        return now - self.at < DAY and near and (offer.node, offer.engines) == (self.node, self.engines)


class Gauge:
    """The buyer's side. Scores are on disk, and known again after a restart."""

    def __init__(
        self, *, engine: Engine, book: ProviderBook, network: Network, busy: Callable[[str], bool], after: float
    ) -> None:
        """`busy`: whether this provider runs paid tasks of ours now. `after`: seconds before the first puzzle."""
        self._engine, self._book, self._network, self._busy, self._after = engine, book, network, busy, after
        self._maker: PuzzleMaker | None = None
        self._not_before: dict[str, float] = {}
        with engine.connect() as connection:
            self._measured = {
                row.provider: Measured(row.rate, row.at, row.claim, row.node, row.engines)
                for row in connection.execute(select(_measured))
            }
            self._rates: dict[str, list[float]] = {}
            for row in connection.execute(select(_observed).order_by(_observed.c.number)):
                self._rates.setdefault(row.provider, []).append(row.rate)
        self._unsaved: list[tuple[str, float]] = []

    def score(self, provider: str) -> float | None:
        """Fuel a second and slot; None while nothing is known."""
        measured = self._measured.get(provider)
        return capability.score(measured.rate if measured else None, self._rates.get(provider, ()))

    def observe(self, provider: str, fuel: int, seconds: float) -> None:
        """One of our tasks took so long there, from when its slot was free."""
        if seconds >= SHORTEST and fuel:
            rates = self._rates.setdefault(provider, [])
            rates.append(fuel / seconds)
            del rates[:-KEPT]
            self._unsaved.append((provider, fuel / seconds))

    async def run(self) -> None:
        """Measure who is due, one at a time, until cancelled."""
        await asyncio.sleep(self._after)
        while True:
            self._save()
            for known in self._book.all():
                if self._due(known) and known.offer is not None:
                    await self._look(known, known.offer)
            await asyncio.sleep(PAUSE)

    def _due(self, known: Known) -> bool:
        offer, now = known.offer, time.time()
        if offer is None or known.state != "ready" or self._book.stale(known) or self._busy(known.address):
            return False
        measured = self._measured.get(known.address)
        fresh = measured is not None and measured.holds(offer, now)
        return not fresh and now >= self._not_before.get(known.address, 0.0)

    async def _look(self, known: Known, offer: Offer) -> None:
        pause = TRY_AGAIN
        try:
            rate = await self._measure(known.peer_id, offer)
            self._keep(known.address, Measured(rate, time.time(), offer.fuel_rate, offer.node, offer.engines))
        except BadMessage as error:
            log.warning("a provider solves no puzzles", provider=known.address, why=error.message)
            self._keep(known.address, Measured(WRONG, time.time(), offer.fuel_rate, offer.node, offer.engines))
        except FogchainError as error:
            log.debug("a provider is not measured", provider=known.address, why=error.message)
            pause = BUSY_AGAIN
        self._not_before[known.address] = time.time() + pause

    async def _measure(self, peer: str, offer: Offer) -> float:
        """Raises BadMessage for a wrong answer, Unavailable for none."""
        if self._maker is None:
            self._maker = await asyncio.to_thread(PuzzleMaker, random.SystemRandom())
        fuel = min(max(int(offer.fuel_rate * SECONDS), LEAST_FUEL), MOST_FUEL)
        small, large = self._maker.make(SMALL), self._maker.make(capability.squarings_for(fuel))
        await self._ask(peer, self._maker.make(SMALL))  # whatever is made but once is made now
        return capability.benchmark(small, await self._ask(peer, small), large, await self._ask(peer, large))

    async def _ask(self, peer: str, puzzle: Puzzle) -> float:
        """Seconds to the right answer."""
        began = time.perf_counter()
        answer = await self._network.request(
            peer, "gauge", cbor.dumps([VERSION, puzzle.stdin, puzzle.squarings]), timeout=PATIENCE
        )
        took = time.perf_counter() - began
        if cbor.loads(answer) != [VERSION, puzzle.answer]:
            raise BadMessage("its answer to a puzzle is wrong")
        return took

    def _keep(self, provider: str, measured: Measured) -> None:
        self._measured[provider] = measured
        with transaction(self._engine) as connection:
            connection.execute(delete(_measured).where(_measured.c.provider == provider))
            connection.execute(
                insert(_measured).values(
                    provider=provider,
                    rate=measured.rate,
                    at=measured.at,
                    claim=min(measured.claim, 2**63 - 1),
                    node=measured.node,
                    engines=measured.engines,
                )
            )

    def _save(self) -> None:
        """What was observed, a batch at a time: to lose the last few costs nothing."""
        if not self._unsaved:
            return
        rows, self._unsaved = self._unsaved, []
        with transaction(self._engine) as connection:
            connection.execute(insert(_observed), [{"provider": name, "rate": rate} for name, rate in rows])
            for provider in {name for name, _ in rows}:
                newest = select(_observed.c.number).where(_observed.c.provider == provider)
                kept = newest.order_by(_observed.c.number.desc()).limit(KEPT)
                connection.execute(
                    delete(_observed).where(_observed.c.provider == provider, _observed.c.number.not_in(kept))
                )


class Gauged:
    """The provider's side: answers puzzles while it has nothing paid to do."""

    def __init__(self, *, sandbox: Sandbox, blobs: BlobStore, busy: Callable[[], bool]) -> None:
        self._sandbox, self._blobs, self._busy = sandbox, blobs, busy
        self._turn = asyncio.Lock()
        self._asked: dict[str, list[float]] = {}
        self._number = 0

    async def answer(self, peer: str, data: bytes) -> bytes:
        """Raises Unavailable when there is paid work, or this peer asks too often; BadMessage."""
        stdin, squarings = _read(data)
        now = time.monotonic()
        self._asked = {name: at for name, at in self._asked.items() if at and at[-1] > now - 3600}
        asked = self._asked.setdefault(peer, [])
        asked[:] = [when for when in asked if when > now - 3600]
        if len(asked) >= HOURLY:
            raise Unavailable("this node was measured often enough for now", hint="ask again in an hour")
        if self._busy() or self._turn.locked():
            raise Unavailable("this node has work to do", hint="ask again later")
        asked.append(now)
        async with self._turn:
            return cbor.dumps([VERSION, await self._solve(stdin, squarings)])

    async def _solve(self, stdin: bytes, squarings: int) -> bytes:
        self._number += 1
        run_id = f"gauge-{self._number}"
        program = capability.kernel()
        module, given = self._blobs.put(program), self._blobs.put(stdin)
        puzzle = Puzzle(0, 0, squarings, b"")
        spec = RunSpec(
            module=BlobRef(sha256=module, size=len(program)),
            limits=Limits(fuel=puzzle.fuel, memory=1 << 20, time=60_000, output=1 << 16),
            task=TaskSpec(args=puzzle.args, stdin=BlobRef(sha256=given, size=len(stdin))),
        )
        try:
            ran = await self._sandbox.run(
                run_id, spec, self._blobs.path(module), self._blobs.path(given), {}, spec.digest
            )
            if ran.exit is not Exit.OK:
                raise Unavailable(f"the measurement ended with {ran.exit.name}: {ran.detail}")
            return ran.files["stdout"].read_bytes()
        finally:
            self._sandbox.discard(run_id)


def _read(data: bytes) -> tuple[bytes, int]:
    value = cbor.loads(data)
    if not isinstance(value, list) or len(value) != 3 or value[0] != VERSION:
        raise BadMessage("not a puzzle")
    _, stdin, squarings = value
    if not isinstance(stdin, bytes) or len(stdin) != 2 * BYTES or not stdin[BYTES - 1] & 1:
        raise BadMessage("not a puzzle: modulus and base have 64 bytes each, and the modulus is odd")
    most = capability.squarings_for(MOST_FUEL)
    if isinstance(squarings, bool) or not isinstance(squarings, int) or not 0 < squarings <= most:
        raise BadMessage(f"not a puzzle: it takes 1 to {most} squarings")
    return stdin, squarings
