"""Which probes a machine has."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from node.harvest.probes import calendar, evdev, heat, network, power, processor, seat
from node.harvest.probes.probe import Probe, Root, asks


def probes_for(
    *,
    folder: Path,
    ours: Callable[[], float],
    system: str = sys.platform,
    root: Root | None = None,
) -> list[Probe]:
    """`folder`: whose disk counts. `ours`: seconds of processor time that our workers have used so far; any thread may
    call it. `system`: as `sys.platform`. A `root` that is made tells of its own files only, the disk and the time of
    day."""
    root = root or Root()
    return [*_everywhere(folder), *_linux(root, ours)]


def _everywhere(folder: Path) -> list[Probe]:
    return [
        asks("disk", processor.DISK, lambda: processor.disk(folder), busy=5, idle=30),
        asks("time", calendar.SENSORS, calendar.read_time, busy=10, idle=30),
    ]


def _linux(root: Root, ours: Callable[[], float]) -> list[Probe]:
    screen = seat.Screen(root)
    return [
        asks("power", power.SENSORS, power.Power(root.sys).read, busy=0.5),
        asks("heat", heat.SENSORS, heat.Heat(root.sys).read, busy=0.25),
        asks("load", processor.LOAD, processor.Load(root, ours).read, busy=1),
        asks("memory", processor.MEMORY, processor.Memory(root).read, busy=1),
        Probe("input", evdev.SENSORS, lambda: evdev.Evdev(root)),
        asks("terminals", seat.TERMINALS, lambda: seat.terminals(root), busy=1, idle=5, whole=False),
        asks("seat", seat.PRESENT, lambda: seat.present(root), busy=5, idle=10),
        asks("screen", seat.SCREEN, screen.read, busy=0.5),
        asks("network", network.SENSORS, lambda: network.read_network(root), busy=5, idle=10),
    ]
