"""Tables: columns with a kind of cell, rows of cells; only changed rows reach the browser's document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nicegui.element import Element

from ui.components.base import block, icon_button, set_prop, shown, text
from ui.components.empty import skeleton
from ui.show import Shown, number, short
from ui.tones import Tone

Cell = dict[str, Any]


@dataclass(frozen=True)
class Column:
    label: str
    end: bool = False  # right-aligned: numbers and amounts
    optional: bool = False  # left out on a phone
    wide: bool = False  # left out below 1100 px
    wrap: bool = False  # its notes may take several lines


@dataclass(frozen=True)
class Row:
    key: str
    cells: tuple[Cell, ...]
    href: str = ""


def plain(words: str, full: str = "", note: str = "", *, mono: bool = False, faint: bool = False) -> Cell:
    return {"text": words, "full": full or None, "note": note or None, "mono": mono, "faint": faint}


def amount(value: Shown, note: str = "") -> Cell:
    return {"text": value.text, "full": value.full, "note": note or None}


def pill(tone: Tone, detail: str = "", note: str = "") -> Cell:
    return {
        "text": tone.word, "tone": tone.name, "icon": tone.icon, "spin": tone.spin,
        "full": detail or tone.word, "note": note or None,
    }  # fmt: skip


def identifier(value: str | None) -> Cell:
    """An address, id or hash: shortened, to be copied whole."""
    return {"text": short(value), "full": value, "copy": value} if value else {"text": "–"}


def named(words: str, value: str, note: str = "") -> Cell:
    """A name whose address can be copied."""
    return {"text": words, "full": value, "copy": value, "plain": True, "note": note or None}


def link(words: str, href: str, note: str = "") -> Cell:
    return {"text": words, "href": href, "note": note or None, "full": words}


class Grid(Element, component="fc_table.js"):
    """The table alone, without pages."""

    def __init__(self, caption: str, columns: Sequence[Column], on_pick: Callable[[str], Any] | None = None) -> None:
        super().__init__()
        self.props["caption"] = caption
        self.props["columns"] = [
            {"label": c.label, "end": c.end, "optional": c.optional, "wide": c.wide, "wrap": c.wrap} for c in columns
        ]
        self.props["rows"] = []
        self.props["pick"] = on_pick is not None
        if on_pick is not None:
            self.on("pick", lambda event: on_pick(str(event.args)))

    def show(self, rows: Sequence[Row]) -> None:
        set_prop(self, "rows", [{"key": r.key, "cells": list(r.cells), "href": r.href} for r in rows])


class Pager:
    """`1–25 of 300` with two buttons. `offset` is where the page begins."""

    def __init__(self, size: int, on_turn: Callable[[], Any]) -> None:
        self.size, self.offset = size, 0
        self._on_turn = on_turn
        self._total = 0
        with block("fc-pager fc-hide") as self._box:
            self._label = text("")
            self._back = icon_button("chevron-left", "Previous page", lambda: self._turn(-1))
            self._next = icon_button("chevron-right", "Next page", lambda: self._turn(1))

    def set_total(self, total: int) -> None:
        self._total = total
        if self.offset >= total:
            self.offset = max(0, (total - 1) // self.size * self.size)
        shown(self._box, total > self.size)
        last = min(total, self.offset + self.size)
        self._label.set_text(f"{number(self.offset + 1)}–{number(last)} of {number(total)}")
        set_prop(self._back, "disabled", self.offset == 0)
        set_prop(self._next, "disabled", last >= total)

    def reset(self) -> None:
        self.offset = 0

    def _turn(self, direction: int) -> Any:
        self.offset = min(max(0, self.offset + direction * self.size), max(0, self._total - 1))
        return self._on_turn()  # may be a coroutine, which NiceGUI awaits


class Waiting:
    """A skeleton until the first answer, then the content, or what to say when there is none."""

    def __init__(self, lines: int = 4) -> None:
        self._skeleton = block("", style="padding:14px 20px")
        with self._skeleton:
            skeleton(lines)
        self.empty = block("fc-hide")
        self.content = block("fc-hide")

    def set(self, count: int | None) -> None:
        shown(self._skeleton, count is None)
        shown(self.empty, count == 0)
        shown(self.content, bool(count))
