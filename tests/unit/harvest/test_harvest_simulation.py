"""From a sensor that is late and coarse to the duty, on machines that heat up as machines do."""

from __future__ import annotations

import pytest
from harvest_fakes import FINE

from node.harvest.policy import Policy
from node.harvest.profile import builtin
from node.harvest.simulation import Heating, heated, most_in_a_window, sawtooth

REST = FINE | {"time.clock": 23 * 60.0}


@pytest.mark.parametrize("constant", [20.0, 60.0, 240.0])
@pytest.mark.parametrize(("full", "lag"), [(90.0, 1.0), (105.0, 4.0), (125.0, 4.0)])
def test_a_machine_of_any_kind_stays_cool_and_does_what_it_can(constant: float, full: float, lag: float) -> None:
    found = heated(builtin("laptop"), Heating(constant=constant, full=full, lag=lag), 1800.0, REST)
    assert found.overshoot <= 1.0
    late = found.heats[-2400:]  # ten minutes
    assert max(late) - min(late) < 3.0
    assert min(late) > found.limit - 8.0
    ideal = (found.limit - 25.0) / (full - 25.0)
    assert sum(found.duties[-2400:]) / 2400 == pytest.approx(ideal, abs=0.1)


def test_without_a_limit_there_is_nothing_to_keep() -> None:
    with pytest.raises(ValueError, match="no limit of heat"):
        heated(Policy("none", ()), Heating(), 1.0, REST)


def test_a_sawtooth_rises_and_falls_and_windows_are_counted() -> None:
    teeth = [value for _, value in sawtooth(79.0, 81.0, 4.0, 9.0)]
    assert teeth == [79.0, 80.0, 81.0, 80.0, 79.0, 80.0, 81.0, 80.0, 79.0]
    assert most_in_a_window([]) == 0
    assert most_in_a_window([0.0, 599.0, 600.0, 601.0]) == 3
