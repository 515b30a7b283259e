"""When work is allowed: guards, each with a way in and a way out, and what happens between the two.

A guard clears when its `enter` has held for its dwell, and vetoes when its `leave` holds, at once or after its
patience; in between it stays what it was, so that a value that hovers does not flap. What is unknown vetoes: a safety
guard always, another one unless it says `unknown = "ignore"`. The device works while no guard vetoes; of those that do,
the most severe action counts, and all of them are reasons.

Pure: snapshots and the time come in, and each evaluation returns the next state of all guards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, NamedTuple, TypeAlias

from node.harvest.compiled import Compiled, compiled
from node.harvest.expression import Cause, Expression
from node.harvest.sensors import Snapshot


class Action(IntEnum):
    """What a veto does to running work, the milder first."""

    THROTTLE = 1
    FREEZE = 2
    CHECKPOINT = 3
    VACATE = 4
    KILL = 5


class Scope(IntEnum):
    """Whose rule it is; the higher goes before."""

    JOB = 1
    PLATFORM = 2
    OWNER = 3
    SAFETY = 4


Reason: TypeAlias = Literal["left", "waiting", "unknown"]


@dataclass(frozen=True, slots=True)
class Guard:
    name: str
    enter: Expression
    leave: Expression
    scope: Scope
    action: Action
    dwell: float  # seconds for which `enter` holds before it counts
    deadline: float  # seconds in which the action is to be done
    patience: float = 0.0  # seconds for which `leave` holds before it counts; none for safety
    ignores_unknown: bool = False  # never for safety
    duty: float = 0.0  # of THROTTLE: the share of time that is left to work
    entering: Compiled = field(init=False, repr=False, compare=False)
    leaving: Compiled = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "entering", compiled(self.enter))
        object.__setattr__(self, "leaving", compiled(self.leave))


class Held(NamedTuple):
    """One guard now."""

    clear: bool = False
    since: float | None = None  # when `enter` began to hold, or of a clear one `leave`, while it does not count yet


class Veto(NamedTuple):
    """One guard that forbids, and why."""

    guard: Guard
    reason: Reason  # its `leave` holds; its `enter` does not hold, or not for long enough; a sensor is unknown
    causes: tuple[Cause, ...]
    clears_in: float | None  # seconds, when only time is missing


@dataclass(frozen=True, slots=True)
class Decision:
    """`vetoes`: the most severe first, then by scope."""

    vetoes: tuple[Veto, ...]
    state: tuple[Held, ...] = field(repr=False)

    @property
    def allowed(self) -> bool:
        """Whether anything may run, if slowly."""
        return all(veto.guard.action is Action.THROTTLE for veto in self.vetoes)

    @property
    def duty(self) -> float:
        """The share of time that is left to work: 1 when nothing vetoes, 0 when anything but throttling does."""
        return min((veto.guard.duty for veto in self.vetoes), default=1.0) if self.allowed else 0.0

    @property
    def action(self) -> Action | None:
        return self.vetoes[0].guard.action if self.vetoes else None

    @property
    def deadline(self) -> float | None:
        """Seconds in which the most severe action is to be done."""
        worst = [veto.guard.deadline for veto in self.vetoes if veto.guard.action is self.action]
        return min(worst, default=None)


@dataclass(frozen=True, slots=True)
class Policy:
    name: str
    guards: tuple[Guard, ...]

    def start(self) -> tuple[Held, ...]:
        """Nothing is allowed before its guards have cleared."""
        return tuple(Held() for _ in self.guards)

    def decide(self, snapshot: Snapshot, now: float, state: Sequence[Held]) -> Decision:
        """`now`: seconds that never go back; `state`: of the decision before."""
        held, vetoes = [], []
        for guard, before in zip(self.guards, state, strict=True):
            after, veto = _judge(guard, snapshot, now, before)
            held.append(after)
            if veto is not None:
                vetoes.append(veto)
        vetoes.sort(key=lambda veto: (-veto.guard.action, -veto.guard.scope))
        return Decision(tuple(vetoes), tuple(held))


def _judge(guard: Guard, snapshot: Snapshot, now: float, before: Held) -> tuple[Held, Veto | None]:
    leave = guard.leaving.ask(snapshot)
    if leave is None and not guard.ignores_unknown:
        return Held(), _veto(guard, "unknown", guard.leaving, snapshot, None)
    if leave is True:
        since = now if before.since is None else min(before.since, now)
        if before.clear and now - since < guard.patience:
            return Held(clear=True, since=since), None
        return Held(), _veto(guard, "left", guard.leaving, snapshot, True)
    if before.clear:
        return Held(clear=True), None
    enter = guard.entering.ask(snapshot)
    if enter is None and guard.ignores_unknown:
        enter = True
    if enter is not True:
        return Held(), _veto(guard, "waiting" if enter is False else "unknown", guard.entering, snapshot, enter)
    since = now if before.since is None else min(before.since, now)
    left = guard.dwell - (now - since)
    if left <= 0:
        return Held(clear=True), None
    return Held(since=since), Veto(guard, "waiting", guard.entering.causes(snapshot, True), left)


def _veto(guard: Guard, reason: Reason, of: Compiled, snapshot: Snapshot, outcome: bool | None) -> Veto:
    return Veto(guard, reason, of.causes(snapshot, outcome), None)
