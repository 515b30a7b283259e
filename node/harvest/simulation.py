"""Machines that heat up and charges that hover as real ones do, to try policies and governors on. Pure.

A machine is a capacity that work heats and that cools through a resistance, C dT/dt = P duty - (T - ambient) / R. Its
sensor follows late, and speaks in steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from node.harvest.pacing import Pacer, heat_limit
from node.harvest.policy import Policy
from node.harvest.sensors import Snapshot, Value

LOOK = 0.25  # seconds between two readings
WINDOW = 600.0  # seconds in which transitions are counted


@dataclass(slots=True)
class Heating:
    """All temperatures in C, times in seconds."""

    ambient: float = 25.0
    full: float = 105.0  # that it comes to under full work: ambient + P R
    constant: float = 60.0  # R C
    lag: float = 4.0  # of the sensor
    grain: float = 1.0  # of the sensor
    heat: float = field(init=False)
    _shown: float = field(init=False)

    def __post_init__(self) -> None:
        self.heat = self._shown = self.ambient

    @property
    def reading(self) -> float:
        return round(self._shown / self.grain) * self.grain

    def run(self, duty: float, seconds: float) -> None:
        toward = self.ambient + duty * (self.full - self.ambient)
        self.heat += (toward - self.heat) * seconds / self.constant
        self._shown += (self.heat - self._shown) * seconds / self.lag


@dataclass(frozen=True, slots=True)
class Heated:
    """What a machine came to, look by look: its true heat in C, and the duty that was let."""

    limit: float
    heats: tuple[float, ...]
    duties: tuple[float, ...]

    @property
    def overshoot(self) -> float:
        """Degrees by which it came above its limit."""
        return max(0.0, max(self.heats) - self.limit)


def heated(policy: Policy, machine: Heating, seconds: float, rest: Mapping[str, Value | None]) -> Heated:
    """Work as a policy and its pacer let it, on a machine that is otherwise as `rest` says. Raises ValueError for a
    policy without a limit of heat."""
    limit = heat_limit(policy)
    if limit is None:
        raise ValueError(f"{policy.name} has no limit of heat")
    pacer, state = Pacer(policy), policy.start()
    heats, duties = list[float](), list[float]()
    for look in range(int(seconds / LOOK)):
        now = look * LOOK
        snapshot: Snapshot = {**rest, "thermal.present": True, "thermal.cpu": machine.reading}
        decision = policy.decide(snapshot, now, state)
        state = decision.state
        duty = min(decision.duty, pacer.step(snapshot, now, working=decision.allowed).duty)
        machine.run(duty, LOOK)
        heats.append(machine.heat)
        duties.append(duty)
    return Heated(limit, tuple(heats), tuple(duties))


def sawtooth(low: float, high: float, period: float, seconds: float) -> Iterator[tuple[float, float]]:
    """A value each second that rises from `low` to `high` and falls back, once in a period."""
    for second in range(int(seconds)):
        phase = second % period / period
        yield float(second), low + (high - low) * (1 - abs(2 * phase - 1))


def transitions(policy: Policy, course: Iterator[tuple[float, Snapshot]]) -> list[float]:
    """When a policy changed what it lets: whether anything runs, or how fast. Times as in the course."""
    state, before, found = policy.start(), 0.0, list[float]()
    for at, snapshot in course:
        decision = policy.decide(snapshot, at, state)
        state = decision.state
        if decision.duty != before:
            found.append(at)
            before = decision.duty
    return found


def most_in_a_window(times: list[float], window: float = WINDOW) -> int:
    """The most of them that lie within so many seconds."""
    return max((sum(first <= other < first + window for other in times) for first in times), default=0)
