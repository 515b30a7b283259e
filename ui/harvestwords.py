"""What a machine does for others, as its owner would say it. Pure."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence

from fogchain.api.harvest import CauseView, HarvestView, ProbeView, VetoView
from fogchain.units import format_ratio
from ui import show

GROUPS = ("Power", "Heat", "Use", "Machine", "Network", "Time", "Other")
SENSORS = {  # group, and what people call it
    "power.source": ("Power", "Source"),
    "power.saver": ("Power", "Power saving"),
    "battery.present": ("Power", "Battery"),
    "battery.charge": ("Power", "Charge"),
    "battery.charging": ("Power", "Charging"),
    "battery.slope": ("Power", "Charge goes by"),
    "battery.temperature": ("Heat", "Battery"),
    "battery.warming": ("Heat", "Battery goes by"),
    "battery.thermometer": ("Heat", "Battery has a sensor"),
    "thermal.present": ("Heat", "Has sensors"),
    "thermal.cpu": ("Heat", "Processor"),
    "thermal.slope": ("Heat", "Heat goes by"),
    "gpu.temperature": ("Heat", "Graphics"),
    "user.present": ("Use", "Somebody can sit here"),
    "user.idle": ("Use", "Last key or pointer"),
    "screen.locked": ("Use", "Screen locked"),
    "screen.off": ("Use", "Screen off for"),
    "cpu.foreign": ("Use", "Processor, by others"),
    "gpu.load": ("Use", "Graphics load"),
    "memory.free": ("Machine", "Free memory"),
    "memory.used": ("Machine", "Memory in use"),
    "disk.free": ("Machine", "Free disk"),
    "network.kind": ("Network", "Kind"),
    "network.metered": ("Network", "Metered"),
    "time.clock": ("Time", "Clock"),
    "time.weekend": ("Time", "Weekend"),
}
FORBIDS = {  # why a guard that asks this sensor forbids
    "user.idle": "the machine is in use",
    "user.present": "somebody may be using it",
    "screen.locked": "the screen is not locked",
    "screen.off": "the screen is on",
    "battery.charge": "the battery is low",
    "battery.charging": "the battery is not charging",
    "battery.slope": "the battery is losing charge",
    "battery.temperature": "the battery is too warm",
    "battery.warming": "the battery gets warm too fast",
    "power.source": "it is not plugged in",
    "power.saver": "power saving is on",
    "thermal.cpu": "it is too warm",
    "thermal.slope": "it gets warm too fast",
    "cpu.foreign": "the processor is busy",
    "memory.free": "memory is short",
    "memory.used": "memory is short",
    "disk.free": "the disk is nearly full",
    "network.kind": "the network is not the right one",
    "network.metered": "the network is metered",
    "time.clock": "it is outside its hours",
    "time.weekend": "it is outside its days",
    "gpu.load": "the graphics processor is busy",
    "gpu.temperature": "the graphics processor is too warm",
}
HEADLINES = {
    "offline": "Off",
    "blocked": "Not working",
    "warming": "Ready soon",
    "idle": "Ready: waiting for work",
    "benchmark": "Measuring its own speed",
    "claimed": "About to begin",
    "running": "Working",
    "frozen": "Standing still",
    "checkpointing": "Saving what runs",
    "draining": "Finishing what runs, then it stops",
    "vacating": "Handing back what runs",
    "quarantine": "In quarantine: it waits for you",
}
AT_WORK = frozenset(("idle", "benchmark", "claimed", "running", "draining"))
ACTORS = {
    "policy": "the policy", "owner": "you", "executor": "the sandbox", "buyer": "a buyer", "node": "the node",
    "clock": "time",
}  # fmt: skip
SCOPES = {"safety": "safety", "owner": "your comfort", "platform": "the machine", "job": "the job"}
_HAS = (".present", ".thermometer")
_IF_THERE = re.compile(r"^(?:not \w+\.(?:present|thermometer) or )+")
_SAYS_IT_HAS = re.compile(r"(\w+\.(?:present|thermometer)): \1 is true; ")
REACHED = {"late": "does not answer", "failed": "can't read"}


def headline(view: HarvestView, age: float = 0.0) -> str:
    """`Standing still: the machine is in use`. `age`: seconds since the node said so."""
    if view.state == "quarantine":
        return HEADLINES["quarantine"]
    if view.intent == "pause":
        return "Paused by you" if not view.running else "Paused by you: what runs stands still"
    if view.intent == "finish" and view.state != "draining":
        return "Stopped, as you wanted: it takes no work"
    words = HEADLINES.get(view.state, view.state)
    if view.state == "running" and view.duty < 10_000:
        return f"Working, slowed to {format_ratio(view.duty)} of the time"
    if view.state in AT_WORK or not (reason := because(view, age)):
        return words
    return f"{words}: {reason}"


def because(view: HarvestView, age: float = 0.0) -> str:
    """Of the most severe veto; empty when there is none."""
    for veto in view.vetoes:
        if veto.action == "throttle":
            continue
        if veto.reason == "unknown":
            return f"{_unread(veto.causes)} can't be read"
        if veto.clears_in is not None:
            return f"it makes sure for another {show.span(longest(view, age))}"
        cause = telling(veto.causes)
        if cause is not None and cause.sensor in FORBIDS:
            return FORBIDS[cause.sensor]
        return veto.guard
    return ""


def longest(view: HarvestView, age: float) -> int:
    """Whole seconds until the last of the vetoes that only wait for time is over."""
    return max(0, math.ceil(max((veto.clears_in or 0.0 for veto in view.vetoes), default=0.0) - age))


def telling(causes: Sequence[CauseView]) -> CauseView | None:
    """The one that says most: that there is a battery is no reason, that it is low is."""
    told = reasons(causes)
    return told[-1] if told else None


def reasons(causes: Sequence[CauseView]) -> list[CauseView]:
    """Without those that only say what the machine has."""
    return [cause for cause in causes if not cause.sensor.endswith(_HAS)] or list(causes)


def clears(veto: VetoView, age: float) -> str:
    """When a veto is over."""
    if veto.clears_in is None:
        return "waits for"
    left = veto.clears_in - age
    return f"in {show.span(math.ceil(left))}" if left > 0 else "now"


def has_to_hold(veto: VetoView) -> str:
    """Without what is so anyway: a guard that asks a battery is none of a machine without one."""
    condition = _IF_THERE.sub("", veto.enter)
    return f"{condition}, for {show.span(veto.dwell)}" if veto.dwell else condition


def detail(view: HarvestView) -> str:
    """What the headline goes by: the most severe veto's guard, threshold and value, or what slows it, or its cause."""
    if view.intent in ("pause", "finish") or view.state == "quarantine":
        return view.cause
    for veto in view.vetoes:
        cause = telling(veto.causes)
        if cause is not None and veto.clears_in is None:
            return f"{veto.guard}: {cause.condition}, now {value(cause.value)}"
        return veto.text
    return f"slowed: {view.pace}" if view.pace and view.running else view.cause


def wish(view: HarvestView) -> str:
    """What the owner said, and until when."""
    said = {
        "auto": "Works as the policy allows", "pause": "Paused", "finish": "Finishes, then stops", "boost": "Boosted",
    }[view.intent]  # fmt: skip
    if view.intent in ("auto", "finish"):
        return said
    return f"{said} until {show.moment(view.until)}" if view.until is not None else f"{said} until you resume"


def value(words: str) -> str:
    return {"true": "yes", "false": "no"}.get(words, words)


def label(sensor: str) -> str:
    return SENSORS.get(sensor, ("Other", sensor))[1]


def cause(words: str) -> str:
    """A transition's cause without those parts that only say what the machine has."""
    return _SAYS_IT_HAS.sub("", words)


def trouble(probe: ProbeView) -> str:
    """Empty for a probe that is well, or has nothing to read here."""
    if probe.state not in REACHED:
        return ""
    detail = f": {probe.detail}" if probe.detail else ""
    return (
        f"The probe of {probe.name} {REACHED[probe.state]}{detail}. Not known without it: {', '.join(probe.sensors)}."
    )


def until_morning(now: float) -> int:
    """Milliseconds until seven o'clock of the panel's machine."""
    day = time.localtime(now)
    seven = time.mktime((day.tm_year, day.tm_mon, day.tm_mday + (day.tm_hour >= 7), 7, 0, 0, 0, 0, -1))
    return max(1000, round((seven - now) * 1000))


def _unread(causes: Sequence[CauseView]) -> str:
    names = [cause.sensor for cause in causes if cause.value == "unknown"]
    return names[0] if names else "what it asks"
