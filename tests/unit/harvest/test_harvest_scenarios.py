"""What users of HTCondor, BOINC and Folding@home reported, each as a test by its number in the scheduling spec, §1.5.

Those about workers that really stand are in `tests/integration/executor/test_harvest_scenarios_at_work.py`.
"""

from __future__ import annotations

import itertools
import random
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from harvest_fakes import FINE
from machine_tree import laptop, stat_lines, write
from test_harvester import Stage

from fogchain.batch.placement import Machine as Provider
from fogchain.batch.placement import depth, place
from fogchain.jobs.events import Failed as RunFailed
from fogchain.jobs.events import Lost, Sent, SessionPlanned
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, TaskSpec
from fogchain.market.constraints import Candidate, Wanted, failures
from fogchain.market.messages import Exit, Offer
from fogchain.market.offers import class_id
from node.harvest.device import (
    Began,
    Claimed,
    Device,
    Done,
    Effect,
    Ended,
    Event,
    Intended,
    Started,
    State,
    Stopped,
    Ticked,
    Transition,
    step,
)
from node.harvest.governor import PERIOD, DutyCycle
from node.harvest.harvester import weigh
from node.harvest.pacing import ChargeGovernor
from node.harvest.policy import Decision, Policy
from node.harvest.probes.power import Power
from node.harvest.probes.probe import asks
from node.harvest.probes.processor import Load
from node.harvest.probes.watch import Watch
from node.harvest.profile import PROFILES, builtin, read
from node.harvest.sensors import Value
from node.harvest.simulation import Heating, heated, sawtooth

NIGHT = 23 * 60.0
WELL: dict[str, Any] = FINE | {
    "time.clock": NIGHT, "battery.slope": 1.0, "screen.off": 1000.0, "network.kind": "wifi", "network.metered": False,
}  # fmt: skip


class Machine:
    """A policy and the device machine that does what it says, on a machine that is told what its sensors read."""

    def __init__(self, policy: Policy | str, **readings: Value | None) -> None:
        self.policy = builtin(policy) if isinstance(policy, str) else policy
        self.held = self.policy.start()
        self.device, self.now = Device(), 0.0
        self.readings: dict[str, Value | None] = WELL | _named(readings)
        self.went: list[Transition] = []
        self.effects: list[Effect] = []
        self.tell(Started())

    def tell(self, event: Event) -> list[Effect]:
        self.device, effects, went = step(self.device, event, self.now)
        self.effects += effects
        self.went += went
        return effects

    def after(self, seconds: float, **readings: Value | None) -> Decision:
        """What the policy says then, and the device knows."""
        self.now += seconds
        self.readings |= _named(readings)
        decision = self.policy.decide(self.readings, self.now, self.held)
        self.held = decision.state
        self.tell(weigh(decision))
        self.tell(Ticked())
        return decision

    def working(self) -> Machine:
        for _ in range(700):
            self.after(1)
        self.tell(Claimed())
        self.tell(Began())
        assert self.device.state is State.RUNNING
        return self

    @property
    def state(self) -> State:
        return self.device.state


def _named(readings: Mapping[str, Value | None]) -> dict[str, Value | None]:
    return {name.replace("_", ".", 1): value for name, value in readings.items()}


def guards(decision: Decision) -> set[str]:
    return {veto.guard.name for veto in decision.vetoes}


# -------------------------------------------------------------------- power and heat


@pytest.mark.parametrize("profile", ["laptop", "phone", "quiet-night"])
def test_scenario_01_a_charge_that_hovers_does_not_flap(profile: str) -> None:
    machine = Machine(profile).working()
    went = len(machine.went)
    for _, level in sawtooth(79, 81, 240, 3600):
        machine.after(1, battery_charge=level)
        if machine.device.asked == "freeze":
            machine.tell(Done("freeze"))
    times = [one.at for one in machine.went[went:]]
    assert all(sum(at <= other < at + 600 for other in times) <= 2 for at in times)


def test_scenario_02_reasons_are_those_of_now_and_all_of_them() -> None:
    machine = Machine("laptop").working()
    assert guards(machine.after(0.1, user_idle=0.0)) == {"user"}
    machine.tell(Done("freeze"))
    assert guards(machine.after(1, user_idle=900.0, battery_charge=20.0, thermal_cpu=91.0)) >= {"charge", "heat"}
    later = machine.after(1, thermal_cpu=50.0, battery_charge=20.0)
    assert {veto.guard.name: veto.reason for veto in later.vetoes}["charge"] == "left"
    assert "battery.charge < 70 %: battery.charge is 20 %" in [
        str(cause) for veto in later.vetoes for cause in veto.causes
    ]


def test_scenario_05_any_single_veto_is_enough() -> None:
    for profile, (name, value) in itertools.product(
        ("laptop", "phone"),
        {"power.source": "battery", "battery.temperature": 55.0, "thermal.cpu": 97.0, "battery.charge": 5.0}.items(),
    ):
        machine = Machine(profile).working()
        machine.readings[name] = value
        assert not machine.after(0.1).allowed and machine.state is State.FROZEN, (profile, name)


async def test_scenario_05_with_nobody_there_to_ask(tmp_path: Path) -> None:
    """The event loop, and whatever it serves, stands still: work stops all the same."""
    stage = Stage(tmp_path)
    await stage.harvester.start()
    try:
        await stage.work()
        stage.watch.say(power_source="battery")
        until = time.monotonic() + 30
        while not stage.workers.suspended:
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        await stage.harvester.stop()


def test_scenario_06_hotter_than_its_limit_it_never_starts() -> None:
    cold = read(
        'profile = "dedicated"\n[guards.cold]\nenter = "thermal.cpu <= 28 C"\nleave = "thermal.cpu > 30 C"\n'
        'scope = "safety"\naction = "freeze"\ndwell = "10 s"\ndeadline = "1 s"\n',
        "cold.toml",
    )
    machine = Machine(cold, thermal_cpu=51.0)
    for _ in range(600):
        assert not machine.after(1).allowed
    assert {one.after for one in machine.went} <= {State.BLOCKED, State.WARMING} and machine.state is State.BLOCKED


def test_scenario_08_work_that_outdraws_the_charger_is_slowed_until_it_does_not() -> None:
    governor, charge, duty, slope = ChargeGovernor(), 78.0, 1.0, 0.0
    for _ in range(4 * 3600):  # 25 %/h from the charger, 40 %/h for work at full speed
        slope = 25.0 - 40.0 * duty
        charge = min(100.0, charge + slope / 3600)
        duty = governor.step(WELL | {"battery.slope": slope}, 1.0)
    assert slope >= -1.5 and duty > 0.5  # it holds, and is used
    assert charge > 75.0


def test_scenario_09_a_machine_without_a_battery_is_on_mains(tmp_path: Path) -> None:
    (tmp_path / "sys" / "class").mkdir(parents=True)
    readings = Power(tmp_path / "sys").read()
    assert (readings["power.source"], readings["battery.present"]) == ("mains", False)
    machine = Machine("laptop")
    machine.readings |= readings
    machine.working()


@pytest.mark.parametrize(("status", "source"), [("Full", "ups"), ("Charging", "ups"), ("Discharging", "ups-battery")])
def test_scenario_10_a_ups_on_line_is_mains_and_one_on_battery_stops(tmp_path: Path, status: str, source: str) -> None:
    write(tmp_path, {"sys/class/power_supply/ups/type": "UPS", "sys/class/power_supply/ups/status": status})
    readings = Power(tmp_path / "sys").read()
    assert readings["power.source"] == source
    machine = Machine("desktop").working()
    machine.readings |= readings
    assert machine.after(1).allowed is (source == "ups")


def test_scenario_12_a_boost_ends_and_never_overrides_safety() -> None:
    machine = Machine("laptop").working()
    machine.tell(Intended("boost", until=machine.now + 600))
    machine.after(1, user_idle=0.0)
    assert machine.state is State.RUNNING
    machine.after(1, power_source="battery")
    assert machine.state is State.FROZEN
    machine = Machine("laptop").working()
    machine.tell(Intended("boost", until=machine.now + 600))
    machine.after(599, user_idle=0.0)
    assert machine.state is State.RUNNING
    machine.after(2)
    assert machine.state is State.FROZEN and machine.device.intent == "auto"


def test_scenario_13_a_probe_that_hangs_is_a_user_who_is_there() -> None:
    gate, machine = threading.Event(), Machine("desktop").working()

    def hang() -> dict[str, Value | None]:
        gate.wait(60)
        return {"user.idle": 5000.0}

    probe = asks("display", ("user.idle",), hang)
    assert probe.timeout == 1.0
    watch = Watch([probe], changed=lambda: None)
    watch.start()
    try:
        until = time.monotonic() + 30
        while "no answer within 1 s" not in watch.states()[0].detail:
            assert time.monotonic() < until
            time.sleep(0.01)
        decision = machine.after(1, user_idle=watch.snapshot()["user.idle"])
        assert [(veto.guard.name, veto.reason) for veto in decision.vetoes] == [("user", "unknown")]
        assert machine.state is State.FROZEN
    finally:
        gate.set()
        watch.stop()


@pytest.mark.parametrize("constant", [20.0, 120.0])
def test_scenario_15_a_hot_machine_is_kept_below_its_limit_and_does_not_swing(constant: float) -> None:
    found = heated(builtin("desktop"), Heating(constant=constant, full=115.0), 1800.0, WELL)
    assert found.overshoot <= 1.0
    late = found.heats[-2400:]
    assert max(late) - min(late) < 3.0 and min(found.duties[-2400:]) > 0.0


def test_scenario_16_who_sleeps_beside_it_does_not_hear_it() -> None:
    """What a fan does goes by the heat, and that by the duty."""
    found = heated(builtin("quiet-night"), Heating(ambient=24.0, full=100.0), 3600.0, WELL)
    assert max(found.heats) <= 75.0
    machine = Machine("quiet-night").working()
    assert machine.after(1, thermal_cpu=70.0).duty == 0.3
    assert not machine.after(1, time_clock=12 * 60.0).allowed


def test_scenario_17_a_day_and_a_night_have_rules_of_their_own() -> None:
    machine = Machine("desktop").working()
    assert machine.after(1).duty == 1.0
    assert machine.after(1, time_clock=10 * 60.0).duty == 0.5 and machine.state is State.RUNNING
    assert machine.after(1, time_clock=NIGHT).duty == 0.5  # for its dwell
    assert machine.after(61).duty == 1.0


def test_scenario_18_a_duty_is_kept_in_slices_that_nobody_feels() -> None:
    dice = random.Random(18)
    for duty in (0.05, 0.25, 0.5, 0.75, 0.95):
        cycle, ran, whole = DutyCycle(), 0.0, 0.0
        while whole < 10.0:
            on, off = cycle.next(duty)
            assert on <= PERIOD <= 0.1 and off <= PERIOD
            late = [each and each + dice.expovariate(400) for each in (on, off)]
            cycle.took(duty, *late)
            ran, whole = ran + late[0], whole + sum(late)
        assert abs(ran / whole - duty) <= 0.02


# -------------------------------------------------------------------- work, and what becomes of it


def offer(survival_2h: int) -> Offer:
    return Offer(
        provider="0x" + "11" * 20, node=b"\1" * 32, resource_class=class_id("cpu"), multiplier=0, price=1, regions="",
        survival_10m=9_500, survival_1h=8_000, survival_2h=survival_2h, slots=1, memory=1 << 30, fuel_rate=10**9,
        engines="wasmtime-50.0.1/fog-1", on_account=0, issued=1, expiry=2,
    )  # fmt: skip


def test_scenario_21_work_goes_where_there_is_likely_to_be_time_for_it() -> None:
    long, short = Wanted(min_survival=7_000, seconds=7200.0, fuel=10**14), Wanted(min_survival=7_000, seconds=500.0)
    fickle, steady = Candidate("fickle", offer(2_000), rate=1e9), Candidate("steady", offer(7_500), rate=1e9)
    assert [failed.constraint for failed in failures(long, fickle)] == ["survival"]
    assert not failures(long, steady) and not failures(short, fickle)


def test_scenario_22_no_more_is_asked_for_than_keeps_a_machine_busy() -> None:
    provider = Provider("A", slots=2, rate=1e9, in_flight=0, backlog=0.0, room=10_000)
    asked = place(5000, [provider], fuel=1e9, may=lambda *_: True)
    assert len(asked) == depth(provider, 1e9, 0.3) == 3
    full = Provider("A", slots=2, rate=1e9, in_flight=3, backlog=3e9, room=10_000)
    assert place(5000, [full], fuel=1e9, may=lambda *_: True) == []


def test_scenario_24_finishing_is_not_lost_over_a_pause() -> None:
    machine = Machine("laptop").working()
    machine.tell(Intended("finish"))
    assert machine.state is State.DRAINING
    machine.after(1, user_idle=0.0)
    machine.tell(Done("freeze"))
    assert machine.state is State.FROZEN and machine.device.intent == "finish"
    machine.after(1, user_idle=900.0)
    machine.after(2)
    assert machine.state is State.DRAINING and not machine.device.takes_work


def test_scenario_25_on_battery_it_stops_unless_told_otherwise_and_says_why() -> None:
    for profile in PROFILES:
        machine = Machine(profile).working()
        decision = machine.after(1, power_source="battery")
        assert not decision.allowed
        assert "power.source is battery" in machine.went[-1].cause


def test_scenario_26_a_machine_that_waits_says_for_what_and_how_long() -> None:
    machine = Machine("laptop")
    decision = machine.after(1)
    assert machine.state is State.WARMING
    assert {veto.guard.name: veto.clears_in for veto in decision.vetoes}["battery-heat"] == 300.0
    decision = machine.after(100)
    assert {veto.guard.name: veto.clears_in for veto in decision.vetoes} == {"battery-heat": 200.0}


@pytest.mark.parametrize(("cores", "busy", "lets"), [(1, 1, False), (4, 1, True), (4, 3, False), (16, 4, True)])
def test_scenario_27_load_is_of_all_cores(tmp_path: Path, cores: int, busy: int, lets: bool) -> None:
    """One busy core of four is a quarter of the machine, of one all of it; what we use ourselves is none of it."""
    root = laptop(tmp_path)
    ours = 0.0
    load = Load(root, lambda: ours)
    write(tmp_path, {"proc/stat": stat_lines(*[(0, 1000)] * cores)})
    load.read()
    ours = float(cores - busy)
    write(tmp_path, {"proc/stat": stat_lines(*[(100, 1000)] * cores)})  # all are busy for a second, some by us
    foreign = load.read()["cpu.foreign"]
    assert foreign == pytest.approx(100 * busy / cores)
    machine = Machine("server", cpu_foreign=foreign)
    for _ in range(100):
        decision = machine.after(1)
    assert decision.allowed is lets


def test_scenario_29_every_way_out_of_standing_ends_or_is_queued_again() -> None:
    """Whatever happens to a task that stands, it has ended or was handed back before the device is free again."""
    happenings: list[Event] = [Done("freeze"), Done("vacate"), Ended(0), Stopped(), Started(), Ticked(), Began()]
    machine = Machine("laptop").working()
    machine.after(1, user_idle=0.0)
    assert machine.state is State.FROZEN
    for course in itertools.product(happenings, repeat=4):
        device, now, handed = machine.device, machine.now, 0
        for event in course:
            now += 1.0
            before = device
            device, effects, _ = step(device, event, now)
            handed += bool({"kill", "vacate"} & set(effects))
            if before.tasks and not device.tasks:
                assert handed or isinstance(event, Ended), (course, event)
        for _ in range(3):
            now += 60.0
            device, _, _ = step(device, Started() if device.state is State.OFFLINE else Ended(0), now)
            device, _, _ = step(device, weigh(Decision((), ())), now)
        assert device.state is State.IDLE and device.tasks == 0, course


class Job:
    """One task, two providers."""

    def __init__(self) -> None:
        spec = JobSpec(
            name="job", module=BlobRef(sha256="00" * 32, size=1), budget=10**18, limits=Limits(fuel=10**9),
            tasks=(TaskSpec(),),
        )  # fmt: skip
        self.machine = JobMachine("job", spec, 0.0)
        for name in "AB":
            self.machine.apply(SessionPlanned(0.0, name, name, name, 10**9, "0x00", 10**18))

    def send(self, at: float, provider: str) -> int:
        attempt = self.machine.next_attempt
        self.machine.apply(Sent(at, 0, attempt, provider, "work", "00", "11"))
        return attempt


def test_scenario_30_a_start_that_fails_is_queued_again_at_once() -> None:
    """The lease by the last word is tried with real nodes in test_lease."""
    job = Job()
    job.machine.apply(RunFailed(10.0, job.send(9.0, "A"), Exit.CRASHED, "no worker starts"))
    (work,) = job.machine.wanted(9)
    assert (work.task, work.purpose) == (0, "work")
    assert job.machine.tasks[0].state == "queued"


async def test_scenario_32_why_a_task_was_vacated_comes_to_who_sent_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "quiet-night")
    stage.watch.say(time_clock=NIGHT)
    await stage.harvester.start()
    try:
        await stage.work()
        stage.watch.say(time_clock=7 * 60.0)
        await stage.until(lambda: any(did.startswith("evict") for did in stage.workers.did))
    finally:
        await stage.harvester.stop()
    cause = next(did.removeprefix("evict: ") for did in stage.workers.did if did.startswith("evict"))
    assert cause == "its owner needs it (night)", "the guard, and nothing of what its owner does"
    job = Job()
    job.machine.apply(Lost(10.0, job.send(9.0, "A"), f"handed back: {cause}", handed_back=True))
    assert cause in job.machine.tasks[0].detail
    assert job.machine.shares["A"].faults == 0


def test_scenario_33_whatever_comes_in_whatever_order_the_machine_stands() -> None:
    """HTCondor's daemon fell over when one of several tasks was preempted."""
    dice = random.Random(33)
    for _ in range(60):
        machine, most = Machine("dedicated"), 0
        for _ in range(60):
            event = dice.choice(
                [Claimed(), Began(), Ended(0), Ended(1), Ended(2), Done("vacate"), Done("checkpoint"), Done("freeze")]
            )
            machine.tell(event)
            machine.after(dice.choice((0.1, 1.0, 11.0)), thermal_cpu=dice.choice((50.0, 50.0, 99.0)))
            most = max(most, machine.device.tasks)
        machine.tell(Ended(0))
        for _ in range(40):
            machine.after(1, thermal_cpu=50.0)
        assert machine.state is State.IDLE and machine.device.tasks == 0
        assert all(one.cause for one in machine.went)


# -------------------------------------------------------------------- all of them

SCENARIOS = {
    1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 15, 16, 17, 18, 19, 21, 22, 24, 25, 26, 27, 29, 30, 32, 33,
}  # fmt: skip
AT_WORK = Path(__file__).parents[2] / "integration" / "executor" / "test_harvest_scenarios_at_work.py"


def test_each_has_a_test() -> None:
    text = Path(__file__).read_text() + AT_WORK.read_text()
    assert {int(number) for number in re.findall(r"def test_scenario_(\d\d)_", text)} == SCENARIOS
