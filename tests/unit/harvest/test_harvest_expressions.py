"""The policy language: what is read, what is refused, and what comes out of it."""

from __future__ import annotations

from typing import Any

import pytest
from harvest_strategies import expressions, snapshots
from hypothesis import given
from hypothesis import strategies as st

from node.harvest.compiled import compiled
from node.harvest.expression import (
    And,
    Expression,
    IsUnknown,
    Not,
    Or,
    causes,
    evaluate,
    sensors,
    write,
)
from node.harvest.reading import BadExpression, parse
from node.harvest.sensors import SENSORS, Choice, Flag, Number, plausible, steady


def plain(expression: Expression) -> Expression:
    """As reading makes it: a chain of the same word is one."""
    match expression:
        case Not(part):
            return Not(plain(part))
        case And(parts):
            return And(tuple(plain(part) for part in parts))
        case Or(parts):
            return Or(tuple(plain(part) for part in parts))
        case _:
            return expression


@given(expressions)
def test_what_is_written_reads_as_the_same(expression: Expression) -> None:
    assert parse(write(expression)) == plain(expression)


@given(expressions, snapshots())
def test_what_is_unknown_is_open_and_what_is_decided_stays_so(expression: Expression, snapshot: dict[str, Any]) -> None:
    """Kleene: once an outcome is known, no reading that comes later changes it; but for `unknown`, which asks."""
    before = evaluate(expression, snapshot)
    if before is None or any(isinstance(part, IsUnknown) for part in _all(expression)):
        return
    full: dict[str, Any] = {name: _some(name) for name in SENSORS} | snapshot
    assert evaluate(expression, full) is before


@given(expressions, snapshots())
def test_not_turns_and_the_causes_are_among_its_sensors(expression: Expression, snapshot: dict[str, Any]) -> None:
    outcome = evaluate(expression, snapshot)
    assert evaluate(Not(expression), snapshot) is (None if outcome is None else not outcome)
    assert {cause.sensor for cause in causes(expression, snapshot, outcome)} <= sensors(expression)


@given(expressions, snapshots())
def test_what_is_compiled_says_the_same(expression: Expression, snapshot: dict[str, Any]) -> None:
    once, outcome = compiled(expression), evaluate(expression, snapshot)
    assert once.ask(snapshot) is outcome
    assert list(once.causes(snapshot, outcome)) == causes(expression, snapshot, outcome)


def _all(expression: Expression) -> list[Expression]:
    match expression:
        case And(parts) | Or(parts):
            return [leaf for part in parts for leaf in _all(part)]
        case Not(part):
            return _all(part)
        case _:
            return [expression]


def _some(name: str) -> Any:
    kind = SENSORS[name]
    match kind:
        case Flag():
            return True
        case Choice(words):
            return min(words)
        case Number(_, low, high):
            return (low + high) / 2


@pytest.mark.parametrize(
    ("text", "snapshot", "outcome"),
    [
        ("battery.charge >= 80 % and thermal.cpu < 85 C", {"battery.charge": 79.0}, False),
        ("battery.charge >= 80 % and thermal.cpu < 85 C", {"battery.charge": 80.0}, None),
        ("battery.charge >= 80 % and thermal.cpu < 85 C", {"battery.charge": 80.0, "thermal.cpu": 84.9}, True),
        ("not battery.present or battery.charge >= 80 %", {"battery.present": False}, True),
        ("not battery.present or battery.charge >= 80 %", {"battery.present": True}, None),
        ("power.source in {mains, ups}", {"power.source": "ups-battery"}, False),
        ("power.source != battery", {"power.source": "mains"}, True),
        ("user.idle > 3 min", {"user.idle": 180.5}, True),
        ("memory.free >= 2 GB", {"memory.free": 1999.0}, False),
        ("time.clock in 22:30..06:00", {"time.clock": 5 * 60.0}, True),
        ("time.clock in 22:30..06:00", {"time.clock": 12 * 60.0}, False),
        ("time.clock in 09:00..17:30", {"time.clock": 17.5 * 60}, False),
        ("unknown(user.idle)", {}, True),
        ("screen.locked == false", {"screen.locked": True}, False),
        ("thermal.cpu >= gpu.temperature", {"thermal.cpu": 50.0, "gpu.temperature": 60.0}, False),
    ],
)
def test_what_comes_out(text: str, snapshot: dict[str, Any], outcome: bool | None) -> None:
    assert evaluate(parse(text), snapshot) is outcome


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("battery.charge >= 80", 18, "80 has no unit"),
        ("thermal.cpu < 85 %", 14, "is in C, not in %"),
        ("batery.charge >= 80 %", 0, "there is no sensor 'batery.charge'"),
        ("battery.charge == 80 %", 0, "never the same twice"),
        ("thermal.cpu < 500 C", 14, "is never 500 C"),
        ("user.idle >", 11, "it ends where"),
        ("(user.idle > 3 s", 16, "it ends where"),
        ("power.source == steam", 16, "'steam' stands where"),
        ("power.source", 0, "is one of"),
        ("user.idle > 3 s user.idle", 16, "stands where"),
        ("screen.locked > 3 s", 14, "stands where"),
        ("time.clock in 25:00..26:00", 14, "is no time of day"),
        ("user.idle > battery.charge", 12, "have other units"),
        ("§", 0, "is not understood"),
        ("", 0, "it ends where"),
        ("not " * 60 + "screen.locked", None, "levels of brackets"),
        ("a" * 3000, None, "characters"),
    ],
)
def test_what_is_refused_says_where(text: str, at: int | None, message: str) -> None:
    with pytest.raises(BadExpression) as caught:
        parse(text)
    assert message in caught.value.message
    assert at is None or caught.value.at == at


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert evaluate(parse(text), {}) in (True, False, None)
    except BadExpression as error:
        assert 0 <= error.at <= len(text)


def test_causes_say_what_decides() -> None:
    snapshot: dict[str, Any] = {"battery.charge": 42.0, "thermal.cpu": 91.0, "power.source": "battery"}
    expression = parse("battery.charge < 70 % or not (thermal.cpu < 85 C) or power.source == mains")
    assert [str(cause) for cause in causes(expression, snapshot, True)] == [
        "battery.charge < 70 %: battery.charge is 42 %",
        "thermal.cpu >= 85 C: thermal.cpu is 91 C",
    ]


def test_readings_that_make_no_sense_are_unknown() -> None:
    assert plausible("battery.charge", 50) == 50.0
    assert plausible("battery.charge", 101.0) is None
    assert plausible("battery.charge", True) is None
    assert plausible("battery.charge", float("nan")) is None
    assert plausible("power.source", "steam") is None
    assert plausible("screen.locked", 1) is None
    assert steady("battery.charge", 50, 54, 1) and not steady("battery.charge", 50, 90, 1)
    assert steady("user.idle", 50_000, 0, 1)
