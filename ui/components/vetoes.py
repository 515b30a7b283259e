"""What forbids work now: each guard with its value, its threshold and the time until it clears."""

from __future__ import annotations

import time

from fogchain.api.harvest import HarvestView, VetoView
from ui import harvestwords as words
from ui.components.base import block, card, icon, text
from ui.components.table import Column, Grid, Row, Waiting, pill, plain
from ui.live import follow
from ui.lookup import Lookup
from ui.show import plural
from ui.tones import VETO, tone

COLUMNS = (
    Column("Guard"),
    Column("What it does", optional=True),
    Column("Now, and the threshold", wrap=True),
    Column("Clears", wrap=True),
)


def vetoes(machine: Lookup[HarvestView]) -> None:
    with card("What forbids it now", "ban", "flush") as end:
        with end:
            count = text("", "fc-num")
        waiting = Waiting(3)
        with waiting.empty, block("fc-row fc-tone t-good").style("padding:4px 20px 18px"):
            icon("circle-check")
            text("No guard forbids anything: by the policy this machine may work now.")
        with waiting.content:
            grid = Grid("Guards that forbid work now", COLUMNS)

    def update() -> None:
        view = machine.value
        waiting.set(None if view is None else len(view.vetoes))
        if view is None:
            return
        count.set_text(plural(len(view.vetoes), "guard") if view.vetoes else "")
        age = machine.age if machine.feed.live else 0.0
        grid.show([row for veto in view.vetoes for row in _rows(veto, age)])

    follow(update, lambda: (machine.rev, int(2 * time.time()) if machine.feed.live else 0))


def _rows(veto: VetoView, age: float) -> list[Row]:
    """One for each condition; the guard stands in the first."""
    told = words.reasons(veto.causes)
    head = (
        plain(veto.guard, veto.text, f"for {words.SCOPES[veto.scope]}"),
        pill(tone(VETO, veto.action)),
    )
    tail = (plain(words.clears(veto, age), veto.enter, words.has_to_hold(veto)),)
    if not told:
        return [Row(veto.guard, (*head, plain("–", note=_why(veto)), *tail))]
    return [
        Row(
            f"{veto.guard} {number}",
            (
                *(head if number == 0 else (plain(""), plain(""))),
                plain(
                    words.value(cause.value),
                    cause.sensor,
                    _why(veto) if veto.clears_in is not None else cause.condition,
                ),
                *(tail if number == 0 else (plain(""),)),
            ),
        )
        for number, cause in enumerate(told)
    ]


def _why(veto: VetoView) -> str:
    if veto.clears_in is not None:
        return "clear, for too short a time"
    return "what it asks is unknown" if veto.reason == "unknown" else veto.enter
