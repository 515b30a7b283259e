"""How a page stays fresh: it looks twice a second whether what it shows has changed."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

TICK = 0.5


def follow(update: Callable[[], None], state: Callable[[], object]) -> None:
    """Call `update` now, and later whenever `state()` has changed; at most twice a second, until the page goes."""
    seen: object = None

    def tick() -> None:
        nonlocal seen
        now = state()
        if now != seen:
            seen = now
            update()

    tick()
    ui.timer(TICK, tick)
