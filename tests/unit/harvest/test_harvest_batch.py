"""A policy asked of many machines at once decides as it does of each."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from harvest_strategies import linted_policy, policies, snapshots
from hypothesis import given, settings
from hypothesis import strategies as st

from fogchain.errors import BadInput
from node.harvest.batch import BLOCK, compile
from node.harvest.expression import And, Constant, Or
from node.harvest.fuzz import fuzz
from node.harvest.policy import Action, Guard, Held, Policy, Scope
from node.harvest.profile import PROFILES, builtin
from node.harvest.sensors import SENSORS
from node.harvest.table import Column, Table

steps = st.lists(
    st.tuples(st.sampled_from((0.0, 0.3, 1.0, 25.0, 400.0)), st.lists(snapshots(), min_size=3, max_size=3)),
    min_size=1, max_size=5,
)  # fmt: skip


def follows(policy: Policy, course: list[tuple[float, list[dict[str, Any]]]]) -> None:
    """Both decide alike at each step, also of what the steps before left behind."""
    program = compile(policy)
    now, many = 100.0, program.start(len(course[0][1]))
    one: list[tuple[Held, ...]] = [policy.start() for _ in course[0][1]]
    for seconds, rows in course:
        now += seconds
        decisions = program.decide(Table.of(rows), now, many)
        many = decisions.state
        for row, snapshot in enumerate(rows):
            wanted = policy.decide(snapshot, now, one[row])
            one[row] = wanted.state
            assert many.held(row) == wanted.state
            assert bool(decisions.allowed[row]) is wanted.allowed
            assert float(decisions.duty[row]) == wanted.duty
            assert decisions.action_of(row) is wanted.action
            deadline = None if np.isnan(decisions.deadline[row]) else float(decisions.deadline[row])
            assert deadline == wanted.deadline
            vetoes = [(veto.guard, veto.reason, veto.clears_in) for veto in wanted.vetoes]
            assert decisions.vetoes(row) == vetoes


def linted(seed: int) -> Policy:
    return linted_policy(random.Random(seed))


@settings(deadline=None)
@given(policies, steps)
def test_many_are_decided_as_each_is(policy: Policy, course: list[tuple[float, list[dict[str, Any]]]]) -> None:
    follows(policy, course)


@settings(deadline=None, max_examples=50)
@given(st.one_of(st.sampled_from(PROFILES).map(builtin), st.integers(0, 2**32).map(linted)), steps)
def test_and_of_policies_that_are_used(policy: Policy, course: list[tuple[float, list[dict[str, Any]]]]) -> None:
    follows(policy, course)


def test_blocks_make_no_difference() -> None:
    policy, size = builtin("server"), 2 * BLOCK + 3
    rows = Table.of([{"cpu.foreign": float(each % 100), "power.source": "mains"} for each in range(size)])
    program = compile(policy)
    decisions = program.decide(rows, 5.0, program.start(size))
    for row in (0, BLOCK - 1, BLOCK, 2 * BLOCK, size - 1):
        wanted = policy.decide(rows.snapshot(row), 5.0, policy.start())
        assert decisions.state.held(row) == wanted.state
        assert [veto[0] for veto in decisions.vetoes(row)] == [veto.guard for veto in wanted.vetoes]


def test_of_no_machines_and_by_no_guards() -> None:
    program = compile(builtin("laptop"))
    assert program.decide(Table(0), 0.0, program.start(0)).allowed.size == 0
    free = compile(Policy("none", ())).decide(Table(2), 0.0, compile(Policy("none", ())).start(2))
    assert free.allowed.all() and (free.duty == 1.0).all()
    every = Guard("g", And(()), Or(()), Scope.OWNER, Action.FREEZE, 0.0, 1.0)
    follows(Policy("empty", (every,)), [(1.0, [{}])])
    killed = Guard("g", Constant(True), Constant(False), Scope.JOB, Action.KILL, 2.0, 1.0)
    follows(Policy("constant", (killed,)), [(1.0, [{}])])


def test_a_million_machines_of_unknown_safety_and_none_is_let_run() -> None:
    """All profiles share a million rows; in most of them what is unknown is all that could forbid."""
    whole = 0
    for seed, name in enumerate(PROFILES):
        found = fuzz(builtin(name), 1_000_000 // len(PROFILES) + 1, seed)
        whole += found.rows
        assert found.unsafe == 0, name
        assert found.let > found.rows / 2 and found.at_risk > found.rows / 2, name  # it could have failed
    assert whole >= 1_000_000


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32).map(linted), st.integers(0, 2**32))
def test_nor_by_any_policy_that_the_linter_lets_pass(policy: Policy, seed: int) -> None:
    found = fuzz(policy, 5000, seed)
    assert found.unsafe == 0 and found.at_risk > 0


def test_a_guard_that_forgave_what_is_unknown_would_be_found() -> None:
    policy = builtin("server")
    lenient = Policy("lenient", tuple(replace(guard, ignores_unknown=True) for guard in policy.guards))
    assert fuzz(lenient, 5000, 1).unsafe > 1000


@given(st.lists(snapshots(), min_size=1, max_size=4), snapshots())
def test_a_table_gives_back_what_was_put(rows: list[dict[str, Any]], other: dict[str, Any]) -> None:
    table = Table.of(rows)
    assert [table.snapshot(row) for row in range(len(rows))] == rows
    table.put(0, other)
    assert table.snapshot(0) == other and [table.snapshot(row) for row in range(1, len(rows))] == rows[1:]


def test_a_table_that_is_wrong_is_refused() -> None:
    with pytest.raises(BadInput, match="there is no sensor"):
        Table(1, {"battery.colour": Column.unknown("battery.charge", 1)})
    with pytest.raises(BadInput, match="has not 2 rows"):
        Table(2, {"battery.charge": Column.unknown("battery.charge", 1)})
    with pytest.raises(BadInput, match="is of bool"):
        Table(1, {"battery.charge": Column.unknown("power.saver", 1)})
    with pytest.raises(BadInput, match="a state of"):
        compile(builtin("server")).decide(Table(2), 0.0, compile(builtin("server")).start(3))
    assert set(Table.of([{}]).columns) == set(SENSORS)
    assert (
        Table.of([{"power.source": "steam", "power.saver": "maybe", "battery.charge": float("nan")}]).snapshot(0) == {}
    )
