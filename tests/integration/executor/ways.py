"""Each way to stop a process that this machine has. Run as a program with FOLDER WAY, it is a node's executor with a
run that stands: it says its worker's number, and waits."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from node.executor import cgroup
from node.executor.cgroup import Cgroup
from node.executor.pool import Executor

BEST, OLD, GROUP, SIGNALS = "control groups", "version 1's freezer", "signals in a group", "signals"
WAYS = (BEST, OLD, GROUP, SIGNALS)
MIB = 1 << 20

_make, _places = Cgroup.make, cgroup._places


def missing(way: str) -> str:
    """Why this machine has no such way; empty if it has."""
    if way == SIGNALS:
        return ""
    probe = _make("way-probe", 64 * MIB)
    if probe is None:
        return "no control groups to make here"
    probe.remove()
    if way == GROUP:
        return ""
    if probe.freezer is None:
        return "no freezer here"
    return "" if way == BEST or _old(_places()[0]).freezers else "version 1 has no freezer here"


def take(way: str, set_attribute: Callable[[Any, str, Any], None]) -> None:
    """Leave executors that are made from now on no other way."""
    if way == SIGNALS:
        set_attribute(Cgroup, "make", lambda name, memory: None)
    elif way == GROUP:
        set_attribute(Cgroup, "make", lambda *given: dataclasses.replace(_make(*given), freezer=None))
    elif way == OLD:
        set_attribute(cgroup, "_places", lambda: [_old(place) for place in _places()])


def _old(place: cgroup._Place) -> cgroup._Place:
    return dataclasses.replace(place, freezers=tuple(f for f in place.freezers if "freezer" in f.parts))


def workers() -> list[psutil.Process]:
    return psutil.Process().children()


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        await asyncio.sleep(0.01)


async def _stand(folder: Path, way: str) -> None:
    from .conftest import program, request

    take(way, setattr)
    executor = Executor(folder / "executor", 1, memory_cap=64 * MIB)
    await executor.start()
    code = program("(loop $again (br $again))")
    running = asyncio.create_task(executor.run(request(folder, code, fuel=2**62, time=3_600_000)))
    (worker,) = workers()
    before = worker.cpu_times().user
    await until(lambda: worker.cpu_times().user > before)
    executor.suspend()
    await until(executor.standing)
    print(worker.pid, flush=True)
    await running


if __name__ == "__main__":
    asyncio.run(_stand(Path(sys.argv[1]), sys.argv[2]))
