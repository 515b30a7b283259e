"""What services of the system tell on its bus: NetworkManager, power-profiles-daemon, UPower."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jeepney import DBusAddress

from node.harvest.probes.bus import Bus, is_number
from node.harvest.probes.files import text
from node.harvest.probes.probe import Absent, Failed, Readings

METERED = ("network.metered",)
SAVER = ("power.saver",)
UPS = ("power.source",)
_NETWORK = DBusAddress(
    "/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager", "org.freedesktop.NetworkManager"
)
_PROFILES = tuple(
    DBusAddress("/" + name.replace(".", "/"), name, name)
    for name in ("org.freedesktop.UPower.PowerProfiles", "net.hadess.PowerProfiles")
)
_UPOWER = "org.freedesktop.UPower"
_METERED = {1: True, 2: False, 3: True, 4: False}  # NMMetered: yes, no, and what it guesses
_UPS, _DISCHARGING, _STATE_UNKNOWN = 3, 2, 0  # UpDeviceKind, UpDeviceState
_MOST_DEVICES = 64


class OnBus:
    """One connection, kept open between readings."""

    def __init__(self, address: str) -> None:
        self._bus = Bus(address)

    def files(self) -> Sequence[int]:
        return ()

    def close(self) -> None:
        self._bus.close()


class Metered(OnBus):
    def read(self) -> Readings:
        """Nothing where NetworkManager does not know. Raises Absent, Failed."""
        said = self._bus.property(_NETWORK, "Metered")
        return {"network.metered": _METERED[said]} if is_number(said) and said in _METERED else {}


class Saver(OnBus):
    def read(self) -> Readings:
        """Raises Absent, Failed."""
        for profiles in _PROFILES:
            try:
                return {"power.saver": self._bus.property(profiles, "ActiveProfile") == "power-saver"}
            except Absent:
                continue
        raise Absent("no power-profiles-daemon answers")


class Ups(OnBus):
    """Of an uninterruptible supply on a cable of its own, which the kernel does not count among the machine's."""

    def read(self) -> Readings:
        """Raises Absent where there is none, Failed."""
        manager = DBusAddress("/org/freedesktop/UPower", _UPOWER, _UPOWER)
        paths = self._bus.call(manager, "EnumerateDevices")
        if not isinstance(paths, list) or not all(isinstance(path, str) and path.startswith("/") for path in paths):
            raise Failed("UPower gave a list that makes no sense")
        for path in paths[:_MOST_DEVICES]:
            device = DBusAddress(path, _UPOWER, f"{_UPOWER}.Device")
            if self._bus.property(device, "Type") == _UPS:
                return {"power.source": ups_source(self._bus.property(device, "State"))}
        raise Absent("UPower knows of no UPS")


def ups_source(state: object) -> str | None:
    if not is_number(state) or state == _STATE_UNKNOWN:
        return None
    return "ups-battery" if state == _DISCHARGING else "ups"


def platform_saver(sys: Path) -> Readings:
    """Of the firmware's own profiles. Raises Absent."""
    profile = text(sys / "firmware" / "acpi" / "platform_profile")
    if profile is None:
        raise Absent("the firmware has no profiles")
    return {"power.saver": profile == "low-power"}
