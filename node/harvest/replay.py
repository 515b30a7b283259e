"""What a policy would have made of past days: hours offered, what they were lost to, and what another would do. Pure.

Each row of the record holds until the next, but no longer than MOST_GAP: after that the node was off, and a policy
begins anew. Rows at which nothing that a policy asks has changed are passed over; which these are is found for
thousands at a time (`batch`). Between rows it is asked again whenever a dwell or a patience is over.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from node.harvest.batch import Program, compile
from node.harvest.policy import Action, Decision, Held, Policy
from node.harvest.sensors import Snapshot
from node.harvest.table import Table

MOST_GAP = 180.0  # seconds between rows beyond which the node was off
ROWS = 4096  # of the record that are looked at in one go

Row = tuple[float, Snapshot]  # Unix seconds, and all that was known


@dataclass(frozen=True, slots=True)
class PowerModel:
    """What work draws beyond a machine that stands idle: in proportion to its share of the time. An estimate, since no
    sensor tells which part of the draw is whose."""

    watts: float  # with all slots busy at full duty

    @classmethod
    def of_cores(cls, cores: int, watts: float = 8.0) -> PowerModel:
        """`watts` for each core, where nobody has measured."""
        return cls(cores * watts)


@dataclass(frozen=True, slots=True)
class Replayed:
    """Of one policy; times in seconds. Work that is throttled is lost in part. `lost_to`: by the most severe veto, and
    adds up with `worked` to `known`; `forbidden_by`: by each veto, as if it were alone."""

    policy: str
    known: float  # that the record covers
    offered: float  # in which work could run, if slowly
    worked: float  # the same, times the duty
    longest: float  # stretch in which it could run
    transitions: int  # between running and not
    lost_to: Mapping[str, float]
    forbidden_by: Mapping[str, float]
    energy: float  # kWh, if there had always been work; by the power model

    def against(self, other: Replayed) -> Difference:
        """What the other policy would have done otherwise, on the same record."""
        names = sorted({*self.lost_to, *other.lost_to})
        return Difference(
            offered=other.offered - self.offered,
            worked=other.worked - self.worked,
            transitions=other.transitions - self.transitions,
            energy=other.energy - self.energy,
            lost_to={name: other.lost_to.get(name, 0.0) - self.lost_to.get(name, 0.0) for name in names},
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """More of it than before, or less: seconds, counts, kWh."""

    offered: float
    worked: float
    transitions: int
    energy: float
    lost_to: Mapping[str, float]


def replay(policies: Sequence[Policy], history: Iterable[Row], power: PowerModel) -> list[Replayed]:
    """Each policy on the same record, the oldest row first. A row that is not later than the one before is left out."""
    folds = [_Fold(policy) for policy in policies]
    asked = frozenset().union(*(compile(policy).sensors for policy in policies))
    for rows, ends in _parts(history):
        table = Table.of([snapshot for _, snapshot in rows], asked)
        for fold in folds:
            fold.take(rows, ends, table)
    return [fold.result(power) for fold in folds]


def _parts(history: Iterable[Row]) -> Iterator[tuple[list[Row], list[float]]]:
    """Rows that are later than those before them, and until when each holds."""
    rows: list[Row] = []
    for row in history:
        if rows and row[0] <= rows[-1][0]:
            continue
        rows.append(row)
        if len(rows) > ROWS:
            yield rows[:-1], _ends(rows)
            rows = rows[-1:]
    if len(rows) > 1:
        yield rows[:-1], _ends(rows)


def _ends(rows: list[Row]) -> list[float]:
    """The last row says when the one before ends, and of itself nothing."""
    return [min(after, at + MOST_GAP) for (at, _), (after, _) in itertools.pairwise(rows)]


@dataclass(slots=True)
class _Fold:
    policy: Policy
    known: float = 0.0
    offered: float = 0.0
    worked: float = 0.0
    longest: float = 0.0
    stretch: float = 0.0
    transitions: int = 0
    ran: bool = False
    lost_to: dict[str, float] = field(default_factory=dict)
    forbidden_by: dict[str, float] = field(default_factory=dict)
    _state: tuple[Held, ...] = ()
    _until: float = float("-inf")  # when what was known last ended
    _program: Program = field(init=False)

    def __post_init__(self) -> None:
        self._program = compile(self.policy)

    def take(self, rows: list[Row], ends: list[float], table: Table) -> None:
        asked = self._program.outcomes(table)
        changed = np.ones(len(rows), np.bool_)
        changed[1:] = (asked[:, 1:] != asked[:, :-1]).any(axis=0)
        begins = [at for at, _ in rows]
        fresh = np.array([at > end for at, end in zip(begins, [self._until, *ends[:-1]], strict=True)])
        marks = [int(place) for place in np.flatnonzero(changed | fresh)]
        for first, after in itertools.pairwise([*marks, len(rows)]):
            if fresh[first]:
                self._anew()
            self._hold(rows[first][1], begins[first], ends[after - 1])
        self._until = ends[-1]

    def _anew(self) -> None:
        """The node was off in between."""
        self._state = self.policy.start()
        self._turn(False)

    def _hold(self, snapshot: Snapshot, begin: float, end: float) -> None:
        """Nothing that it asks changes from `begin` to `end`, but for guards whose time comes."""
        at = begin
        while at < end:
            decision = self.policy.decide(snapshot, at, self._state)
            self._state = decision.state
            then = min(end, self._next(at))
            self._count(decision, then - at)
            at = then

    def _next(self, at: float) -> float:
        """When a dwell or a patience is over that runs now; a moment later where rounding has left a rest of it."""
        times = [
            held.since + (guard.patience if held.clear else guard.dwell)
            for guard, held in zip(self.policy.guards, self._state, strict=True)
            if held.since is not None
        ]
        return max(min(times, default=math.inf), math.nextafter(at, math.inf))

    def _count(self, decision: Decision, seconds: float) -> None:
        self.known += seconds
        self.worked += seconds * decision.duty
        self._turn(decision.allowed)
        if decision.allowed:
            self.offered += seconds
            self.stretch += seconds
            self.longest = max(self.longest, self.stretch)
        for place, veto in enumerate(decision.vetoes):
            left = veto.guard.duty if veto.guard.action is Action.THROTTLE else 0.0
            _add(self.forbidden_by, veto.guard.name, seconds * (1.0 - left))
            if place == 0:
                _add(self.lost_to, veto.guard.name, seconds * (1.0 - decision.duty))

    def _turn(self, runs: bool) -> None:
        self.transitions += runs != self.ran
        self.ran = runs
        if not runs:
            self.stretch = 0.0

    def result(self, power: PowerModel) -> Replayed:
        return Replayed(
            policy=self.policy.name,
            known=self.known,
            offered=self.offered,
            worked=self.worked,
            longest=self.longest,
            transitions=self.transitions,
            lost_to=_most_first(self.lost_to),
            forbidden_by=_most_first(self.forbidden_by),
            energy=self.worked / 3600 * power.watts / 1000,
        )


def _add(sums: dict[str, float], name: str, more: float) -> None:
    sums[name] = sums.get(name, 0.0) + more


def _most_first(sums: dict[str, float]) -> dict[str, float]:
    return dict(sorted(sums.items(), key=lambda item: -item[1]))
