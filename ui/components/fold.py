"""A card that is folded until somebody wants what is in it; folded, its heading says in a few words what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ui.components.base import block, icon, set_classes, set_prop, shown, text


class Fold:
    def __init__(self, title: str, icon_name: str, name: str) -> None:
        """`name` is its id on the page."""
        self.is_open = False
        with block("fc-card", "section", aria_label=title):
            with block("fc-fold", "button", type="button", aria_expanded="false", aria_controls=name) as self._head:
                icon(icon_name)
                text(title, tag="h2")
                self._words = text("", "fc-cut fc-grow fc-fold-words", "span")
                self._mark = icon("chevron-right", "fc-fold-mark")
            self._head.on("click", lambda: self.open(not self.is_open))
            self._body = block("fc-stack tight fc-hide", id=name)

    @contextmanager
    def body(self) -> Iterator[None]:
        with self._body:
            yield

    def open(self, is_open: bool = True) -> None:
        self.is_open = is_open
        shown(self._body, is_open)
        shown(self._words, not is_open)
        set_prop(self._head, "aria-expanded", "true" if is_open else "false")
        set_classes(self._mark, "fc-i i-chevron-right fc-fold-mark" + (" open" if is_open else ""))

    def tell(self, words: str, *, wrong: bool = False) -> None:
        """What it holds; beside its title while it is folded."""
        self._words.set_text(words)
        set_prop(self._words, "title", words)
        set_classes(
            self._words,
            "fc-cut fc-grow fc-fold-words" + (" bad" if wrong else "") + (" fc-hide" if self.is_open else ""),
        )
