"""Where a run goes: to the quickest of the places that can have it and are free. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

HERE = ""  # the gateway itself, among places


@dataclass(frozen=True, slots=True)
class Place:
    """The gateway, or a device that takes work."""

    key: str  # a peer id, or HERE
    slots: int
    used: int
    memory: int  # bytes that a run may have
    rate: int  # fuel per second and slot
    engines: tuple[str, ...]

    @property
    def free(self) -> int:
        return max(0, self.slots - self.used)


@dataclass(frozen=True, slots=True)
class Capacity:
    """Of several places. `rate`: fuel per second of all slots; `memory`: the most that any gives one run."""

    slots: int = 0
    free: int = 0
    memory: int = 0
    rate: int = 0
    engines: tuple[str, ...] = ()

    @property
    def rate_of_slot(self) -> int:
        """On average."""
        return self.rate // self.slots if self.slots else 0


def capacity(places: Sequence[Place]) -> Capacity:
    return Capacity(
        slots=sum(place.slots for place in places),
        free=sum(place.free for place in places),
        memory=max((place.memory for place in places), default=0),
        rate=sum(place.slots * place.rate for place in places),
        engines=tuple(sorted({engine for place in places for engine in place.engines})),
    )


def choose(places: Iterable[Place], engine: str, memory: int, avoid: Collection[str] = ()) -> Place | None:
    """The free place for a run that wants so much: the quickest, and of equals the one with most room. Those to
    `avoid`, where the run has come to nothing before, only when there is no other."""
    able = [place for place in places if place.free and engine in place.engines and place.memory >= memory]
    return max(
        able, key=lambda place: (place.key not in avoid, place.rate, place.free / place.slots, place.key), default=None
    )
