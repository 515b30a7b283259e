"""What several probes say of one sensor."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.harvest.probes.fuse import RECENT, Told, fuse, moved
from node.harvest.sensors import SENSORS, Choice, Flag, plausible


def of(*values: object) -> list[Told]:
    return [Told(value, 100.0) for value in values]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sensor", "said", "value"),
    [
        ("user.present", (False, True), True),
        ("user.present", (False, None), None),
        ("user.present", (None, True), True),
        ("user.present", (False, False), False),
        ("power.saver", (None, True), True),
        ("network.metered", (True, False), True),
        ("power.source", ("mains", "ups"), "ups"),
        ("power.source", ("mains", "ups-battery"), "ups-battery"),
        ("power.source", ("battery", None), "battery"),
        ("power.source", ("mains", None), None),
        ("gpu.temperature", (50.0, 70.0), 70.0),
        ("gpu.temperature", (50.0, None), None),
        ("screen.off", (0.0, 500.0), 0.0),
        ("battery.charge", (None, 80.0), 80.0),
        ("user.idle", (), None),
    ],
)
def test_what_two_say(sensor: str, said: tuple[object, ...], value: object) -> None:
    for order in permutations(of(*said)):
        assert fuse(sensor, order) == value


def test_the_least_idle_time_counts() -> None:
    assert fuse("user.idle", of(700.0, 12.0, 90.0)) == 12.0


def test_a_terminal_proves_input_but_no_rest() -> None:
    terminal = Told(300.0, 100.0, whole=False)
    assert fuse("user.idle", [terminal]) is None
    assert fuse("user.idle", [terminal, Told(900.0, 100.0)]) == 300.0
    assert fuse("user.idle", [Told(1.0, 100.0, whole=False)]) == 1.0


def test_a_source_that_does_not_know_hides_no_key_and_proves_no_rest() -> None:
    """BOINC 6468: an idle time that can't be had is one of somebody who sits there."""
    assert fuse("user.idle", of(0.5, None)) == 0.5
    assert fuse("user.idle", of(500.0, None)) is None


def test_what_was_seen_some_time_ago_is_not_counted_as_rest_since() -> None:
    """A slow source that looked 5 seconds ago says nothing of these 5 seconds."""
    assert fuse("user.idle", [Told(178.0, 95.0), Told(400.0, 100.0)]) == 178.0
    assert fuse("user.idle", [Told(178.0, 95.0), Told(0.0, 100.0)]) == 0.0


@given(
    st.lists(st.tuples(st.none() | st.floats(0, 1e6), st.floats(0, 1e4), st.booleans()), max_size=5),
)
def test_idle_is_never_more_than_anybody_saw(said: list[tuple[float | None, float, bool]]) -> None:
    idle = fuse("user.idle", [Told(value, at, whole) for value, at, whole in said])
    if idle is None:
        return
    assert isinstance(idle, float)
    newest = max(at - value for value, at, _ in said if value is not None)
    assert 0 <= idle <= max(0.0, max(at for _, at, _ in said) - newest) + 1e-6
    if idle > RECENT:
        assert any(whole for *_, whole in said)
        assert None not in [value for value, *_ in said]


@given(st.sampled_from(sorted(SENSORS)), st.data())
def test_the_order_of_the_sources_does_not_matter_where_one_is_to_be_cautious(sensor: str, data: st.DataObject) -> None:
    kind = SENSORS[sensor]
    values: st.SearchStrategy[object] = st.none() | (
        st.booleans()
        if isinstance(kind, Flag)
        else st.sampled_from(sorted(kind.words))
        if isinstance(kind, Choice)
        else st.floats(kind.low, kind.high)
    )
    told = of(*data.draw(st.lists(values, max_size=4)))
    value = fuse(sensor, told)
    assert value is None or plausible(sensor, value) is not None
    if sensor in ("power.source", "power.saver", "user.idle", "thermal.cpu", "user.present"):
        assert all(fuse(sensor, order) == value for order in permutations(told))


@pytest.mark.parametrize(
    ("sensor", "before", "after", "does"),
    [
        ("user.idle", 100.0, 105.0, False),
        ("user.idle", 100.0, 0.0, True),
        ("user.idle", None, 0.0, True),
        ("thermal.cpu", 70.0, 70.2, False),
        ("thermal.cpu", 70.0, 71.0, True),
        ("thermal.cpu", 70.0, None, True),
        ("power.source", "mains", "battery", True),
        ("power.source", "mains", "mains", False),
        ("user.present", True, False, True),
        ("battery.charge", 80.0, 79.0, True),
    ],
)
def test_what_may_matter_to_a_rule(sensor: str, before: object, after: object, does: bool) -> None:
    assert moved(sensor, before, after) is does  # type: ignore[arg-type]
