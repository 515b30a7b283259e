"""What stands where nothing is yet: why, and what to do next."""

from __future__ import annotations

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from ui.components.base import block, icon, text
from ui.components.copy import command


def empty(icon_name: str, title: str, words: str, line: str = "") -> Element:
    """`line` is the exact command for the next step."""
    with block("fc-empty") as box:
        with block("disc"):
            icon(icon_name)
        text(title, tag="h3")
        text(words, tag="p")
        if line:
            command(line)
    return box


def skeleton(lines: int = 3, classes: str = "") -> Element:
    """Grey lines while the first answer is under way."""
    with block(f"fc-col {classes}", aria_hidden="true") as box:
        for number in range(lines):
            block("fc-skel").style(f"width:{(92, 74, 83, 61)[number % 4]}%;margin:6px 0")
    return box


def alert(tone: str, icon_name: str, words: str = "") -> tuple[Element, TextElement]:
    """A coloured line inside a page; returns the box and its text."""
    with block(f"fc-alert t-{tone}", role="status") as box:
        icon(icon_name)
        body = text(words, "fc-grow")
    return box, body
