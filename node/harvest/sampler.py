"""Readings as they come in, made into one snapshot: old ones go, odd ones are unknown, slopes are added. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from node.harvest.sensors import SENSORS, Snapshot, Value, plausible, steady

# Of each slope: its sensor, over how many seconds, and in its unit per how many.
WINDOW = {
    "battery.slope": ("battery.charge", 600.0, 3600.0),
    "battery.warming": ("battery.temperature", 300.0, 60.0),
    "thermal.slope": ("thermal.cpu", 60.0, 60.0),
}
LEAST = {
    "battery.slope": 120.0,
    "battery.warming": 60.0,
    "thermal.slope": 10.0,
}  # seconds between the first and the last of a slope's readings

_POINTS = 60  # of which a slope is made
_COURSES: dict[str, float] = {}  # of each sensor with a slope: over how many seconds it is followed
for _sensor, _window, _ in WINDOW.values():
    _COURSES[_sensor] = max(_window, _COURSES.get(_sensor, 0.0))


@dataclass(slots=True)
class _Reading:
    value: Value | None
    at: float
    until: float


class Sampler:
    """`put` what a probe read, `snapshot` what is known. Times are seconds that never go back."""

    def __init__(self) -> None:
        self._readings: dict[str, _Reading] = {}
        self._last: dict[str, tuple[float, float]] = {}  # sensor to value and time, of numbers that were believed
        self._doubted: dict[str, float] = {}
        self._courses: dict[str, deque[tuple[float, float]]] = {sensor: deque() for sensor, _, _ in WINDOW.values()}

    def put(self, readings: Mapping[str, Value | None], at: float, lasts: float) -> None:
        """`lasts`: seconds after which they are not known any more, since the probe should have spoken again."""
        for name, said in readings.items():
            value = plausible(name, said)
            if isinstance(value, float):
                value = self._believed(name, value, at)
                if value is not None and name in self._courses:
                    self._follow(name, value, at)
            self._readings[name] = _Reading(value, at, at + lasts)

    def forget(self, names: Mapping[str, Value | None] | tuple[str, ...], at: float) -> None:
        """A probe failed: what it tells of is unknown."""
        for name in names:
            self._readings[name] = _Reading(None, at, at)

    def snapshot(self, now: float) -> Snapshot:
        """Every sensor; None for what is unknown."""
        found: dict[str, Value | None] = dict.fromkeys(SENSORS)
        for name, reading in self._readings.items():
            if now <= reading.until:
                found[name] = reading.value
        for slope, (sensor, window, unit) in WINDOW.items():
            found[slope] = self._slope(sensor, now, window, LEAST[slope], unit) if found[sensor] is not None else None
        return found

    def _believed(self, name: str, value: float, at: float) -> float | None:
        """The value, unless it jumped from the last; one that stays where it jumped to is believed the second time."""
        before = self._last.get(name)
        if before is not None and not steady(name, before[0], value, at - before[1]):
            doubted = self._doubted.pop(name, None)
            if doubted is None or not steady(name, doubted, value, at - before[1]):
                self._doubted[name] = value
                return None
        self._doubted.pop(name, None)
        self._last[name] = (value, at)
        return value

    def _follow(self, name: str, value: float, at: float) -> None:
        """Few points are enough for a line; the newest is always among them."""
        course, window = self._courses[name], _COURSES[name]
        if len(course) > 1 and at - course[-2][0] < window / _POINTS:
            course.pop()
        course.append((at, value))
        while course[0][0] < at - window:
            course.popleft()

    def _slope(self, sensor: str, now: float, window: float, least: float, unit: float) -> float | None:
        """Of the least-squares line through the readings of the window, in the sensor's unit per `unit` seconds."""
        points = [(at, value) for at, value in self._courses[sensor] if at >= now - window]
        if len(points) < 2 or points[-1][0] - points[0][0] < least:
            return None
        middle_at = sum(at for at, _ in points) / len(points)
        middle = sum(value for _, value in points) / len(points)
        spread = sum((at - middle_at) ** 2 for at, _ in points)
        return unit * sum((at - middle_at) * (value - middle) for at, value in points) / spread
