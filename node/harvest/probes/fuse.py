"""What several probes tell of one sensor, made into one value. Pure.

None is a source that is there and does not know. It never hides what another one is sure of, where that makes for
caution: a key was pressed, the battery is in use, the connection costs money. And it never lets the rest be believed,
where that would make for courage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from node.harvest.sensors import SENSORS, Number, Unit, Value

RECENT = 2.0  # seconds: input so long ago is told even while another source is unknown
_WORST_SOURCES = ("battery", "ups-battery", "usb", "ups", "mains")
_CAUTIOUS = ("battery", "ups-battery")

GRAIN: Mapping[Unit, float] = MappingProxyType(
    {
        Unit.PERCENT: 1.0, Unit.CELSIUS: 0.5, Unit.CELSIUS_A_MINUTE: 1.0, Unit.PERCENT_AN_HOUR: 1.0, Unit.WATTS: 1.0,
        Unit.MEGABYTES: 64.0, Unit.CLOCK: 1.0,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """By one source: the value, when it was so, and of `user.idle` whether the source sees all input there is."""

    value: Value | None
    at: float
    whole: bool = True


_Rule: TypeAlias = Callable[[Sequence[Told]], Value | None]


def fuse(sensor: str, told: Sequence[Told]) -> Value | None:
    """`told`: by the sources that are there, the one to believe first in front. None while it is not known."""
    return _RULES.get(sensor, _first)(told) if told else None


def moved(sensor: str, before: Value | None, after: Value | None) -> bool:
    """Whether the difference can matter to a rule. Time that goes on since the last input does not; a key does."""
    if before is None or after is None or isinstance(before, str) or isinstance(after, str):
        return before != after
    kind = SENSORS[sensor]
    if not isinstance(kind, Number):
        return before != after
    if kind.unit is Unit.SECONDS:
        return after < before
    return abs(after - before) >= GRAIN[kind.unit]


def _first(told: Sequence[Told]) -> Value | None:
    return next((one.value for one in told if one.value is not None), None)


def _any(told: Sequence[Told]) -> Value | None:
    """True if one says so, false if all do."""
    values = [one.value for one in told]
    return True if True in values else None if None in values else False


def _most(told: Sequence[Told]) -> Value | None:
    numbers = _numbers(told)
    return max(numbers) if len(numbers) == len(told) else None


def _least(told: Sequence[Told]) -> Value | None:
    numbers = _numbers(told)
    return min(numbers) if len(numbers) == len(told) else None


def _worst(told: Sequence[Told]) -> Value | None:
    values = [one.value for one in told]
    known = [word for word in _WORST_SOURCES if word in values]
    sure = [word for word in known if word in _CAUTIOUS]
    if None in values:
        return sure[0] if sure else None
    return known[0] if known else None


def _since_input(told: Sequence[Told]) -> Value | None:
    """Seconds from the newest input that any source knows of, to when the last of the whole ones looked. Each source's
    idle time is a bound: there may have been input that it does not see, never less than it saw."""
    inputs = [one.at - one.value for one in told if isinstance(one.value, float | int)]
    if not inputs:
        return None
    wholes = [one for one in told if one.whole]
    blind = not wholes or any(one.value is None for one in told)
    looked = max(one.at for one in told) if blind else min(one.at for one in wholes)
    idle = max(0.0, looked - max(inputs))
    return None if blind and idle > RECENT else idle


def _numbers(told: Sequence[Told]) -> list[float]:
    return [float(one.value) for one in told if isinstance(one.value, float | int)]


_RULES: Mapping[str, _Rule] = MappingProxyType(
    {
        "power.source": _worst, "power.saver": _any, "thermal.cpu": _most, "gpu.temperature": _most, "gpu.load": _most,
        "user.present": _any, "user.idle": _since_input, "screen.locked": _any, "screen.off": _least,
        "network.metered": _any,
    }
)  # fmt: skip
