"""What the tests on a real chain share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

FOG = 10**18
ETH = 10**18


async def until(condition: Callable[[], Awaitable[object]], timeout: float = 20.0) -> object:
    """The first true value of `condition`, asked again and again."""
    deadline = time.monotonic() + timeout
    while True:
        value = await condition()
        if value:
            return value
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
