"""Expressions, guards, policies and snapshots of all kinds, for tests of what is made of them."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

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
)
from node.harvest.lint import lint
from node.harvest.policy import Action, Guard, Policy, Scope
from node.harvest.sensors import SENSORS, Choice, Flag, Number, Unit

FLAGS = [name for name, kind in SENSORS.items() if isinstance(kind, Flag)]
NUMBERS = [name for name, kind in SENSORS.items() if isinstance(kind, Number) and kind.unit is not Unit.CLOCK]
CHOICES = [name for name, kind in SENSORS.items() if isinstance(kind, Choice)]


def _limit(name: str) -> st.SearchStrategy[float]:
    kind = SENSORS[name]
    assert isinstance(kind, Number)
    return st.integers(int(kind.low), int(min(kind.high, 10_000))).map(float)


def _words(name: str) -> st.SearchStrategy[frozenset[str]]:
    kind = SENSORS[name]
    assert isinstance(kind, Choice)
    return st.frozensets(st.sampled_from(sorted(kind.words)), min_size=1)


orders = st.sampled_from(("<", "<=", ">", ">="))
leaves = st.one_of(
    st.booleans().map(Constant),
    st.sampled_from(FLAGS).map(Is),
    st.sampled_from(sorted(SENSORS)).map(IsUnknown),
    st.sampled_from(NUMBERS).flatmap(lambda name: st.builds(Compared, st.just(name), orders, _limit(name))),
    st.builds(ComparedWith, st.just("thermal.cpu"), orders, st.just("gpu.temperature")),
    st.sampled_from(CHOICES).flatmap(lambda name: st.builds(OneOf, st.just(name), _words(name))),
    st.builds(Between, st.just("time.clock"), st.integers(0, 1440).map(float), st.integers(0, 1439).map(float)),
)
expressions: st.SearchStrategy[Expression] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=8,
)


@st.composite
def snapshots(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, kind in SENSORS.items():
        if draw(st.booleans()):
            continue  # unknown
        match kind:
            case Flag():
                found[name] = draw(st.booleans())
            case Choice(words):
                found[name] = draw(st.sampled_from(sorted(words)))
            case Number(_, low, high):
                found[name] = float(draw(st.integers(int(low), int(min(high, 10_000)))))
    return found


guards: st.SearchStrategy[Guard] = st.builds(
    Guard,
    name=st.sampled_from("abcdef"),
    enter=expressions,
    leave=expressions,
    scope=st.sampled_from(Scope),
    action=st.sampled_from(Action),
    dwell=st.sampled_from((0.0, 1.0, 30.0, 0.3)),
    deadline=st.sampled_from((0.25, 2.0, 10.0)),
    patience=st.sampled_from((0.0, 0.0, 20.0)),
    ignores_unknown=st.booleans(),
    duty=st.sampled_from((0.0, 0.3, 0.5)),
)
policies: st.SearchStrategy[Policy] = st.lists(guards, max_size=5).map(lambda some: Policy("any", tuple(some)))


def linted_policy(dice: random.Random) -> Policy:
    """A policy that the linter lets pass: what every one must keep, and some guards more, each with its band."""
    numbers = [name for name in NUMBERS if name != "thermal.cpu"]
    while True:
        sources = dice.sample(("mains", "ups", "usb"), dice.randint(1, 3))
        must = [
            _safe("power", OneOf("power.source", frozenset(sources)), dice),
            _band("heat", "thermal.cpu", dice, Scope.SAFETY),
        ]
        more = [
            _band(f"own-{place}", dice.choice(numbers), dice, dice.choice(list(Scope)))
            for place in range(dice.randint(0, 5))
        ]
        policy = Policy("linted", (*must, *more))
        if not lint(policy):
            return policy


def _safe(name: str, enter: Expression, dice: random.Random) -> Guard:
    return Guard(name, enter, Not(enter), Scope.SAFETY, Action.FREEZE, dice.choice((1.0, 10.0)), 2.0)


def _band(name: str, sensor: str, dice: random.Random, scope: Scope) -> Guard:
    """Lets in below the one threshold, or above it, and throws out beyond the other."""
    kind = SENSORS[sensor]
    assert isinstance(kind, Number)
    high = min(kind.high, 5000.0)
    low = max(kind.low, -high)
    inner, outer = sorted((dice.uniform(low, high), dice.uniform(low, high)))
    enter, leave = Compared(sensor, "<=", inner), Compared(sensor, ">", outer)
    if dice.random() < 0.5:
        enter, leave = Compared(sensor, ">=", outer), Compared(sensor, "<", inner)
    safety = scope is Scope.SAFETY
    action = dice.choice([each for each in Action if each is not Action.THROTTLE or not safety])
    return Guard(
        name, enter, leave, scope, action, dice.choice((1.0, 30.0)), 2.0,
        patience=0.0 if safety else dice.choice((0.0, 60.0)),
        ignores_unknown=not safety and dice.random() < 0.3,
        duty=0.5 if action is Action.THROTTLE else 0.0,
    )  # fmt: skip
