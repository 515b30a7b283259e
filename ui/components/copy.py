"""Text with a button that copies it. The copying happens in the browser alone."""

from __future__ import annotations

import json

from ui.components.base import block, icon, set_prop, text
from ui.show import short


def copy_script(expression: str) -> str:
    """A click handler that copies what the JavaScript expression gives and shows a tick on the button."""
    return (
        "(event) => { const button = event.currentTarget; event.stopPropagation(); event.preventDefault();"
        f" navigator.clipboard?.writeText({expression}).then(() => {{ button.classList.add('done');"
        " button.firstElementChild.classList.replace('i-copy', 'i-check');"
        " setTimeout(() => { button.classList.remove('done');"
        " button.firstElementChild.classList.replace('i-check', 'i-copy'); }, 1400); }); }"
    )


def copy_button(value: str, label: str = "Copy") -> None:
    with block("fc-copybtn", "button", type="button", aria_label=label, title=label) as made:
        icon("copy")
    made.on("click", js_handler=copy_script(json.dumps(value)))


class CopyText:
    """A long identifier, shortened, with its copy button; `set` may be called again."""

    def __init__(self, label: str, full: bool = False) -> None:
        self._full = full
        with block("fc-copy"):
            self._text = text("–", "fc-mono fc-cut")
            with block("fc-copybtn", "button", type="button", aria_label=label, title=label) as self._button:
                icon("copy")
            # the value is read from the attribute, so that one handler serves every later value
            self._button.on("click", js_handler=copy_script("event.currentTarget.dataset.value"))

    def set(self, value: str) -> None:
        self._text.set_text(value if self._full else short(value))
        set_prop(self._text, "title", value)
        set_prop(self._button, "data-value", value)


def command(line: str) -> None:
    """A command to paste into a terminal."""
    with block("fc-code"):
        text(line, tag="code")
        copy_button(line, "Copy the command")
