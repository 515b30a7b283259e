"""The expressions of harvest policies: pure, total, typed, and three-valued.

    battery.charge >= 80 % and thermal.cpu < 85 C
    not battery.present or power.source in {mains, ups}
    time.clock in 22:30..06:00
    unknown(user.idle)

A comparison with UNKNOWN is UNKNOWN; `and`, `or`, `not` are Kleene's: what one side decides alone, the other's being
unknown does not undo. Nothing can fail once an expression is read (`reading`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from node.harvest.sensors import SENSORS, Number, Snapshot, Unit, Value

Order: TypeAlias = Literal["<", "<=", ">", ">="]
Truth: TypeAlias = bool | None  # None is UNKNOWN

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_NEGATED: dict[Order, Order] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}

# -------------------------------------------------------------------- the parts


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool


@dataclass(frozen=True, slots=True)
class Is:
    """A flag."""

    sensor: str


@dataclass(frozen=True, slots=True)
class Compared:
    sensor: str
    order: Order
    limit: float  # in the sensor's unit


@dataclass(frozen=True, slots=True)
class ComparedWith:
    sensor: str
    order: Order
    other: str


@dataclass(frozen=True, slots=True)
class OneOf:
    sensor: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Between:
    """A clock; from `first` on and before `last`, past midnight when that is the smaller."""

    sensor: str
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class IsUnknown:
    sensor: str


@dataclass(frozen=True, slots=True)
class Not:
    part: Expression


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Expression, ...]


Leaf: TypeAlias = Constant | Is | Compared | ComparedWith | OneOf | Between | IsUnknown
Expression: TypeAlias = Leaf | Not | And | Or


def evaluate(expression: Expression, snapshot: Snapshot) -> Truth:
    """What holds now. A sensor that is not in the snapshot is unknown."""
    match expression:
        case And(parts):
            found: Truth = True
            for part in parts:
                value = evaluate(part, snapshot)
                if value is False:
                    return False
                found = found and value
            return found
        case Or(parts):
            found = False
            for part in parts:
                value = evaluate(part, snapshot)
                if value is True:
                    return True
                found = None if value is None else found
            return found
        case Not(part):
            value = evaluate(part, snapshot)
            return None if value is None else not value
        case _:
            return _leaf(expression, snapshot)


def _leaf(leaf: Leaf, snapshot: Snapshot) -> Truth:
    if isinstance(leaf, Constant):
        return leaf.value
    value = snapshot.get(leaf.sensor)
    if isinstance(leaf, IsUnknown):
        return value is None
    if value is None:
        return None
    match leaf:
        case Is():
            return bool(value)
        case Compared(_, order, limit):
            return _COMPARE[order](float(value), limit)
        case ComparedWith(_, order, other):
            second = snapshot.get(other)
            return None if second is None else _COMPARE[order](float(value), float(second))
        case OneOf(_, words):
            return value in words
        case Between(_, first, last):
            inside = first <= float(value) < last
            return inside if first <= last else float(value) >= first or float(value) < last


def sensors(expression: Expression) -> frozenset[str]:
    """All that it asks for."""
    match expression:
        case And(parts) | Or(parts):
            return frozenset().union(*(sensors(part) for part in parts))
        case Not(part):
            return sensors(part)
        case Constant():
            return frozenset()
        case ComparedWith(sensor, _, other):
            return frozenset((sensor, other))
        case _:
            return frozenset((expression.sensor,))


# -------------------------------------------------------------------- why


class Cause(NamedTuple):
    """One condition that made an expression come out as it did."""

    text: str  # as a policy would write it
    sensor: str
    value: Value | None
    unit: Unit | None

    def __str__(self) -> str:
        return f"{self.text}: {self.sensor} is {show(self.value, self.unit)}"


def causes(expression: Expression, snapshot: Snapshot, outcome: Truth) -> list[Cause]:
    """The conditions that made it come out as `outcome`, which it did: without them it would not have."""
    return list(_causes(expression, snapshot, outcome, turned=False))


def _causes(expression: Expression, snapshot: Snapshot, outcome: Truth, *, turned: bool) -> Iterator[Cause]:
    match expression:
        case And(parts) | Or(parts):
            for part in parts:
                if evaluate(part, snapshot) is outcome:
                    yield from _causes(part, snapshot, outcome, turned=turned)
        case Not(part):
            yield from _causes(part, snapshot, None if outcome is None else not outcome, turned=not turned)
        case Constant():
            return
        case _:
            kind = SENSORS[expression.sensor]
            unit = kind.unit if isinstance(kind, Number) else None
            text = cause_text(expression, turned=turned)
            yield Cause(text, expression.sensor, snapshot.get(expression.sensor), unit)


def cause_text(leaf: Leaf, *, turned: bool) -> str:
    """A condition as a policy would write it, or the opposite of it when it stands within a `not`."""
    return write(_turned(leaf)) if turned else write(leaf)


def _turned(leaf: Leaf) -> Expression:
    match leaf:
        case Compared(sensor, order, limit):
            return Compared(sensor, _NEGATED[order], limit)
        case ComparedWith(sensor, order, other):
            return ComparedWith(sensor, _NEGATED[order], other)
        case _:
            return Not(leaf)


def show(value: Value | None, unit: Unit | None) -> str:
    """A reading in words."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if unit is Unit.CLOCK:
        return f"{int(value) // 60:02}:{int(value) % 60:02}"
    number = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{number} {unit.value}" if unit else number


def write(expression: Expression) -> str:
    """The expression as a policy writes it; parses to the same."""
    match expression:
        case Constant(value):
            return "true" if value else "false"
        case Is(sensor):
            return sensor
        case IsUnknown(sensor):
            return f"unknown({sensor})"
        case Compared(sensor, order, limit):
            return f"{sensor} {order} {_quantity(limit, sensor)}"
        case ComparedWith(sensor, order, other):
            return f"{sensor} {order} {other}"
        case OneOf(sensor, words):
            return (
                f"{sensor} in {{{', '.join(sorted(words))}}}" if len(words) > 1 else f"{sensor} == {next(iter(words))}"
            )
        case Between(sensor, first, last):
            return f"{sensor} in {show(first, Unit.CLOCK)}..{show(last, Unit.CLOCK)}"
        case Not(part):
            return f"not {_bracketed(part, (And, Or))}"
        case And(parts):
            return " and ".join(_bracketed(part, (And, Or)) for part in parts)
        case Or(parts):
            return " or ".join(_bracketed(part, (Or,)) for part in parts)


def _bracketed(part: Expression, kinds: tuple[type, ...]) -> str:
    return f"({write(part)})" if isinstance(part, kinds) else write(part)


def _quantity(value: float, sensor: str) -> str:
    kind = SENSORS[sensor]
    unit = kind.unit if isinstance(kind, Number) else None
    return show(value, unit) if unit is Unit.CLOCK else f"{value!r} {unit.value if unit else ''}".replace(".0 ", " ")


def all_leaves(expressions: Sequence[Expression]) -> Iterator[Leaf]:
    """Of all these, in order."""
    for expression in expressions:
        match expression:
            case And(parts) | Or(parts):
                yield from all_leaves(parts)
            case Not(part):
                yield from all_leaves((part,))
            case _:
                yield expression
