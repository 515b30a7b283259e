"""What kind of machine this is: it decides by which profile a new node works for others."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

PROFILES = ("desktop", "laptop", "phone", "server", "quiet-night", "dedicated")
_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")


def kind_of_machine(
    system: str = sys.platform, environment: Mapping[str, str] = os.environ, sys_root: Path = Path("/sys")
) -> str:
    """`phone`, `laptop`, `desktop` or `server`."""
    if "TERMUX_VERSION" in environment or system == "android":
        return "phone"
    if has_battery(sys_root):
        return "laptop"
    return "desktop" if system in ("win32", "darwin") or any(map(environment.get, _SCREENS)) else "server"


def has_battery(sys_root: Path) -> bool:
    """On Linux by `/sys`, elsewhere by what psutil says. A mouse's battery is none of the machine's."""
    if sys.platform != "linux":
        import psutil

        return psutil.sensors_battery() is not None
    return any(map(_is_own_battery, (sys_root / "class" / "power_supply").glob("*")))


def _is_own_battery(supply: Path) -> bool:
    try:
        scope = (supply / "scope").read_text().strip() if (supply / "scope").exists() else ""
        return (supply / "type").read_text().strip() == "Battery" and scope != "Device"
    except (OSError, UnicodeDecodeError):
        return False
