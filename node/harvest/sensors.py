"""What can be known of a machine, by name, and in which unit. One table: probes fill it, policies ask it.

A reading is a value or UNKNOWN, which is None: a probe that failed, hung or made no sense has no value. What a machine
does not have is no unknown: it has `battery.present = false`, and a rule asks for that first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TypeAlias


class Unit(Enum):
    """Of numbers; the value is how a policy writes it."""

    PERCENT = "%"
    CELSIUS = "C"
    CELSIUS_A_MINUTE = "C/min"
    PERCENT_AN_HOUR = "%/h"
    SECONDS = "s"
    WATTS = "W"
    MEGABYTES = "MB"
    CLOCK = "clock"  # minutes since midnight, written 22:30


@dataclass(frozen=True, slots=True)
class Number:
    """A quantity. Implausible is what lies outside `low` and `high`, or moves by more than `jump` a second."""

    unit: Unit
    low: float
    high: float
    jump: float | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these words."""

    words: frozenset[str]


Kind: TypeAlias = Number | Flag | Choice
Value: TypeAlias = float | bool | str
Snapshot: TypeAlias = Mapping[str, Value | None]

_PERCENT = Number(Unit.PERCENT, 0, 100)
_SECONDS = Number(Unit.SECONDS, 0, 10 * 365 * 86_400)

SENSORS: Mapping[str, Kind] = MappingProxyType(
    {
        "battery.present": Flag(),
        "battery.charge": Number(Unit.PERCENT, 0, 100, jump=5),
        "battery.charging": Flag(),
        "battery.slope": Number(Unit.PERCENT_AN_HOUR, -1000, 1000),  # net: what charges it less what is drawn
        "battery.thermometer": Flag(),  # it tells its temperature; those of many laptops do not
        "battery.temperature": Number(Unit.CELSIUS, -40, 120, jump=10),
        "battery.warming": Number(Unit.CELSIUS_A_MINUTE, -60, 60),
        "power.source": Choice(frozenset(("mains", "ups", "ups-battery", "usb", "battery"))),
        "power.saver": Flag(),
        "thermal.present": Flag(),  # a sensor is there; virtual machines have none
        "thermal.cpu": Number(Unit.CELSIUS, -40, 150, jump=60),  # the hottest sensor of processor and board
        "thermal.slope": Number(Unit.CELSIUS_A_MINUTE, -3600, 3600),
        "cpu.foreign": _PERCENT,  # of all cores, what is not ours
        "memory.free": Number(Unit.MEGABYTES, 0, 1e9),
        "memory.used": _PERCENT,
        "disk.free": Number(Unit.MEGABYTES, 0, 1e12),
        "user.present": Flag(),  # somebody can sit here: there is a seat with a screen
        "user.idle": _SECONDS,  # since the last key or pointer
        "screen.locked": Flag(),
        "screen.off": _SECONDS,  # for how long; 0 while it is on
        "network.kind": Choice(frozenset(("none", "ethernet", "wifi", "cellular", "other"))),
        "network.metered": Flag(),
        "time.clock": Number(Unit.CLOCK, 0, 24 * 60),
        "time.weekend": Flag(),
        "gpu.load": _PERCENT,
        "gpu.temperature": Number(Unit.CELSIUS, -40, 150, jump=60),
    }
)


def plausible(name: str, value: Value | None) -> Value | None:
    """The value, or UNKNOWN when that sensor can't have it. Raises KeyError for a name that is no sensor."""
    kind = SENSORS[name]
    match kind:
        case Flag():
            return value if isinstance(value, bool) else None
        case Choice(words):
            return value if isinstance(value, str) and value in words else None
        case Number(_, low, high):
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return float(value) if is_number and low <= value <= high else None  # type: ignore[operator, arg-type]


def steady(name: str, before: float, value: float, seconds: float) -> bool:
    """Whether a number may have moved so far in that time: else its probe errs."""
    kind = SENSORS[name]
    if not isinstance(kind, Number) or kind.jump is None:
        return True
    return abs(value - before) <= kind.jump * max(seconds, 1.0)
