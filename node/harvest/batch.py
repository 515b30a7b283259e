"""A policy asked of many machines at once: the decision of `Policy.decide` for each row of a table, with NumPy. Pure.

    program = compile(policy)
    state = program.start(table.size)
    decisions = program.decide(table, now, state)
    state = decisions.state

Three-valued logic is two masks, of where an expression is true and of where it is false; where neither, it is unknown.
Rows are worked on by blocks that stay in the processor's cache.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fogchain.errors import BadInput
from node.harvest.compiled import FlatProgram, Place, Step
from node.harvest.expression import (
    Between,
    Compared,
    ComparedWith,
    Constant,
    Expression,
    Is,
    IsUnknown,
    Leaf,
    OneOf,
    sensors,
)
from node.harvest.policy import Action, Guard, Held, Policy, Reason
from node.harvest.table import Column, Floats, Mask, Table, word_codes

BLOCK = 8192  # rows
REASONS: tuple[Reason | None, ...] = (None, "left", "waiting", "unknown")
_NONE, _LEFT, _WAITING, _UNKNOWN = range(4)

_THROTTLE = int(Action.THROTTLE)

Truths: TypeAlias = tuple[Mask, Mask]  # where true, where false
_ORDERS: dict[str, Callable[..., Any]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class State:
    """Of all guards over all machines: as `Held`, a row for each guard. `since` is NaN where it is None."""

    clear: Mask
    since: Floats  # seconds

    def held(self, row: int) -> tuple[Held, ...]:
        """Of one machine, as `Policy.decide` has it."""
        return tuple(
            Held(bool(clear), None if np.isnan(since) else float(since))
            for clear, since in zip(self.clear[:, row], self.since[:, row], strict=True)
        )


@dataclass(frozen=True, slots=True)
class Decisions:
    """An entry for each machine; `reasons` has a row for each guard."""

    guards: tuple[Guard, ...]
    allowed: Mask  # whether anything may run, if slowly
    duty: Floats  # the share of time that is left to work
    action: NDArray[np.int8]  # the most severe, as Action; 0 where nothing vetoes
    deadline: Floats  # seconds in which it is to be done; NaN where nothing vetoes
    reasons: NDArray[np.int8]  # places in REASONS; 0 where a guard is clear
    state: State
    now: float

    def action_of(self, row: int) -> Action | None:
        return Action(int(self.action[row])) if self.action[row] else None

    def vetoes(self, row: int) -> list[tuple[Guard, Reason, float | None]]:
        """Of one machine, the most severe first: the guard, why it forbids, and the seconds until it clears when only
        time is missing."""
        found: list[tuple[Guard, Reason, float | None]] = []
        for place, guard in enumerate(self.guards):
            reason = REASONS[self.reasons[place, row]]
            if reason is not None:
                since = self.state.since[place, row]
                left = None if np.isnan(since) else guard.dwell - (self.now - float(since))
                found.append((guard, reason, left))
        return sorted(found, key=lambda veto: (-veto[0].action, -veto[0].scope))


def compile(policy: Policy) -> Program:
    """The policy as a flat program."""
    flat = FlatProgram()
    places = tuple((flat.add(guard.leave), flat.add(guard.enter)) for guard in policy.guards)
    return Program(policy, tuple(flat.steps), places)


def holds(expression: Expression, table: Table) -> Mask:
    """Where an expression is true, and not unknown."""
    flat = FlatProgram()
    place = flat.add(expression)
    return _at(_run(tuple(flat.steps), table, slice(0, table.size)), place)[0]


@dataclass(frozen=True, slots=True)
class Program:
    policy: Policy
    steps: tuple[Step, ...]
    places: tuple[tuple[Place, Place], ...]  # of each guard's `leave` and `enter` in the steps

    @property
    def sensors(self) -> frozenset[str]:
        """All that it asks for."""
        return frozenset().union(*(sensors(step) for step in self.steps if not isinstance(step, tuple)))

    def start(self, size: int) -> State:
        """Nothing is allowed before its guards have cleared."""
        shape = (len(self.policy.guards), size)
        return State(np.zeros(shape, np.bool_), np.full(shape, np.nan))

    def outcomes(self, table: Table) -> NDArray[np.int8]:
        """What all guards' expressions come to, a row for each `leave` and `enter`: 1 true, 0 false, -1 unknown."""
        found = np.empty((2 * len(self.places), table.size), np.int8)
        truths = _run(self.steps, table, slice(0, table.size))
        for row, place in enumerate(itertools.chain.from_iterable(self.places)):
            true, false = _at(truths, place)
            found[row] = np.where(true, 1, np.where(false, 0, -1))
        return found

    def decide(self, table: Table, now: float, state: State) -> Decisions:
        """`now`: seconds that never go back; `state`: of the decisions before. Raises BadInput for a state of another
        table or policy."""
        shape = (len(self.policy.guards), table.size)
        if state.clear.shape != shape or state.since.shape != shape:
            raise BadInput(f"a state of {state.clear.shape}, for {shape[0]} guards and {shape[1]} machines")
        found = Decisions(
            self.policy.guards,
            np.ones(table.size, np.bool_),
            np.ones(table.size),
            np.zeros(table.size, np.int8),
            np.full(table.size, np.nan),
            np.zeros(shape, np.int8),
            State(np.empty(shape, np.bool_), np.empty(shape)),
            now,
        )
        for first in range(0, table.size, BLOCK):
            self._block(table, state, found, slice(first, min(first + BLOCK, table.size)))
        return found

    def _block(self, table: Table, state: State, found: Decisions, rows: slice) -> None:
        truths = _run(self.steps, table, rows)
        action, deadline, duty = found.action[rows], found.deadline[rows], found.duty[rows]
        for place, (guard, (leaving, entering)) in enumerate(zip(self.policy.guards, self.places, strict=True)):
            reasons = found.reasons[place, rows]
            _judge(
                guard,
                (_at(truths, leaving), _at(truths, entering)),
                found.now,
                (state.clear[place, rows], state.since[place, rows]),
                (found.state.clear[place, rows], found.state.since[place, rows]),
                reasons,
            )
        _weigh(self.policy.guards, ~found.state.clear[:, rows], action, deadline, duty)
        np.less_equal(action, _THROTTLE, out=found.allowed[rows])
        np.copyto(duty, 0.0, where=action > _THROTTLE)


def _weigh(guards: tuple[Guard, ...], vetoes: Mask, action: NDArray[np.int8], deadline: Floats, duty: Floats) -> None:
    """The most severe action counts, with the shortest of its deadlines: it is written last. `vetoes`: a row each."""
    order = sorted(range(len(guards)), key=lambda place: (guards[place].action, -guards[place].deadline))
    for place in order:
        np.copyto(action, int(guards[place].action), where=vetoes[place])
        np.copyto(deadline, guards[place].deadline, where=vetoes[place])
    slower = [place for place in order if guards[place].action is Action.THROTTLE]
    for place in sorted(slower, key=lambda place: -guards[place].duty):
        np.copyto(duty, guards[place].duty, where=vetoes[place])


def _judge(
    guard: Guard,
    truths: tuple[Truths, Truths],
    now: float,
    before: tuple[Mask, Floats],
    after: tuple[Mask, Floats],
    reasons: NDArray[np.int8],
) -> None:
    """One guard's way in and way out, as `policy._judge` has them; fills `after` and `reasons`. Times are looked at in
    the few rows alone where they decide."""
    (left, not_left), (enter, not_enter) = truths
    clear, since = before
    now_clear, now_since = after
    may_stay = ~left if guard.ignores_unknown else not_left
    outside = may_stay & ~clear
    waits = outside & not_enter
    np.logical_and(clear, may_stay, out=now_clear)
    now_since.fill(np.nan)

    rows = np.flatnonzero(outside & (~not_enter if guard.ignores_unknown else enter))
    if rows.size:
        begun = np.fmin(since[rows], now)  # now, where it begins only now
        clears = guard.dwell - (now - begun) <= 0
        now_clear[rows] = clears
        now_since[rows] = np.where(clears, np.nan, begun)
        waits[rows] = ~clears
    if guard.patience > 0:
        rows = np.flatnonzero(clear & left)
        begun = np.fmin(since[rows], now)
        patient = now - begun < guard.patience
        now_clear[rows] = patient
        now_since[rows] = np.where(patient, begun, np.nan)

    forbids = ~now_clear
    np.copyto(reasons, _UNKNOWN, where=forbids)
    np.copyto(reasons, _LEFT, where=left & forbids)
    np.copyto(reasons, _WAITING, where=waits)


# -------------------------------------------------------------------- the flat program


def _at(truths: list[Truths], place: Place) -> Truths:
    true, false = truths[place.step]
    return (false, true) if place.turned else (true, false)


def _run(steps: tuple[Step, ...], table: Table, rows: slice) -> list[Truths]:
    """What each step comes to in these rows."""
    found: list[Truths] = []
    for step in steps:
        if isinstance(step, tuple):
            found.append(_all([_at(found, place) for place in step], rows.stop - rows.start))
        else:
            found.append(_leaf(step, table, rows))
    return found


def _all(parts: list[Truths], size: int) -> Truths:
    if not parts:
        return np.ones(size, np.bool_), np.zeros(size, np.bool_)
    true, false = parts[0]
    for also_true, also_false in parts[1:]:
        true, false = true & also_true, false | also_false
    return true, false


def _leaf(leaf: Leaf, table: Table, rows: slice) -> Truths:
    size = rows.stop - rows.start
    if isinstance(leaf, Constant):
        return np.full(size, leaf.value), np.full(size, not leaf.value)
    column = _column(table, leaf.sensor, rows)
    if isinstance(leaf, IsUnknown):
        return ~column.known, column.known
    known = column.known
    match leaf:
        case Is():
            holds = column.values
        case Compared(_, order, limit):
            holds = _ORDERS[order](column.values, limit)
        case ComparedWith(_, order, other):
            second = _column(table, other, rows)
            known = known & second.known
            holds = _ORDERS[order](column.values, second.values)
        case OneOf(sensor, words):
            codes = sorted(word_codes(sensor)[word] for word in words)
            holds = column.values == codes[0]
            for each in codes[1:]:
                holds = holds | (column.values == each)
        case Between(_, first, last):
            from_first, before_last = column.values >= first, column.values < last
            holds = from_first & before_last if first <= last else from_first | before_last
    true = holds & known
    return true, known ^ true


def _column(table: Table, sensor: str, rows: slice) -> Column:
    column = table.columns.get(sensor)
    if column is None:
        return Column.unknown(sensor, rows.stop - rows.start)
    return Column(column.values[rows], column.known[rows])
