"""Which probes a machine has. Nobody is asked here: what a machine lacks, its probe says."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from node.harvest.probes import (
    anywhere,
    bus,
    calendar,
    desktop,
    evdev,
    gpu,
    heat,
    logind,
    macos,
    network,
    power,
    processor,
    seat,
    services,
    termux,
    wayland,
    windows,
    x11,
)
from node.harvest.probes.probe import Probe, Root, asks


def probes_for(
    *,
    folder: Path,
    ours: Callable[[], float],
    system: str | None = None,
    root: Root | None = None,
    environment: Mapping[str, str] = os.environ,
) -> list[Probe]:
    """`folder`: whose disk counts. `ours`: seconds of processor time that our workers have used so far; any thread may
    call it. `system`: as `this_system` says, which is asked if it is None. A `root` that is made tells of its own files
    only, of the disk and of the time of day."""
    root = root or Root()
    everywhere = [
        asks("disk", processor.DISK, lambda: processor.disk(folder), busy=5, idle=30),
        asks("time", calendar.SENSORS, calendar.read_time, busy=10, idle=30),
    ]
    match this_system(environment) if system is None else system:
        case "darwin":
            return [*everywhere, *_anywhere(ours), *_macos()]
        case "win32":
            return [*everywhere, *_anywhere(ours), *_windows()]
        case "android":
            return [*everywhere, *_android(root)]
        case _:
            return [*everywhere, *_linux(root, ours), *(_asked_of_linux(environment) if root.real else ())]


def this_system(environment: Mapping[str, str] = os.environ) -> str:
    """`linux`, `android` for Termux, `darwin`, `win32`, or as `sys.platform` calls it."""
    return "android" if sys.platform == "android" or "TERMUX_VERSION" in environment else sys.platform


def _linux(root: Root, ours: Callable[[], float]) -> list[Probe]:
    """From files alone."""
    return [
        asks("power", power.SENSORS, power.Power(root.sys).read, busy=0.5),
        asks("heat", heat.SENSORS, heat.Heat(root.sys).read, busy=0.25),
        asks("load", processor.LOAD, processor.Load(root, ours).read),
        asks("memory", processor.MEMORY, processor.Memory(root).read),
        Probe("input", evdev.SENSORS, lambda: evdev.Evdev(root)),
        asks("terminals", seat.TERMINALS, lambda: seat.terminals(root), whole=False),
        asks("seat", seat.PRESENT, lambda: seat.present(root), busy=5, idle=10),
        asks("screen", seat.SCREEN, seat.Screen(root).read, busy=0.5),
        asks("network", network.SENSORS, lambda: network.read_network(root), busy=5, idle=10),
        asks("profile", services.SAVER, lambda: services.platform_saver(root.sys), busy=2, idle=10),
        asks("gpu", gpu.SENSORS, lambda: gpu.amd(root.sys), busy=2, idle=30),
    ]


def _asked_of_linux(environment: Mapping[str, str]) -> list[Probe]:
    """From services, desktops and programs."""
    system, session = bus.system_bus(environment), bus.session_bus(environment)
    probes = [
        Probe("logind", logind.SENSORS, lambda: logind.Logind(system), busy=0.5),
        Probe("metered", services.METERED, lambda: services.Metered(system), busy=5, idle=15),
        Probe("saver", services.SAVER, lambda: services.Saver(system), busy=2, idle=10),
        Probe("ups", services.UPS, lambda: services.Ups(system), busy=0.5),
        asks("nvidia", gpu.SENSORS, gpu.nvidia, busy=10, idle=60),
    ]
    if session is not None:
        probes.append(Probe("desktop", desktop.SENSORS, lambda: desktop.Desktop(session), busy=0.1))
    if "WAYLAND_DISPLAY" in environment:
        probes.append(Probe("wayland", wayland.SENSORS, lambda: wayland.Wayland(environment)))
    elif "DISPLAY" in environment:  # Xwayland sees its own windows' input only
        probes.append(Probe("x11", x11.SENSORS, lambda: x11.X11(environment), busy=0.1))
    return probes


def _anywhere(ours: Callable[[], float]) -> list[Probe]:
    return [
        asks("load", anywhere.LOAD, anywhere.Load(ours).read),
        asks("memory", anywhere.MEMORY, anywhere.memory),
    ]


def _macos() -> list[Probe]:
    return [
        asks("power", macos.POWER, macos.power),
        asks("battery", macos.BATTERY, macos.battery, busy=5, idle=30),
        asks("saver", macos.SAVER, macos.saver, busy=5, idle=30),
        asks("heat", macos.HEAT, macos.heat, busy=10, idle=60),
        asks("input", macos.INPUT, macos.user_input),
        asks("events", macos.EVENTS, macos.last_event, busy=0.1),
        asks("lock", macos.LOCK, macos.lock, busy=2, idle=10),
        asks("network", macos.NETWORK, macos.network, busy=10, idle=30),
    ]


def _windows() -> list[Probe]:
    return [
        asks("power", windows.POWER, windows.power, busy=0.5),
        asks("heat", windows.HEAT, windows.heat, busy=10, idle=60),
        asks("input", windows.INPUT, windows.user_input, busy=0.1),
        asks("lock", windows.LOCK, windows.lock, busy=0.5),
        asks("network", windows.NETWORK, windows.network, busy=60, idle=300, timeout=windows.NETWORK_TIMEOUT),
        asks("nvidia", gpu.SENSORS, gpu.nvidia, busy=10, idle=60),
    ]


def _android(root: Root) -> list[Probe]:
    return [
        asks("power", termux.BATTERY, termux.battery, busy=1.5, idle=10, timeout=termux.TIMEOUT),
        asks("heat", heat.SENSORS, heat.Heat(root.sys, barred=False).read, busy=0.5),
        asks("memory", processor.MEMORY, processor.Memory(root).read),
        asks("seat", termux.PRESENT, termux.present, busy=60, idle=60),
        asks("screen", seat.SCREEN, seat.Screen(root).read, busy=0.5),
        asks("network", termux.NETWORK, termux.network, busy=10, idle=30, timeout=termux.TIMEOUT),
    ]
