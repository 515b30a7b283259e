"""The harvester over sensors and workers that a test holds in its hands, with its real journal and its real thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harvest_fakes import FINE, Clock, FedWatch, ToldThrottle, ToldWorkers
from sqlalchemy import Engine

from fogchain.database import open_database
from fogchain.errors import Conflict
from node.harvest import journal as journal_module
from node.harvest.device import State
from node.harvest.harvester import Harvester
from node.harvest.journal import Journal
from node.harvest.profile import builtin

WALL = 1_800_000_000.0


class Stage:
    def __init__(self, folder: Path, profile: str = "laptop") -> None:
        self.engine: Engine = open_database(folder / "node.db", journal_module.tables, 1)
        self.clock, self.watch, self.workers = Clock(), FedWatch(), ToldWorkers()
        self.stood_down: list[str] = []
        self.harvester = self.make(profile)

    def make(self, profile: str = "laptop") -> Harvester:
        self.journal = Journal(self.engine, self.wall())
        self.harvester = Harvester(
            policy=builtin(profile), watch=self.watch, workers=self.workers, throttle=ToldThrottle(self.workers),
            journal=self.journal, stood_down=self.stood_down.append, clock=self.clock, wall=self.wall,
        )  # fmt: skip
        return self.harvester

    def wall(self) -> float:
        return WALL + self.clock.now

    @property
    def state(self) -> State:
        return self.harvester.seen.device.state

    async def until(self, condition: Callable[[], bool]) -> None:
        """Its thread looks again, until this holds."""
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, self.harvester.seen
            self.harvester.wake()
            await asyncio.sleep(0.01)

    async def warm(self) -> None:
        await self.until(lambda: self.state is State.WARMING)
        self.clock.now += 301
        await self.until(lambda: self.state is State.IDLE)

    async def work(self) -> None:
        await self.warm()
        self.workers.running = 1
        self.harvester.claimed()
        self.harvester.began()
        assert self.state is State.RUNNING


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_it_warms_up_and_takes_work(stage: Stage) -> None:
    await stage.harvester.start()
    try:
        await stage.until(lambda: stage.state is State.WARMING)
        assert not stage.harvester.takes_work and not stage.workers.admitted
        assert "of" in stage.harvester.why()
        await stage.warm()
        assert stage.harvester.takes_work and stage.workers.admitted
    finally:
        await stage.harvester.stop()
    assert stage.state is State.OFFLINE


async def test_unplugged_stands_still_and_plugged_in_goes_on(stage: Stage) -> None:
    await stage.harvester.start()
    try:
        await stage.work()
        assert stage.watch.busy
        stage.watch.say(power_source="battery")
        await stage.until(lambda: stage.state is State.FROZEN and stage.harvester.seen.device.asked is None)
        assert stage.workers.suspended and not stage.workers.admitted
        (veto,) = stage.harvester.seen.decision.vetoes
        assert veto.guard.name == "power" and "power.source is battery" in stage.harvester.why()
        assert stage.stood_down == ["its owner needs it (power)"]  # what buyers may read
        stage.watch.say(power_source="mains")
        await stage.until(lambda: stage.harvester.seen.decision.vetoes[0].clears_in is not None)
        stage.clock.now += 11
        await stage.until(lambda: stage.state is State.RUNNING)
        assert not stage.workers.suspended
    finally:
        await stage.harvester.stop()
    kept = [(one.before, one.after, one.actor) for one in reversed(stage.journal.transitions())]
    assert (State.RUNNING, State.FROZEN, "policy") in kept and (State.FROZEN, State.RUNNING, "policy") in kept
    folded = [(one.before, one.after, one.cause) for one in stage.journal.folded()]
    assert folded == [(one.before, one.after, one.cause) for one in reversed(stage.journal.transitions())]


async def test_reasons_are_those_of_now_and_all_of_them(stage: Stage) -> None:
    """BOINC 6714: "user active" was shown although the charge was low."""
    await stage.harvester.start()
    try:
        await stage.work()
        stage.watch.say(user_idle=0.5)
        await stage.until(lambda: stage.state is State.FROZEN)
        stage.watch.say(user_idle=1000.0, battery_charge=50.0, thermal_cpu=90.0)
        await stage.until(
            lambda: {veto.guard.name for veto in stage.harvester.seen.decision.vetoes} == {"user", "charge", "heat"}
        )
        stage.clock.now += 2
        await stage.until(lambda: {v.guard.name for v in stage.harvester.seen.decision.vetoes} == {"charge", "heat"})
    finally:
        await stage.harvester.stop()


async def test_workers_that_do_not_stand_are_killed(stage: Stage) -> None:
    await stage.harvester.start()
    try:
        await stage.work()
        stage.workers.obeys = False
        stage.watch.say(power_source="battery")
        await stage.until(lambda: stage.state is State.FROZEN)
        stage.clock.now += 2.1
        await stage.until(lambda: stage.workers.did == ["kill"])
        assert stage.state is State.BLOCKED
    finally:
        await stage.harvester.stop()


async def test_a_pause_survives_a_restart_and_ends_when_it_was_to(stage: Stage) -> None:
    await stage.harvester.start()
    await stage.warm()
    stage.harvester.intend("pause", 3600)
    assert stage.state is State.BLOCKED and stage.harvester.why() == "its owner paused it"
    await stage.harvester.stop()
    stage.clock.now += 600
    stage.make()
    await stage.harvester.start()
    try:
        assert stage.harvester.seen.device.until == pytest.approx(stage.clock.now + 3000, abs=1)
        await stage.until(lambda: stage.harvester.why() == "its owner paused it")
        stage.clock.now += 3001
        await stage.until(lambda: stage.state is State.IDLE)
    finally:
        await stage.harvester.stop()


async def test_a_boost_ends_and_says_when(stage: Stage) -> None:
    stage.watch.say(user_idle=0.5)
    await stage.harvester.start()
    try:
        with pytest.raises(Conflict, match="needs an end"):
            stage.harvester.intend("boost")
        await stage.until(lambda: bool(stage.harvester.seen.decision.vetoes))
        stage.clock.now += 301
        stage.harvester.intend("boost", 60)
        await stage.until(lambda: stage.state is State.IDLE)
        stage.watch.say(power_source="battery")
        await stage.until(lambda: stage.state is State.BLOCKED)
        stage.watch.say(power_source="mains")
        stage.clock.now += 61
        await stage.until(lambda: stage.harvester.seen.device.intent == "auto")
        assert stage.state is not State.IDLE
    finally:
        await stage.harvester.stop()


async def test_a_fault_stays_through_a_restart_until_the_owner_cleared_it(stage: Stage) -> None:
    await stage.harvester.start()
    await stage.warm()
    stage.harvester.fault("three results in a row were wrong")
    assert stage.state is State.QUARANTINE
    await stage.harvester.stop()
    stage.make()
    await stage.harvester.start()
    try:
        assert stage.state is State.QUARANTINE and "three results" in stage.harvester.why()
        stage.harvester.clear()
        assert stage.state is not State.QUARANTINE
        with pytest.raises(Conflict):
            stage.harvester.clear()
    finally:
        await stage.harvester.stop()


async def test_another_policy_has_to_clear_first(stage: Stage) -> None:
    await stage.harvester.start()
    try:
        await stage.work()
        stage.harvester.use(builtin("dedicated"))
        await stage.until(lambda: stage.state is State.FROZEN)
        stage.clock.now += 1.5
        await stage.until(lambda: stage.state is State.RUNNING)
        assert stage.harvester.seen.policy.name == "profile dedicated"
    finally:
        await stage.harvester.stop()


async def test_what_the_sensors_said_is_read_again(stage: Stage) -> None:
    await stage.harvester.start()
    await stage.warm()
    await stage.until(lambda: any(stage.journal.history(0)))
    stage.watch.say(battery_charge=80.0)
    stage.clock.now += 31
    await stage.until(lambda: stage.harvester.seen.snapshot["battery.charge"] == 80.0)
    await stage.harvester.stop()
    history = list(stage.journal.history(0))
    assert history[0][1]["battery.charge"] == 90.0 and history[-1][1]["battery.charge"] == 80.0
    assert history[-1][1]["power.source"] == "mains"


def test_a_past_that_begins_later_knows_what_was_said_before(stage: Stage) -> None:
    stage.journal.read(FINE, 100.0)
    stage.journal.read(FINE | {"cpu.foreign": 6.0}, 200.0)
    ((at, snapshot),) = stage.journal.history(150.0)
    assert (at, snapshot["cpu.foreign"], snapshot["power.source"]) == (200.0, 6.0, "mains")


async def test_what_does_not_hold_is_named_before_what_only_takes_time(stage: Stage) -> None:
    stage.watch.say(user_idle=0.5)
    await stage.harvester.start()
    try:
        await stage.until(lambda: stage.harvester.why().startswith("user: "))
        assert stage.harvester.told() == "its owner needs it (user)"
        stage.watch.say(user_idle=1000.0)
        await stage.until(lambda: stage.harvester.why().startswith("battery-heat: clear for "))  # the last to clear
    finally:
        await stage.harvester.stop()


async def test_what_saves_goes_on_and_then_waits(stage: Stage) -> None:
    await stage.harvester.start()
    try:
        await stage.work()
        stage.watch.say(memory_free=100.0)
        await stage.until(lambda: stage.state is State.CHECKPOINTING and stage.harvester.seen.device.asked is None)
        assert stage.workers.did == ["checkpoint"] and stage.workers.suspended
    finally:
        await stage.harvester.stop()


async def test_a_key_stops_what_is_about_to_save(stage: Stage) -> None:
    """Its owner is back and opens what needs much memory: of both guards none may keep tasks running."""
    stage.workers.saves = False
    await stage.harvester.start()
    try:
        await stage.work()
        stage.watch.say(memory_free=100.0)
        await stage.until(lambda: stage.workers.did == ["checkpoint"])
        assert not stage.workers.suspended
        stage.watch.say(user_idle=0.1)
        await stage.until(lambda: stage.workers.suspended)
        assert stage.state is State.CHECKPOINTING
    finally:
        await stage.harvester.stop()


async def test_what_stands_for_its_owner_does_not_go_on_to_save(stage: Stage) -> None:
    await stage.harvester.start()
    try:
        await stage.work()
        stage.watch.say(user_idle=0.1)
        await stage.until(lambda: stage.state is State.FROZEN)
        stage.watch.say(memory_free=100.0)
        await stage.until(lambda: stage.state is State.CHECKPOINTING and stage.harvester.seen.device.asked is None)
        assert stage.workers.did == [] and stage.workers.resumed == 0
    finally:
        await stage.harvester.stop()
