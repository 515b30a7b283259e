"""Turns in the sandbox: as many at once as there are slots, and how many that is may change."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Turns:
    """`async with turns:` waits for one; first come, first served. `count` is asked whenever one may be given; with
    fewer slots than turns taken, those that end are not given again until it is right."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if not self._waiting and self._taken < self._count():
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was just given
                self._end()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._end()

    def look(self) -> None:
        """There may be more slots now."""
        while self._waiting and self._taken < self._count():
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)

    def _end(self) -> None:
        self._taken -= 1
        self.look()
