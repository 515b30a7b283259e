"""A machine that is made of files, as a whole or piece by piece."""

from __future__ import annotations

import os
from pathlib import Path

from node.harvest.probes.probe import Root


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if text.endswith("\n") else text + "\n")


def stat_lines(*cores: tuple[int, int]) -> str:
    """`/proc/stat` of cores that were used and idle for so many hundredths of a second."""
    lines = [f"cpu{number} {used} 0 0 {idle} 0 0 0 0 0 0" for number, (used, idle) in enumerate(cores)]
    total = [sum(column) for column in zip(*cores, strict=True)]
    return "\n".join([f"cpu  {total[0]} 0 0 {total[1]} 0 0 0 0 0 0", *lines, "intr 1 2 3", "ctxt 9"])


LAPTOP = {
    "sys/class/power_supply/BAT0/type": "Battery",
    "sys/class/power_supply/BAT0/capacity": "93",
    "sys/class/power_supply/BAT0/status": "Charging",
    "sys/class/power_supply/BAT0/temp": "301",
    "sys/class/power_supply/AC/type": "Mains",
    "sys/class/power_supply/AC/online": "1",
    "sys/class/thermal/thermal_zone0/type": "x86_pkg_temp",
    "sys/class/thermal/thermal_zone0/temp": "45000",
    "sys/class/net/wlan0/type": "1",
    "sys/class/net/wlan0/wireless/status": "0",
    "proc/stat": stat_lines((100, 900), (100, 900)),
    "proc/meminfo": "MemTotal: 8000000 kB\nMemFree: 1000000 kB\nMemAvailable: 6000000 kB",
    "proc/net/route": "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
    "wlan0 00000000 010200C0 0003 0 0 600 00000000 0 0 0",
}


def laptop(folder: Path) -> Root:
    """Plugged in, cool, with a keyboard that is a pipe: `dev/input/event0`."""
    write(folder, LAPTOP)
    keyboard = folder / "dev" / "input" / "event0"
    keyboard.parent.mkdir(parents=True)
    os.mkfifo(keyboard)
    return Root.below(folder)


def press(root: Root, what: bytes = b"\x01" * 24) -> None:
    """A key, or whatever else, at a keyboard that somebody listens to. Raises OSError where nobody does."""
    keyboard = os.open(root.dev / "input" / "event0", os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.write(keyboard, what)
    finally:
        os.close(keyboard)
