"""How much one peer may ask of us."""

from __future__ import annotations


class TokenBucket:
    """`burst` requests at once, `rate` a second in the long run. Time comes from the caller, in seconds."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate, self.burst = rate, burst
        self._tokens, self._at = burst, now

    def take(self, now: float) -> float:
        """Take one token; how many seconds the taker has to wait before it may use it (0 for none)."""
        self._tokens = min(self.burst, self._tokens + max(0.0, now - self._at) * self.rate) - 1
        self._at = max(self._at, now)
        return max(0.0, -self._tokens / self.rate)
