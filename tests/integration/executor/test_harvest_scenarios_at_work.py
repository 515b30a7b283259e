"""Scenarios of the scheduling spec, §1.5, with workers that really stand, die, and save what they have."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fogchain.errors import Unavailable
from node.executor.pool import Evicted
from node.harvest.device import State
from node.reflexes import Reflexes

from .test_checkpoints import PRIMES, counting, opened, right, saved


async def test_scenario_04_unplugged_it_stands(tmp_path: Path) -> None:
    async with Reflexes(tmp_path).working() as made:
        made.machine.plug(False)
        await made.until(lambda: made.stands() and "power.source is battery" in made.harvester.why(), "stands")
        assert not made.harvester.takes_work
        made.machine.plug(True)
        await made.until(made.runs, "goes on")  # it was not killed
    assert {one.actor for one in made.journal.course(0) if one.before is State.FROZEN} <= {"policy", "node"}


async def test_scenario_04_what_does_not_stand_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Reflexes(tmp_path)
    monkeypatch.setattr(made.executor, "suspend", lambda: None)
    with pytest.raises((Evicted, Unavailable)):
        async with made.working():
            made.machine.plug(False)
            await made.until(lambda: False, "is killed")  # the task's end is its own
    assert State.FROZEN in [one.after for one in made.journal.course(0)]
    killed = next(one for one in made.journal.course(0) if one.before is State.FROZEN)
    assert (killed.after, killed.actor) == (State.BLOCKED, "clock")


async def test_scenario_19_a_soft_stop_waits_for_what_the_task_saves_and_little_is_lost(tmp_path: Path) -> None:
    """What was burnt before the last checkpoint is not burnt again."""
    async with opened(tmp_path / "executor") as executor:
        wanted = counting(tmp_path / "blobs", every=8)
        run = asyncio.create_task(executor.run(wanted))
        await saved(executor, run)
        await asyncio.wait_for(executor.checkpointed(60), 120)
        executor.evict("night")
        try:
            assert right(await run)  # it was quicker than we
            return
        except Evicted as error:
            assert error.cause == "night"
        place = executor.checkpoint(wanted.run_id)
        assert place is not None and PRIMES.exists()
        outcome = await executor.run(wanted)
        assert right(outcome) and outcome.resumed > 0
