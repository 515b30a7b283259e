"""Expressions compiled once, for those that ask them again and again: one snapshot at a time, or many in one go. Pure.

For one snapshot an expression becomes functions that hold what does not change: limits, orders, causes' texts. They
say the same as `expression.evaluate` and `expression.causes`, which stay what is meant.

For many, all expressions of a policy become one flat program. Each step is a condition, or a conjunction of steps
before it, and is named by its place; what is turned (`not`) costs nothing, and what two guards ask alike is asked once:

    battery.present and battery.charge < 70 %      0  battery.present
    not battery.present or battery.charge >= 80 %  1  battery.charge < 70 %
                                                   2  0, 1
                                                   3  battery.charge >= 80 %
                                                   4  0, not 3           turned: the second expression
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from node.harvest.expression import (
    And,
    Between,
    Cause,
    Compared,
    ComparedWith,
    Constant,
    Expression,
    Is,
    IsUnknown,
    Leaf,
    Not,
    OneOf,
    Or,
    Order,
    Truth,
    cause_text,
)
from node.harvest.sensors import SENSORS, Number, Snapshot

Ask: TypeAlias = Callable[[Snapshot], Truth]
Explain: TypeAlias = Callable[[Snapshot, Truth, "list[Cause]"], None]

_COMPARE: dict[Order, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


# -------------------------------------------------------------------- one snapshot


@dataclass(frozen=True, slots=True)
class Compiled:
    """`ask(snapshot)` is what holds; `explain(snapshot, outcome, into)` adds the causes of an outcome that it has."""

    ask: Ask
    explain: Explain

    def causes(self, snapshot: Snapshot, outcome: Truth) -> tuple[Cause, ...]:
        found: list[Cause] = []
        self.explain(snapshot, outcome, found)
        return tuple(found)


def compiled(expression: Expression, *, turned: bool = False) -> Compiled:
    """`turned`: it stands within a `not`, and its causes are to be written so."""
    match expression:
        case And(parts):
            return _joined(tuple(compiled(part, turned=turned) for part in parts), decides=False)
        case Or(parts):
            return _joined(tuple(compiled(part, turned=turned) for part in parts), decides=True)
        case Not(part):
            return _turned(compiled(part, turned=not turned))
        case _:
            return Compiled(_asked(expression), _explained(expression, turned=turned))


def _joined(parts: tuple[Compiled, ...], *, decides: bool) -> Compiled:
    """All of it, or any; `decides` is what one part alone makes of the whole."""
    asks = tuple(part.ask for part in parts)
    otherwise = not decides

    def ask(snapshot: Snapshot) -> Truth:
        found: Truth = otherwise
        for each in asks:
            value = each(snapshot)
            if value is decides:
                return decides
            if value is None:
                found = None
        return found

    def explain(snapshot: Snapshot, outcome: Truth, into: list[Cause]) -> None:
        for part in parts:
            if part.ask(snapshot) is outcome:
                part.explain(snapshot, outcome, into)

    return Compiled(ask, explain)


def _turned(part: Compiled) -> Compiled:
    inner, inner_explain = part.ask, part.explain

    def ask(snapshot: Snapshot) -> Truth:
        value = inner(snapshot)
        return None if value is None else not value

    def explain(snapshot: Snapshot, outcome: Truth, into: list[Cause]) -> None:
        inner_explain(snapshot, None if outcome is None else not outcome, into)

    return Compiled(ask, explain)


def _asked(leaf: Leaf) -> Ask:
    match leaf:
        case Constant(value):
            return lambda _: value
        case IsUnknown(sensor):
            return lambda snapshot: snapshot.get(sensor) is None
        case Is(sensor):
            return lambda snapshot: None if (found := snapshot.get(sensor)) is None else bool(found)
        case OneOf(sensor, words):
            return lambda snapshot: None if (found := snapshot.get(sensor)) is None else found in words
        case Compared(sensor, order, limit):
            compare = _COMPARE[order]
            return lambda snapshot: None if (found := snapshot.get(sensor)) is None else compare(found, limit)  # type: ignore[arg-type]
        case ComparedWith(sensor, order, other):
            return _compared_with(sensor, _COMPARE[order], other)
        case Between(sensor, first, last):
            return _between(sensor, first, last)


def _compared_with(sensor: str, compare: Callable[[float, float], bool], other: str) -> Ask:
    def ask(snapshot: Snapshot) -> Truth:
        one, two = snapshot.get(sensor), snapshot.get(other)
        return None if one is None or two is None else compare(one, two)  # type: ignore[arg-type]

    return ask


def _between(sensor: str, first: float, last: float) -> Ask:
    def ask(snapshot: Snapshot) -> Truth:
        value: float | None = snapshot.get(sensor)  # type: ignore[assignment]
        if value is None:
            return None
        return first <= value < last if first <= last else value >= first or value < last

    return ask


def _explained(leaf: Leaf, *, turned: bool) -> Explain:
    if isinstance(leaf, Constant):
        return lambda *_: None
    kind, sensor, text = SENSORS[leaf.sensor], leaf.sensor, cause_text(leaf, turned=turned)
    unit = kind.unit if isinstance(kind, Number) else None

    def explain(snapshot: Snapshot, _: Truth, into: list[Cause]) -> None:
        into.append(Cause(text, sensor, snapshot.get(sensor), unit))

    return explain


# -------------------------------------------------------------------- many


@dataclass(frozen=True, slots=True)
class Place:
    """A step of a flat program, by its place, or the opposite of it."""

    step: int
    turned: bool = False

    def __invert__(self) -> Place:
        return Place(self.step, not self.turned)


Step: TypeAlias = Leaf | tuple[Place, ...]  # a condition, or: all of these


class FlatProgram:
    """All expressions that are added, as one list of steps; each asks only for steps before it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._known: dict[Step, int] = {}

    def add(self, expression: Expression) -> Place:
        """Where the expression's outcome will stand."""
        match expression:
            case Not(part):
                return ~self.add(part)
            case And(parts):
                return self._put(tuple(self.add(part) for part in parts))
            case Or(parts):
                return ~self._put(tuple(~self.add(part) for part in parts))
            case _:
                return self._put(expression)

    def _put(self, step: Step) -> Place:
        place = self._known.get(step)
        if place is None:
            place = self._known[step] = len(self.steps)
            self.steps.append(step)
        return Place(place)
