"""Fields to write into: an amount of FOG with what is there to spend, a line, a paragraph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from fogchain.errors import FogchainError
from fogchain.units import format_fog, parse_fog
from ui import show
from ui.components.base import block, button, set_prop, text


class Field:
    """A labelled input with a hint below; `name` is its id on the page."""

    def __init__(
        self, name: str, label: str, placeholder: str, on_change: Callable[[], Any], *, rows: int = 1, most: int = 0
    ) -> None:
        with block("fc-field fc-grow"):
            text(label, tag="label").props["for"] = name
            with block("fc-row") as self.row:
                kind = ui.textarea if rows > 1 else ui.input
                self.input = (
                    kind(placeholder=placeholder, on_change=lambda: on_change())
                    .props(f"outlined dense hide-bottom-space for={name} aria-describedby={name}-hint")
                    .classes("fc-grow")
                )
                if rows > 1:
                    self.input.props(f"rows={rows} autogrow")
                if most:
                    self.input.props(f"maxlength={most}")
            self._hint = text("", "fc-hint")
            self._hint.props["id"] = f"{name}-hint"

    @property
    def value(self) -> str:
        return str(self.input.value or "").strip()

    def set(self, value: str) -> None:
        self.input.set_value(value)

    def hint(self, words: str, *, wrong: bool = False) -> None:
        self._hint.set_text(words)
        self._hint.classes(add="bad" if wrong else "", remove="" if wrong else "bad")
        set_prop(self.input, "error", wrong)


class AmountField(Field):
    """`available` gives base units, or None while they are not known; `place` says where they are."""

    def __init__(
        self, name: str, available: Callable[[], int | None], place: Callable[[], str], on_change: Callable[[], Any]
    ) -> None:
        self._available, self._place = available, place
        super().__init__(name, "Amount", "1000 FOG", on_change)
        with self.row:
            button("All", self._take_all, classes="small")

    def check(self) -> int | None:
        """The amount, if it may be used; the hint says what else."""
        available, place = self._available(), self._place()
        if available is None:
            self.hint("The balance is not known yet.")
            return None
        if not self.value:
            self.hint(f"{show.fog(available).text} {place}")
            return None
        try:
            wanted = parse_fog(self.value)
        except FogchainError as error:
            self.hint(f"{error.message}; {error.hint}", wrong=True)
            return None
        if not 0 < wanted <= available:
            only = f"only {show.fog(available).text} {place}"
            self.hint(only if wanted else "the amount must be more than nothing", wrong=True)
            return None
        self.hint(f"{show.fog(available - wanted).text} {place} afterwards")
        return wanted

    def _take_all(self) -> None:
        available = self._available()
        if available is not None:
            self.set(format_fog(available))
