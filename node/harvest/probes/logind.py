"""What systemd's login manager knows: whether there is a seat with a screen, whether its user is idle or has locked it.

org.freedesktop.login1(5). A session that does not call itself idle says nothing: few desktops tell before minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jeepney import DBusAddress

from node.harvest.probes.bus import Bus, is_number
from node.harvest.probes.probe import Absent, Failed, Readings

SENSORS = ("user.present", "user.idle", "screen.locked")
_NAME = "org.freedesktop.login1"
_MANAGER = DBusAddress("/org/freedesktop/login1", _NAME, "org.freedesktop.login1.Manager")
_MOST = 64  # seats, and sessions


@dataclass(frozen=True, slots=True)
class Session:
    """Of a person at a seat. `idle_since` is by the monotonic clock, in seconds."""

    idle: bool
    idle_since: float
    locked: bool


def told(has_screen: bool, sessions: Sequence[Session], now: float) -> Readings:
    """Pure. A seat at which nobody is signed in is as good as locked."""
    said: Readings = {"user.present": has_screen}
    if not has_screen:
        return said
    said["screen.locked"] = all(session.locked for session in sessions)
    if sessions and all(session.idle for session in sessions):
        said["user.idle"] = max(0.0, now - max(session.idle_since for session in sessions))
    return said


class Logind:
    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus, self._clock = Bus(address), clock

    def read(self) -> Readings:
        """Raises Absent, Failed."""
        seats = _rows(self._bus.call(_MANAGER, "ListSeats"), 2)
        has_screen = any(self._bus.property(_at(seat[1], "Seat"), "CanGraphical") is True for seat in seats)
        sessions = []
        for row in _rows(self._bus.call(_MANAGER, "ListSessions"), 5):
            if row[3] and (session := self._session(row[4])) is not None:
                sessions.append(session)
        return told(has_screen, sessions, self._clock())

    def files(self) -> Sequence[int]:
        return ()

    def close(self) -> None:
        self._bus.close()

    def _session(self, path: str) -> Session | None:
        """None for one that ended just now, or that is none of a person."""
        at = _at(path, "Session")
        try:
            if self._bus.property(at, "Class") != "user" or self._bus.property(at, "State") == "closing":
                return None
            idle, locked = self._bus.property(at, "IdleHint"), self._bus.property(at, "LockedHint")
            since = self._bus.property(at, "IdleSinceHintMonotonic")
        except Absent:
            return None
        if not isinstance(idle, bool) or not isinstance(locked, bool) or not is_number(since):
            raise Failed("logind tells of a session what makes no sense")
        return Session(idle, since / 1e6, locked)


def _at(path: object, kind: str) -> DBusAddress:
    if not isinstance(path, str) or not path.startswith("/"):
        raise Failed("logind names a path that is none")
    return DBusAddress(path, _NAME, f"org.freedesktop.login1.{kind}")


def _rows(answer: object, width: int) -> list[tuple[str, ...]]:
    if not isinstance(answer, list) or any(not isinstance(row, tuple) or len(row) != width for row in answer):
        raise Failed("logind gave a list that makes no sense")
    return answer[:_MOST]
