"""A question before something that can't be undone."""

from __future__ import annotations

from nicegui import ui

from ui.components.base import block, button, text


async def confirm(title: str, words: str, yes: str, no: str) -> bool:
    """True when the visitor agreed; closing the dialog means no."""
    with ui.dialog() as dialog, block("fc-sheet narrow", role="alertdialog", aria_label=title):
        text(title, tag="h2")
        text(words, "fc-dim", "p")
        with block("fc-row fc-wrap").style("justify-content:flex-end"):
            button(no, lambda: dialog.submit(False))
            button(yes, lambda: dialog.submit(True), classes="primary danger")
    agreed = bool(await dialog)
    dialog.delete()
    return agreed
