"""One of a few, as a row of buttons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui.element import Element

from ui.components.base import block, set_prop, text


class Choice:
    """`options` maps value to label; the first is chosen at the start."""

    def __init__(self, label: str, options: dict[str, str], on_change: Callable[[], Any]) -> None:
        self.value = next(iter(options))
        self._on_change = on_change
        self._buttons: dict[str, Element] = {}
        with block("fc-seg", role="group", aria_label=label):
            for value, words in options.items():
                with block("", "button", type="button") as made:
                    text(words, tag="span")
                made.on("click", lambda value=value: self.choose(value))
                self._buttons[value] = made
        self._mark()

    def choose(self, value: str) -> Any:
        self.mark(value)
        return self._on_change()

    def mark(self, value: str) -> None:
        """Choose without telling."""
        self.value = value
        self._mark()

    def _mark(self) -> None:
        for value, made in self._buttons.items():
            set_prop(made, "aria-pressed", "true" if value == self.value else "false")
