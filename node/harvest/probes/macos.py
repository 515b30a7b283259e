"""What macOS tells a user without more rights: by its own programs, whose output is read as on macOS 12 to 15. Its
temperatures it tells nobody but root, and it slows itself down before it gets too hot.
"""

from __future__ import annotations

import ctypes
import re
import sys

from node.harvest.probes.command import output
from node.harvest.probes.probe import Absent, Failed, Readings

POWER = ("battery.present", "battery.charge", "battery.charging", "power.source")
BATTERY = ("battery.thermometer", "battery.temperature")
SAVER = ("power.saver",)
INPUT = ("user.idle", "user.present")
EVENTS = ("user.idle",)
LOCK = ("screen.locked",)
NETWORK = ("network.kind", "network.metered")
HEAT = ("thermal.present",)
_QUARTZ = "/System/Library/Frameworks/ApplicationServices.framework/ApplicationServices"
_HARDWARE, _ANY_INPUT = 1, 0xFFFFFFFF  # kCGEventSourceStateHIDSystemState, kCGAnyInputEventType
_SOURCES = {"AC Power": "mains", "Battery Power": "battery", "UPS Power": "ups-battery"}


def power() -> Readings:
    return parse_power(output(("pmset", "-g", "batt")))


def battery() -> Readings:
    return parse_battery(output(("ioreg", "-rn", "AppleSmartBattery")))


def saver() -> Readings:
    return parse_saver(output(("pmset", "-g")))


def user_input() -> Readings:
    return parse_input(output(("ioreg", "-c", "IOHIDSystem", "-d", "4", "-S")))


def last_event() -> Readings:
    """The same from Quartz, which is quick but may not be there for a daemon: `user_input` checks it. Raises Absent,
    Failed."""
    if sys.platform != "darwin":
        raise Absent("this is not macOS")
    try:
        since = ctypes.CDLL(_QUARTZ).CGEventSourceSecondsSinceLastEventType
    except (OSError, AttributeError) as error:
        raise Absent("there is no Quartz here") from error
    since.restype, since.argtypes = ctypes.c_double, (ctypes.c_int32, ctypes.c_uint32)
    return {"user.idle": float(since(_HARDWARE, _ANY_INPUT))}


def lock() -> Readings:
    return parse_lock(output(("ioreg", "-n", "Root", "-d", "1")))


def network() -> Readings:
    return parse_network(output(("route", "-n", "get", "default")), output(("networksetup", "-listallhardwareports")))


def heat() -> Readings:
    """There is no sensor for us."""
    return {"thermal.present": False}


def parse_power(printed: str) -> Readings:
    """`pmset -g batt`: where the power comes from, then a line for each battery, those of a UPS too."""
    drawing = re.search(r"drawing from '([A-Za-z ]+)'", printed)
    if drawing is None or drawing[1] not in _SOURCES:
        raise Failed("pmset does not say where the power comes from")
    lines = re.findall(r"^\s*-(\S.*?)\s.*?(\d{1,3})%;\s*([A-Za-z ]+)", printed, re.M)
    own = [(int(charge), state.strip()) for name, charge, state in lines if name.startswith("InternalBattery")]
    source = _SOURCES[drawing[1]]
    if source == "mains" and len(lines) > len(own):
        source = "ups"
    if not own:
        return {"battery.present": False, "battery.charge": None, "battery.charging": None, "power.source": source}
    return {
        "battery.present": True,
        "battery.charge": min(charge for charge, _ in own),
        "battery.charging": any(state in ("charging", "finishing charge") for _, state in own),
        "power.source": source,
    }


def parse_battery(printed: str) -> Readings:
    """`ioreg -rn AppleSmartBattery`, in hundredths of a degree."""
    found = re.search(r'"Temperature" = (\d{1,6})\b', printed)
    if found is None:
        return {"battery.thermometer": False}
    return {"battery.thermometer": True, "battery.temperature": int(found[1]) / 100}


def parse_saver(printed: str) -> Readings:
    found = re.search(r"^\s*(?:lowpowermode|powermode)\s+(\d)\s*$", printed, re.M)
    return {"power.saver": found[1] == "1"} if found else {}


def parse_input(printed: str) -> Readings:
    """Nanoseconds since the last event of any device."""
    found = re.search(r'"HIDIdleTime" = (\d{1,20})\b', printed)
    if found is None:
        raise Failed("ioreg does not say since when there was no input")
    return {"user.idle": int(found[1]) / 1e9, "user.present": True}


def parse_lock(printed: str) -> Readings:
    found = re.search(r'"IOConsoleLocked" = (Yes|No)\b', printed) or re.search(
        r'"CGSSessionScreenIsLocked"\s*=\s*(Yes|No)\b', printed
    )
    return {"screen.locked": found[1] == "Yes"} if found else {}


def parse_network(route: str, ports: str) -> Readings:
    """`route -n get default` names the device, `networksetup -listallhardwareports` what kind it is."""
    device = re.search(r"^\s*interface: (\w+)\s*$", route, re.M)
    if device is None:
        return {"network.kind": "none"}
    port = re.search(rf"^Hardware Port: (.+)\nDevice: {device[1]}$", ports, re.M)
    name = port[1].lower() if port else ""
    if "wi-fi" in name or "airport" in name:
        return {"network.kind": "wifi"}
    if "iphone" in name or "wwan" in name or "modem" in name:
        return {"network.kind": "cellular", "network.metered": True}
    if "ethernet" in name or "lan" in name or "thunderbolt" in name:
        return {"network.kind": "ethernet", "network.metered": False}
    return {"network.kind": "other"}
