"""A policy on past days: hours offered, what they were lost to, and what another policy would have made of them."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from harvest_strategies import linted_policy, policies, snapshots
from hypothesis import given, settings
from hypothesis import strategies as st

from node.harvest.policy import Action, Guard, Policy, Scope
from node.harvest.profile import builtin, read
from node.harvest.reading import parse
from node.harvest.replay import MOST_GAP, ROWS, PowerModel, Replayed, Row, replay
from node.harvest.sensors import Snapshot

POWER = PowerModel(100.0)
HOUR = 3600.0


def charge(**changes: Any) -> Guard:
    fields: dict[str, Any] = {
        "name": "charge", "enter": parse("battery.charge >= 80 %"), "leave": parse("battery.charge < 70 %"),
        "scope": Scope.SAFETY, "action": Action.FREEZE, "dwell": 30.0, "deadline": 2.0,
    }  # fmt: skip
    return Guard(**fields | changes)


def each_minute(*levels: float | None) -> list[Row]:
    """A row a minute, and one more that ends the last."""
    rows: list[Row] = [(60.0 * minute, {"battery.charge": level}) for minute, level in enumerate(levels)]
    return [*rows, (60.0 * len(levels), rows[-1][1])]


def one(policy: Policy, history: list[Row]) -> Replayed:
    (found,) = replay([policy], history, POWER)
    return found


def test_hours_are_counted_with_their_dwell() -> None:
    found = one(Policy("p", (charge(),)), each_minute(90, 90, 75, 60, 75, 90, 90))
    assert (found.known, found.offered, found.worked) == (420.0, 240.0, 240.0)  # 150 s and, after 30 s more, 90 s
    assert found.longest == 150.0
    assert found.transitions == 3  # in, out, and in again
    assert found.lost_to == {"charge": 180.0}
    assert found.energy == pytest.approx(240 / HOUR * 0.1)


def test_an_unknown_sensor_loses_its_time_and_says_whose() -> None:
    found = one(Policy("p", (charge(),)), each_minute(90, None, 90))
    assert (found.offered, found.lost_to["charge"]) == (60.0, 120.0)


def test_where_the_node_was_off_nothing_is_known_and_guards_begin_anew() -> None:
    history = [*each_minute(90, 90), (5000.0, {"battery.charge": 90.0}), (5060.0, {"battery.charge": 90.0})]
    found = one(Policy("p", (charge(),)), history)
    assert found.known == 120 + MOST_GAP + 60
    assert found.lost_to == {"charge": 60.0}  # twice its dwell
    assert found.longest == 120 + MOST_GAP - 30


def test_what_is_throttled_is_lost_in_part() -> None:
    warm = charge(
        name="warm", scope=Scope.OWNER, action=Action.THROTTLE, duty=0.25, dwell=1.0,
        enter=parse("thermal.cpu < 60 C"), leave=parse("thermal.cpu > 70 C"),
    )  # fmt: skip
    rows: list[Row] = [
        (60.0 * minute, {"battery.charge": 90.0, "thermal.cpu": heat}) for minute, heat in enumerate((50.0, 80.0, 80.0))
    ]
    found = one(Policy("p", (charge(), warm)), rows)
    assert (found.known, found.offered, found.worked) == (120.0, 90.0, 30 + 0.25 * 60)
    assert found.lost_to == {"warm": 45.0, "charge": 30.0}
    assert sum(found.lost_to.values()) + found.worked == found.known


def test_all_that_forbid_are_named_and_the_worst_has_the_loss() -> None:
    cold = charge(
        name="cold", action=Action.VACATE, enter=parse("thermal.cpu < 60 C"), leave=parse("thermal.cpu > 70 C")
    )
    found = one(Policy("p", (charge(), cold)), [(0.0, {"battery.charge": 50.0, "thermal.cpu": 90.0}), (60.0, {})])
    assert found.lost_to == {"cold": 60.0}
    assert found.forbidden_by == {"charge": 60.0, "cold": 60.0}


def day_at_a_desk() -> list[Row]:
    """A day, a row a minute: somebody works from nine to five, with an hour's break."""
    rows: list[Row] = []
    for minute in range(24 * 60 + 1):
        clock, hour = float(minute % 1440), minute % 1440 / 60
        works = 9 <= hour < 12 or 13 <= hour < 17
        left_at = max((each for each in (0.0, 12.0, 17.0) if each <= hour), default=0.0)
        snapshot: Snapshot = {
            "power.source": "mains", "battery.present": False, "thermal.present": True, "thermal.cpu": 55.0,
            "user.present": True, "user.idle": 0.0 if works else (hour - left_at) * HOUR + 1000.0 * (left_at == 0.0),
            "cpu.foreign": 5.0, "memory.free": 9000.0, "disk.free": 90_000.0, "time.clock": clock,
        }  # fmt: skip
        rows.append((60.0 * minute, snapshot))
    return rows


def test_what_if_the_desktop_worked_at_full_speed_by_day() -> None:
    eager = read('profile = "desktop"\ndrop = ["day"]', "eager.toml")
    now, then = replay([builtin("desktop"), eager], day_at_a_desk(), POWER)
    assert now.known == then.known == 24 * HOUR
    assert now.offered == then.offered == pytest.approx(17 * HOUR - 2 * 180, abs=240)
    assert now.lost_to["user"] == pytest.approx(7 * HOUR + 2 * 180, abs=240)
    assert now.worked == pytest.approx(9 * HOUR + (now.offered - 9 * HOUR) / 2, abs=240)
    difference = now.against(then)
    assert difference.worked == then.worked - now.worked > 3 * HOUR
    assert difference.energy == pytest.approx(difference.worked / HOUR * 0.1)
    assert difference.lost_to["day"] < 0 == difference.lost_to["user"] == difference.transitions


def test_an_empty_record_says_nothing() -> None:
    assert one(builtin("server"), []) == one(builtin("server"), [(0.0, {})])
    assert one(builtin("server"), []).known == 0.0
    backwards: list[Row] = [(10.0, {}), (5.0, {}), (20.0, {})]
    assert one(builtin("server"), backwards).known == 10.0


# -------------------------------------------------------------------- beside asking every second

minutes = st.lists(st.tuples(st.integers(1, 200), snapshots()), min_size=1, max_size=4)


def whole_seconds(policy: Policy) -> Policy:
    return Policy(policy.name, tuple(replace(guard, dwell=float(round(guard.dwell))) for guard in policy.guards))


def second_by_second(policy: Policy, history: list[Row]) -> dict[str, Any]:
    known = offered = transitions = 0
    worked, lost, ran = 0.0, Counter[str](), False
    state = policy.start()
    until = history[0][0]
    for (at, snapshot), (after, _) in itertools.pairwise(history):
        if at > until:
            state, transitions, ran = policy.start(), transitions + ran, False
        until = min(after, at + MOST_GAP)
        for second in range(int(until - at)):
            decision = policy.decide(snapshot, at + second, state)
            state = decision.state
            known, offered = known + 1, offered + decision.allowed
            worked += decision.duty
            transitions += decision.allowed is not ran
            ran = decision.allowed
            if decision.vetoes:
                lost[decision.vetoes[0].guard.name] += 1 - decision.duty  # type: ignore[assignment]
    return {"known": known, "offered": offered, "worked": worked, "transitions": transitions, "lost": lost}


def agrees(policy: Policy, parts: list[tuple[int, dict[str, Any]]]) -> None:
    history: list[Row] = []
    at = 1000.0
    for seconds, snapshot in parts:
        history.append((at, snapshot))
        at += seconds
    history.append((at, {}))
    found, wanted = one(policy, history), second_by_second(policy, history)
    assert (found.known, found.offered, found.transitions) == (
        wanted["known"], wanted["offered"], wanted["transitions"],
    )  # fmt: skip
    assert found.worked == pytest.approx(wanted["worked"])
    for name in {*found.lost_to, *wanted["lost"]}:
        assert found.lost_to.get(name, 0.0) == pytest.approx(wanted["lost"][name], abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(policies.map(whole_seconds), minutes)
def test_it_comes_to_what_asking_every_second_comes_to(policy: Policy, parts: list[tuple[int, dict[str, Any]]]) -> None:
    agrees(policy, parts)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), minutes)
def test_also_by_policies_that_are_used(seed: int, parts: list[tuple[int, dict[str, Any]]]) -> None:
    agrees(linted_policy(random.Random(seed)), parts)


def test_a_long_record_is_read_in_parts_that_make_no_difference() -> None:
    rows: list[Row] = [
        (30.0 * row, {"battery.charge": 90.0 if row // 700 % 2 == 0 else 60.0}) for row in range(2 * ROWS + 50)
    ]
    found = one(Policy("p", (charge(),)), rows)
    assert found.known == 30.0 * (2 * ROWS + 49)
    assert found.transitions == len(range(0, 2 * ROWS + 49, 700))
    ends = [min(first + 700, 2 * ROWS + 49) for first in range(0, 2 * ROWS + 49, 1400)]
    free = [30.0 * (end - first) - 30.0 for first, end in zip(range(0, 2 * ROWS + 49, 1400), ends, strict=True)]
    assert found.offered == sum(free) and found.longest == max(free)
