"""The nodes this panel follows, and every provider the main one knows."""

from __future__ import annotations

import time

from nicegui import ui
from nicegui.element import Element

from fogchain.api.models import OfferView, ProviderView
from fogchain.units import show_size
from ui import show
from ui.components.base import Facts, Pill, block, button, card, heading, set_classes, shown, text
from ui.components.copy import CopyText
from ui.components.empty import alert, empty
from ui.components.nodesheet import EXECUTORS, NodeSheet, ended, refused, runs
from ui.components.table import Column, Grid, Row, Waiting, amount, named, pill, plain
from ui.feed import NodeFeed
from ui.live import follow
from ui.panel import Page, Panel
from ui.show import plural
from ui.tones import LINK, NODE, PROVIDER, RUNTIMES, tone

FACTS = ("Uptime", "Memory", "Peers", "Version", "Chain block", "Refused")
BUYER_FACTS = ("Paid out", "Free")
PROVIDER_FACTS = ("Delivered", "Earned", "On chain", "Offer", "Runs", "Runs ended")
FOUND = {"registry": "registry", "mdns": "local network", "bootstrap": "bootstrap list"}
MOST_SLOTS = 32  # drawn as squares; more are told in words alone
COLUMNS = (
    Column("Provider"),
    Column("State", wrap=True),
    Column("Price", end=True),
    Column("Capacity", end=True, optional=True),
    Column("Runs", optional=True, wrap=True),
    Column("Done for this node", end=True, optional=True),
    Column("Paid", end=True, optional=True),
    Column("Seen", end=True, optional=True),
)


def build(panel: Panel) -> None:
    ui.page_title("Nodes · fogchain")
    with block("fc-page"):
        heading("Nodes", f"{plural(len(panel.feeds), 'node')} followed by this panel")
        with block("fc-grid g-nodes"):
            for feed in panel.feeds:
                _NodeCard(feed)
        _providers(panel.main)


class _NodeCard:
    def __init__(self, feed: NodeFeed) -> None:
        self._feed = feed
        with card():
            with block("fc-row"):
                self._name = text(feed.name, "fc-node-title fc-cut fc-grow", "h2")
                self._pill = Pill()
            self._why, self._why_words = alert("bad", "circle-alert")
            self._known = block("fc-stack fc-hide").style("gap:14px")
        with self._known:
            with block("fc-row fc-between fc-small"):
                self._address = CopyText("Copy the node's address")
                self._roles = text("", "fc-faint")
            with block("fc-col"):
                with block("fc-row fc-between fc-small"):
                    self._load = text("–", "fc-num")
                    self._queue = text("", "fc-num fc-faint")
                self._slots = block("fc-slots", aria_hidden="true")
            self._facts = Facts(*FACTS, *BUYER_FACTS, *PROVIDER_FACTS)
            self._sheet = NodeSheet(feed)
            button("Runs and refusals", self._sheet.open, "search", "small")
        self._squares: list[Element] = []
        follow(self._update, lambda: feed.rev("node", "link", "wallet"))

    def _update(self) -> None:
        feed, status = self._feed, self._feed.status
        self._name.set_text(feed.name)
        self._explain()
        shown(self._known, status is not None)
        if status is None:
            return
        self._address.set(status.address)
        self._roles.set_text(" + ".join(status.roles))
        self._load.set_text(
            f"{status.running} of {plural(status.slots, 'slot')} busy" if status.slots else "buys only, runs nothing"
        )
        self._queue.set_text(f"{show.number(status.waiting)} waiting" if status.waiting else "")
        self._draw_slots(status.running, status.slots)
        wallet = feed.wallet
        paid, free = (show.fog(wallet.spent), show.fog(wallet.free)) if wallet else (show.NOTHING, show.NOTHING)
        buys = BUYER_FACTS if "buyer" in status.roles else ()
        self._facts.only({*FACTS, *buys, *(PROVIDER_FACTS if "provider" in status.roles else ())})
        self._facts.set("Paid out", paid.text, paid.full)
        self._facts.set("Free", free.text, free.full)
        self._facts.set("Uptime", show.span(status.uptime_s) if feed.live else show.UNKNOWN)
        self._facts.set("Memory", show_size(status.memory), f"{show.number(status.memory)} bytes, workers not counted")
        self._facts.set("Peers", show.number(status.peers), ", ".join(status.listen) or "listens nowhere")
        self._facts.set("Delivered", plural(status.done, "task"), "since its data folder was made, checks included")
        self._facts.set("Earned", show.fog(status.earned).text, show.fog(status.earned).full)
        self._facts.set("On chain", "registered" if status.registered else "not registered")
        offer = status.offer
        self._facts.set(
            "Offer",
            f"{show.price(offer.price).text}" if offer else "none",
            f"{show.price(offer.price).full}, {plural(offer.slots, 'slot')} of {show_size(offer.memory)}"
            if offer
            else "this node offers nothing now",
        )
        self._facts.set("Runs", runs(status), f"{runs(status)}, {EXECUTORS.get(status.executor, '')}".rstrip(", "))
        self._facts.set("Runs ended", ended(status), f"{ended(status)}; since it started")
        self._facts.set("Refused", refused(status), "messages and requests that were refused since it started")
        self._sheet.update()
        self._facts.set("Version", status.version, f"process {status.pid}")
        self._facts.set("Chain block", show.number(status.chain.block), show.full_moment(status.chain.block_time))

    def _explain(self) -> None:
        link, status = self._feed.link, self._feed.status
        if link.state != "up" or status is None:
            self._pill.set(tone(LINK, link.state))
            hint = f" Start it: {self._feed.address.command('node run')}" if link.state == "down" else ""
            words, mood = f"{link.reason}.{hint}" if link.reason else "", "bad"
        else:
            self._pill.set(tone(NODE, status.state))
            words, mood = status.detail, "warn" if status.state == "degraded" else "info"
        set_classes(self._why, f"fc-alert t-{mood}" + ("" if words else " fc-hide"))
        self._why_words.set_text(words)

    def _draw_slots(self, running: int, slots: int) -> None:
        drawn = min(slots, MOST_SLOTS)
        if len(self._squares) != drawn:
            self._slots.clear()
            with self._slots:
                self._squares = [block("", "i") for _ in range(drawn)]
        for number, square in enumerate(self._squares):
            set_classes(square, "on" if number < running else "")
        shown(self._slots, drawn > 0)


def _providers(feed: NodeFeed) -> None:
    with card("Known providers", "server", "flush") as end:
        with end:
            count = text("", "fc-num")
        waiting = Waiting(4)
        with waiting.empty:
            empty(
                "server", "No providers known",
                "They are found in the registry on the chain, on the local network, and by the bootstrap list. "
                "To be one yourself, give a node the provider role:",
                "fogchain node init --role provider",
            )  # fmt: skip
        with waiting.content:
            grid = Grid("Known providers", COLUMNS)

    def update() -> None:
        known = feed.providers
        waiting.set(None if known is None else len(known))
        if known is None:
            return
        ready = sum(provider.state == "ready" for provider in known)
        count.set_text(f"{show.number(ready)} of {show.number(len(known))} ready")
        now = time.time()
        grid.show([_provider_row(p, now) for p in sorted(known, key=lambda p: (p.state != "ready", p.name, p.address))])

    follow(update, lambda: (feed.rev("providers"), int(time.time()) // 5))


def _provider_row(provider: ProviderView, now: float) -> Row:
    offer = provider.offer
    return Row(
        provider.address,
        (
            named(provider.name or show.short(provider.address), provider.address, _found(provider)),
            pill(tone(PROVIDER, provider.state), provider.detail, provider.detail),
            amount(show.price(offer.price if offer else None)),
            plain(
                plural(offer.slots, "slot") if offer else show.UNKNOWN,
                "each with this much fuel a second",
                f"{show.fuel(offer.fuel_rate).text}/s each" if offer else "",
            ),
            plain(_kinds(offer), ", ".join(offer.engines) if offer else ""),
            plain(plural(provider.tasks_done, "task"), note=_record(provider)),
            amount(show.fog(provider.paid)),
            plain(show.ago(provider.last_seen, now), show.full_moment(provider.last_seen), faint=True),
        ),
    )


def _kinds(offer: OfferView | None) -> str:
    return ", ".join(RUNTIMES[runtime] for runtime in offer.runtimes) if offer else show.UNKNOWN


def _found(provider: ProviderView) -> str:
    return "found by " + ", ".join(FOUND.get(way, way) for way in provider.found_by)


def _record(provider: ProviderView) -> str:
    checks = f"{plural(provider.checks_passed, 'check')} passed" if provider.checks_passed else ""
    wrong = f"{provider.tasks_wrong} wrong" if provider.tasks_wrong else ""
    return ", ".join(part for part in (checks, wrong) if part)


PAGE = Page("/nodes", "Nodes", build, "server")
