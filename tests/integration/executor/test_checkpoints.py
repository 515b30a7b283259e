"""What a task has saved survives its worker, its daemon and its machine, and its result is the same with and without.

The program is the example that counts primes: it saves some thirty times in a range that takes a second or so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fogchain.errors import Unavailable
from fogchain.jobs.blobname import name_of
from fogchain.jobs.checkpoint import Checkpoint
from fogchain.jobs.spec import BlobRef, ResultFile
from fogchain.market.messages import Exit
from node.executor.pool import Evicted, Executor, RunOutcome, RunRequest

from .conftest import MIB, program, request

PRIMES = Path(__file__).parents[3] / "examples" / "primes" / "primes.wasm"
COUNT = 1 << 28
PRIMES_BELOW = b"14630843 2 268435399 248 191912783\n"  # 2^28; OEIS A007053, A002386
STEADY, SHAKY = 1e15, 0.0  # seconds to the next eviction: nothing but the first is copied, everything is


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Executor]:
    executor = Executor(folder, 1, memory_cap=64 * MIB)
    await executor.start()
    try:
        yield executor
    finally:
        await executor.stop()


def counting(
    folder: Path, *, stay: float = SHAKY, every: int = 32, fuel: int = 20 * 10**9, **limits: int
) -> RunRequest:
    folder.mkdir(exist_ok=True)
    made = request(
        folder, PRIMES, args=("0", str(COUNT), str(every)), fuel=fuel, time=170_000, **{"checkpoint": 4096} | limits
    )  # fmt: skip
    return replace(made, run_id="primes", seed=made.spec.seed, stay=stay)


def from_checkpoint(made: RunRequest, archive: Path) -> RunRequest:
    data = archive.read_bytes()
    fuel = Checkpoint.decode(data, made.spec.limits.checkpoint).fuel
    return replace(
        made, spec=made.spec.resumed(BlobRef(sha256=name_of(data), size=len(data)), fuel), checkpoint=archive
    )


def right(outcome: RunOutcome) -> bool:
    assert outcome.exit is Exit.OK, outcome.detail
    files = [("stderr", b""), ("stdout", PRIMES_BELOW)]
    return outcome.manifest.files == tuple(
        ResultFile(name=name, sha256=name_of(content), size=len(content)) for name, content in files
    )


async def saved(executor: Executor, run: asyncio.Task[RunOutcome], before: bytes = b"") -> bytes:
    """The run's next checkpoint; the one before when there is none any more."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        place = executor.checkpoint("primes")
        if place is not None and ((data := place.read_bytes()) != before or run.done()):
            return data
        await asyncio.sleep(0.002)
    pytest.fail("nothing was saved within a minute")


async def kill_worker(executor: Executor) -> None:
    """Return when it is dead."""
    worker = await executor._slots[0].worker()
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker.pid, signal.SIGKILL)
    while worker.alive:
        await asyncio.sleep(0.001)


async def ended(run: asyncio.Task[RunOutcome]) -> None:
    run.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await run


async def test_copies_change_neither_result_nor_fuel(tmp_path: Path) -> None:
    async with opened(tmp_path / "executor") as executor:
        outcomes = []
        for stay in (STEADY, SHAKY):
            outcomes.append(await executor.run(counting(tmp_path / "blobs", stay=stay)))
            assert right(outcomes[-1])
            place = executor.checkpoint("primes")
            assert place is not None
            newest = Checkpoint.decode(place.read_bytes(), 4096)
            assert list(newest.files) == ["state"]
            assert 0 < newest.fuel < outcomes[-1].fuel
            executor.discard("primes")
            assert executor.checkpoint("primes") is None
        assert (outcomes[0].fuel, outcomes[0].manifest) == (outcomes[1].fuel, outcomes[1].manifest)
        assert [outcome.resumed for outcome in outcomes] == [0, 0]


async def test_a_worker_that_is_killed_loses_what_came_after_its_last_checkpoint(tmp_path: Path) -> None:
    async with opened(tmp_path / "executor") as executor:
        made = counting(tmp_path / "blobs")
        whole = await executor.run(made)
        executor.discard("primes")
        run = asyncio.create_task(executor.run(made))
        newest = b""
        for _ in range(3):
            await saved(executor, run, newest)
            await asyncio.sleep(random.uniform(0, 0.02))
            if not run.done():
                await kill_worker(executor)
                newest = await saved(executor, run)  # what it goes on from
        outcome = await run
        assert right(outcome)
        assert outcome.resumed > 0
        # All that was burnt, but for what was lost; and reading the state and the small primes again.
        assert whole.fuel < outcome.fuel + 10**9
        assert outcome.fuel < whole.fuel + 10**9


async def test_a_daemon_that_is_stopped_goes_on_when_it_is_back(tmp_path: Path) -> None:
    made = counting(tmp_path / "blobs")
    async with opened(tmp_path / "executor") as executor:
        run = asyncio.create_task(executor.run(made))
        kept = Checkpoint.decode(await saved(executor, run), 4096)
        await executor.stop()
        with pytest.raises(Unavailable):
            await run
    async with opened(tmp_path / "executor") as executor:
        outcome = await executor.run(made)
        assert right(outcome)
        assert outcome.resumed >= kept.fuel


async def test_another_machine_goes_on_with_what_is_left_of_the_fuel(tmp_path: Path) -> None:
    made = counting(tmp_path / "blobs")
    async with opened(tmp_path / "one") as executor:
        whole = await executor.run(made)
        executor.discard("primes")
        run = asyncio.create_task(executor.run(made))
        archive = tmp_path / "archive"
        archive.write_bytes(await saved(executor, run))
        await executor.checkpointed(60)
        newest = executor.checkpoint("primes")
        assert newest is not None
        archive.write_bytes(newest.read_bytes())
        await ended(run)
    resumed = from_checkpoint(made, archive)
    assert resumed.spec.resume is not None
    assert resumed.spec.origin == made.spec
    assert resumed.spec.seed == made.spec.seed
    async with opened(tmp_path / "two") as executor:
        outcome = await executor.run(resumed)
        assert right(outcome)
        assert outcome.resumed == 0  # what it went on from was not its own
        assert outcome.fuel < whole.fuel
        assert outcome.fuel + resumed.spec.resume.fuel >= whole.fuel
        executor.discard("primes")
        # And from there to a third, with what the second has saved itself.
        run = asyncio.create_task(executor.run(resumed))
        await saved(executor, run)
        await ended(run)
        again = await executor.run(resumed)
        assert right(again)
        assert again.resumed > resumed.spec.resume.fuel
        assert again.fuel < outcome.fuel + 10**9


async def test_a_checkpoint_that_is_waited_for_is_copied_at_the_next_commit(tmp_path: Path) -> None:
    async with opened(tmp_path / "executor") as executor:
        await asyncio.wait_for(executor.checkpointed(60), 5)  # nothing runs: nothing is waited for
        run = asyncio.create_task(executor.run(counting(tmp_path / "blobs", stay=STEADY, every=8)))
        first = Checkpoint.decode(await saved(executor, run), 4096)
        await executor.checkpointed(60)
        place = executor.checkpoint("primes")
        if not run.done():  # else the run was over first, which ends the wait, too
            assert place is not None
            assert Checkpoint.decode(place.read_bytes(), 4096).fuel > first.fuel
        assert right(await run)
        assert not list((tmp_path / "executor" / "checkpoints").glob("*.wanted"))


async def test_a_run_that_stands_still_goes_on_just_until_it_has_saved_and_is_then_handed_back(tmp_path: Path) -> None:
    made = counting(tmp_path / "blobs", stay=STEADY, every=8)
    async with opened(tmp_path / "executor") as executor:
        run = asyncio.create_task(executor.run(made))
        first = Checkpoint.decode(await saved(executor, run), 4096)
        executor.suspend()
        while not executor.standing():
            await asyncio.sleep(0.005)
        await executor.checkpointed(60)
        place = executor.checkpoint("primes")
        assert place is not None
        assert run.done() or Checkpoint.decode(place.read_bytes(), 4096).fuel > first.fuel
        while not executor.standing():
            await asyncio.sleep(0.005)
        executor.evict("its owner is back")
        if not run.done():
            with pytest.raises(Evicted):
                await run
        archive = tmp_path / "archive"
        archive.write_bytes(place.read_bytes())
    async with opened(tmp_path / "two") as executor:
        assert right(await executor.run(from_checkpoint(made, archive)))


async def test_a_run_that_saves_nothing_is_waited_for_no_longer_than_was_said(tmp_path: Path) -> None:
    loop = program("(loop $again (br $again))")
    (tmp_path / "blobs").mkdir()
    async with opened(tmp_path / "executor") as executor:
        made = request(tmp_path / "blobs", loop, fuel=2**60, checkpoint=4096, time=60_000)
        run = asyncio.create_task(executor.run(made))
        while not executor._saving:
            await asyncio.sleep(0.01)
        await asyncio.wait_for(executor.checkpointed(0.2), 30)
        assert not run.done()
        await ended(run)


async def test_reading_a_checkpoint_never_makes_a_run_fail_that_would_have_had_fuel(tmp_path: Path) -> None:
    async with opened(tmp_path / "executor") as executor:
        made = counting(tmp_path / "blobs")
        whole = await executor.run(made)
        executor.discard("primes")
        tight = counting(tmp_path / "blobs", fuel=whole.fuel)  # exactly enough
        run = asyncio.create_task(executor.run(tight))
        await saved(executor, run)
        await ended(run)
        outcome = await executor.run(tight)
        assert right(outcome)
        assert (outcome.fuel, outcome.resumed) == (whole.fuel, 0)


@pytest.mark.parametrize("broken", ["garbage", "another task", "too large", "no fuel left", "other fuel", "gone"])
async def test_a_checkpoint_that_is_none_is_refused(tmp_path: Path, broken: str) -> None:
    made = counting(tmp_path / "blobs")
    archive = tmp_path / "archive"
    good = Checkpoint(made.spec.seed, 10**9, {"state": bytes(48)})
    data = {
        "garbage": b"\x9f" * 100,
        "another task": replace(good, spec=bytes(32)).encode(),
        "too large": replace(good, files={"state": bytes(5000)}).encode(),
        "no fuel left": replace(good, fuel=made.spec.limits.fuel).encode(),
    }.get(broken, good.encode())
    archive.write_bytes(data)
    ref = BlobRef(sha256=name_of(data), size=len(data))
    wanted = replace(made, spec=made.spec.resumed(ref, 10**9 + (broken == "other fuel")), checkpoint=archive)
    if broken == "gone":
        archive.unlink()
    async with opened(tmp_path / "executor") as executor:
        outcome = await executor.run(wanted)
        assert (outcome.exit, outcome.fuel) == (Exit.REFUSED, 0)
        assert outcome.detail.startswith("its checkpoint can't be used: ")


async def test_a_checkpoint_of_its_own_that_is_damaged_is_left(tmp_path: Path) -> None:
    made = counting(tmp_path / "blobs")
    async with opened(tmp_path / "executor") as executor:
        (tmp_path / "executor" / "checkpoints" / "primes.kept").write_bytes(b"damaged")
        outcome = await executor.run(made)
        assert right(outcome)
        assert outcome.resumed == 0


async def test_a_run_goes_on_where_no_copy_can_be_made(tmp_path: Path) -> None:
    async with opened(tmp_path / "executor") as executor:
        shutil.rmtree(tmp_path / "executor" / "checkpoints")
        outcome = await executor.run(counting(tmp_path / "blobs"))
        assert right(outcome)


async def test_more_than_the_limit_ends_a_run_like_too_much_output(tmp_path: Path) -> None:
    async with opened(tmp_path / "executor") as executor:
        outcome = await executor.run(counting(tmp_path / "blobs", checkpoint=40))
        assert outcome.exit is Exit.OUTPUT_LIMIT
        assert outcome.detail == "the task wrote more than its checkpoint limit"


async def test_a_job_without_checkpoints_gives_no_folder(tmp_path: Path) -> None:
    async with opened(tmp_path / "executor") as executor:
        outcome = await executor.run(counting(tmp_path / "blobs", checkpoint=0))
        assert right(outcome)
        assert executor.checkpoint("primes") is None


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(every=st.integers(1, 40))
async def test_wherever_a_task_saves_its_result_is_the_same(tmp_path: Path, every: int) -> None:
    """Each commit costs fuel, so the fuel is that of a program that saves as often; the bytes are the same for all."""
    folder = tmp_path / str(every)
    async with opened(folder) as executor:
        made = counting(tmp_path / "blobs", every=every)
        run = asyncio.create_task(executor.run(made))
        archive = folder / "archive"
        archive.write_bytes(await saved(executor, run))
        assert right(await run)
    async with opened(folder / "two") as executor:
        assert right(await executor.run(from_checkpoint(made, archive)))
