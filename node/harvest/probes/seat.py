"""Whether somebody can sit here, and what Linux says of terminals and screens without a desktop being asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from node.harvest.probes.files import folders, number, text
from node.harvest.probes.probe import Absent, Readings, Root

PRESENT = ("user.present",)
TERMINALS = ("user.idle",)
SCREEN = ("screen.off",)
_CLOCK_WENT = 60.0  # seconds: a terminal that was used so far in the future tells of a clock that was set


def present(root: Root) -> Readings:
    """A seat has a screen. A keyboard alone is none, since every server has a power button that passes for one; a
    device of which the kernel says nothing at all, as one that is made, is taken for a user's."""
    drawn = any(text(one / "status") == "connected" for one in folders(root.sys / "class" / "drm"))
    lit = bool(folders(root.sys / "class" / "backlight"))
    devices = [one.name for one in folders(root.dev / "input") if one.name.startswith("event")]
    moved = any(not (root.sys / "class" / "input" / name).exists() for name in devices)
    return {"user.present": drawn or lit or moved}


def terminals(root: Root, wall: Callable[[], float] = time.time) -> Readings:
    """Since something was typed at any terminal, to the 8 seconds that the kernel rounds to; an upper bound only, since
    most input goes to none. Raises Absent."""
    times = []
    for one in (*folders(root.dev / "pts"), *root.dev.glob("tty[0-9]*")):
        try:
            times.append(one.stat().st_atime)
        except OSError:
            continue
    now = wall()
    past = [at for at in times if at <= now + _CLOCK_WENT]
    if not past:
        raise Absent("there are no terminals")
    return {"user.idle": max(0.0, now - max(past))}


class Screen:
    """For how long all screens have been dark; in a laptop whose screen is shut, the others count."""

    def __init__(self, root: Root, clock: Callable[[], float] = time.monotonic) -> None:
        self._sys, self._clock = root.sys, clock
        self._dark_since: float | None = None

    def read(self) -> Readings:
        """Raises Absent."""
        connectors = [one for one in folders(self._sys / "class" / "drm") if text(one / "status") == "connected"]
        lights = folders(self._sys / "class" / "backlight")
        dark = [text(one / "dpms") == "Off" or text(one / "enabled") == "disabled" for one in connectors]
        dark = dark or [_dark(one) for one in lights]
        if not dark:
            raise Absent("the kernel knows of no screen")
        if not all(dark):
            self._dark_since = None
            return {"screen.off": 0.0}
        if self._dark_since is None:
            self._dark_since = self._clock()
        return {"screen.off": max(0.0, self._clock() - self._dark_since)}


def _dark(light: Path) -> bool:
    """FB_BLANK_POWERDOWN is 4; on phones the brightness falls to 0."""
    return number(light / "bl_power") == 4 or number(light / "actual_brightness") == 0
