"""Readings become a snapshot."""

from __future__ import annotations

import pytest

from node.harvest.sampler import Sampler


def test_what_is_not_read_again_is_not_known_any_more() -> None:
    sampler = Sampler()
    sampler.put({"battery.charge": 80.0, "power.source": "mains"}, 0.0, 5.0)
    assert sampler.snapshot(5.0)["battery.charge"] == 80.0
    later = sampler.snapshot(5.1)
    assert later["battery.charge"] is None and later["power.source"] is None


def test_a_probe_that_fails_takes_what_it_said_with_it() -> None:
    sampler = Sampler()
    sampler.put({"power.source": "mains"}, 0.0, 60.0)
    sampler.forget(("power.source",), 1.0)
    assert sampler.snapshot(1.0)["power.source"] is None


def test_a_jump_is_unknown_once_and_believed_when_it_stays() -> None:
    sampler = Sampler()
    sampler.put({"battery.charge": 80.0}, 0.0, 60.0)
    sampler.put({"battery.charge": 3.0}, 1.0, 60.0)
    assert sampler.snapshot(1.0)["battery.charge"] is None
    sampler.put({"battery.charge": 80.0}, 2.0, 60.0)
    assert sampler.snapshot(2.0)["battery.charge"] == 80.0
    sampler.put({"battery.charge": 30.0}, 3.0, 60.0)
    sampler.put({"battery.charge": 30.0}, 4.0, 60.0)
    assert sampler.snapshot(4.0)["battery.charge"] == 30.0


def test_what_cannot_be_is_unknown() -> None:
    sampler = Sampler()
    sampler.put({"battery.charge": 140.0, "power.source": "steam", "screen.locked": "yes"}, 0.0, 60.0)
    assert {sampler.snapshot(0.0)[name] for name in ("battery.charge", "power.source", "screen.locked")} == {None}


@pytest.mark.parametrize("rate", [-6.0, 0.0, 12.0])
def test_slopes_are_those_of_the_readings(rate: float) -> None:
    """`rate`: percent an hour, and degrees a minute a tenth of it."""
    sampler = Sampler()
    for second in range(0, 601, 5):
        sampler.put(
            {"battery.charge": 50 + rate * second / 3600, "thermal.cpu": 50 + rate / 10 * second / 60}, second, 10
        )
    found = sampler.snapshot(600.0)
    assert found["battery.slope"] == pytest.approx(rate, abs=1e-6)
    assert found["thermal.slope"] == pytest.approx(rate / 10, abs=1e-6)


def test_a_slope_wants_time() -> None:
    sampler = Sampler()
    for second in range(0, 60, 5):
        sampler.put({"battery.charge": 50.0}, second, 10)
    assert sampler.snapshot(55.0)["battery.slope"] is None
    assert Sampler().snapshot(0.0)["thermal.slope"] is None


def test_a_slope_of_very_many_readings_follows_them() -> None:
    """Four a second for an hour, of which the last minute rises."""
    sampler = Sampler()
    for step in range(4 * 3600):
        sampler.put({"thermal.cpu": 50.0 + max(0.0, step / 4 - 3540) / 6}, step / 4, 60.0)
    assert sampler.snapshot(3600.0)["thermal.slope"] == pytest.approx(10.0, rel=0.05)
