"""How busy and how hot graphics processors are: AMD's from `/sys`, NVIDIA's by its own program."""

from __future__ import annotations

from pathlib import Path

from node.harvest.probes.command import output
from node.harvest.probes.files import folders, number
from node.harvest.probes.probe import Absent, Failed, Readings

SENSORS = ("gpu.load", "gpu.temperature")
_NVIDIA = ("nvidia-smi", "--query-gpu=utilization.gpu,temperature.gpu", "--format=csv,noheader,nounits")


def amd(sys: Path) -> Readings:
    """The most of several. Raises Absent."""
    loads, heats = [], []
    for card in folders(sys / "class" / "drm"):
        busy = number(card / "device" / "gpu_busy_percent")
        if busy is None or "-" in card.name:
            continue
        loads.append(busy)
        for monitor in folders(card / "device" / "hwmon"):
            if (heat := number(monitor / "temp1_input")) is not None:
                heats.append(heat / 1000)
    if not loads:
        raise Absent("no graphics processor of which the kernel tells how busy it is")
    return {"gpu.load": max(loads), "gpu.temperature": max(heats, default=None)}


def nvidia() -> Readings:
    """Raises Absent, Failed."""
    return parse_nvidia(output(_NVIDIA))


def parse_nvidia(printed: str) -> Readings:
    """A line for each: `37, 61`. Raises Failed."""
    rows = [line.split(",") for line in printed.splitlines() if line.strip()]
    try:
        if not rows:
            raise ValueError
        return {
            "gpu.load": max(float(row[0]) for row in rows),
            "gpu.temperature": max(float(row[1]) for row in rows),
        }
    except (ValueError, IndexError) as error:
        raise Failed("nvidia-smi printed what makes no sense") from error
