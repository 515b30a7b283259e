"""What this machine does for others, why, and what its owner wants of it."""

from __future__ import annotations

import time

from nicegui import ui

from fogchain.api.harvest import HarvestView, TransitionView
from fogchain.api.models import Page as ApiPage
from fogchain.units import format_ratio
from ui import harvestwords as words
from ui import show
from ui.components.base import Facts, Pill, block, card, heading, set_prop, shown, text
from ui.components.empty import empty, skeleton
from ui.components.listing import PAGE_SIZE, Listing
from ui.components.policyeditor import PolicyEditor
from ui.components.replay import ReplayCard
from ui.components.sensors import SensorCard
from ui.components.table import Column, Row, pill, plain
from ui.components.vetoes import vetoes
from ui.components.wish import WishCard
from ui.live import follow
from ui.lookup import Lookup, trouble
from ui.machine import machine_of, provides
from ui.panel import Page, Panel
from ui.tones import DEVICE, tone

STAYS = ("10 min", "1 h", "2 h")
SAME = 0.5  # s; the node works out from its own clock, anew each time, since when it is in its state
COLUMNS = (
    Column("When"),
    Column("What it came to", wrap=True),
    Column("Why", wrap=True),
    Column("By", end=True, optional=True),
)


def build(panel: Panel) -> None:
    ui.page_title("Harvest · fogchain")
    feed = panel.main
    with block("fc-page"):
        heading("Harvest", "Whether this machine works for others now, and why")
        machine = machine_of(feed)
        with block() as problem:
            trouble(machine)
        with block("fc-card fc-hide") as nothing:
            empty(
                "cpu", "This node runs nothing for others",
                "It only buys. As a provider it would offer what this machine has to spare while you don't need it.",
                feed.address.command("node init --role provider"),
            )  # fmt: skip
        with block("fc-card") as waiting:
            skeleton(5)
        content = block("fc-stack fc-hide")

    def update() -> None:
        none = provides(feed) is False or machine.missing
        if machine.value is not None and not list(content):
            with content:
                _draw(machine)
        shown(nothing, none)
        shown(problem, not none)
        shown(content, machine.value is not None and not none)
        shown(waiting, machine.value is None and not none)

    follow(update, lambda: (machine.rev, machine.missing, feed.rev("node")))


def _draw(machine: Lookup[HarvestView]) -> None:
    with block("fc-grid g-21"):
        _now(machine)
        WishCard(machine)
    vetoes(machine)
    with block("fc-grid g-21").style("align-items:start"):
        with block("fc-stack"):
            ReplayCard(PolicyEditor(machine))
        SensorCard(machine)
    _transitions(machine)


def _now(machine: Lookup[HarvestView]) -> None:
    with card("Now", "cpu") as end:
        with end:
            pill_ = Pill()
        head = text("–", "fc-headline", "p")
        told = text("", "sr")  # without the seconds that count down
        told.props["role"] = "status"
        why = text("", "fc-dim").style("min-height:21px")
        facts = Facts("Since", "Tasks", "Duty", "Policy", "You said")
        with block("fc-stays", role="group", aria_label="Chance that it stays"):
            text("Chance that it stays, as its offers say", "fc-small fc-faint")
            chances = {span: _Chance(span) for span in STAYS}

    def update() -> None:
        view = machine.value
        if view is None:
            return
        age = machine.age if machine.feed.live else 0.0
        pill_.set(tone(DEVICE, view.state))
        told.set_text(tone(DEVICE, view.state).word)
        head.set_text(words.headline(view, age))
        why.set_text(words.detail(view))
        set_prop(why, "title", view.why or view.cause)
        now = time.time()
        facts.set("Since", f"{show.moment(view.since)} · {show.ago(view.since, now)}", show.full_moment(view.since))
        facts.set("Tasks", show.plural(view.running, "task") if view.running else "none")
        duty = f"{format_ratio(view.duty)} of the time" if view.running else "nothing runs"
        facts.set("Duty", duty, view.pace or "as much as the policy allows")
        facts.set("Policy", f"profile {view.profile}" if view.profile else view.policy, view.policy)
        facts.set("You said", words.wish(view))
        for span, chance in chances.items():
            chance.set(view.survival.get(span))

    follow(update, lambda: (machine.rev, int(time.time()) if machine.feed.live else 0))


class _Chance:
    """A chance as a bar with its figure."""

    def __init__(self, span: str) -> None:
        self._span = span
        with block("fc-chance", role="img", aria_label="not known") as self._box:
            text(span, "fc-small")
            with block("fc-bar"):
                self._bar = block("c-good", "i")
            self._value = text("–", "fc-num fc-small fc-right")
        self._width = ""

    def set(self, chance: int | None) -> None:
        """In basis points."""
        said = "not known yet" if chance is None else f"{chance / 100:.0f} %"
        set_prop(self._box, "aria-label", f"{self._span}: {said}")
        self._value.set_text(show.UNKNOWN if chance is None else said)
        width = f"width:{(chance or 0) / 100:.1f}%"
        if width != self._width:
            self._width = width
            self._bar.style(width)


def _transitions(machine: Lookup[HarvestView]) -> None:
    feed = machine.feed

    async def ask(cursor: str | None) -> ApiPage[TransitionView]:
        return await feed.ask(lambda client: client.harvest_transitions(PAGE_SIZE, cursor))

    last = 0.0

    def came() -> object:
        nonlocal last
        view = machine.value
        if view is not None and abs(view.since - last) > SAME:
            last = view.since
        return (view.state, last) if view is not None else None

    Listing(
        "What happened", "history", COLUMNS, "Nothing yet", "Each change of state is kept here, with its cause.",
        ask=ask, row=_row, fresh=came,
    )  # fmt: skip


def _row(one: TransitionView, now: float) -> Row:
    return Row(
        f"{one.at} {one.before} {one.after}",
        (
            plain(show.moment(one.at), show.full_moment(one.at), show.ago(one.at, now)),
            pill(tone(DEVICE, one.after), note=f"from {tone(DEVICE, one.before).word.lower()}"),
            plain("", one.cause, words.cause(one.cause)),
            plain(words.ACTORS.get(one.actor, one.actor), faint=True),
        ),
    )


PAGE = Page("/harvest", "Harvest", build, "cpu")
