"""One case: what was delivered, what each auditor got, the verdict, and where the money went."""

from __future__ import annotations

import time

from nicegui import ui

from fogchain.api.commons import AnswerView, CaseView, MemberView
from ui import show
from ui.components.base import Facts, Pill, block, card, icon, text
from ui.components.copy import CopyText
from ui.components.empty import empty, skeleton
from ui.components.table import Cell, Column, Grid, Row, amount, identifier, pill, plain
from ui.live import follow
from ui.lookup import Lookup, trouble
from ui.panel import Page, Panel
from ui.show import Shown
from ui.tones import CASE, Tone, tone

COLUMNS = (
    Column("Who"),
    Column("Result"),
    Column("Fuel", end=True),
    Column("Same as delivered"),
)
SAME, OTHER = Tone("good", "circle-check", "Yes"), Tone("bad", "circle-x", "No")
SILENT, AWAITED = Tone("warn", "circle-dashed", "Said nothing"), Tone("info", "hourglass", "Not revealed yet")
DELIVERED = Tone("neutral", "send", "The delivery")


def build(panel: Panel, job_id: str) -> None:
    lookup: Lookup[CaseView] = Lookup(panel.main, lambda client: client.case(job_id))
    ui.page_title("Case · fogchain")
    with block("fc-page") as page:
        trouble(lookup)
        waiting = block()
        with waiting:
            skeleton(6)
    drawn: list[_Case] = []

    def update() -> None:
        if lookup.value is None:
            if lookup.missing:
                waiting.clear()
                with waiting:
                    empty("scale", "There is no such case", "Most jobs are never challenged or audited.")
            return
        if not drawn:
            waiting.delete()
            with page:
                drawn.append(_Case(panel, lookup.value))
        drawn[0].update(lookup.value)

    follow(update, lambda: (lookup.rev, panel.main.rev("providers"), int(time.time()) // 15))


class _Case:
    def __init__(self, panel: Panel, first: CaseView) -> None:
        self._feed = panel.main
        with block("fc-head"):
            with block("fc-iconbtn", "a", href="/court", aria_label="All cases", title="All cases"):
                icon("arrow-left")
            text(f"Case about job {show.short(first.job, 8)}", "fc-cut", "h1")
            self._pill = Pill()
        self._words = text("", "fc-dim fc-lead")
        with block("fc-grid g-21").style("align-items:start"):
            with block("fc-stack"), card("Evidence", "scale", "flush"):
                self._grid = Grid("Evidence", COLUMNS)
            with block("fc-stack"):
                with card("Where the money went", "coins"):
                    self._money = Facts(*MONEY)
                    self._note = text("", "fc-small fc-faint")
                with card("Case", "info"):
                    with block("fc-dl"):
                        for label, value in (
                            ("Job", first.job), ("Provider", first.provider), ("Buyer", first.buyer),
                            ("Brought by", first.finder), ("Court", first.court),
                        ):  # fmt: skip
                            text(label, "k")
                            with block("v"):
                                CopyText(f"Copy: {label}").set(value)
                    self._facts = Facts("Price of the job", "Bond of the challenge", "Delivered", "Opened", "Closed")

    def update(self, one: CaseView) -> None:
        now = time.time()
        self._pill.set(tone(CASE, one.state))
        self._words.set_text(_verdict(one))
        self._grid.show(_evidence(one, self._feed.names, now))
        money = _money(one)
        self._money.only(money)
        for label, value in money.items():
            self._money.set(label, value.text, value.full)
        self._note.set_text(_note(one))
        price = show.fog(one.price)
        self._facts.set("Price of the job", price.text, price.full)
        bond = show.fog(one.bond) if one.kind == "challenge" else Shown("none: an audit", "", "drawn by lot")
        self._facts.set("Bond of the challenge", bond.text, bond.full)
        for label, moment in (("Delivered", one.delivered_at), ("Opened", one.opened), ("Closed", one.closed)):
            self._facts.set(label, show.moment(moment), show.full_moment(moment))
        if one.closed is None:
            self._facts.set(
                "Closed", f"by {show.moment(one.verdict_by)} at the latest", show.full_moment(one.verdict_by)
            )


def _verdict(one: CaseView) -> str:
    if not one.rounds:
        judged = "no committee was drawn"
    else:
        last = one.rounds[-1]
        against = sum(member.agrees is False for member in last.members)
        backing = sum(member.agrees is True for member in last.members)
        judged = f"of {len(last.members)} auditors, {against} got something else and {backing} the same"
        if len(one.rounds) > 1:
            judged = f"in round {last.number}, {judged}"
    match one.state:
        case "guilty":
            return f"The delivery was wrong: {judged}."
        case "acquitted":
            return f"The provider is acquitted: {judged}."
        case "lapsed":
            return f"No verdict came in time, so nobody is slashed: {judged}."
        case _:
            return f"Not decided yet: {judged}."


def _evidence(one: CaseView, names: dict[str, str], now: float) -> list[Row]:
    rows = [Row("delivered", (_who(one.provider, names, "the provider"), *_said(one.delivered), pill(DELIVERED)))]
    for part in one.rounds:
        over = now >= part.reveal_by or one.closed is not None
        note = f"auditor, round {part.number}" if len(one.rounds) > 1 else "auditor"
        for member in part.members:
            rows.append(
                Row(
                    f"{part.number} {member.auditor}",
                    (_who(member.auditor, names, note), *_said(member.answer), pill(_agreement(member, over=over))),
                )
            )
    return rows


def _who(address: str, names: dict[str, str], note: str) -> Cell:
    name = names.get(address, "")
    return plain(name or show.short(address), address, note, mono=not name)


def _said(answer: AnswerView | None) -> tuple[Cell, Cell]:
    if answer is None:
        return plain(show.UNKNOWN), plain(show.UNKNOWN)
    return identifier(answer.result), amount(show.fuel(answer.fuel))


def _agreement(member: MemberView, *, over: bool) -> Tone:
    if member.agrees is None:
        return SILENT if over else AWAITED
    return SAME if member.agrees else OTHER


MONEY = (
    "Taken from the bond", "to the buyer", "to the finder", "burnt", "Price, back to the buyer", "Paid to the provider",
    "Each auditor who was right",
)  # fmt: skip


def _money(one: CaseView) -> dict[str, Shown]:
    """The lines that say something."""
    if one.state == "open":
        return {"Price, back to the buyer": Shown("not decided", "", "the verdict decides")}
    if one.state == "guilty":
        slash = (one.taken, one.to_victim, one.to_finder, one.burnt, one.refund)
        return {**dict(zip(MONEY, map(show.fog, slash), strict=False)), MONEY[6]: show.fog(one.auditor_pay)}
    return {MONEY[5]: show.fog(one.paid), MONEY[6]: show.fog(one.auditor_pay)}


def _note(one: CaseView) -> str:
    if one.state != "guilty":
        return "" if one.state == "open" else "Nothing left the provider's bond."
    less = f" The verdict asked for {show.fog(one.asked).text}; the bond had no more." if one.taken < one.asked else ""
    own = "" if one.to_finder or one.kind == "audit" else " A buyer who finds his own cheat gets no finder's part."
    return f"The buyer first, up to the price; then the finder; the rest is nobody's.{less}{own}"


PAGE = Page("/court/{job_id}", "Case", build)
