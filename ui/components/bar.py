"""A job's tasks as one bar of coloured parts, with the counts in words."""

from __future__ import annotations

from fogchain.api.models import TaskCounts
from ui.components.base import block, set_prop, shown, text
from ui.show import number
from ui.tones import TASK, TASK_ORDER


def parts(counts: TaskCounts) -> list[tuple[str, str, int]]:
    """(state, tone, tasks) in the order they are drawn."""
    return [(state, TASK[state].name, getattr(counts, state)) for state in TASK_ORDER]


def in_words(counts: TaskCounts) -> str:
    """`12 of 40 done, 3 running, 2 failed`."""
    others = [f"{number(n)} {TASK[state].word.lower()}" for state, _, n in parts(counts) if n and state != "done"]
    return ", ".join([f"{number(counts.done)} of {number(counts.total)} done", *others])


class ProgressBar:
    def __init__(self, classes: str = "") -> None:
        self._box = block(f"fc-bar {classes}", role="img", aria_label="no tasks yet")
        with self._box:
            self._parts = {state: block(f"c-{TASK[state].name}", "i") for state in TASK_ORDER}
        self._widths: dict[str, str] = {}

    def set(self, counts: TaskCounts) -> None:
        total = counts.total or 1
        for state, _, count in parts(counts):
            width = f"{100 * count / total:.3f}%"
            if self._widths.get(state) != width:
                self._widths[state] = width
                self._parts[state].style(f"width:{width}")
        set_prop(self._box, "aria-label", in_words(counts))
        set_prop(self._box, "title", in_words(counts))


class Legend:
    """The states that occur, each with its colour, word and count."""

    def __init__(self) -> None:
        self._keys = {}
        with block("fc-legend"):
            for state in TASK_ORDER:
                with block("fc-key fc-hide") as key:
                    block(f"sw c-{TASK[state].name}", "span")
                    text(TASK[state].word, tag="span")
                    self._keys[state] = (key, text("0", tag="b"))

    def set(self, counts: TaskCounts) -> None:
        for state, _, count in parts(counts):
            key, label = self._keys[state]
            shown(key, count > 0)
            label.set_text(number(count))
