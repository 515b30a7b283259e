"""What Linux says of its power and its heat, below `/sys`; the root may be another folder.

Files that vanish, hang behind a broken driver or hold garbage give UNKNOWN, and never an exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from node.harvest.sensors import Value

_CPU_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "x86_pkg_temp", "cpu-thermal", "cpu", "soc")
_MOST_BYTES = 4096

Readings = dict[str, Value | None]


def read_power(sys: Path) -> Readings:
    """`battery.*` but the slope, and `power.source`. Batteries of mice and pens are none of the machine's."""
    supplies = [_Supply(folder) for folder in _folders(sys / "class" / "power_supply")]
    batteries = [one for one in supplies if one.kind == "Battery" and one.text("scope") != "Device"]
    return {**_battery(batteries), "power.source": _source(supplies, batteries)}


def read_heat(sys: Path) -> Readings:
    """`thermal.present` and `thermal.cpu`: the hottest of the processor, or of all if none is known as its."""
    found = [*_zones(sys / "class" / "thermal"), *_monitors(sys / "class" / "hwmon")]
    if not found:
        return {"thermal.present": False, "thermal.cpu": None}
    named = [value for name, value in found if name.lower().startswith(_CPU_SENSORS)]
    known = [value for value in named or [value for _, value in found] if value is not None]
    return {"thermal.present": True, "thermal.cpu": max(known) if known else None}


class _Supply:
    """One folder of `power_supply`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.kind = self.text("type")

    def text(self, name: str) -> str | None:
        return _text(self._folder / name)

    def number(self, name: str) -> float | None:
        return _number(self._folder / name)

    @property
    def online(self) -> bool | None:
        value = self.text("online")
        return None if value not in ("0", "1", "2") else value != "0"


def _battery(batteries: list[_Supply]) -> Readings:
    if not batteries:
        return {"battery.present": False, "battery.charge": None, "battery.charging": None, "battery.temperature": None}
    charges = [one.number("capacity") for one in batteries]
    states = [one.text("status") for one in batteries]
    tenths = [value for one in batteries if (value := one.number("temp")) is not None]
    known = [charge for charge in charges if charge is not None]
    return {
        "battery.present": True,
        "battery.charge": min(known) if len(known) == len(batteries) else None,
        "battery.charging": None if None in states or "Unknown" in states else "Charging" in states,
        "battery.temperature": max(tenths) / 10 if tenths else None,
    }


def _source(supplies: list[_Supply], batteries: list[_Supply]) -> str | None:
    """Where the power comes from. A machine without a battery is on mains; one with a battery has to say."""
    for ups in (one for one in supplies if one.kind == "UPS"):
        state = ups.text("status")
        if state is None or state == "Unknown":
            return None
        return "ups-battery" if state == "Discharging" else "ups"
    states = [one.text("status") for one in batteries]
    lines = [(one.kind, one.online) for one in supplies if one.kind in ("Mains", "USB", "Wireless")]
    if any(kind == "Mains" and online for kind, online in lines):
        return "mains"
    if any(online for _, online in lines):
        return "usb"
    if not batteries:
        return "mains"
    if "Discharging" in states:
        return "battery"
    if any(online is None for _, online in lines):
        return None
    if lines:
        return "battery"  # nothing is plugged in
    return "mains" if states and all(state in ("Charging", "Full", "Not charging") for state in states) else None


def _zones(folder: Path) -> Iterator[tuple[str, float | None]]:
    for zone in _folders(folder):
        if zone.name.startswith("thermal_zone"):
            yield _text(zone / "type") or "", _thousandth(_number(zone / "temp"))


def _monitors(folder: Path) -> Iterator[tuple[str, float | None]]:
    for monitor in _folders(folder):
        name = _text(monitor / "name") or ""
        try:
            inputs = sorted(monitor.glob("temp*_input"))
        except OSError:
            inputs = []
        for one in inputs:
            yield name, _thousandth(_number(one))


def _thousandth(value: float | None) -> float | None:
    return None if value is None else value / 1000


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _number(path: Path) -> float | None:
    try:
        return float(_text(path) or "")
    except ValueError:
        return None
