"""The imaginary node's machine: the real harvester on sensors that a test tells what to say, and a real gateway with
devices in this process."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "harvest"))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "fleet"))

from fleet_stage import GATEWAY, Code, Fleet, peer
from harvest_fakes import FedWatch, ToldThrottle, ToldWorkers

from fogchain.api.harvest import ProbeView
from fogchain.database import open_database
from node.devices import Devices
from node.fleet.roster import Spans
from node.harvest import journal as journal_module
from node.harvest.harvester import Harvester
from node.harvest.journal import Journal
from node.harvest.sensors import Value
from node.harvesting import Harvesting, load_policy

HOUR, EVERY = 3600, 120  # seconds; between two rows of readings


class Machine:
    """A laptop on mains that nobody touches. Its clock runs on by itself, and further when a test says so."""

    def __init__(self, folder: Path) -> None:
        self._ahead = 0.0
        self.watch, self.workers = FedWatch(), ToldWorkers()
        file = folder / "harvest.toml"
        if not file.exists():
            file.write_text('profile = "laptop"\n')
        journal = Journal(open_database(folder / "harvest.db", journal_module.tables, 1), time.time())
        self._remember(journal)
        self.harvester = Harvester(
            policy=load_policy(file),
            watch=self.watch,
            workers=self.workers,
            throttle=ToldThrottle(self.workers),
            journal=journal,
            clock=self.clock,
        )
        self.view = Harvesting(
            harvester=self.harvester,
            probes=self,
            journal=journal,
            file=file,
            cores=2,
            running=lambda: self.workers.running,
            survival=lambda: {"10 min": 9860, "1 h": 9110, "2 h": 8240},
        )

    async def start(self, folder: Path) -> None:
        """Works, and is the gateway of a fleet without devices."""
        (folder / "fleet").mkdir(exist_ok=True)
        self.fleet = Fleet(folder / "fleet", Spans(offline=2.0, standing=600.0))
        self.fleet.wall = time.time()
        self.devices = Devices(self.fleet.gateway, GATEWAY, lambda: None)
        await self.harvester.start()

    async def stop(self) -> None:
        await self.fleet.stop()
        await self.harvester.stop()

    async def join(self, number: int, code: str, name: str) -> None:
        """A device that joins by this code, and takes work."""
        await self.fleet.join(number, Code.parse(code), name)
        await self.fleet.run(number)

    def cut(self, number: int, away: bool) -> None:
        """Nothing of a device and to it arrives."""
        (self.fleet.hub.cut.add if away else self.fleet.hub.cut.discard)(peer(number))

    def clock(self) -> float:
        return time.monotonic() + self._ahead

    def say(self, readings: dict[str, Value | None], ahead: float, tasks: int | None) -> None:
        self.watch.readings |= readings
        if ahead:
            self.harvester.wake()
            self._settle(0.05)  # guards that begin to clear do so before the time passes
            self._ahead += ahead
        if tasks is not None:
            self._run(tasks)
        self.harvester.wake()

    def _run(self, tasks: int) -> None:
        for _ in range(tasks - self.workers.running):
            self.workers.running += 1
            self.harvester.claimed()
            self.harvester.began()
        while self.workers.running > tasks:
            self.workers.running -= 1
            self.harvester.ended(self.workers.running)

    @staticmethod
    def _settle(seconds: float) -> None:
        time.sleep(seconds)

    def views(self) -> Sequence[ProbeView]:
        """Of one probe that is well, one that is in trouble, and one that has nothing to read."""
        return [
            ProbeView(name="power", sensors=["power.source", "battery.charge"], state="ok", age=0.4),
            ProbeView(name="heat", sensors=["thermal.cpu"], state="ok", age=0.4),
            ProbeView(
                name="seat", sensors=["user.idle"], state="late", detail="it has not answered for 12 s", age=12.0
            ),
            ProbeView(name="gpu", sensors=["gpu.load"], state="absent", detail="there is no such device"),
        ]

    def _remember(self, journal: Journal) -> None:
        """A day and a half with an owner who works for eight hours and unplugs for one of them."""
        if next(journal.history(0.0), None) is not None:
            return
        now = time.time()
        for step in range(36 * HOUR // EVERY, 0, -1):
            hour = step * EVERY // HOUR % 24  # before now
            journal.read(
                self.watch.readings
                | {
                    "user.idle": 0.5 if 7 <= hour < 15 else 3600.0,
                    "power.source": "battery" if hour == 11 else "mains",
                    "cpu.foreign": 5.0 + step % 2,
                    "time.clock": float((24 - hour) % 24 * 60),
                },
                now - step * EVERY,
            )
