"""Harvesting in the daemon: the probes of this machine, its owner's policy and the sandbox's workers, put together; and
the gate through which the trade asks whether there is time for its tasks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from sqlalchemy import Engine

from fogchain.api.harvest import ProbeView
from fogchain.config import HarvestSection
from fogchain.errors import Unavailable
from fogchain.market.survival import Record
from node.executor.backend import HarvestedBackend
from node.harvest.harvester import Harvester
from node.harvest.journal import MEMORY, Journal
from node.harvest.policy import Policy
from node.harvest.probes.choice import probes_for
from node.harvest.probes.probe import Root
from node.harvest.probes.watch import Watch
from node.harvest.record import Stays, Stretch, stretches
from node.harvest.throttle import Throttle
from node.trade.ports import Capacity

log = structlog.get_logger(__name__)

LEARN_INTERVAL = 600.0  # seconds between looks at how long it has stayed before
MOST_FAILURES = 3  # of the sandbox in a row, then its owner has to look


class Idle:
    """The harvester of this node, and `node.trade.ports.Gate` over it."""

    def __init__(
        self,
        *,
        policy: Policy,
        config: HarvestSection,
        data: Path,
        executor: HarvestedBackend,
        engine: Engine,
        changed: Callable[[], None],
    ) -> None:
        """`data`: the folder whose disk counts; `changed`: called in the event loop at every change of state."""
        self._loop = asyncio.get_running_loop()
        self._changed = changed
        self._open = asyncio.Event()
        self._runs = self._failures = 0
        self._learn_at = 0.0
        self._stretches: list[Stretch] = []
        self._stays = Stays((), 0.0)
        self.stood_down: Callable[[str], None] = lambda cause: None
        self.journal = Journal(engine, time.time())
        root = Root(sys=config.sys, proc=config.proc, dev=config.dev)
        self._watch = Watch(probes_for(folder=data, ours=executor.processor_time, root=root), changed=self._wake)
        self.harvester = Harvester(
            policy=policy,
            watch=self._watch,
            workers=executor,
            throttle=Throttle(executor),
            journal=self.journal,
            changed=lambda: self._later(self._note),
            stood_down=lambda cause: self._later(lambda: self.stood_down(cause)),
        )

    async def start(self) -> None:
        await self.harvester.start()

    async def stop(self) -> None:
        await self.harvester.stop()

    def views(self) -> list[ProbeView]:
        return [
            ProbeView(name=one.name, sensors=list(one.sensors), state=one.health, detail=one.detail, age=one.age)
            for one in self._watch.states()
        ]

    # ---------------------------------------------------------------- the trade's gate

    def why_not(self) -> str:
        return "" if self.harvester.takes_work else self.harvester.told()

    async def admitted(self) -> None:
        await self._open.wait()

    # ---------------------------------------------------------------- how long it stays

    def chances(self, uptime: Record) -> tuple[int, int, int]:
        """For an offer's three horizons, in basis points: by the harvester's own record, and by that of outages."""
        now = time.time()
        if now >= self._learn_at:
            self._learn_at = now + LEARN_INTERVAL
            self._stretches = list(stretches(self.journal.course(now - MEMORY), now))
            self._stays = Stays(self._stretches, now, _hour)
        last = self._stretches[-1] if self._stretches else None
        free_since = last.begin if last is not None and not last.ended else now if not self.why_not() else None
        found = self._stays.chances(now, free_since, uptime)
        return found.soon, found.later, found.last

    # ---------------------------------------------------------------- around each run

    @property
    def running(self) -> int:
        return self._runs

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """A task that goes into the sandbox now."""
        self._runs += 1
        self.harvester.claimed()
        self.harvester.began()
        try:
            yield
            self._failures = 0
        except Unavailable as error:
            self._failures += 1
            if self._failures >= MOST_FAILURES:
                self.harvester.fault(f"the sandbox failed {self._failures} times in a row: {error.message}")
            raise
        finally:
            self._runs -= 1
            self.harvester.ended(self._runs)

    # ---------------------------------------------------------------- inside

    def _wake(self) -> None:
        self.harvester.wake()

    def _later(self, work: Callable[[], None]) -> None:
        """In the event loop; what comes when that has ended is of no interest to anybody."""
        try:
            self._loop.call_soon_threadsafe(work)
        except RuntimeError:
            log.debug("the event loop has ended")

    def _note(self) -> None:
        """Tasks may begin where the device works, if only to finish what it has."""
        if self.harvester.admits:
            self._open.set()
        else:
            self._open.clear()
        self._changed()


def _hour(at: float) -> int:
    """Of this machine's day, of Unix seconds."""
    return time.localtime(at).tm_hour


class FleetGate:
    """`node.trade.ports.Gate` of a node with devices: there is time for tasks while any of them has a place."""

    def __init__(self, idle: Idle, capacity: Callable[[], Capacity]) -> None:
        self._idle, self._capacity = idle, capacity

    def why_not(self) -> str:
        return "" if self._capacity().slots else self._idle.why_not() or "no device takes work"

    async def admitted(self) -> None:
        return
