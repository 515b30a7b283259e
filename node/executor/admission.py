"""Whether runs that wait may begin: said from any thread, waited for in the executor's own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable


class Admission:
    """Open at first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open, self._ended = True, False
        self._closed, self._since = 0.0, 0.0  # seconds in all, before the monotonic moment of the last closing
        self._event = asyncio.Event()
        self._event.set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> None:
        """In the executor's own thread."""
        self._loop = asyncio.get_running_loop()

    def end(self) -> None:
        """Nobody waits any more."""
        self._ended = True
        self._event.set()

    @property
    def open(self) -> bool:
        return self._open

    def say(self, is_open: bool, then: Callable[[], None] = lambda: None) -> None:
        """`then` is called in the executor's own thread, when it has changed."""
        with self._lock:
            if is_open == self._open:
                return
            now = time.monotonic()
            if is_open:
                self._closed += now - self._since
            self._open, self._since = is_open, now
        self.soon(self._follow)
        self.soon(then)

    def closed(self) -> tuple[bool, float]:
        """Whether it is closed now, and for how many seconds it was in all."""
        with self._lock:
            return not self._open, self._closed + (0.0 if self._open else time.monotonic() - self._since)

    async def opened(self) -> None:
        """Return when it is open, or has ended."""
        while not (self._open or self._ended):
            self._event.clear()
            await self._event.wait()

    def soon(self, work: Callable[[], None]) -> None:
        """Do it in the executor's own thread, if it has begun and its loop still runs."""
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(work)

    def _follow(self) -> None:
        if self._open or self._ended:
            self._event.set()
