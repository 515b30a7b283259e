"""Forecasts: on a trace of real phones, of a machine from its own log, and of machines that keep their hours."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain.market.offers import BPS
from fogchain.market.survival import Record, forecast
from node.harvest.device import State, Transition
from node.harvest.forecast import Forecast, Moment, brier, calibration_error
from node.harvest.holdout import held_out, traced
from node.harvest.record import Chances, Stays, Stretch, moments, stretches

TRACE = Path(__file__).parents[4] / "shared" / "data" / "flash_phone_availability_241x723.npy"
STEP = 1800.0  # seconds
HOUR = 3600.0
DAY = 86_400.0


@pytest.mark.skipif(not TRACE.exists(), reason=f"{TRACE.name} is not here")
def test_two_hours_ahead_on_the_held_out_day_of_real_phones() -> None:
    held = held_out(np.load(TRACE), STEP, 2 * HOUR)
    assert held.moments > 1500
    assert held.brier <= 0.185 < held.base
    assert held.calibration_error <= 0.05


def test_a_trace_is_read_as_stretches() -> None:
    trace = np.array([[0, 1, np.nan], [1, 1, 1], [1, np.nan, 1], [0, 0, 1]], np.float64)
    assert traced(trace, 10.0) == [
        Stretch(0.0, 20.0, True, "0"), Stretch(-10.0, 10.0, False, "1"), Stretch(0.0, 30.0, False, "2"),
    ]  # fmt: skip


def test_a_device_that_keeps_its_hours_is_known_by_them() -> None:
    dice, forecast = random.Random(7), Forecast()
    for _ in range(2000):
        hour = dice.randrange(24)
        forecast.observe(Moment(hour, 3600.0, "steady"), hour < 6)
        forecast.observe(Moment(hour, 3600.0, "fickle"), False)
    assert forecast.chance(Moment(3, 3600.0, "steady")) > 0.6
    assert forecast.chance(Moment(3, 3600.0, "fickle")) < 0.1
    assert forecast.chance(Moment(12, 3600.0, "steady")) < 0.15
    assert forecast.chance(Moment(3, 3600.0, "another")) == pytest.approx(0.5, abs=0.1)


def test_who_knows_nothing_says_so() -> None:
    assert Forecast().chance(Moment(3, 60.0)) == 0.5
    assert brier([(0.5, True), (0.5, False)]) == 0.25
    assert calibration_error([(0.5, True), (0.5, False)]) == 0.0


# -------------------------------------------------------------------- from a machine's own log


def log(*steps: tuple[float, State]) -> list[Transition]:
    """Transitions at these times, each to that state."""
    before, found = State.OFFLINE, []
    for at, after in steps:
        found.append(Transition(at, before, after, "", "policy"))
        before = after
    return found


def test_a_log_is_read_as_stretches_in_which_it_was_free() -> None:
    went = log(
        (0, State.BLOCKED), (10, State.WARMING), (20, State.IDLE), (30, State.CLAIMED), (40, State.RUNNING),
        (50, State.FROZEN), (60, State.RUNNING), (70, State.IDLE), (80, State.OFFLINE), (90, State.BLOCKED),
        (100, State.IDLE),
    )  # fmt: skip
    assert list(stretches(went, 200.0, "d")) == [
        Stretch(20, 50, True, "d"), Stretch(60, 80, True, "d"), Stretch(100, 200.0, False, "d"),
    ]  # fmt: skip


def test_a_node_that_was_killed_is_known_until_its_last_transition() -> None:
    killed = log((0, State.BLOCKED), (10, State.IDLE), (25, State.RUNNING))
    again = [Transition(500, State.OFFLINE, State.BLOCKED, "", "node"), *log((510, State.IDLE))]
    assert list(stretches(killed + again, 600.0)) == [Stretch(10, 25, False), Stretch(510, 600.0, False)]


def test_what_is_not_known_yet_teaches_nothing() -> None:
    on, ended = Stretch(0.0, 5000.0, False), Stretch(0.0, 5000.0, True)
    assert [stayed for _, _, stayed in moments(on, HOUR, 5000.0)] == [True] * 3  # begun at 0, 600, 1200 s
    assert [stayed for _, _, stayed in moments(ended, HOUR, 9000.0)] == [True] * 3 + [False] * 6
    assert [stayed for _, _, stayed in moments(ended, HOUR, 6000.0)] == [True] * 3 + [False] * 2  # asked by 2400 s
    assert [moment.elapsed for _, moment, _ in moments(on, HOUR, 5000.0)] == [0.0, 600.0, 1200.0]


def nights(days: int) -> list[Transition]:
    """Free from 22 h to 6 h, and for a quarter of an hour at noon."""
    steps: list[tuple[float, State]] = [(0.0, State.BLOCKED)]
    for day in range(days):
        for begin, end in ((12.0, 12.25), (22.0, 30.0)):
            steps += [(day * DAY + begin * HOUR, State.IDLE), (day * DAY + end * HOUR, State.BLOCKED)]
    return log(*sorted(steps))


def test_a_machine_that_is_free_at_night_says_so_in_its_offers() -> None:
    now = 30 * DAY
    stays = Stays(stretches(nights(30), now), now)
    evening = stays.chances(now + 23 * HOUR, now + 22 * HOUR)
    noon = stays.chances(now + 12.1 * HOUR, now + 12 * HOUR)
    morning = stays.chances(now + 5 * HOUR, now - 2 * HOUR)
    assert evening.soon > 9000 and evening.last > 8500
    assert noon.last < 1500 and noon.later < 1500
    assert morning.soon > 7000 > 3000 > morning.last
    assert evening.mean_stay > 10 * HOUR > HOUR > noon.mean_stay


def test_with_little_record_it_is_promised_what_uptime_says() -> None:
    uptime = Record(up=10 * DAY, outages=1)
    nothing = Stays([], 0.0).chances(0.0, 0.0, uptime)
    assert (nothing.soon, nothing.later, nothing.last) == forecast(uptime)
    short = Stretch(0.0, 700.0, True)
    some = [Stays([short] * count, DAY).chances(DAY, DAY, uptime).last for count in (0, 1, 5, 50, 500)]
    assert some == sorted(some, reverse=True) and some[-1] < 500 < 9000 < some[0]


def test_runs_that_fail_weigh_on_what_is_learnt_as_well() -> None:
    now = 30 * DAY
    stays = Stays(stretches(nights(30), now), now)
    sound = stays.chances(now + 23 * HOUR, now + 22 * HOUR, Record(sound=99))
    faulty = stays.chances(now + 23 * HOUR, now + 22 * HOUR, Record(sound=49, failed=50))
    assert faulty.last == pytest.approx(sound.last / 2, rel=0.02)


@given(
    st.lists(st.tuples(st.integers(1, 100_000), st.integers(1, 50_000), st.booleans()), max_size=20),
    st.integers(0, 2 * 86_400),
    st.one_of(st.none(), st.integers(0, 86_400)),
)
def test_chances_fall_with_time_whatever_the_log(
    parts: list[tuple[int, int, bool]], now: int, since: int | None
) -> None:
    known, at = [], 0.0
    for gap, length, ended in parts:
        known.append(Stretch(at + gap, at + gap + length, ended))
        at += gap + length
    found = Stays(known, at).chances(at + now, None if since is None else at + now - since)
    assert BPS >= found.soon >= found.later >= found.last >= 0
    assert 0 < found.mean_stay < float("inf")


def test_a_mean_stay_follows_the_chance_of_two_hours() -> None:
    assert Chances(9000, 6000, 3679).mean_stay == pytest.approx(7200, rel=0.001)
    assert Chances(0, 0, 0).mean_stay > 0
