"""What a policy would have done on this machine, by what its sensors have said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nicegui.element import Element

from fogchain.api.harvest import LostView, ReplayView
from fogchain.units import format_duration
from ui import show
from ui.components.action import Action
from ui.components.base import block, card, set_prop, shown, text
from ui.components.choice import Choice
from ui.components.policyeditor import PolicyEditor
from ui.components.table import Column, Grid, Row, plain
from ui.live import follow

DAY = 86_400_000  # milliseconds
SPANS = {str(days * DAY): f"{days} d" for days in (1, 7, 30)}
TIMEOUT = 60.0  # s
COLUMNS = (Column(""), Column("Above", end=True), Column("In use", end=True))
LINES: tuple[tuple[str, Callable[[ReplayView], str]], ...] = (
    ("Offered", lambda one: f"{_hours(one.offered)} · {_share(one.offered, one.hours)}"),
    ("Work in it", lambda one: _hours(one.worked)),
    ("Longest stretch", lambda one: _hours(one.longest)),
    ("Changes of state", lambda one: show.number(one.transitions)),
    ("Energy", lambda one: f"{one.energy:.2f} kWh"),
)


class ReplayCard:
    def __init__(self, editor: PolicyEditor) -> None:
        self._editor, self._feed = editor, editor.used.feed
        with card("Try it on the past", "history"):
            text(
                "What the policy above would have done with what this machine's sensors have said, beside the one in "
                "use.",
                "fc-dim fc-small",
            )
            with block("fc-row fc-wrap"):
                self._span = Choice("How much of the past", SPANS, lambda: None)
                self._go = Action("Replay", self._run, icon_name="play")
            self._place = text("", "fc-small fc-faint fc-unless-empty")
            with block("fc-hide") as self._result:
                self._grid = Grid("What came of it", COLUMNS)
            self._lost = block("fc-col")
        follow(self._check, lambda: (self._feed.live, editor.rev, editor.used.rev))

    def _check(self) -> None:
        why = "the node does not answer" if not self._feed.live else "the policy above has to be without mistakes"
        self._go.allow(self._feed.live and self._editor.fine, why)

    async def _run(self) -> None:
        span = int(self._span.value)
        toml, profile = self._editor.request
        used = self._editor.used.value

        async def of(text_: str | None, name: object) -> ReplayView:
            return await self._feed.ask(lambda client: client.replay(text_, name, span), TIMEOUT)  # type: ignore[arg-type]

        if self._editor.differs and used is not None:
            above, now = await asyncio.gather(of(toml, profile), of(used.text, None))
        else:
            above = now = await of(toml, profile)
        self._draw(above, now, span)

    def _draw(self, above: ReplayView, now: ReplayView, span: int) -> None:
        shown(self._result, above.hours > 0)
        self._lost.clear()
        if not above.hours:
            self._place.set_text(f"Nothing was recorded in the last {format_duration(span)}.")
            return
        self._place.set_text(
            f"Recorded: {_hours(above.hours)} between {show.moment(above.first)} and {show.moment(above.last)}."
        )
        self._grid.show([Row(name, (plain(name), plain(of(above)), plain(of(now), faint=True))) for name, of in LINES])
        with self._lost:
            if above.lost:
                text("What the hours were lost to", "fc-small fc-faint", "h3")
            for one in sorted(above.lost, key=lambda lost: -lost.hours):
                _bar(one, above.hours)


def _bar(lost: LostView, whole: float) -> Element:
    words = f"{lost.guard}: {_hours(lost.hours)}, {_share(lost.hours, whole)}"
    with block("fc-lost", role="img", aria_label=words) as row:
        set_prop(row, "title", words)
        text(lost.guard, "fc-cut")
        with block("fc-bar"):
            block("c-warn", "i").style(f"width:{100 * min(1.0, lost.hours / whole):.2f}%")
        text(_hours(lost.hours), "fc-num fc-small fc-right")
    return row


def _hours(hours: float) -> str:
    return show.span(hours * 3600) if hours < 1 else f"{hours:.1f} h"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else show.UNKNOWN
