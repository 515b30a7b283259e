"""What a device of the fleet does, in words. Pure."""

from __future__ import annotations

from fogchain.api.fleet import CapacityView, DeviceView
from ui import harvestwords, show

ACTORS = {"device": "the device", "owner": "its owner", "clock": "time", "gateway": "the gateway"}
OWNER = {"auto": "lets it work", "pause": "has paused it", "finish": "lets it finish", "boost": "has boosted it"}
TEMPERATURES = ("thermal.cpu", "battery.temperature")


def why(device: DeviceView) -> str:
    """Why it does not work; empty for one that does."""
    if device.policy_error:
        return f"It refuses the policy that it was sent: {device.policy_error}"
    return device.detail


def heard(device: DeviceView, age: float) -> str:
    """`age`: seconds since the gateway said so."""
    if device.silent_ms is None:
        return "not since the gateway's start"
    silent = device.silent_ms / 1000 + age
    return "now" if silent < 2 else f"{show.span(int(silent))} ago"


def tasks(device: DeviceView) -> str:
    standing = sum(run.state == "standing" for run in device.runs)
    words = show.plural(len(device.runs), "task") if device.runs else "none"
    return f"{words}, {standing} of them held" if standing else words


def slots(device: DeviceView) -> str:
    return of(device.capacity)


def of(capacity: CapacityView) -> str:
    if not capacity.slots:
        return show.UNKNOWN
    return f"{capacity.free} of {show.plural(capacity.slots, 'slot')} free"


def policy(device: DeviceView) -> str:
    if device.policy_wanted and device.policy_wanted != device.policy_hash and not device.policy_error:
        return f"{device.policy or show.UNKNOWN}, another on its way"
    return device.policy or show.UNKNOWN


def charge(device: DeviceView) -> str:
    return harvestwords.value(device.sensors.get("battery.charge", show.UNKNOWN))


def temperature(device: DeviceView) -> str:
    return next((device.sensors[name] for name in TEMPERATURES if name in device.sensors), show.UNKNOWN)


def label(sensor: str) -> str:
    group, words = harvestwords.SENSORS.get(sensor, ("", sensor))
    return f"{words}, {group.lower()}" if group == "Heat" else words
