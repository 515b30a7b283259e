"""How much one peer may ask of us, and how often it may speak to all."""

from __future__ import annotations

from collections import OrderedDict


class Pace:
    """At most one thing in `interval` seconds from each of at most `most` names; who was seen longest ago is forgotten
    first. Time comes from the caller, in seconds."""

    def __init__(self, interval: float, most: int) -> None:
        self._interval, self._most = interval, most
        self._last: OrderedDict[str, float] = OrderedDict()
        self.refused = 0

    def allows(self, name: str, now: float) -> bool:
        """Whether it may now; if so it counts as done, if not it is counted as refused."""
        last = self._last.get(name)
        if last is not None and now - last < self._interval:
            self.refused += 1
            return False
        self._last[name] = now
        self._last.move_to_end(name)
        if len(self._last) > self._most:
            self._last.popitem(last=False)
        return True


class TokenBucket:
    """`burst` requests at once, `rate` a second in the long run. Time comes from the caller, in seconds."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate, self.burst = rate, burst
        self._tokens, self._at = burst, now

    def allows(self, now: float) -> bool:
        """Take one token if there is one."""
        self._tokens = min(self.burst, self._tokens + max(0.0, now - self._at) * self.rate)
        self._at = max(self._at, now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def take(self, now: float) -> float:
        """Take one token; how many seconds the taker has to wait before it may use it (0 for none)."""
        self._tokens = min(self.burst, self._tokens + max(0.0, now - self._at) * self.rate) - 1
        self._at = max(self._at, now)
        return max(0.0, -self._tokens / self.rate)
