"""A text to be written, with line numbers and marks on lines that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui.element import Element

from ui.components.base import set_prop


class Editor(Element, component="fc_editor.js"):
    """`on_edit` gets the text a quarter of a second after the last key, and when the field is left."""

    def __init__(self, name: str, label: str, on_edit: Callable[[str], Any], *, most: int) -> None:
        """`name` is its id on the page; what describes its mistakes has `NAME-findings`. `most`: characters."""
        super().__init__()
        self.props["initial"], self.props["name"], self.props["label"] = "", name, label
        self.props["bad"], self.props["most"] = [], most
        self.text = ""
        self._on_edit = on_edit
        self.on("edit", lambda event: self._edited(str(event.args)))

    def put(self, text: str) -> None:
        """In place of what is there."""
        self.text = text
        self.props["initial"] = text
        self.run_method("put", text)

    def mark_lines(self, lines: Sequence[int]) -> None:
        set_prop(self, "bad", list(lines))

    def goto(self, line: int) -> None:
        self.run_method("goto", line)

    def _edited(self, text: str) -> Any:
        self.text = text
        return self._on_edit(text)
