"""A field for an amount of FOG, with what is available and what is wrong said below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from fogchain.errors import FogchainError
from fogchain.units import format_fog, parse_fog
from ui import show
from ui.components.base import block, button, set_prop, text


class AmountField:
    """`available` is in base units, None while it is not known; `place` says where that is: `in the wallet`."""

    def __init__(
        self,
        name: str,
        available: Callable[[], int | None],
        place: Callable[[], str],
        on_change: Callable[[], Any],
        on_enter: Callable[[], Any],
    ) -> None:
        self._available, self._place = available, place
        with block("fc-field"):
            text("Amount", tag="label").props["for"] = name
            with block("fc-row"):
                self._input = (
                    ui.input(placeholder="1.5 FOG", on_change=on_change)
                    .props(f"outlined dense hide-bottom-space for={name} aria-describedby={name}-hint")
                    .classes("fc-grow")
                    .on("keydown.enter", on_enter)
                )
                button("All", self._take_all, classes="small")
            self._hint = text("", "fc-hint")
            self._hint.props["id"] = f"{name}-hint"

    def check(self) -> int | None:
        """The amount if there is that much, and the words below brought up to date."""
        wanted, words = self._read()
        wrong = wanted is None and bool(self._written) and self._available() is not None
        self._hint.set_text(words)
        self._hint.classes(add="bad" if wrong else "", remove="" if wrong else "bad")
        set_prop(self._input, "error", wrong)
        return wanted

    def clear(self) -> None:
        self._input.set_value("")

    @property
    def _written(self) -> str:
        return str(self._input.value or "").strip()

    def _take_all(self) -> None:
        available = self._available()
        if available is not None:
            self._input.set_value(format_fog(available))

    def _read(self) -> tuple[int | None, str]:
        available, place = self._available(), self._place()
        if available is None:
            return None, "The balance is not known yet."
        if not self._written:
            return None, f"{show.fog(available).text} {place}"
        try:
            wanted = parse_fog(self._written)
        except FogchainError as error:
            return None, f"{error.message}; {error.hint}"
        if wanted == 0:
            return None, "the amount must be more than nothing"
        if wanted > available:
            return None, f"only {show.fog(available).text} {place}"
        return wanted, f"{show.fog(available - wanted).text} {place} afterwards"
