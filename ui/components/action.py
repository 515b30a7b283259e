"""A button that has the node do something on the chain: busy meanwhile, and an error in words when it is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from fogchain.errors import FogchainError
from ui import show
from ui.components.base import button, icon, set_classes, set_prop, text


class Action:
    """`run` raises FogchainError; `done` is said when it did not."""

    def __init__(
        self, label: str, run: Callable[[], Awaitable[None]], *, done: str = "", icon_name: str = "", classes: str = ""
    ) -> None:
        self._run, self._done, self._icon = run, done, icon_name
        self._possible = True
        self.busy = False
        self.box = button("", self.start, classes=classes)
        self.box.clear()
        with self.box:
            self._symbol = icon(icon_name, "" if icon_name else "fc-hide")
            self._label = text(label, tag="span")

    def set(self, label: str) -> None:
        self._label.set_text(label)

    def allow(self, possible: bool, why_not: str = "") -> None:
        """`why_not` is the tooltip of a button that can't be used."""
        self._possible = possible
        set_prop(self.box, "disabled", not possible or self.busy)
        set_prop(self.box, "title", "" if possible else why_not)

    async def start(self) -> None:
        if self.busy or not self._possible:
            return
        self._mark(busy=True)
        try:
            await self._run()
        except FogchainError as error:
            ui.notify(show.sentences(error), type="negative", timeout=10_000, multi_line=True)
        else:
            if self._done:
                ui.notify(self._done, type="positive")
        finally:
            self._mark(busy=False)

    def _mark(self, *, busy: bool) -> None:
        self.busy = busy
        name = "loader spin" if busy else self._icon
        set_classes(self._symbol, f"fc-i i-{name}" if name else "fc-i fc-hide")
        set_prop(self.box, "disabled", not self._possible or busy)
