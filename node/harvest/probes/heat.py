"""What Linux says of its heat, in `/sys/class/thermal` and `/sys/class/hwmon`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from node.harvest.probes.files import folders, number, text
from node.harvest.probes.probe import Failed, Readings

SENSORS = ("thermal.present", "thermal.cpu")
_CPU_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "x86_pkg_temp", "cpu-thermal", "cpu", "soc")


class Heat:
    """Remembers that there was a sensor: one that is gone is unknown, not absent. `barred`: a folder that we may not
    list is unknown, too; newer Androids let no app list it, and there the battery's temperature has to do."""

    def __init__(self, sys: Path, *, barred: bool = True) -> None:
        self._sys, self._barred = sys, barred
        self._seen = False

    def read(self) -> Readings:
        """Raises Failed."""
        if not (self._sys / "class").is_dir():
            raise Failed(f"there is no {self._sys / 'class'}")
        said = read_heat(self._sys)
        if not said["thermal.present"]:
            if self._seen:
                raise Failed("all its sensors are gone")
            if self._barred and (hidden := self._hidden()):
                raise Failed(f"this user may not look into {hidden}")
        self._seen |= bool(said["thermal.present"])
        return said

    def _hidden(self) -> Path | None:
        for folder in (self._sys / "class" / "thermal", self._sys / "class" / "hwmon"):
            try:
                next(folder.iterdir(), None)
            except PermissionError:
                return folder
            except OSError:
                continue
        return None


def read_heat(sys: Path) -> Readings:
    """`thermal.present` and `thermal.cpu`: the hottest of the processor, or of all if none is known as its."""
    found = [*_zones(sys / "class" / "thermal"), *_monitors(sys / "class" / "hwmon")]
    if not found:
        return {"thermal.present": False, "thermal.cpu": None}
    named = [value for name, value in found if name.lower().startswith(_CPU_SENSORS)]
    known = [value for value in named or [value for _, value in found] if value is not None]
    return {"thermal.present": True, "thermal.cpu": max(known) if known else None}


def _zones(folder: Path) -> Iterator[tuple[str, float | None]]:
    for zone in folders(folder):
        if zone.name.startswith("thermal_zone"):
            yield text(zone / "type") or "", _thousandth(number(zone / "temp"))


def _monitors(folder: Path) -> Iterator[tuple[str, float | None]]:
    for monitor in folders(folder):
        name = text(monitor / "name") or ""
        try:
            inputs = sorted(monitor.glob("temp*_input"))
        except OSError:
            inputs = []
        for one in inputs:
            yield name, _thousandth(number(one))


def _thousandth(value: float | None) -> float | None:
    return None if value is None else value / 1000
