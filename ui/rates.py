"""How many things happened in the last minute, and in the minute before each of the last few moments. Pure."""

from __future__ import annotations

from collections import deque

WINDOW = 60.0
STEP = 10.0
SPAN = 600.0


class MinuteRate:
    """Counts events in time. `began` is when the counting began: before it, nothing is known."""

    def __init__(self, began: float) -> None:
        self.began = began
        self._events: deque[tuple[float, int]] = deque()

    def add(self, when: float, count: int = 1) -> None:
        self._events.append((when, count))
        while self._events and self._events[0][0] < when - SPAN - WINDOW:
            self._events.popleft()

    def last_minute(self, now: float) -> int | None:
        """Events in the 60 s up to `now`; None when the counting has not lasted as long and nothing was seen yet."""
        count = self._between(now - WINDOW, now)
        return count if count or now - self.began >= WINDOW else None

    def series(self, now: float) -> list[tuple[float, int | None]]:
        """(moment, events in the minute before it) at each full 10 s of the last ten minutes, oldest first.

        None for moments before the counting began.
        """
        last = now - now % STEP
        moments = [last - STEP * back for back in range(int(SPAN / STEP), -1, -1)]
        return [(at, self._between(at - WINDOW, at) if at >= self.began else None) for at in moments]

    def _between(self, after: float, until: float) -> int:
        return sum(count for when, count in self._events if after < when <= until)
