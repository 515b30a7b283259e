"""What Android tells an app in Termux: by the commands of Termux:API, which has to be installed beside it."""

from __future__ import annotations

import json
from typing import Any

from node.harvest.probes.command import output
from node.harvest.probes.probe import Failed, Readings

BATTERY = (
    "battery.present", "battery.charge", "battery.charging", "battery.thermometer", "battery.temperature",
    "power.source",
)  # fmt: skip
NETWORK = ("network.kind", "network.metered")
PRESENT = ("user.present",)
TIMEOUT = 5.0  # seconds: each question starts a process of Android's and waits for an app
_SOURCES = {
    "UNPLUGGED": "battery", "PLUGGED_AC": "mains", "PLUGGED_USB": "usb", "PLUGGED_WIRELESS": "usb",
    "PLUGGED_DOCK": "usb",
}  # fmt: skip


def battery() -> Readings:
    return parse_battery(output(("termux-battery-status",), TIMEOUT - 0.5))


def network() -> Readings:
    wifi = parse_wifi(output(("termux-wifi-connectioninfo",), TIMEOUT / 2 - 0.5))
    return wifi or parse_telephone(output(("termux-telephony-deviceinfo",), TIMEOUT / 2 - 0.5))


def present() -> Readings:
    """A phone has a screen, and somebody whose it is."""
    return {"user.present": True}


def parse_battery(printed: str) -> Readings:
    """Raises Failed."""
    said = _object(printed, "termux-battery-status")
    status = said.get("status")
    return {
        "battery.present": said.get("present", True) is not False,
        "battery.charge": _number(said.get("percentage")),
        "battery.charging": None if status not in _STATES else status == "CHARGING",
        "battery.thermometer": True,
        "battery.temperature": _number(said.get("temperature")),
        "power.source": _SOURCES.get(str(said.get("plugged"))),
    }


_STATES = ("CHARGING", "DISCHARGING", "FULL", "NOT_CHARGING")


def parse_wifi(printed: str) -> Readings:
    """Nothing where there is no connection. Whether it costs money Android tells no command. Raises Failed."""
    said = _object(printed, "termux-wifi-connectioninfo")
    joined = said.get("supplicant_state") == "COMPLETED" and said.get("ip") not in (None, "", "0.0.0.0")
    return {"network.kind": "wifi"} if joined else {}


def parse_telephone(printed: str) -> Readings:
    """Raises Failed."""
    said = _object(printed, "termux-telephony-deviceinfo")
    if said.get("data_state") in ("connected", "suspended"):
        return {"network.kind": "cellular", "network.metered": True}
    return {"network.kind": "none"}


def _object(printed: str, command: str) -> dict[str, Any]:
    try:
        said = json.loads(printed)
    except (ValueError, RecursionError) as error:
        raise Failed(f"{command} printed no JSON") from error
    if not isinstance(said, dict):
        raise Failed(f"{command} printed what makes no sense")
    if "error" in said or "API_ERROR" in said:
        raise Failed(f"{command}: {said.get('error') or said.get('API_ERROR')}")
    return said


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
