"""What a job would cost now, who would take it and why the others would not, and the button that spends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nicegui import ui

from fogchain.api.jobfile import ResolvedJob
from fogchain.api.models import MatchView, Quote
from fogchain.units import format_price
from ui import show
from ui.components.action import Action
from ui.components.base import Facts, block, button, card, icon, icon_button, relabel, set_prop, shown, text
from ui.components.empty import alert, skeleton
from ui.components.offers import OfferTable
from ui.jobform import terms

MOST_REASONS = 6


@dataclass(frozen=True)
class Priced:
    job: ResolvedJob
    quote: Quote
    match: MatchView

    @property
    def most(self) -> int:
        """Base units of FOG. Without a provider there is no price: then it is the budget."""
        return self.quote.most if self.quote.providers else self.quote.budget


class PriceCard:
    def __init__(
        self,
        set_price: Callable[[str], None],
        deposit: Callable[[int], Awaitable[None]],
        submit: Callable[[], None],
    ) -> None:
        self._set_price, self._deposit = set_price, deposit
        self._priced: Priced | None = None
        with card("What it costs", "tag") as end:
            with end:
                self._state = text("", tag="span")
            self._waiting = block()
            with self._waiting:
                skeleton(5)
            self._body = block("fc-stack tight fc-hide")
            with self._body:
                with block("fc-col").style("gap:1px"):
                    text("at most", "fc-small fc-dim")
                    self._most = text("–", "fc-stat-value")
                    self._of = text("", "fc-small fc-faint fc-num")
                self._facts = Facts("Price", "Providers", "Tasks at once", "Free in the market")
                with block("fc-reasons", role="group", aria_label="What both sides sign"):
                    text("For each task both sides sign", "fc-small fc-faint")
                    self._terms = text("", "fc-small fc-dim")
                self._reasons = block("fc-reasons")
                self._least = button("", self._take_least, "tag", "small")
                button("Why, offer by offer", self._look, "search", "small")
                with block("fc-alert t-warn fc-hide", role="status") as self._missing:
                    icon("coins")
                    with block("fc-col fc-grow"):
                        self._missing_words = text("")
                        self._pay_in = Action(
                            "Deposit", self._pay, icon_name="arrow-down-to-line", classes="small", done="Deposited"
                        )
            self._problem, self._problem_words = alert("bad", "circle-alert")
            shown(self._problem, False)
            self._go = button("Submit", submit, "play", "primary fc-full")
            self._note = text("", "fc-small fc-faint")

    def show(self, priced: Priced | None, problem: str, blocked: str, step: str) -> None:
        """`problem`: what is wrong with it; `blocked`: why it can't be submitted yet; `step`: what is going on."""
        self._priced = priced
        shown(self._waiting, priced is None and not problem and not blocked)
        shown(self._body, priced is not None)
        self._problem_words.set_text(problem)
        shown(self._problem, bool(problem))
        if priced is not None:
            self._draw(priced)
        ready = priced is not None and not blocked and not problem and not priced.quote.missing
        set_prop(self._go, "disabled", not ready or bool(step))
        relabel(self._go, f"{step}…" if step else self._label())
        set_prop(self._go, "aria-busy", "true" if step else "false")
        note = blocked or "Nothing is spent before you press this."
        if priced is not None and not blocked:
            if priced.quote.missing:
                note = "Deposit what is missing first."
            elif not priced.quote.providers:
                note = "No provider matches now: the job would wait for one."
        self._note.set_text(note)

    def mark(self, stale: bool) -> None:
        """Whether what is shown is of what is written."""
        self._state.set_text("asking…" if stale else "now")
        if stale:
            set_prop(self._go, "disabled", True)

    def _label(self) -> str:
        if self._priced is None:
            return "Submit"
        return f"Submit for at most {show.fog(self._priced.most).text}"

    def _draw(self, priced: Priced) -> None:
        quote, match = priced.quote, priced.match
        most = show.fog(priced.most)
        self._most.set_text(most.text)
        set_prop(self._most, "title", most.full)
        of = f"of a budget of {show.fog(quote.budget).text}" if priced.most != quote.budget else "its whole budget"
        self._of.set_text(f"{show.plural(quote.tasks, 'task')}, {of}")
        low, high = show.price(quote.cheapest), show.price(quote.dearest)
        self._facts.set(
            "Price", low.text if low == high else f"{low.value} – {high.text}", f"{low.full} to {high.full}"
        )
        self._facts.set("Providers", f"{show.number(quote.providers)} of {show.number(match.total)} match")
        self._facts.set("Tasks at once", show.number(quote.slots))
        self._facts.set("Free in the market", show.fog(quote.free).text, show.fog(quote.free).full)
        self._terms.set_text(_terms(priced))
        self._draw_reasons(priced)
        least = match.least_price
        too_dear = least is not None and not match.matching
        shown(self._least, too_dear)
        if least is not None:
            relabel(self._least, f"Set the highest price to {show.price(least).text}")
        shown(self._missing, quote.missing > 0)
        missing = show.fog(quote.missing).text
        self._missing_words.set_text(
            f"The whole budget has to be in the market while the job runs: {missing} is missing."
        )
        self._pay_in.set(f"Deposit {missing}")

    def _draw_reasons(self, priced: Priced) -> None:
        quote, match = priced.quote, priced.match
        lines = [] if match.matching else [match.summary]
        lines += [reason for reason in quote.reasons if match.matching or reason not in match.reasons]
        lines = lines[:MOST_REASONS]
        self._reasons.clear()
        with self._reasons:
            for words in lines:
                text(words, "fc-small fc-dim")
            for change in match.nearest if not match.matching else []:
                text(f"to match one: {change.constraint} {change.value}", "fc-small")
        shown(self._reasons, bool(lines))

    def _look(self) -> None:
        """Each provider, as of the moment."""
        if self._priced is None:
            return
        with ui.dialog() as dialog, block("fc-sheet wide", role="dialog", aria_label="Offers for this job"):
            with block("fc-row"):
                text("Offers for this job", "fc-grow", "h2")
                icon_button("x", "Close", dialog.close)
            text(self._priced.match.summary, "fc-dim", "p")
            OfferTable().show(self._priced.match)
        dialog.on("hide", dialog.delete)
        dialog.open()

    def _take_least(self) -> None:
        if self._priced is not None and self._priced.match.least_price is not None:
            self._set_price(format_price(self._priced.match.least_price))

    async def _pay(self) -> None:
        if self._priced is not None and self._priced.quote.missing:
            await self._deposit(self._priced.quote.missing)


def _terms(priced: Priced) -> str:
    """The quote's own; without a provider there is no price, and the penalty is what was asked for."""
    quote, wanted = priced.quote, priced.job.spec.penalty
    words = terms(quote.deadline, quote.grace, quote.penalty if quote.providers else wanted, quote.privacy)
    if quote.providers and quote.penalty < wanted:
        words += f". A task can't earn more than {show.fog(quote.penalty).text}, so no more of the penalty is kept"
    return words
