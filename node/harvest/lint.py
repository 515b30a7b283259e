"""What is wrong with a policy before it is used: guards that flap, contradict, never clear, or weaken safety. Pure.

Both expressions of a guard are looked at as sets of snapshots. Over the few sensors of one guard these are made of
boxes: each threshold that is named cuts its sensor's axis, and between two cuts nothing changes, so one point of each
piece stands for all of it. What is checked is thereby checked for every snapshot, not for samples.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from node.harvest.expression import (
    Between,
    Compared,
    ComparedWith,
    Expression,
    all_leaves,
    evaluate,
    sensors,
    show,
)
from node.harvest.policy import Action, Guard, Policy, Scope
from node.harvest.sensors import SENSORS, Choice, Flag, Number, Snapshot, Unit, Value

MOST_POINTS = 200_000  # of one guard; more are refused as too hard to be understood
MIN_DWELL = 1.0  # seconds
# Least distance between a threshold in and one out, for what moves by itself.
BANDS: dict[Unit, float] = {
    Unit.PERCENT: 2, Unit.CELSIUS: 1, Unit.CELSIUS_A_MINUTE: 0.2, Unit.PERCENT_AN_HOUR: 0.5, Unit.MEGABYTES: 64,
    Unit.WATTS: 1,
}  # fmt: skip
# What every policy has to keep, by the sensor that its safety guards ask.
REQUIRED = ("power.source", "thermal.cpu")


@dataclass(frozen=True, slots=True)
class Finding:
    """`guard` is None for what concerns the policy as a whole."""

    guard: str | None
    problem: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"guard {self.guard!r}: " if self.guard else ""
        return f"{where}{self.problem}" + (f"; {self.hint}" if self.hint else "")


def lint(policy: Policy) -> list[Finding]:
    """All findings; a policy with any is not used."""
    found = [finding for guard in policy.guards for finding in _guard(guard)]
    return found + list(_whole(policy))


def _guard(guard: Guard) -> Iterator[Finding]:
    if guard.scope is Scope.SAFETY and guard.ignores_unknown:
        yield Finding(guard.name, "a safety guard can't ignore what is unknown", "use scope owner, or drop `unknown`")
    if guard.scope is Scope.SAFETY and guard.action is Action.THROTTLE:
        yield Finding(guard.name, "a safety guard that only throttles keeps nobody safe", "freeze at least")
    if guard.scope is Scope.SAFETY and guard.patience:
        yield Finding(guard.name, "a safety guard has no patience", "drop `patience`")
    if guard.dwell < MIN_DWELL:
        yield Finding(guard.name, f"a dwell of {guard.dwell:g} s lets it flap", f"{MIN_DWELL:g} s is the least")
    points = _points((guard.enter, guard.leave))
    if points is None:
        yield Finding(guard.name, "names too many conditions to be checked", "make two guards of it")
        return
    enters = leaves = both = False
    for point in points:
        enter, leave = evaluate(guard.enter, point), evaluate(guard.leave, point)
        enters, leaves = enters or enter is True, leaves or leave is True
        if enter is True and leave is True and not both:
            both = True
            yield Finding(guard.name, f"lets in and throws out at once, as with {_written(point)}", "let them not meet")
    if not enters:
        yield Finding(guard.name, "its `enter` can never be true: nothing would ever run")
    if not leaves:
        yield Finding(guard.name, "its `leave` can never be true: it vetoes nothing")
    if enters and leaves and not both:
        yield from _bands(guard)


def _bands(guard: Guard) -> Iterator[Finding]:
    """A value that hovers between the way in and the way out must have some room."""
    for sensor in sorted(sensors(guard.enter) & sensors(guard.leave)):
        kind = SENSORS[sensor]
        if not isinstance(kind, Number) or kind.unit not in BANDS:
            continue
        ins, outs = _limits(guard.enter, sensor), _limits(guard.leave, sensor)
        near = [(a, b) for a in ins for b in outs if abs(a - b) < BANDS[kind.unit]]
        if near:
            a, b = near[0]
            yield Finding(
                guard.name,
                f"{sensor} lets in at {show(a, kind.unit)} and throws out at {show(b, kind.unit)}: it would flap",
                f"leave at least {show(BANDS[kind.unit], kind.unit)} between them",
            )


def _whole(policy: Policy) -> Iterator[Finding]:
    names = [guard.name for guard in policy.guards]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Finding(None, f"two guards are called {name!r}")
    safe = {sensor for guard in policy.guards if guard.scope is Scope.SAFETY for sensor in sensors(guard.leave)}
    for sensor in REQUIRED:
        if sensor not in safe:
            yield Finding(
                None, f"no safety guard looks at {sensor}", "a policy may add to safety, and not take from it"
            )
    for one, other in itertools.combinations(policy.guards, 2):
        if not sensors(one.enter) & sensors(other.enter):
            continue
        points = _points((one.enter, other.enter))
        if points is not None and not any(
            evaluate(one.enter, point) is True and evaluate(other.enter, point) is True for point in points
        ):
            yield Finding(None, f"guards {one.name!r} and {other.name!r} contradict: both can never be clear at once")
    if not policy.guards:
        yield Finding(None, "it has no guards")


def _points(expressions: Sequence[Expression]) -> list[Snapshot] | None:
    """A snapshot for each piece in which all these expressions are constant; None when there are too many."""
    names = sorted(frozenset().union(*(sensors(one) for one in expressions)))
    axes = [axis(name, expressions) for name in names]
    count = 1
    for each in axes:
        count *= len(each)
    if count > MOST_POINTS:
        return None
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*axes)]


def axis(sensor: str, expressions: Sequence[Expression]) -> list[Value]:
    """Values of a sensor, one for each piece of its range in which none of these expressions changes."""
    kind = SENSORS[sensor]
    match kind:
        case Flag():
            return [False, True]
        case Choice(words):
            return sorted(words)
        case Number(_, low, high):
            cuts = {limit for one in expressions for limit in _limits(one, sensor)}
            if any(isinstance(leaf, ComparedWith) and sensor in sensors(leaf) for leaf in all_leaves(expressions)):
                cuts |= {low + (high - low) * part / 4 for part in range(5)}
            inner = sorted({low, *cuts, high})
            between = [(a + b) / 2 for a, b in itertools.pairwise(inner)]
            return sorted({*inner, *between})


def _limits(expression: Expression, sensor: str) -> list[float]:
    """The thresholds that it names for a sensor."""
    found: list[float] = []
    for leaf in all_leaves((expression,)):
        match leaf:
            case Compared(name, _, limit) if name == sensor:
                found.append(limit)
            case Between(name, first, last) if name == sensor:
                found += [first, last]
    return found


def _written(point: Snapshot) -> str:
    parts = []
    for name, value in point.items():
        kind = SENSORS[name]
        parts.append(f"{name} {show(value, kind.unit if isinstance(kind, Number) else None)}")
    return ", ".join(parts)
