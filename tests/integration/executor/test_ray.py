"""A real Ray, started on this machine: same results as the local pool, lost machines replaced, runs killed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from fogchain.errors import BadInput, Unavailable
from fogchain.market.messages import Exit
from node.executor.pool import Evicted, Executor
from node.executor.rayexecutor import RayExecutor

from .conftest import MIB, program, request
from .test_ends import HELLO, HELLO_DATA, SPIN
from .test_native import HELLO_ELF

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[RayExecutor]:
    executor = RayExecutor(
        tmp_path / "ray", 2, memory_cap=64 * MIB, wanted=("wasm", "native"), address=None
    )  # fmt: skip
    await executor.start()
    yield executor
    await executor.stop()


def _slots() -> list[psutil.Process]:
    """The actors' processes on this machine."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.name().startswith("ray::Slot"):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


async def _spinning(seconds: float = 60.0) -> list[psutil.Process]:
    """Workers, below the actors, that burn processor time, as soon as there are any."""
    deadline = time.monotonic() + seconds
    before: dict[psutil.Process, float] = {}
    while time.monotonic() < deadline:
        now = {}
        with contextlib.suppress(psutil.NoSuchProcess):
            now = {worker: worker.cpu_times().user for slot in _slots() for worker in slot.children(recursive=True)}
        if found := [worker for worker, used in now.items() if used > before.get(worker, used) + 0.2]:
            return found
        before = {worker: before.get(worker, used) for worker, used in now.items()}
        await asyncio.sleep(0.1)
    raise AssertionError("no worker is busy")


def _alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


async def _until(condition, seconds: float = 60.0) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        await asyncio.sleep(0.05)


async def test_a_cluster_gives_the_results_and_the_fuel_of_the_local_pool(cluster: RayExecutor, tmp_path: Path) -> None:
    local = Executor(tmp_path / "local", 1, memory_cap=64 * MIB, wanted=("wasm", "native"))
    await local.start()
    try:
        assert cluster.runtimes.engines == local.runtimes.engines
        greeting = program(HELLO.format(fd=1), more=HELLO_DATA)
        for code, limits in (
            (greeting, {}), (program(SPIN), {"fuel": 10**7}), (program("unreachable"), {}), (b"text", {}),
            (greeting, {"output": 3}), (program(SPIN), {"fuel": 2**62, "time": 1000}),
            (program(""), {"memory": 1 << 30}),
        ):  # fmt: skip
            wanted = request(tmp_path, code, inputs={"a": b"1", "b": b"2"}, stdin=b"in", **limits)
            here, there = await local.run(wanted), await cluster.run(wanted)
            assert (there.exit, there.code, there.fuel, there.manifest) == (
                here.exit, here.code, here.fuel, here.manifest,
            ), there.detail  # fmt: skip
            assert {name: path.read_bytes() for name, path in there.files.items()} == {
                name: path.read_bytes() for name, path in here.files.items()
            }
        assert cluster.ended == local.ended
        native = await cluster.run(request(tmp_path, HELLO_ELF, runtime="native"))
        assert (native.exit, native.code, native.files["stdout"].read_text()) == (Exit.NONZERO, 7, "hello\n")
        cluster.discard(wanted.run_id)
        assert await cluster.measure_rate() > 10**7
        with pytest.raises(BadInput):
            await cluster.run(_renamed(wanted, "../x"))
    finally:
        await local.stop()


async def test_a_lost_machine_is_replaced_and_a_cancelled_run_is_killed(cluster: RayExecutor, tmp_path: Path) -> None:
    long = request(tmp_path, program(SPIN), fuel=3 * 10**9, time=60_000)
    running = asyncio.create_task(cluster.run(long))
    await _spinning()
    for slot in _slots():
        slot.kill()
    outcome = await running
    assert (outcome.exit, outcome.fuel) == (Exit.OUT_OF_FUEL, 3 * 10**9), outcome.detail
    endless = asyncio.create_task(cluster.run(request(tmp_path, program(SPIN), fuel=2**62, time=60_000)))
    busy = await _spinning()
    endless.cancel()
    with pytest.raises(asyncio.CancelledError):
        await endless
    await _until(lambda: not any(map(_alive, busy)))
    assert (await cluster.run(request(tmp_path, program("")))).exit is Exit.OK
    waiting = asyncio.create_task(cluster.run(request(tmp_path, program(SPIN), fuel=2**62, time=60_000)))
    await _spinning()
    await cluster.stop()
    with pytest.raises(Unavailable):
        await waiting


async def test_where_others_would_stand_runs_are_evicted_and_none_begins(cluster: RayExecutor, tmp_path: Path) -> None:
    running = asyncio.create_task(cluster.run(request(tmp_path, program(SPIN), fuel=2**62, time=3_600_000)))
    (worker,) = await _spinning()
    cluster.suspend()
    with pytest.raises(Evicted, match="can't stand still"):
        await running
    assert cluster.standing()
    waiting = asyncio.create_task(cluster.run(request(tmp_path, program(""))))
    for _ in range(600):
        if not worker.is_running():
            break
        await asyncio.sleep(0.05)
    assert not worker.is_running() and not waiting.done()
    cluster.resume()
    outcome = await waiting
    assert (outcome.exit, outcome.stood) == (Exit.OK, 0.0)
    assert cluster.processor_time() > 0
    assert cluster.limit(1.0) and not cluster.limit(0.5)


async def test_a_cluster_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    executor = RayExecutor(tmp_path, 1, memory_cap=MIB, wanted=("wasm",), address="ray://127.0.0.1:9")
    with pytest.raises(Unavailable, match="the Ray cluster can't be used"):
        await executor.start()


def _renamed(wanted, run_id):  # type: ignore[no-untyped-def]
    import dataclasses

    return dataclasses.replace(wanted, run_id=run_id)
