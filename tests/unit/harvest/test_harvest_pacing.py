"""How fast work may run: cool, and on a charger that keeps up."""

from __future__ import annotations

import pytest
from harvest_fakes import FINE

from node.harvest.governor import FLOOR
from node.harvest.pacing import ChargeGovernor, Pacer, heat_limit
from node.harvest.profile import PROFILES, builtin


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_keeps_below_the_heat_at_which_it_stops(name: str) -> None:
    limit = heat_limit(builtin(name))
    assert limit is not None and 40 < limit <= 95


def test_a_weak_charger_means_less_work_until_the_battery_holds() -> None:
    """BOINC 2549: work drew more than the charger gave, and the battery never came above 80 %."""
    governor, charge, duty = ChargeGovernor(), 70.0, 1.0
    for _ in range(3600):  # the charger gives 20 %/h, work at full speed draws 30 %/h
        slope = 20.0 - 30.0 * duty
        charge += slope / 3600
        duty = governor.step(FINE | {"battery.slope": slope}, 1.0)
    assert abs(20.0 - 30.0 * duty) < 2
    assert charge > 69


def test_without_a_battery_a_charger_or_a_slope_nothing_is_held_back() -> None:
    governor = ChargeGovernor()
    for _ in range(100):
        governor.step(FINE | {"battery.slope": -50.0}, 1.0)
    assert governor.step(FINE | {"battery.slope": -50.0}, 1.0) == FLOOR
    assert governor.step(FINE | {"battery.slope": None}, 1.0) == 1.0
    assert governor.step(FINE | {"battery.present": False, "battery.slope": -50.0}, 1.0) == 1.0


def test_heat_near_the_limit_slows_and_says_so() -> None:
    pacer, now = Pacer(builtin("laptop")), 0.0
    for _ in range(60):
        now += 1.0
        pace = pacer.step(FINE, now)
    assert pace.duty == 1.0
    for _ in range(300):
        now += 1.0
        pace = pacer.step(FINE | {"thermal.cpu": 84.5, "thermal.slope": 0.0}, now)
    assert pace.duty < 1.0 and "85 C" in pace.cause
    assert pacer.step(FINE | {"thermal.cpu": None}, now + 1).duty == 0.0
    assert pacer.step(FINE | {"thermal.present": False, "thermal.cpu": None}, now + 2).duty == 1.0
