"""A list that the node gives in pages: receipts, sessions, lines of a statement."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from nicegui import ui
from nicegui.element import Element

from fogchain.api.models import Page
from fogchain.errors import FogchainError
from ui import show
from ui.components.base import card, set_classes, shown
from ui.components.empty import alert, empty
from ui.components.table import Column, Grid, Pager, Row, Waiting
from ui.live import follow

T = TypeVar("T")
PAGE_SIZE = 15


class Listing(Generic[T]):
    """`ask(cursor)` fetches a page, `row(item, now)` draws one of its items; `fresh()` changes when there is news.

    `head` is the right end of the card's heading.
    """

    head: Element

    def __init__(
        self,
        title: str,
        icon_name: str,
        columns: Sequence[Column],
        nothing: str,
        why: str,
        *,
        ask: Callable[[str | None], Awaitable[Page[T]]],
        row: Callable[[T, float], Row],
        fresh: Callable[[], object],
        on_pick: Callable[[T], object] | None = None,
    ) -> None:
        self._ask, self._row, self._on_pick = ask, row, on_pick
        self._page: Page[T] | None = None
        self._cursors: list[str | None] = [None]  # where each page begins; known one page ahead
        self._loading = self._again = False
        with card(title, icon_name, "flush") as self.head:
            self._problem, self._problem_words = alert("bad", "circle-alert")
            set_classes(self._problem, "fc-alert t-bad fc-inset fc-hide")
            self._waiting = Waiting(5)
            with self._waiting.empty:
                empty(icon_name, nothing, why)
            with self._waiting.content:
                self._grid = Grid(title, columns, self._pick if on_pick else None)
                self._pager = Pager(PAGE_SIZE, self.load)
        follow(self._start, fresh)
        follow(self._draw, lambda: int(time.time()) // 5)

    def begin_again(self) -> object:
        """From the first page, after another choice."""
        self._pager.reset()
        self._cursors = [None]
        return self.load()

    async def load(self) -> None:
        """Ask for the page on the screen; a call that comes meanwhile is answered by one more at the end."""
        if self._loading:
            self._again = True
            return
        self._loading = True
        try:
            number = self._pager.offset // PAGE_SIZE
            del self._cursors[number + 1 :]
            while len(self._cursors) <= number:
                self._cursors.append((await self._ask(self._cursors[-1])).next_cursor)
            self._page = await self._ask(self._cursors[number])
        except FogchainError as error:  # the next change asks again
            self._problem_words.set_text(show.sentences(error))
            shown(self._problem, True)
            return
        finally:
            self._loading = False
        shown(self._problem, False)
        self._draw()
        if self._again:
            self._again = False
            await self.load()

    def _start(self) -> None:
        ui.timer(0, self.load, once=True)

    def _draw(self) -> None:
        page = self._page
        self._waiting.set(None if page is None else page.total)
        if page is None:
            return
        self._pager.set_total(page.total)
        now = time.time()
        self._grid.show([self._row(item, now) for item in page.items])

    def _pick(self, key: str) -> None:
        for item in self._page.items if self._page else []:
            if self._on_pick and self._row(item, 0.0).key == key:
                self._on_pick(item)
                return
