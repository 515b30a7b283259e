"""Cases before the court: whose delivery was judged, and how."""

from __future__ import annotations

import time

from nicegui import ui

from fogchain.api.commons import CaseView
from fogchain.api.models import Page as ApiPage
from ui import show
from ui.components.base import block, card, heading, text
from ui.components.empty import empty
from ui.components.table import Column, Grid, Pager, Row, Waiting, amount, link, pill, plain
from ui.live import follow
from ui.lookup import Lookup, trouble
from ui.panel import Page, Panel
from ui.tones import CASE, tone

PAGE_SIZE = 20
COLUMNS = (
    Column("Job"),
    Column("Verdict"),
    Column("Provider"),
    Column("Brought by", optional=True, wrap=True),
    Column("Slashed", end=True),
    Column("To the victim", end=True, wide=True),
    Column("When", end=True, optional=True),
)


def build(panel: Panel) -> None:
    feed = panel.main
    ui.page_title("Court · fogchain")
    pager: list[Pager] = []

    def cursor() -> str | None:
        return str(pager[0].offset) if pager and pager[0].offset else None

    cases: Lookup[ApiPage[CaseView]] = Lookup(feed, lambda client: client.cases(PAGE_SIZE, cursor()))
    with block("fc-page"):
        heading("Court", "Deliveries that were challenged or audited, with the evidence")
        trouble(cases)
        with card("Cases", "scale", "flush") as end:
            with end:
                count = text("", "fc-num")
            waiting = Waiting(4)
            with waiting.empty:
                empty(
                    "scale", "No delivery was ever before the court",
                    "A buyer can challenge a delivery, and some are audited by lot. Then three auditors run the job "
                    "again and reveal what they got. Who delivered something else is slashed: the buyer is paid first, "
                    "then who found it, and the rest is burnt.",
                )  # fmt: skip
            with waiting.content:
                grid = Grid("Cases", COLUMNS)
                pager.append(Pager(PAGE_SIZE, cases.again))

    def update() -> None:
        value = cases.value
        waiting.set(None if value is None else value.total)
        if value is None:
            return
        count.set_text(show.number(value.total))
        pager[0].set_total(value.total)
        now, names = time.time(), feed.names
        grid.show([_row(one, now, names) for one in value.items])

    follow(update, lambda: (cases.rev, feed.rev("providers"), int(time.time()) // 15))


def _row(one: CaseView, now: float, names: dict[str, str]) -> Row:
    name = names.get(one.provider, "")
    ended = one.closed or one.opened
    return Row(
        one.job,
        (
            link(show.short(one.job, 8), f"/court/{one.job}", f"for {show.fog(one.price).text}"),
            pill(tone(CASE, one.state)),
            plain(name or show.short(one.provider), one.provider, mono=not name),
            plain("its buyer" if one.kind == "challenge" else "an audit", one.finder),
            amount(show.fog(one.taken if one.taken or one.state != "open" else None)),
            amount(show.fog(one.to_victim if one.state != "open" else None)),
            plain(show.ago(ended, now), show.full_moment(ended), faint=True),
        ),
        f"/court/{one.job}",
    )


PAGE = Page("/court", "Court", build, "scale")
