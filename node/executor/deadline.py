"""When a program's time is up: one thread per worker that moves the engine's epoch on, and so interrupts the guest.

A store is good for one epoch (`set_epoch_deadline(1)`); compiled code looks at the epoch at every loop and call. What
runs outside of compiled code, a compilation or a call into the host, is not interrupted before it comes back.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import wasmtime


class Deadline:
    """For one run at a time. The thread begins with the first one."""

    def __init__(self, engine: wasmtime.Engine, now: Callable[[], float] = time.monotonic) -> None:
        """`now`: seconds; a clock that may stand, or be slower than the machine's, but never goes back."""
        self._engine, self._now = engine, now
        self._changed = threading.Condition()
        self._at: float | None = None  # by that clock
        self._wakes = 0.0  # when the thread looks again by itself
        self._thread: threading.Thread | None = None

    @contextmanager
    def after(self, seconds: float) -> Iterator[None]:
        """Inside, and not a moment longer, the epoch may move on: once, after so long."""
        with self._changed:
            self._at = self._now() + seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._tick, name="deadline", daemon=True)
                self._thread.start()
            elif self._at < self._wakes:  # else it sees the new one when it wakes for an old one
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._at = None

    def _tick(self) -> None:
        with self._changed:
            while True:
                now = self._now()
                if self._at is not None and self._at <= now:
                    self._engine.increment_epoch()
                    self._at = None
                self._wakes = math.inf if self._at is None else self._at
                self._changed.wait(None if self._at is None else self._at - now)
