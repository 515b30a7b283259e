"""A real worker at a duty. How exactly it comes out is the benchmark's to say; here only which way things go."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fogchain.market.messages import Exit
from node.executor.pool import Executor
from node.harvest.throttle import Throttle

from .conftest import MIB, program, request
from .test_standing import FOREVER, SPIN, see_it_stand, until_busy
from .ways import until


@pytest.fixture
async def executor(tmp_path: Path) -> AsyncIterator[Executor]:
    executor = Executor(tmp_path / "executor", 1, memory_cap=128 * MIB)
    await executor.start()
    yield executor
    await executor.stop()


async def test_a_run_throttled_by_half_has_all_of_its_time(executor: Executor, tmp_path: Path) -> None:
    throttle = Throttle(executor, by_kernel=False)
    throttle.start()
    throttle.set(0.5)
    outcome = await executor.run(request(tmp_path, program(SPIN), fuel=2**62, time=1_000))
    assert outcome.exit is Exit.TIMEOUT
    wall = outcome.finished - outcome.started
    assert wall - outcome.stood > 0.95, "it ran as long as it may"
    assert 0.2 * wall < outcome.stood < 0.8 * wall
    await asyncio.to_thread(throttle.stop)
    outcome = await executor.run(request(tmp_path, program(SPIN), fuel=2**62, time=300))
    assert (outcome.exit, outcome.stood) == (Exit.TIMEOUT, 0.0)


@pytest.mark.parametrize("by_kernel", [True, False], ids=["kernel", "slices"])
async def test_no_slice_and_no_other_duty_moves_what_is_frozen(
    executor: Executor, tmp_path: Path, by_kernel: bool
) -> None:
    throttle = Throttle(executor, by_kernel=by_kernel)
    throttle.start()
    throttle.set(0.5)
    run = asyncio.create_task(executor.run(request(tmp_path, program(SPIN), **FOREVER)))
    await until_busy()
    over = threading.Event()

    def shout() -> None:
        duty = 0.2
        while not over.wait(0.001):
            duty = 1.1 - duty
            throttle.set(duty)

    thread = threading.Thread(target=shout)
    thread.start()
    throttle.freeze()
    await see_it_stand(executor)
    over.set()
    thread.join()
    throttle.thaw()
    await until_busy()
    throttle.freeze()
    await asyncio.to_thread(throttle.stop)
    await see_it_stand(executor)
    throttle.thaw()
    await until_busy()
    run.cancel()


async def test_a_duty_of_nothing_stands(executor: Executor, tmp_path: Path) -> None:
    throttle = Throttle(executor)
    throttle.start()
    throttle.set(0.0)
    wanted = request(tmp_path, program(""), time=300)
    run = asyncio.create_task(executor.run(wanted))
    await until(lambda: executor.stood(wanted.run_id)[1] > 0.5)
    await see_it_stand(executor)
    throttle.set(1.0)
    assert (await run).exit is Exit.OK
    await asyncio.to_thread(throttle.stop)


def test_the_duty_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    wanted = {"folder": str(tmp_path), "duties": [0.5], "seconds": 0.5}
    done = subprocess.run(
        [sys.executable, "-m", "node.duty"], input=json.dumps(wanted), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    for (measured,) in filter(None, answer.values()):
        assert measured["duty"] == 0.5 and measured["wall_s"] >= 0.5
        assert 0.2 < measured["ran"] < 0.8
        assert 0 < measured["received"] < 0.9
