"""Machines of which nobody knows whether it is safe to work on them: does a policy ever let one? Pure.

Each row begins as one on which the policy lets work run, or as any other; all guards are clear, which is the worst to
begin with; and of the sensors that its safety guards ask, some are made unknown. Such a row is at risk when some value
of what is unknown would make a safety guard veto. That is found without three-valued logic: every value is tried.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from node.harvest.batch import Program, State, compile, holds
from node.harvest.expression import sensors
from node.harvest.lint import axis
from node.harvest.policy import Guard, Policy, Scope
from node.harvest.table import Column, Mask, Table, column_of

_DRAWS = 20_000  # of machines among which those are looked for on which work may run
_LET_RUN = 0.8  # of all rows
_UNKNOWN = 0.3  # of the safety sensors, beside the one in each row


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """Counts of rows. Of those `at_risk`, `unsafe` were let run; `let` is how many run when nothing is unknown."""

    rows: int
    let: int
    at_risk: int
    ran: int
    unsafe: int


def fuzz(policy: Policy, rows: int, seed: int) -> Fuzzed:
    """Decide on `rows` machines with unknown safety sensors. For the same seed the same."""
    dice, program = np.random.default_rng(seed), compile(policy)
    whole = machines(program, rows, dice)
    let = program.decide(whole, 0.0, _clear(policy, rows)).allowed
    blind = _blinded(policy, whole, dice)
    ran = program.decide(blind, 0.0, _clear(policy, rows)).allowed
    risk = np.zeros(rows, np.bool_)
    for guard in _safety(policy):
        risk |= _may_veto(guard, blind)
    return Fuzzed(rows, int(let.sum()), int(risk.sum()), int(ran.sum()), int((risk & ran).sum()))


def _safety(policy: Policy) -> list[Guard]:
    return [guard for guard in policy.guards if guard.scope is Scope.SAFETY]


def _clear(policy: Policy, rows: int) -> State:
    shape = (len(policy.guards), rows)
    return State(np.ones(shape, np.bool_), np.full(shape, np.nan))


def machines(program: Program, rows: int, dice: np.random.Generator) -> Table:
    """On most of them the policy lets work run. All sensors are known, each from the pieces of its range that differ to
    the policy."""
    asked = [expression for guard in program.policy.guards for expression in (guard.enter, guard.leave)]
    names = sorted(frozenset().union(*(sensors(expression) for expression in asked)))
    drawn = {}
    for name in names:
        column = column_of(name, axis(name, asked))
        picked = dice.integers(0, len(column.values), _DRAWS)
        drawn[name] = Column(column.values[picked], column.known[picked])
    pool = Table(_DRAWS, drawn)
    runs = np.flatnonzero(program.decide(pool, 0.0, _clear(program.policy, _DRAWS)).allowed)
    of_all = dice.integers(0, _DRAWS, rows)
    if runs.size:
        of_all = np.where(dice.random(rows) < _LET_RUN, runs[dice.integers(0, runs.size, rows)], of_all)
    return Table(rows, {name: Column(column.values[of_all], column.known[of_all]) for name, column in drawn.items()})


def _blinded(policy: Policy, table: Table, dice: np.random.Generator) -> Table:
    """At least one of the sensors that safety guards ask is unknown in each row."""
    names = sorted(frozenset().union(*(sensors(guard.leave) for guard in _safety(policy))))
    columns = dict(table.columns)
    certain = dice.integers(0, len(names), table.size)
    for place, name in enumerate(names):
        known = (certain != place) & (dice.random(table.size) >= _UNKNOWN)
        columns[name] = Column(columns[name].values, known)
    return Table(table.size, columns)


def _may_veto(guard: Guard, table: Table) -> Mask:
    """Where some value of what is unknown makes the guard's `leave` hold."""
    names = sorted(sensors(guard.leave))
    axes = [column_of(name, axis(name, (guard.leave,))).values for name in names]
    found = np.zeros(table.size, np.bool_)
    everywhere = np.ones(table.size, np.bool_)
    for values in itertools.product(*axes):
        columns = {
            name: Column(np.where(table.columns[name].known, table.columns[name].values, value), everywhere)
            for name, value in zip(names, values, strict=True)
        }
        found |= holds(guard.leave, Table(table.size, columns))
    return found
