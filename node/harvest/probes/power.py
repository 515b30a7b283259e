"""What Linux says of its power, in `/sys/class/power_supply`."""

from __future__ import annotations

from pathlib import Path

from node.harvest.probes.files import folders, number, text
from node.harvest.probes.probe import Failed, Readings

SENSORS = (
    "battery.present", "battery.charge", "battery.charging", "battery.thermometer", "battery.temperature",
    "power.source",
)  # fmt: skip


class Power:
    """Remembers what there was: a battery may be taken out, but a machine whose power supplies are all gone at once is
    not on mains, it says nothing any more."""

    def __init__(self, sys: Path) -> None:
        self._sys = sys
        self._seen = self._measured = False

    def read(self) -> Readings:
        """Raises Failed."""
        if not (self._sys / "class").is_dir():
            raise Failed(f"{self._sys / 'class'} is gone" if self._seen else f"there is no {self._sys / 'class'}")
        here = bool(folders(self._sys / "class" / "power_supply"))
        if self._seen and not here:
            raise Failed("all power supplies are gone")
        self._seen |= here
        said = read_power(self._sys)
        if said["battery.present"] and not said["battery.thermometer"] and self._measured:
            return said | {"battery.thermometer": True}  # it is there, and says nothing
        self._measured = bool(said["battery.thermometer"])
        return said


def read_power(sys: Path) -> Readings:
    """`battery.*` but the slope, and `power.source`. Batteries of mice and pens are none of the machine's."""
    supplies = [_Supply(folder) for folder in folders(sys / "class" / "power_supply")]
    batteries = [one for one in supplies if one.kind == "Battery" and one.text("scope") != "Device"]
    return {**_battery(batteries), "power.source": _source(supplies, batteries)}


class _Supply:
    """One folder of `power_supply`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.kind = self.text("type")

    def text(self, name: str) -> str | None:
        return text(self._folder / name)

    def number(self, name: str) -> float | None:
        return number(self._folder / name)

    @property
    def measured(self) -> bool:
        """Whether it has a temperature, readable or not."""
        try:
            return "temp" in {path.name for path in self._folder.iterdir()}
        except OSError:
            return True

    @property
    def online(self) -> bool | None:
        value = self.text("online")
        return None if value not in ("0", "1", "2") else value != "0"


def _battery(batteries: list[_Supply]) -> Readings:
    if not batteries:
        return {
            "battery.present": False, "battery.charge": None, "battery.charging": None, "battery.thermometer": False,
            "battery.temperature": None,
        }  # fmt: skip
    charges = [one.number("capacity") for one in batteries]
    states = [one.text("status") for one in batteries]
    tenths = [value for one in batteries if (value := one.number("temp")) is not None]
    known = [charge for charge in charges if charge is not None]
    return {
        "battery.present": True,
        "battery.charge": min(known) if len(known) == len(batteries) else None,
        "battery.charging": None if None in states or "Unknown" in states else "Charging" in states,
        "battery.thermometer": any(one.measured for one in batteries),
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
