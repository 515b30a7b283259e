"""What a form has the node do, once: neither a second click nor a lost answer does it twice."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fogchain.api.client import AsyncClient
from fogchain.api.problems import status_of
from fogchain.errors import FogchainError, Unavailable
from ui.feed import NodeFeed

T = TypeVar("T")

CHAIN_TIMEOUT = 90.0  # s; a transaction waits for blocks
PATIENCE, PAUSE = 30.0, 1.0  # s, for a node that is being restarted


class Once:
    """The idempotency key of one opened form. It stays until it is known what became of the request.

    Until then the same request, sent again, is the same one to the node; another request has a key of its own.
    """

    def __init__(self, feed: NodeFeed) -> None:
        self._feed = feed
        self._form = secrets.token_hex(16)

    async def do(self, request: object, call: Callable[[AsyncClient, str], Awaitable[T]]) -> T:
        """`request` says what `call` asks for; its key is passed on. Tries again while the node does not answer.

        Raises FogchainError; Unavailable when it is not known whether the node did it.
        """
        key = hashlib.sha256(f"{self._form} {request!r}".encode()).hexdigest()
        began = time.monotonic()
        while True:
            try:
                answer = await self._feed.ask(lambda client: call(client, key), CHAIN_TIMEOUT)
            except FogchainError as error:
                if status_of(error) < 500:  # refused: nothing was done
                    self._form = secrets.token_hex(16)
                    raise
                if not isinstance(error, Unavailable) or time.monotonic() - began > PATIENCE:
                    raise Unavailable(
                        f"it is not known whether this was done: {error.message}",
                        hint="press again: it is done once, however often it is sent",
                    ) from error
                await asyncio.sleep(PAUSE)
            else:
                self._form = secrets.token_hex(16)
                return answer
