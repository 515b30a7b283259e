"""What a desktop tells on its user's own bus: GNOME under Wayland of the last input, KDE and GNOME of their locks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from jeepney import DBusAddress

from node.harvest.probes.bus import Bus, is_number
from node.harvest.probes.probe import Absent, Failed, Readings

SENSORS = ("user.idle", "user.present", "screen.locked")
_MUTTER = DBusAddress(
    "/org/gnome/Mutter/IdleMonitor/Core", "org.gnome.Mutter.IdleMonitor", "org.gnome.Mutter.IdleMonitor"
)
_FREEDESKTOP = DBusAddress("/org/freedesktop/ScreenSaver", "org.freedesktop.ScreenSaver", "org.freedesktop.ScreenSaver")
_GNOME = DBusAddress("/org/gnome/ScreenSaver", "org.gnome.ScreenSaver", "org.gnome.ScreenSaver")


class Growth:
    """GetSessionIdleTime is in seconds by its description, and in milliseconds by what some desktops do: what it grows
    by in a second says which. Until that was seen several times in a row, the lesser."""

    SPAN = 2.0  # seconds between two looks that say something
    ENOUGH = 5

    def __init__(self) -> None:
        self._before: tuple[int, float] | None = None
        self._times = 0

    def seconds(self, said: int, now: float) -> float | None:
        """None while it stands at zero, as it does where the desktop can't know."""
        if self._before is None:
            self._before = (said, now)
        grown, passed = said - self._before[0], now - self._before[1]
        if grown < 0 or grown > passed + 2:  # a key, or no seconds
            self._times = self._times if grown < 0 else 0
            self._before = (said, now)
        elif passed >= self.SPAN:
            self._times = self._times + 1 if abs(grown - passed) <= 1 else 0
            self._before = (said, now)
        if not said:
            return None
        return float(said) if self._times >= self.ENOUGH else said / 1000


class Desktop:
    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus, self._clock = Bus(address), clock
        self._growth = Growth()

    def read(self) -> Readings:
        """Raises Absent where no desktop answers, and Failed where it gives no sense."""
        said: Readings = {}
        if (idle := self._number(_MUTTER, "GetIdletime")) is not None:
            said |= {"user.idle": idle / 1000, "user.present": True}
        elif (idle := self._number(_FREEDESKTOP, "GetSessionIdleTime")) is not None:
            seconds = self._growth.seconds(idle, self._clock())
            said |= {"user.present": True} if seconds is None else {"user.present": True, "user.idle": seconds}
        locks = [lock for at in (_GNOME, _FREEDESKTOP) if (lock := self._flag(at, "GetActive")) is not None]
        if locks:
            said["screen.locked"] = any(locks)
        if not said:
            raise Absent("no desktop that tells of idle time or its lock")
        return said

    def files(self) -> Sequence[int]:
        return ()

    def close(self) -> None:
        self._bus.close()

    def _number(self, at: DBusAddress, method: str) -> int | None:
        with contextlib.suppress(Absent):
            value = self._bus.call(at, method)
            if not is_number(value) or value < 0:
                raise Failed(f"{at.bus_name} answered {method} with no number")
            return int(value)
        return None

    def _flag(self, at: DBusAddress, method: str) -> bool | None:
        with contextlib.suppress(Absent):
            value = self._bus.call(at, method)
            if not isinstance(value, bool):
                raise Failed(f"{at.bus_name} answered {method} with neither yes nor no")
            return value
        return None
