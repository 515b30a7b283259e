"""A request to a peer that is under way."""

from __future__ import annotations

import asyncio

from fogchain.errors import FogchainError, Unavailable


class Unsent(Unavailable):
    """The request never left: the connection was gone already. It is safe to dial and send it again."""


class NotSpoken(Unavailable):
    """The peer is there, but does not serve the subject."""


class Call:
    """A request under way: made in the asyncio loop, numbered and answered in the trio thread."""

    def __init__(self, future: asyncio.Future[bytes]) -> None:
        self.future = future
        self.sent = False
        self.refused = False  # by the peer

    def refuse(self, error: FogchainError) -> None:
        """The peer's answer is this error. In the asyncio loop."""
        self.refused = True
        self.settle(error)

    def settle(self, outcome: bytes | FogchainError) -> None:
        """In the asyncio loop; the first outcome counts."""
        if self.future.done():
            return
        if isinstance(outcome, FogchainError):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)
