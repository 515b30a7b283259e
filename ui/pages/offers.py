"""Every offer that is known, which of them match a job's wishes and why the others don't, and the auction."""

from __future__ import annotations

import re
import time

from nicegui import ui

from fogchain.api.client import AsyncClient
from fogchain.api.jobfile import JobSpec, wishes
from fogchain.api.models import AuctionView, MatchView
from fogchain.errors import BadInput
from ui import show
from ui.components.base import Facts, block, button, card, heading, shown, text
from ui.components.choice import Choice
from ui.components.fields import Field
from ui.components.offers import Funnel, OfferTable
from ui.feed import NodeFeed
from ui.jobform import wrong_fields
from ui.live import follow
from ui.lookup import Lookup, trouble
from ui.panel import Page, Panel

RUNTIMES = {"wasm": "WebAssembly", "python": "Python", "native": "Linux program"}
LIMITS = ("memory", "fuel", "time")
FIELDS = (
    ("max_price", "Highest price", "any", "as in 0.8 FOG/Gfuel"),
    ("memory", "Memory of a task", "any", "as in 256 MiB"),
    ("fuel", "Fuel of a task", "10 Gfuel", "with the time, how long it has to stay"),
    ("time", "Time of a task", "5 min", ""),
    ("min_survival", "Chance that it stays", "any", "as in 95 %"),
    ("class", "Resource class", "any", "as in cpu"),
    ("regions", "Regions", "anywhere", "as in eu, us-va"),
)


def build(panel: Panel) -> None:
    ui.page_title("Offers · fogchain")
    with block("fc-page"):
        heading("Offers", "What providers ask now, and who would take a job")
        _Offers(panel.main)


class _Offers:
    def __init__(self, feed: NodeFeed) -> None:
        self._wanted: JobSpec | None = None  # None: nothing is asked for
        self._found: Lookup[MatchView] = Lookup(feed, self._ask)
        auction: Lookup[AuctionView] = Lookup(feed, lambda client: client.auction())
        trouble(self._found)
        with block("fc-grid g-21").style("align-items:start"):
            self._wishes()
            with block("fc-stack"):
                with card("Who matches", "search"):
                    self._waiting = text("asking the node…", "fc-dim")
                    self._funnel = Funnel()
                _auction(auction)
        self._table = OfferTable()
        follow(self._draw, lambda: self._found.rev)
        ui.timer(0, self._found.again, once=True)
        ui.timer(0, auction.again, once=True)

    def _wishes(self) -> None:
        with card("A job's wishes", "cpu") as end:
            with end:
                self._clear = button("Clear", self._forget, classes="small")
            self._runtime = Choice("What it runs", RUNTIMES, self._change)
            self._fields: dict[str, Field] = {}
            with block("fc-grid g-3 tight"):
                for name, label, placeholder, hint in FIELDS:
                    self._fields[name] = Field(f"wish-{name}", label, placeholder, self._change)
                    self._fields[name].hint(hint)
        self._change()

    async def _ask(self, client: AsyncClient) -> MatchView:
        return await (client.match(self._wanted) if self._wanted is not None else client.offers())

    def _forget(self) -> None:
        for field in self._fields.values():
            field.set("")
        self._runtime.choose("wasm")

    def _change(self) -> None:
        if len(self._fields) < len(FIELDS):  # still being drawn
            return
        written = {name: field.value for name, field in self._fields.items() if field.value}
        shown(self._clear, bool(written) or self._runtime.value != "wasm")
        wrong: dict[str, str] = {}
        wanted: JobSpec | None = None
        if written or self._runtime.value != "wasm":
            try:
                wanted = _wanted(self._runtime.value, written)
            except BadInput as error:
                wrong = wrong_fields(error.message)
        for name, _, _, hint in FIELDS:
            self._fields[name].hint(wrong.get(name, hint), wrong=name in wrong)
        if not wrong and wanted != self._wanted:
            self._wanted = wanted
            ui.timer(0, self._found.again, once=True)

    def _draw(self) -> None:
        match = self._found.value
        shown(self._waiting, match is None)
        self._table.show(match)
        if match is not None:
            self._funnel.show(match)


def _wanted(runtime: str, written: dict[str, str]) -> JobSpec:
    """Raises BadInput."""
    job: dict[str, object] = {"runtime": runtime}
    job |= {name: written[name] for name in ("max_price", "min_survival") if name in written}
    if "class" in written:
        job["resource_class"] = written["class"]
    if "regions" in written:
        job["regions"] = re.findall(r"[^\s,;]+", written["regions"])
    limits = {"memory": "32 MiB" if runtime == "python" else "64 KiB"}
    return wishes(job, {**limits, **{name: written[name] for name in LIMITS if name in written}})


def _auction(lookup: Lookup[AuctionView]) -> None:
    """The round that takes bids now, and what the last one came to."""
    with card("Auction", "gavel") as end:
        with end:
            state = text("")
        text("Work that can wait is bought here: everybody in a round pays one price.", "fc-small fc-dim")
        facts = Facts("Takes bids for", "Bids and asks", "A bid is for", "Last price", "Trades")

    def update() -> None:
        view = lookup.value
        if view is None:
            state.set_text("none here" if lookup.problem else show.UNKNOWN)
            return
        state.set_text(f"round {show.number(view.round)}")
        left = view.ends - lookup.now(view.now)
        facts.set("Takes bids for", show.span(max(0, int(left))))
        facts.set("Bids and asks", f"{show.number(view.bids)} and {show.number(view.asks)}")
        facts.set("A bid is for", show.fuel(view.lot).text)
        price = "none yet" if view.price is None else show.price(view.price).text
        facts.set("Last price", price + ("" if view.price is None or view.final else ", may change"))
        facts.set("Trades", show.number(view.trades))

    follow(update, lambda: (lookup.rev, int(time.time())))


PAGE = Page("/offers", "Offers", build, "tag")
