"""Real workers that stand still: frozen by their control groups, and by signals where there are none.

What forks here is bounded before it starts: by its control group of at most 64 processes and little memory, by the
number of its forks, and by the wall clock.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from fogchain.errors import Unavailable
from fogchain.market.messages import Exit
from node.executor import cgroup
from node.executor.pool import Evicted, Executor, RunOutcome

from .conftest import MIB, program, request
from .ways import BEST, GROUP, OLD, SIGNALS, WAYS, missing, take, until, workers

SPIN = "(loop $again (br $again))"
FOREVER = {"fuel": 2**62, "time": 3_600_000}


def rounds(count: int) -> str:
    """A program that goes round so often."""
    return program(f"""(local $n i64) (local.set $n (i64.const {count}))
      (loop $again (local.set $n (i64.sub (local.get $n) (i64.const 1)))
        (br_if $again (i64.ne (local.get $n) (i64.const 0))))""")


@pytest.fixture
def way() -> str:
    return BEST


@pytest.fixture
async def executor(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Executor]:
    if why := missing(way):
        pytest.skip(why)
    take(way, monkeypatch.setattr)
    executor = Executor(tmp_path / "executor", 2, memory_cap=128 * MIB)
    await executor.start()
    yield executor
    await executor.stop()
    assert workers() == []


def begin(executor: Executor, folder: Path, code: str, **limits: int) -> asyncio.Task[RunOutcome]:
    return asyncio.create_task(executor.run(request(folder, code, **limits)))


def used() -> float:
    """Seconds of processor time of all workers, by the kernel."""
    return sum(times.user + times.system for times in (worker.cpu_times() for worker in workers()))


async def until_busy(count: int = 1) -> None:
    before = {worker: worker.cpu_times().user for worker in workers()}
    await until(lambda: sum(worker.cpu_times().user > seen + 0.02 for worker, seen in before.items()) >= count)


async def see_it_stand(executor: Executor) -> None:
    """All that can be seen from outside stands: it uses no processor time."""
    await until(executor.standing)
    before = used()
    await asyncio.sleep(0.25)
    assert used() == before


@pytest.mark.parametrize("way", WAYS)
async def test_all_runs_stand_at_once_and_go_on(executor: Executor, tmp_path: Path) -> None:
    running = [begin(executor, tmp_path, program(SPIN), **FOREVER) for _ in range(2)]
    await until_busy(2)
    assert executor.running == 2
    for _ in range(2):
        executor.suspend()
        await see_it_stand(executor)
        executor.resume()
        await until_busy(2)
    assert not executor.standing()
    for run in running:
        run.cancel()
    await asyncio.wait(running)
    assert (await executor.run(request(tmp_path, program("")))).exit is Exit.OK


@pytest.mark.parametrize("way", WAYS)
async def test_a_run_that_begins_while_all_stand_stands_too(executor: Executor, tmp_path: Path) -> None:
    executor.suspend()
    assert executor.standing(), "nothing runs"
    wanted = request(tmp_path, program(""), time=500)
    run = asyncio.create_task(executor.run(wanted))
    await until(lambda: executor.stood(wanted.run_id)[1] > 1.0)  # twice as long as it may run
    assert executor.stood(wanted.run_id)[0]
    await see_it_stand(executor)
    executor.resume()
    outcome = await run
    assert outcome.exit is Exit.OK, outcome.detail
    assert 1.0 < outcome.stood <= outcome.finished - outcome.started


@pytest.mark.parametrize("way", [BEST, SIGNALS])
async def test_one_that_stood_for_longer_than_its_limit_ends_well(executor: Executor, tmp_path: Path) -> None:
    rate = await executor.measure_rate()
    wanted = request(tmp_path, rounds(rate // 16), fuel=2**62, time=4_000)  # some tenths of a second
    run = asyncio.create_task(executor.run(wanted))
    await until_busy()
    executor.suspend()
    await until(lambda: executor.stood(wanted.run_id)[1] > 5.0 or run.done())
    assert not run.done(), "it had not even begun to run out of time"
    executor.resume()
    outcome = await run
    assert outcome.exit is Exit.OK, outcome.detail
    assert outcome.stood > 5.0


async def test_its_time_is_up_when_it_really_ran_so_long(executor: Executor, tmp_path: Path) -> None:
    wanted = request(tmp_path, program(SPIN), fuel=2**62, time=600)
    run = asyncio.create_task(executor.run(wanted))
    for _ in range(4):
        executor.suspend()
        await asyncio.sleep(0.1)
        executor.resume()
        await asyncio.sleep(0.05)
    outcome = await run
    assert outcome.exit is Exit.TIMEOUT
    assert outcome.stood >= 0.4
    assert outcome.finished - outcome.started - outcome.stood > 0.59
    assert outcome.finished - outcome.started > 0.6, "no buyer takes it for a lie"


async def test_what_the_kernel_withholds_counts_toward_no_limit(executor: Executor, tmp_path: Path) -> None:
    if not executor.limit(0.25):
        pytest.skip("no control group of this machine limits processor time")
    outcome = await executor.run(request(tmp_path, program(SPIN), fuel=2**62, time=600))
    assert outcome.exit is Exit.TIMEOUT
    assert outcome.stood == pytest.approx(0.75 * (outcome.finished - outcome.started), rel=0.1)
    assert outcome.finished - outcome.started >= 4 * 0.59
    assert executor.limit(1.0)
    outcome = await executor.run(request(tmp_path, program(SPIN), fuel=2**62, time=300))
    assert (outcome.exit, outcome.stood) == (Exit.TIMEOUT, 0.0)


@pytest.mark.parametrize("way", [GROUP, SIGNALS])
async def test_a_limit_that_the_kernel_can_not_hold_is_refused(executor: Executor, tmp_path: Path, way: str) -> None:
    assert executor.limit(0.5) is (way == GROUP)


@pytest.mark.parametrize("way", WAYS)
async def test_what_stands_can_be_killed(executor: Executor, tmp_path: Path) -> None:
    running = [begin(executor, tmp_path, program(SPIN), **FOREVER) for _ in range(2)]
    await until_busy(2)
    before = workers()
    executor.suspend()
    await until(executor.standing)
    executor.kill("its owner is back")
    for run in running:
        with pytest.raises(Evicted, match="its owner is back"):
            await run
    await until(lambda: not set(before) & set(workers()))
    assert executor.running == 0 and executor.ended == {}
    executor.resume()
    assert (await executor.run(request(tmp_path, program("")))).exit is Exit.OK


@pytest.mark.parametrize("way", WAYS)
async def test_a_run_that_stands_can_be_called_back(executor: Executor, tmp_path: Path) -> None:
    run = begin(executor, tmp_path, program(SPIN), **FOREVER)
    await until_busy()
    executor.suspend()
    await until(executor.standing)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    executor.resume()
    outcomes = [await executor.run(request(tmp_path, program(""))) for _ in range(3)]
    assert {outcome.exit for outcome in outcomes} == {Exit.OK}


async def test_runs_are_evicted_with_the_cause_also_while_they_compile(executor: Executor, tmp_path: Path) -> None:
    step = "(local.set 1 (i64.mul (local.get 0) (i64.add (local.get 1) (local.get 0))))"
    many = f"(func (param i64) (result i64) (local i64) {step * 60} local.get 1)" * 6_000
    running = [
        begin(executor, tmp_path, program("", more=many), **FOREVER),
        begin(executor, tmp_path, program(SPIN), **FOREVER),
    ]
    await until_busy(2)
    threading.Thread(target=executor.evict, args=("unplugged",)).start()
    for run in running:
        with pytest.raises(Evicted) as caught:
            await run
        assert caught.value.cause == "unplugged"
    assert (await executor.run(request(tmp_path, program("")))).exit is Exit.OK


@pytest.mark.parametrize("way", [BEST, SIGNALS])
async def test_a_worker_that_dies_while_all_stand_is_a_crash(executor: Executor, tmp_path: Path) -> None:
    running = [begin(executor, tmp_path, program(SPIN), **FOREVER) for _ in range(2)]
    await until_busy(2)
    executor.suspend()
    await until(executor.standing)
    workers()[0].kill()
    ended, left = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    assert ended.pop().result().exit is Exit.CRASHED
    await until(executor.standing)
    executor.resume()
    left.pop().cancel()


async def test_runs_that_wait_do_not_begin_before_they_are_admitted(executor: Executor, tmp_path: Path) -> None:
    under_way = begin(executor, tmp_path, program(SPIN), **FOREVER)
    await until_busy()
    executor.admit(False)
    waiting = begin(executor, tmp_path, program(""))
    for _ in range(20):
        await asyncio.sleep(0)
    assert executor.running == 1 and not waiting.done() and not under_way.done()
    executor.admit(True)
    assert (await waiting).exit is Exit.OK
    executor.admit(False)
    waiting = begin(executor, tmp_path, program(""))
    for _ in range(20):
        await asyncio.sleep(0)
    await executor.stop()
    for run in (under_way, waiting):
        with pytest.raises(Unavailable):
            await run


async def test_processor_time_is_counted_also_of_those_that_ended(executor: Executor, tmp_path: Path) -> None:
    before = executor.processor_time()
    assert before > 0, "they have started"
    rate = await executor.measure_rate()
    outcome = await executor.run(request(tmp_path, rounds(rate // 20), fuel=2**62))
    assert outcome.exit is Exit.OK
    ran = executor.processor_time()
    assert before + 0.02 < ran
    executor.kill()
    old = workers()
    for worker in old:
        worker.kill()
    await until(lambda: not set(old) & set(workers()))
    assert executor.processor_time() >= ran - 0.01


async def test_commands_from_any_thread_leave_things_as_the_last_one_said(executor: Executor, tmp_path: Path) -> None:
    over = threading.Event()

    def pace() -> None:
        while not over.wait(0.002):
            executor.suspend()
            executor.resume()

    threads = [threading.Thread(target=pace) for _ in range(2)]
    for thread in threads:
        thread.start()
    outcomes = await asyncio.gather(*(executor.run(request(tmp_path, rounds(20_000))) for _ in range(30)))
    over.set()
    for thread in threads:
        thread.join()
    assert {outcome.exit for outcome in outcomes} == {Exit.OK}
    executor.suspend()
    run = begin(executor, tmp_path, program(SPIN), **FOREVER)
    await until(lambda: executor.running == 1)
    await see_it_stand(executor)
    run.cancel()


@pytest.mark.parametrize("way", WAYS)
async def test_a_daemon_that_dies_leaves_nothing_that_stands(tmp_path: Path, way: str) -> None:
    if why := missing(way):
        pytest.skip(why)
    command = [sys.executable, "-m", "tests.integration.executor.ways", str(tmp_path), way]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as daemon:
        assert daemon.stdout is not None
        worker = psutil.Process(int(next(line for line in daemon.stdout if line.strip().isdigit())))
        daemon.kill()
    if way == OLD:  # only the next one can let them die
        await asyncio.to_thread(cgroup.sweep)
    await until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    executor = Executor(tmp_path / "executor", 1, memory_cap=64 * MIB)
    await executor.start()
    assert (await executor.run(request(tmp_path, program("")))).exit is Exit.OK
    await executor.stop()
    for place in cgroup._places():
        for parent in (place.memory, place.pids, place.cpu, *place.freezers, *place.quotas):
            assert not list(parent.glob(f"fogchain-{daemon.pid}.*"))
