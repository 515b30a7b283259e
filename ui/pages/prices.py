"""Base prices: what computing costs by class, what moves it, and how it was."""

from __future__ import annotations

import time

from nicegui import ui

from fogchain.api.commons import PriceClassView, PriceStepView, PricesView
from fogchain.api.models import Page as ApiPage
from fogchain.units import format_ratio
from ui import show
from ui.components.base import Facts, Stat, block, card, heading, set_prop, shown, text
from ui.components.choice import Choice
from ui.components.empty import empty
from ui.components.pricechart import PriceChart
from ui.components.table import Column, Grid, Row, Waiting, amount, plain
from ui.live import follow
from ui.lookup import Lookup, trouble
from ui.panel import Page, Panel

STEPS = 300  # of the chart
LISTED = 12
COLUMNS = (
    Column("From"),
    Column("Price of work", end=True),
    Column("of memory", end=True, optional=True),
    Column("Use before", end=True, optional=True),
    Column("Change", end=True),
)


def build(panel: Panel) -> None:
    ui.page_title("Prices · fogchain")
    prices: Lookup[PricesView] = Lookup(panel.main, lambda client: client.prices())
    with block("fc-page"):
        heading("Prices", "Base prices follow use; offers are multiples of them")
        trouble(prices)
        waiting = Waiting(6)
        with waiting.empty, card():
            empty(
                "chart-line", "No resource class is open",
                "A vote opens a class of machines, with its first base price and between what it may move. From then "
                "on the price follows the use of the class's capacity.",
            )  # fmt: skip
        boards: dict[str, _Board] = {}
        tabs: list[Choice] = []

    def choose() -> None:
        for name, board in boards.items():
            board.show(name == tabs[0].value)

    def update() -> None:
        value = prices.value
        waiting.set(None if value is None else len(value.classes))
        if value is None:
            return
        names = [one.name for one in value.classes]
        if names != list(boards):
            boards.clear()
            tabs.clear()
            waiting.content.clear()
            with waiting.content, block("fc-stack"):
                if len(names) > 1:
                    tabs.append(Choice("Which class", {name: name for name in names}, choose))
                boards.update((name, _Board(prices, name)) for name in names)
            if tabs:
                choose()
        for one in value.classes:
            boards[one.name].update(one, value)

    follow(update, lambda: (prices.rev, int(time.time()) // 10))


class _Board:
    """One class."""

    def __init__(self, prices: Lookup[PricesView], name: str) -> None:
        self._prices = prices
        self._history: Lookup[ApiPage[PriceStepView]] = Lookup(
            prices.feed, lambda client: client.price_history(name, STEPS)
        )
        with block("fc-stack") as self._box:
            with block("fc-grid g-4"):
                self._fuel = Stat(
                    "Work", "cpu", f"the base price of a Gfuel, 10⁹ executed instructions, of class {name}"
                )
                self._memory = Stat("Memory", "layers", "the base price of a GiB of memory for a second")
                self._use = Stat("Use", "activity", "of the capacity that bonds answer for, since the last step")
                self._capacity = Stat("Capacity", "server", "what the class's nodes offer and their bonds answer for")
            with block("fc-grid g-21").style("align-items:start"):
                with card(f"Base price of {name}", "chart-line") as end:
                    with end:
                        self._count = text("", "fc-num")
                    self._chart = PriceChart(f"Base price and use of class {name} over time")
                with block("fc-stack"), card("How it moves", "info"):
                    self._facts = Facts(
                        "Stays at a use of",
                        "Greatest step",
                        "Price of work",
                        "Price of memory",
                        "Last step",
                        "Next step",
                    )
                    text(
                        "Once in ten minutes anyone can bring about a step: up when use was above the mark, down "
                        "when it was below, in proportion, within these bounds.",
                        "fc-small fc-faint",
                    )
            with card("Steps", "history", "flush"):
                self._grid = Grid(f"Steps of the base price of {name}", COLUMNS)
        follow(self._draw, lambda: (self._history.rev, int(time.time()) // 10))

    def show(self, visible: bool) -> None:
        shown(self._box, visible)

    def update(self, one: PriceClassView, value: PricesView) -> None:
        now = self._prices.now(value.time)
        self._fuel.set(show.price(one.fuel.now), f"at least {show.price(one.fuel.floor).text}")
        self._memory.set(_memory(one.memory.now), f"at least {_memory(one.memory.floor).text}")
        use = (
            show.NOTHING
            if one.use is None
            else show.Shown(*_ratio(one.use), f"{format_ratio(one.use)} since the last step")
        )
        self._use.set(
            use, "no bonded capacity" if not one.capacity else f"{show.fuel(one.used).text} since the last step"
        )
        work = show.fuel(one.capacity * 10**9) if one.capacity else show.Shown("0", "Gfuel", "none")
        self._capacity.set(work, f"in {show.span(value.epoch)}")
        self._facts.set("Stays at a use of", format_ratio(value.target_use))
        self._facts.set("Greatest step", f"± {format_ratio(value.step_cap)}")
        self._facts.set("Price of work", f"{show.price(one.fuel.floor).value} to {show.price(one.fuel.ceiling).text}")
        self._facts.set("Price of memory", f"{_memory(one.memory.floor).value} to {_memory(one.memory.ceiling).text}")
        self._facts.set("Last step", show.ago(one.stepped, now), show.full_moment(one.stepped))
        left = one.next_step - now
        self._facts.set(
            "Next step", "possible now" if left <= 0 else f"in {show.span(left)}", show.full_moment(one.next_step)
        )

    def _draw(self) -> None:
        history, prices = self._history.value, self._prices.value
        if history is None or prices is None:
            return
        newest = history.items
        self._count.set_text(show.plural(history.total, "step"))
        set_prop(self._count, "title", f"the newest {len(newest)} are drawn")
        now = self._prices.now(prices.time)
        self._chart.show(list(reversed(newest)), now, prices.target_use)
        before = [*newest[1:], None]
        self._grid.show([_row(step, old, now) for step, old in list(zip(newest, before, strict=True))[:LISTED]])


def _row(step: PriceStepView, before: PriceStepView | None, now: float) -> Row:
    first = before is None
    return Row(
        f"{step.time} {step.transaction}",
        (
            plain(show.moment(step.time), show.full_moment(step.time), show.ago(step.time, now)),
            amount(show.price(step.fuel)),
            amount(_memory(step.memory)),
            plain(show.UNKNOWN if first else format_ratio(step.use)),
            plain("first price" if before is None else _change(step.fuel, before.fuel), faint=first),
        ),
    )


def _change(new: int, old: int) -> str:
    """In per cent, with two decimals, by whole numbers."""
    bps = (new - old) * 10_000 // old if new >= old else -((old - new) * 10_000 // old)
    return f"{'+' if bps > 0 else '−' if bps < 0 else ''}{format_ratio(abs(bps))}"


def _ratio(bps: int) -> tuple[str, str]:
    value, unit = format_ratio(bps).split(" ")
    return value, unit


def _memory(amount_: int) -> show.Shown:
    fog = show.fog(amount_)
    return show.Shown(fog.value, "FOG/GiB·s", f"{fog.full} for a GiB and a second")


PAGE = Page("/prices", "Prices", build, "chart-line")
