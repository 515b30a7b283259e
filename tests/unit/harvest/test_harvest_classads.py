"""Beside real ClassAds, HTCondor's own evaluator: what both languages can say comes out alike."""

from __future__ import annotations

from typing import Any

import pytest
from harvest_strategies import expressions, snapshots
from hypothesis import given, settings

from node.harvest.compiled import compiled
from node.harvest.expression import (
    And,
    Between,
    Compared,
    ComparedWith,
    Constant,
    Expression,
    Is,
    IsUnknown,
    Not,
    OneOf,
    Or,
    Truth,
    evaluate,
)
from node.harvest.reading import parse

classad2 = pytest.importorskip("classad2", reason="PyPI's htcondor, which has real ClassAds, is not installed here")


def attribute(sensor: str) -> str:
    return sensor.replace(".", "_")


def as_classad(expression: Expression) -> str:
    """The same in ClassAds' own words."""
    match expression:
        case Constant(value):
            return "true" if value else "false"
        case Is(sensor):
            return attribute(sensor)
        case IsUnknown(sensor):
            return f"({attribute(sensor)} =?= UNDEFINED)"
        case Compared(sensor, order, limit):
            return f"({attribute(sensor)} {order} {limit!r})"
        case ComparedWith(sensor, order, other):
            return f"({attribute(sensor)} {order} {attribute(other)})"
        case OneOf(sensor, words):
            return "(" + " || ".join(f'{attribute(sensor)} == "{word}"' for word in sorted(words)) + ")"
        case Between(sensor, first, last):
            joined = "&&" if first <= last else "||"
            return f"({attribute(sensor)} >= {first!r} {joined} {attribute(sensor)} < {last!r})"
        case Not(part):
            return f"!({as_classad(part)})"
        case And(parts):
            return "(" + " && ".join(as_classad(part) for part in parts) + ")"
        case Or(parts):
            return "(" + " || ".join(as_classad(part) for part in parts) + ")"


def classads_say(expression: Expression, snapshot: dict[str, Any]) -> Truth:
    ad = classad2.ClassAd({attribute(sensor): value for sensor, value in snapshot.items()})
    ad["outcome"] = classad2.ExprTree(as_classad(expression))
    outcome = ad.eval("outcome")
    if outcome == classad2.Value.Undefined:
        return None
    assert isinstance(outcome, bool), outcome
    return outcome


@settings(max_examples=1500, deadline=None)
@given(expressions, snapshots())
def test_any_expression_of_any_snapshot_comes_out_alike(expression: Expression, snapshot: dict[str, Any]) -> None:
    said = classads_say(expression, snapshot)
    assert evaluate(expression, snapshot) is said
    assert compiled(expression).ask(snapshot) is said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("screen.locked and power.saver", None),  # true and unknown
        ("not screen.locked and power.saver", False),  # false and unknown
        ("power.saver and not screen.locked", False),
        ("screen.locked or power.saver", True),
        ("power.saver or not screen.locked", None),
        ("not power.saver", None),
        ("unknown(power.saver)", True),
        ("battery.charge < 80 % or power.source == mains", None),
        ("power.source in {mains, ups}", None),
    ],
)
def test_what_is_unknown_is_so_there_too(text: str, said: Truth) -> None:
    assert classads_say(parse(text), {"screen.locked": True}) is said
    assert evaluate(parse(text), {"screen.locked": True}) is said
