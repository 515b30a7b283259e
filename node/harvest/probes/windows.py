"""What Windows tells a user: GetSystemPowerStatus, GetLastInputInfo and OpenInputDesktop of Win32, and of the network
what PowerShell says."""

from __future__ import annotations

import ctypes
import sys

from node.harvest.probes.command import output
from node.harvest.probes.probe import Absent, Failed, Readings

POWER = (
    "battery.present", "battery.charge", "battery.charging", "battery.thermometer", "power.source", "power.saver",
)  # fmt: skip
INPUT = ("user.idle", "user.present")
LOCK = ("screen.locked",)
NETWORK = ("network.kind", "network.metered")
HEAT = ("thermal.present",)
NETWORK_TIMEOUT = 10.0  # seconds: PowerShell alone takes one or two to start
_NO_BATTERY, _CHARGING, _UNKNOWN = 128, 8, 255  # of SYSTEM_POWER_STATUS
_TICKS = 1 << 32  # milliseconds, after which the tick counter begins anew
_READ_OBJECTS = 0x0001  # DESKTOP_READOBJECTS
_ASK_NETWORK = (
    "$p = [Windows.Networking.Connectivity.NetworkInformation,Windows,ContentType=WindowsRuntime]"
    "::GetInternetConnectionProfile(); if ($p) { $p.GetConnectionCost().NetworkCostType; $p.IsWlanConnectionProfile;"
    " $p.IsWwanConnectionProfile; $p.NetworkAdapter.IanaInterfaceType }"
)
_ETHERNET = "6"  # IANA ifType


def parse_power(line: int, flag: int, percent: int, saving: int) -> Readings:
    """The fields ACLineStatus, BatteryFlag, BatteryLifePercent, SystemStatusFlag."""
    saver: Readings = {"power.saver": saving == 1, "battery.thermometer": False}
    source = {0: "battery", 1: "mains"}.get(line)
    if flag == _UNKNOWN:
        return saver | dict.fromkeys(POWER[:3]) | {"power.source": source}
    if flag & _NO_BATTERY:
        return saver | {
            "battery.present": False, "battery.charge": None, "battery.charging": None, "power.source": "mains",
        }  # fmt: skip
    return saver | {
        "battery.present": True,
        "battery.charge": None if percent == _UNKNOWN else percent,
        "battery.charging": bool(flag & _CHARGING),
        "power.source": source,
    }


def parse_idle(now: int, last: int) -> Readings:
    """Both by the 32-bit tick counter."""
    return {"user.idle": (now - last) % _TICKS / 1000, "user.present": True}


def parse_network(printed: str) -> Readings:
    """Cost, whether it is Wi-Fi, whether it is a telephone's, and the kind of adapter. Raises Failed."""
    words = printed.split()
    if not words:
        return {"network.kind": "none"}
    if len(words) != 4 or not {words[1], words[2]} <= {"True", "False"}:
        raise Failed("PowerShell tells of the network what makes no sense")
    kind = "wifi" if words[1] == "True" else "cellular" if words[2] == "True" else "other"
    said: Readings = {"network.kind": "ethernet" if kind == "other" and words[3] == _ETHERNET else kind}
    if words[0] in ("Unrestricted", "Fixed", "Variable"):
        said["network.metered"] = words[0] != "Unrestricted"
    return said


def heat() -> Readings:
    """Windows tells its temperatures to administrators only, and seldom the right ones."""
    return {"thermal.present": False}


def network() -> Readings:
    return parse_network(
        output(("powershell", "-NoProfile", "-NonInteractive", "-Command", _ASK_NETWORK), NETWORK_TIMEOUT - 1)
    )


class _PowerStatus(ctypes.Structure):
    _fields_ = (
        ("line", ctypes.c_ubyte),
        ("flag", ctypes.c_ubyte),
        ("percent", ctypes.c_ubyte),
        ("saving", ctypes.c_ubyte),
        ("seconds_left", ctypes.c_uint32),
        ("seconds_when_full", ctypes.c_uint32),
    )


class _LastInput(ctypes.Structure):
    _fields_ = (("size", ctypes.c_uint32), ("tick", ctypes.c_uint32))


if sys.platform == "win32":

    def power() -> Readings:
        """Raises Failed."""
        status = _PowerStatus()
        if not ctypes.windll.kernel32.GetSystemPowerStatus(ctypes.byref(status)):
            raise Failed("GetSystemPowerStatus failed")
        return parse_power(status.line, status.flag, status.percent, status.saving)

    def user_input() -> Readings:
        """Raises Failed, and Absent in a service, which sees no user's input."""
        _in_session()
        last = _LastInput(ctypes.sizeof(_LastInput), 0)
        if not ctypes.windll.user32.GetLastInputInfo(ctypes.byref(last)):
            raise Failed("GetLastInputInfo failed")
        return parse_idle(ctypes.windll.kernel32.GetTickCount() & 0xFFFFFFFF, last.tick)

    def lock() -> Readings:
        """While a session is locked its input goes to a desktop that nobody else may open."""
        _in_session()
        desktop = ctypes.windll.user32.OpenInputDesktop(0, False, _READ_OBJECTS)
        if desktop:
            ctypes.windll.user32.CloseDesktop(desktop)
        return {"screen.locked": not desktop}

    def _in_session() -> None:
        session = ctypes.c_uint32()
        kernel = ctypes.windll.kernel32
        if not kernel.ProcessIdToSessionId(kernel.GetCurrentProcessId(), ctypes.byref(session)) or not session.value:
            raise Absent("a service sees no input: let the node start when its owner signs in")

else:

    def power() -> Readings:
        raise Absent("this is not Windows")

    user_input = lock = power
