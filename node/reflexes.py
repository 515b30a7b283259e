"""Times the harvester: `python -m node.reflexes < request.json`, for `fogchain bench harvest`.

    in   {"folder", "samples": 12, "rounds": 3, "seconds": 10, "rows": 1000000, "repeats": 5, "trace": path or null}
    out  {"freeze": {"input": [ms], "heat": [ms], "unplug": [ms]}, "duty": as node.duty says, and what
          node.harvest.measure says}

A real worker runs a real task that never waits, and real probes read a machine that is made of files. From the moment
something is written there, until every process of the worker is seen to stand.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from fogchain.database import open_database
from fogchain.errors import Unavailable
from fogchain.jobs.source import sha256_of
from fogchain.jobs.spec import BlobRef, Limits, RunSpec, TaskSpec
from node.duty import measure as measure_duty
from node.executor.pool import Evicted, Executor, RunRequest
from node.harvest import journal
from node.harvest.device import State
from node.harvest.harvester import Harvester
from node.harvest.journal import Journal
from node.harvest.measure import measure
from node.harvest.policy import Policy
from node.harvest.probes.choice import probes_for
from node.harvest.probes.probe import Root
from node.harvest.probes.watch import Watch
from node.harvest.profile import read
from node.harvest.throttle import Throttle

# (module (func (export "_start") (loop (br 0))))
_BUSY = bytes.fromhex("0061736d01000000 010401600000 03020100 070a01065f73746172740000 0a0901070003400c000b0b")
_LIMITS = Limits(fuel=10**15, memory=1 << 24, time=3_600_000, output=1 << 20)
_PATIENCE = 60.0  # seconds for anything to come true
_LOOK = 0.001  # seconds between looks at the worker
DUTIES = (0.3, 0.6)

# The desktop's rules, but for how long they wait until work goes on.
_POLICY = """
[guards.power]
enter = "power.source in {mains, ups}"
leave = "not power.source in {mains, ups}"
scope = "safety"
action = "freeze"
dwell = "1 s"
deadline = "2 s"

[guards.heat]
enter = "not thermal.present or thermal.cpu <= 75 C"
leave = "thermal.present and thermal.cpu > 85 C"
scope = "safety"
action = "freeze"
dwell = "1 s"
deadline = "1 s"

[guards.user]
enter = "not user.present or user.idle > 2.5 s"
leave = "user.present and user.idle < 2 s"
scope = "owner"
action = "freeze"
dwell = "1 s"
deadline = "250 ms"
"""
_MACHINE = {
    "sys/class/power_supply/BAT0/type": "Battery", "sys/class/power_supply/BAT0/capacity": "93",
    "sys/class/power_supply/BAT0/status": "Charging", "sys/class/power_supply/AC/type": "Mains",
    "sys/class/power_supply/AC/online": "1", "sys/class/thermal/thermal_zone0/type": "x86_pkg_temp",
    "sys/class/thermal/thermal_zone0/temp": "45000", "proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable: 6000000 kB",
    "proc/stat": "cpu  100 0 0 900 0 0 0 0 0 0\ncpu0 100 0 0 900 0 0 0 0 0 0",
}  # fmt: skip


class FedMachine:
    """A laptop that is made of files: plugged in, cool, its keyboard a pipe."""

    def __init__(self, folder: Path) -> None:
        self.root = Root.below(folder)
        for name, content in _MACHINE.items():
            self._write(folder / name, content)
        self._keyboard = self.root.dev / "input" / "event0"
        self._keyboard.parent.mkdir(parents=True)
        os.mkfifo(self._keyboard)

    def plug(self, plugged: bool) -> None:
        supplies = self.root.sys / "class" / "power_supply"
        self._write(supplies / "AC" / "online", "1" if plugged else "0")
        self._write(supplies / "BAT0" / "status", "Charging" if plugged else "Discharging")

    def heat(self, celsius: float) -> None:
        self._write(self.root.sys / "class" / "thermal" / "thermal_zone0" / "temp", f"{celsius * 1000:.0f}")

    def press(self) -> None:
        """A key. Raises OSError where nobody listens."""
        keyboard = os.open(self._keyboard, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(keyboard, bytes(24))
        finally:
            os.close(keyboard)

    def _write(self, path: Path, content: str) -> None:
        """In one go, as the kernel's files change."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}")
        fresh.write_text(content + "\n")
        fresh.replace(path)


class Reflexes:
    """A machine, its harvester, and a worker that is busy."""

    def __init__(self, folder: Path, policy: Policy | None = None) -> None:
        self.machine = FedMachine(folder / "machine")
        self.executor = Executor(folder / "executor", 1, memory_cap=_LIMITS.memory)
        self.throttle = Throttle(self.executor)
        self._folder = folder
        self._task: asyncio.Task[Any] | None = None
        self.watch = Watch(
            probes_for(folder=folder, ours=self.executor.processor_time, root=self.machine.root),
            changed=lambda: self.harvester.wake(),
        )
        self.journal = Journal(open_database(folder / "node.db", journal.tables, 1), time.time())
        self.harvester = Harvester(
            policy=policy or read(_POLICY, "the benchmark's policy"),
            watch=self.watch,
            workers=self.executor,
            throttle=self.throttle,
            journal=self.journal,
        )

    @asynccontextmanager
    async def working(self) -> AsyncIterator[Reflexes]:
        """With a task that has begun. Raises Unavailable when no worker starts, or the machine never gets warm."""
        await self.executor.start()
        await self.harvester.start()
        self.watch.pace(True)
        try:
            await self.until(lambda: self.harvester.seen.device.state is State.IDLE, "is warm")
            self._task = asyncio.create_task(self._work())
            await self.until(self.runs, "has begun")
            yield self
        finally:
            await self.harvester.stop()
            await self.executor.stop()
            if self._task is not None:
                with contextlib.suppress(Evicted, Unavailable):
                    await self._task

    async def _work(self) -> None:
        self.harvester.claimed()
        self.harvester.began()
        try:
            await self.busy()
        finally:
            self.harvester.ended(0)

    async def busy(self) -> None:
        """Run a task that never waits. Raises Evicted, Unavailable."""
        module = self._folder / "busy.wasm"
        module.write_bytes(_BUSY)
        spec = RunSpec(
            module=BlobRef(sha256=sha256_of(module), size=len(_BUSY)), limits=_LIMITS, task=TaskSpec(args=())
        )
        await self.executor.run(RunRequest("busy", spec, module, None, {}, bytes(32)))

    def runs(self) -> bool:
        """Whether the task is at work, if slowly."""
        return self.harvester.seen.device.state is State.RUNNING and self.executor.running == 1

    def stands(self) -> bool:
        """Whether every process of the worker is seen to stand, and not for a slice of time only."""
        return self.harvester.standing and self.executor.running == 1 and self.executor.standing()

    async def until(self, holds: Callable[[], bool], what: str) -> float:
        """When it was seen. Raises Unavailable when it never is."""
        end = time.perf_counter() + _PATIENCE
        while not holds():
            if self._task is not None and self._task.done():
                self._task.result()
                raise Unavailable("the busy task has ended")
            if time.perf_counter() > end:
                raise Unavailable(f"the worker is not seen to be so that it {what}: {self.harvester.why()}")
            await asyncio.sleep(_LOOK)
        return time.perf_counter()

    async def time(self, trouble: Callable[[], None], relief: Callable[[], None], samples: int) -> list[float]:
        """Milliseconds from the trouble until the worker stands, each from work that was under way."""
        dice, found = random.Random(samples), list[float]()  # noqa: S311
        for _ in range(samples):
            await self.until(self.runs, "works")
            await asyncio.sleep(dice.uniform(0.2, 1.2))  # anywhere between the probes' looks
            await self.until(self.runs, "works")
            begun = time.perf_counter()
            trouble()
            found.append((await self.until(self.stands, "stands") - begun) * 1000)
            used = self.executor.processor_time()
            await asyncio.sleep(0.3)
            if self.stands() and self.executor.processor_time() - used > 0.05:
                raise Unavailable("a worker that stood has gone on")
            relief()
        return found


def _nothing() -> None:
    return


async def reflexes(request: dict[str, Any]) -> dict[str, Any]:
    """Raises Unavailable when no worker starts, or one does not do as it should."""
    folder, samples = Path(request["folder"]), request["samples"]
    async with Reflexes(folder / "freeze").working() as made:
        machine = made.machine
        freeze = {
            "input": await made.time(machine.press, _nothing, samples),
            "heat": await made.time(lambda: machine.heat(96), lambda: machine.heat(45), samples),
            "unplug": await made.time(lambda: machine.plug(False), lambda: machine.plug(True), samples),
        }
    (folder / "duty").mkdir()
    duties = {"folder": str(folder / "duty"), "duties": [*DUTIES] * request["rounds"], "seconds": request["seconds"]}
    return {"freeze": freeze, "duty": await measure_duty(duties)}


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    request = json.load(sys.stdin)
    json.dump(measure(request) | asyncio.run(reflexes(request)), sys.stdout)


if __name__ == "__main__":
    main()
