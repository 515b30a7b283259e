"""A node looked at closely: what it runs and why not the rest, how runs ended, and who refused what."""

from __future__ import annotations

import time
from collections.abc import Sequence

from nicegui import ui

from fogchain.api.models import NodeStatus, RefusalView, RuntimeView
from ui import show
from ui.components.base import block, icon_button, shown, text
from ui.components.table import Column, Grid, Row, pill, plain
from ui.feed import NodeFeed
from ui.tones import ENDED, RUNTIME, RUNTIMES, tone

EXECUTORS = {"local": "on its own machine", "ray": "on a Ray cluster"}
RUNTIME_COLUMNS = (Column("Runtime"), Column("State", wrap=True), Column("Engine", optional=True))
ENDED_COLUMNS = (Column("Runs that ended"), Column("Count", end=True), Column("Share", end=True))
REFUSAL_COLUMNS = (
    Column("What", wrap=True),
    Column("Why", optional=True),
    Column("Count", end=True),
    Column("Newest", end=True, optional=True),
)
SUBJECTS = {
    "api": "Requests at the API", "hello": "Greetings", "order": "Orders", "receipt": "Receipts", "offer": "Offers",
    "voucher": "Vouchers", "commit": "Commitments", "blob": "Files",
}  # fmt: skip


def runs(status: NodeStatus) -> str:
    """The runtimes a provider offers, in words."""
    offered = [RUNTIMES.get(one.runtime, one.runtime) for one in status.runtimes if one.engine is not None]
    return ", ".join(offered) or "nothing now"


def ended(status: NodeStatus) -> str:
    """`12 ok, 1 out of fuel`, most frequent first."""
    counts = sorted(status.ended.items(), key=lambda item: -item[1])
    return ", ".join(f"{show.number(count)} {_ending(name)}" for name, count in counts) or "none yet"


def refused(status: NodeStatus) -> str:
    here, there = (sum(one.count for one in part) for part in (status.refusals, status.refused_by_peers))
    if not here and not there:
        return "nothing"
    return f"{show.number(here)} by it, {show.number(there)} by peers"


class NodeSheet:
    """The dialog; it stays fresh while it is open."""

    def __init__(self, feed: NodeFeed) -> None:
        self._feed = feed
        self._open = False
        with ui.dialog().on("hide", self._closed) as self._dialog, block("fc-sheet", role="dialog", aria_label="Node"):
            with block("fc-row"):
                self._title = text("", "fc-cut fc-grow", "h2")
                icon_button("x", "Close", self._dialog.close)
            self._work = block("fc-stack tight")
            with self._work:
                self._place = text("", "fc-dim", "p")
                with _table():
                    self._runtimes = Grid("Runtimes", RUNTIME_COLUMNS)
                with _table() as self._ended_box:
                    self._ended = Grid("How runs ended since the node started", ENDED_COLUMNS)
                self._no_runs = text("No run has ended since it started.", "fc-faint fc-small")
            self._here = _Refusals("Refused by this node", "It has refused nothing since it started.")
            self._there = _Refusals("Refused by its peers", "Nothing of it was refused since it started.")

    def open(self) -> None:
        self._open = True
        self._dialog.open()
        self.update()

    def update(self) -> None:
        status = self._feed.status
        if not self._open or status is None:
            return
        self._title.set_text(self._feed.name)
        shown(self._work, "provider" in status.roles)
        self._place.set_text(f"It runs tasks {EXECUTORS.get(status.executor, 'as its owner set it up')}.")
        self._runtimes.show([_runtime_row(one) for one in status.runtimes])
        total = sum(status.ended.values())
        shown(self._ended_box, total > 0)
        shown(self._no_runs, not total)
        counts = sorted(status.ended.items(), key=lambda item: -item[1])
        self._ended.show([_ended_row(name, count, total) for name, count in counts])
        self._here.show(status.refusals)
        self._there.show(status.refused_by_peers)

    def _closed(self) -> None:
        self._open = False


class _Refusals:
    def __init__(self, title: str, nothing: str) -> None:
        with block("fc-stack tight"):
            with block("fc-row"):
                text(title, "fc-grow", "h3")
                self._count = text("", "fc-num fc-faint fc-small", "span")
            self._nothing = text(nothing, "fc-faint fc-small")
            with _table() as self._box:
                self._grid = Grid(title, REFUSAL_COLUMNS)

    def show(self, refusals: Sequence[RefusalView]) -> None:
        now = time.time()
        shown(self._nothing, not refusals)
        shown(self._box, bool(refusals))
        self._count.set_text(show.plural(sum(one.count for one in refusals), "time") if refusals else "")
        self._grid.show([_refusal_row(one, now) for one in refusals])


def _table() -> ui.element:
    return block("fc-card flush").style("box-shadow:none;flex:none")


def _ending(name: str) -> str:
    return name.replace("_", " ")


def _runtime_row(one: RuntimeView) -> Row:
    state = RUNTIME["yes" if one.engine is not None else "no"]
    return Row(
        one.runtime,
        (
            plain(RUNTIMES.get(one.runtime, one.runtime)),
            pill(state, one.detail, one.detail),
            plain(one.engine or show.UNKNOWN, one.engine or "", mono=True, faint=True),
        ),
    )


def _ended_row(name: str, count: int, total: int) -> Row:
    share = f"{100 * count / total:.1f} %" if total else show.UNKNOWN
    return Row(name, (pill(tone(ENDED, name)), plain(show.number(count)), plain(share)))


def _refusal_row(one: RefusalView, now: float) -> Row:
    return Row(
        f"{one.subject} {one.reason}",
        (
            plain(SUBJECTS.get(one.subject, one.subject), one.detail, one.detail),
            plain(one.reason.replace("-", " ")),
            plain(show.number(one.count)),
            plain(show.ago(one.time, now), show.full_moment(one.time), faint=True),
        ),
    )
