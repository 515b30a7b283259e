"""What only one page wants of the node: asked for when the page opens, and again every few seconds while it is open."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from nicegui import ui

from fogchain.api.client import AsyncClient
from fogchain.errors import FogchainError, NotFound
from ui import show
from ui.components.base import shown
from ui.components.empty import alert
from ui.feed import NodeFeed
from ui.live import follow
from ui.once import Once

T = TypeVar("T")

EVERY = 3.0  # s
TIMEOUT = 30.0


class Lookup(Generic[T]):
    """`value` is None until the first answer; after a failure the last one stays, and `problem` says what was wrong.

    Nothing is asked while `when` is False.
    """

    def __init__(
        self,
        feed: NodeFeed,
        call: Callable[[AsyncClient], Awaitable[T]],
        *,
        every: float = EVERY,
        when: Callable[[], bool] = lambda: True,
    ) -> None:
        self.feed, self._call, self._when = feed, call, when
        self.value: T | None = None
        self.problem, self.missing = "", False
        self.rev = 0
        self._heard = 0.0
        self._asking = False
        ui.timer(every, self.again)

    async def again(self) -> None:
        if self._asking or not self._when():
            return
        self._asking = True
        try:
            value = await self.feed.ask(self._call, TIMEOUT)
        except FogchainError as error:
            self.missing = isinstance(error, NotFound)
            self._complain(show.sentences(error))
        else:
            self.take(value)
        finally:
            self._asking = False

    async def change(self, once: Once, request: object, call: Callable[[AsyncClient, str], Awaitable[T]]) -> None:
        """A call that changes something and answers with how it is then; see `Once.do`. Raises FogchainError."""
        self.take(await once.do(request, call))

    def take(self, value: T) -> None:
        self._heard = time.monotonic()
        self._complain("")
        if value != self.value:
            self.value = value
            self.rev += 1

    def forget(self) -> None:
        """What it asks for is another thing now."""
        self.value, self.problem, self.missing = None, "", False
        self.rev += 1

    @property
    def age(self) -> float:
        """Seconds since the last answer."""
        return time.monotonic() - self._heard

    def now(self, then: int) -> float:
        """The block time now, if it was `then` at the last answer."""
        return then + self.age

    def _complain(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self.rev += 1


def trouble(lookup: Lookup[T]) -> None:
    """A line that says why there is nothing newer; the banner does when it is the node that is down."""
    box, words = alert("bad", "unplug")

    def update() -> None:
        stale = " What you see is from before." if lookup.value is not None else ""
        words.set_text(lookup.problem + stale)
        shown(box, bool(lookup.problem) and lookup.feed.live)

    follow(update, lambda: (lookup.rev, lookup.feed.live))
