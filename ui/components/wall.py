"""The wall of tasks: a cell a task, coloured and marked by state, described when pointed at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui.element import Element

from ui.components.base import set_prop
from ui.tones import TASK

LETTERS = {
    "queued": "q", "sent": "s", "running": "r", "checking": "c", "done": "d", "failed": "f", "cancelled": "x",
}  # fmt: skip


class Wall(Element, component="fc_wall.js"):
    """`describe(n)` gives the words for task n; `on_pick(n)` opens it. Arrow keys move, Enter opens."""

    def __init__(self, describe: Callable[[int], str], on_pick: Callable[[int], Any]) -> None:
        super().__init__()
        self.props["states"] = ""
        self.props["label"] = "No tasks yet"
        self.props["kinds"] = {
            letter: {"tone": TASK[state].name, "word": TASK[state].word} for state, letter in LETTERS.items()
        }
        self.on("look", lambda event: self.run_method("describe", event.args, describe(int(event.args))))
        self.on("pick", lambda event: on_pick(int(event.args)))

    def show(self, states: list[str], label: str) -> None:
        """`states[n]` is task n's state."""
        set_prop(self, "states", "".join(LETTERS.get(state, "q") for state in states))
        set_prop(self, "label", f"Wall of tasks: {label}. Arrow keys move, Enter opens a task.")
