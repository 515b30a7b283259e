"""Duty in slices on a clock that is late, and a machine that heats up as machines do."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from node.harvest.governor import BEGIN, PERIOD, DutyCycle, HeatGovernor


@pytest.mark.parametrize("duty", [0.05, 0.1, 0.37, 0.5, 0.8, 0.95])
def test_ten_seconds_come_out_at_the_duty_on_a_clock_that_is_late(duty: float) -> None:
    dice, cycle = random.Random(3), DutyCycle()
    ran = whole = 0.0
    while whole < 10:
        on, off = cycle.next(duty)
        assert on + off == pytest.approx(PERIOD) and PERIOD <= 0.1
        late = [each + dice.expovariate(500) if each else 0.0 for each in (on, off)]  # 2 ms on average, each time
        cycle.took(duty, *late)
        ran, whole = ran + late[0], whole + sum(late)
    assert ran / whole == pytest.approx(duty, abs=0.02)


def test_all_and_nothing_are_not_sliced() -> None:
    assert DutyCycle().next(1.0) == (PERIOD, 0.0)
    assert DutyCycle().next(0.0) == (0.0, PERIOD)


def test_a_machine_that_slept_does_not_make_up_for_it_without_end() -> None:
    cycle = DutyCycle()
    cycle.took(0.5, 0.05, 3600.0)
    burst = 0
    while cycle.next(0.5)[0] == PERIOD:
        cycle.took(0.5, PERIOD, 0.0)
        burst += 1
    assert burst <= 12


@dataclass
class Machine:
    """Heat goes in as work is done and out through a resistance, with a time constant: an RC circuit."""

    ambient: float
    full: float  # C that it comes to under full work
    constant: float  # seconds
    heat: float = 0.0

    def __post_init__(self) -> None:
        self.heat = self.ambient

    def run(self, duty: float, seconds: float) -> None:
        to = self.ambient + duty * (self.full - self.ambient)
        self.heat += (to - self.heat) / self.constant * seconds


@pytest.mark.parametrize("constant", [20.0, 60.0, 240.0])
@pytest.mark.parametrize(("full", "limit"), [(100.0, 85.0), (120.0, 70.0), (90.0, 88.0)])
def test_heat_stays_below_its_limit_and_is_used_up_to_it(constant: float, full: float, limit: float) -> None:
    """BOINC 6246, 1591: no temperature limit, and a machine that shut down at 96 C."""
    machine, governor = Machine(30.0, full, constant), HeatGovernor(limit)
    duties, heats = list[float](), list[float]()
    for _ in range(3600):
        duty = governor.step(machine.heat, 1.0)
        machine.run(duty, 1.0)
        duties.append(duty)
        heats.append(machine.heat)
    assert max(heats) <= limit + 1.0
    late = heats[-600:]
    assert max(late) - min(late) < 1.0  # it does not swing
    assert min(late) > limit - 5.0  # nor waste what there is
    ideal = (limit - 30.0) / (full - 30.0)
    assert sum(duties[-600:]) / 600 == pytest.approx(ideal, abs=0.06)


def test_a_cool_machine_is_not_held_back_and_a_blind_one_stands() -> None:
    machine, governor = Machine(25.0, 60.0, 60.0), HeatGovernor(85.0)
    for _ in range(600):
        duty = governor.step(machine.heat, 1.0)
        machine.run(duty, 1.0)
    assert duty == 1.0
    assert governor.step(None, 1.0) == 0.0
    assert governor.step(85.1, 1.0) == 0.0
    assert governor.step(84.9, 1.0) < 0.6


def test_work_begins_gently_and_grows() -> None:
    governor = HeatGovernor(85.0)
    duties = [governor.step(40.0, 1.0) for _ in range(60)]
    assert BEGIN <= duties[0] < BEGIN + 0.05 and duties == sorted(duties) and duties[-1] == 1.0
    governor.rest()
    assert governor.step(40.0, 1.0) < BEGIN + 0.05
