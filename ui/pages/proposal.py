"""One proposal: what it does, how the vote stands, who voted, and what is possible now and until when."""

from __future__ import annotations

import time
from typing import Literal

from nicegui import ui

from fogchain.api.commons import CallView, ProposalDetail, Vote
from ui import show
from ui.components.action import Action
from ui.components.base import Pill, block, card, icon, shown, text
from ui.components.choice import Choice
from ui.components.confirm import confirm
from ui.components.copy import CopyText
from ui.components.empty import empty, skeleton
from ui.components.fields import Field
from ui.components.table import Column, Grid, Row, Waiting, amount, pill, plain
from ui.components.tally import Tally
from ui.live import follow
from ui.lookup import Lookup, trouble
from ui.once import Once
from ui.panel import Page, Panel
from ui.settings import words
from ui.tones import PROPOSAL, VOTE, tone

BALLOTS = (
    Column("Voter"),
    Column("Vote"),
    Column("Weight", end=True),
    Column("Reason", wrap=True),
    Column("When", end=True, optional=True),
)


def build(panel: Panel, proposal_id: str) -> None:
    lookup: Lookup[ProposalDetail] = Lookup(panel.main, lambda client: client.proposal(proposal_id))
    ui.page_title("Proposal · fogchain")
    with block("fc-page") as page:
        trouble(lookup)
        waiting = block()
        with waiting:
            skeleton(6)
    drawn: list[_Proposal] = []

    def update() -> None:
        if lookup.value is None:
            if lookup.missing:
                waiting.clear()
                with waiting:
                    empty("landmark", "There is no such proposal", "The list of proposals shows those that there are.")
            return
        if not drawn:
            waiting.delete()
            with page:
                drawn.append(_Proposal(lookup, lookup.value))
        drawn[0].update(lookup.value)

    follow(update, lambda: (lookup.rev, panel.main.live, int(time.time())))


class _Proposal:
    def __init__(self, lookup: Lookup[ProposalDetail], first: ProposalDetail) -> None:
        self._lookup, self._rev = lookup, -1
        ui.page_title(f"{first.title} · fogchain")
        with block("fc-head"):
            with block("fc-iconbtn", "a", href="/governance", aria_label="All proposals", title="All proposals"):
                icon("arrow-left")
            text(first.title, "fc-cut", "h1").style("max-width:min(760px,100%)")
            self._pill = Pill()
        with block("fc-grid g-21").style("align-items:start"):
            with block("fc-stack"):
                with card("What it does", "gauge"):
                    self._effects = block("fc-stack")
                self._description(first)
                self._ballots()
            with block("fc-stack"):
                _Now(lookup)
                with card("Votes", "vote"):
                    self._tally = Tally()
                self._facts(first)

    def update(self, value: ProposalDetail) -> None:
        if self._rev == self._lookup.rev:
            return
        self._rev = self._lookup.rev
        self._pill.set(tone(PROPOSAL, value.state))
        self._tally.set(value)
        self._effects.clear()
        with self._effects:
            _effects(value)
        self._waiting.set(len(value.ballots))
        names, now = self._lookup.feed.names, self._lookup.now(value.time)
        self._grid.show(
            [
                Row(
                    one.voter,
                    (
                        plain(names.get(one.voter) or show.short(one.voter), one.voter, mono=one.voter not in names),
                        pill(VOTE[one.vote]),
                        amount(show.fog(one.weight)),
                        plain("" if one.reason else show.UNKNOWN, one.reason, one.reason),
                        plain(show.ago(one.time, now), show.full_moment(one.time), faint=True),
                    ),
                )
                for one in value.ballots
            ]
        )

    def _description(self, first: ProposalDetail) -> None:
        rest = first.description.strip().partition("\n")[2].strip()
        if rest:
            with card("Why", "file-text"):
                text(rest, "fc-prose")

    def _ballots(self) -> None:
        with card("Who voted", "users", "flush"):
            self._waiting = Waiting(2)
            with self._waiting.empty:
                empty(
                    "vote",
                    "No votes yet",
                    "Each vote is listed here with its weight and, if one was given, its reason.",
                )
            with self._waiting.content:
                self._grid = Grid("Votes", BALLOTS)

    def _facts(self, first: ProposalDetail) -> None:
        with card("Proposal", "info"), block("fc-dl"):
            for label, value in (("Id", first.id), ("Proposed by", first.proposer)):
                text(label, "k")
                with block("v"):
                    CopyText(f"Copy: {label}").set(value)
            for label, moment in (
                ("Proposed", first.created), ("Votes are counted as of", first.snapshot), ("Vote ends", first.deadline),
            ):  # fmt: skip
                text(label, "k")
                text(show.moment(moment), "v").props["title"] = show.full_moment(moment)


def _effects(value: ProposalDetail) -> None:
    for change in value.changes:
        with block("fc-change"):
            text(words(change.name), "fc-grow")
            if change.old is not None:
                text(_value(change.old), "old").props["title"] = change.old
                icon("arrow-right", "fc-faint")
            text(_value(change.new), "new").props["title"] = change.new
    if not value.changes:
        text("It changes no setting of those that this node knows by name.", "fc-dim fc-small")
    for call in value.calls:
        _call(call)


def _value(value: str) -> str:
    return show.short(value) if value.startswith("0x") else value


def _call(call: CallView) -> None:
    """The call as the contract gets it."""
    with block("fc-file"):
        with block("fc-file-head"):
            icon("terminal")
            if call.function is None:
                text("A call that is not decoded: not one of this network's contracts", "fc-tone t-warn")
            else:
                text(f"{call.contract}.{call.function}", "fc-mono")
            text(show.short(call.to), "fc-mono fc-faint fc-cut").props["title"] = call.to
        lines = [f"{argument.name} = {argument.value}" for argument in call.arguments]
        if call.value:
            lines.append(f"and {show.eth(call.value).full}")
        if lines:
            text("\n".join(lines), tag="pre")


class _Now:
    """What can be done at this moment, and until when."""

    def __init__(self, lookup: Lookup[ProposalDetail]) -> None:
        self._lookup, self._once = lookup, Once(lookup.feed)
        with card("Now", "clock"):
            self._words = text("", "fc-dim")
            self._voting = block("fc-stack fc-hide").style("gap:12px")
            with self._voting:
                self._choice = Choice(
                    "Your vote", {"for": "For", "against": "Against", "abstain": "Abstain"}, self._check
                )
                self._reason = Field(
                    "reason", "Reason, for everyone to read", "optional", self._check, rows=2, most=1000
                )
                self._vote = Action("Vote", self._cast, done="The vote is cast", icon_name="vote", classes="primary")
            self._queue = Action(
                "Put into the timelock", lambda: self._step("queue"), done="It is in the timelock", classes="primary"
            )
            self._execute = Action(
                "Carry it out", lambda: self._step("execute"), done="It is carried out", classes="primary"
            )
            self._cancel = Action("Take it back", self._take_back, done="It is cancelled", classes="danger")
        follow(self._check, lambda: (lookup.rev, lookup.feed.live, int(time.time())))

    def _check(self) -> None:
        value, live = self._lookup.value, self._lookup.feed.live
        if value is None:
            return
        now = self._lookup.now(value.time)
        self._words.set_text(_possible(value, now))
        may_vote = value.state == "active" and not value.voted and bool(value.weight)
        shown(self._voting, may_vote)
        self._vote.set(f"Vote {self._choice.value} with {show.fog(value.weight).text}" if may_vote else "Vote")
        self._vote.allow(live and may_vote)
        shown(self._queue.box, value.state == "succeeded")
        self._queue.allow(live)
        shown(self._execute.box, value.state == "queued")
        self._execute.allow(live and (value.eta or 0) <= now, "it waits in the timelock")
        shown(self._cancel.box, value.state == "pending" and value.mine)
        self._cancel.allow(live)

    async def _cast(self) -> None:
        value = self._lookup.value
        if value is None:
            return
        vote: Vote = (
            "for" if self._choice.value == "for" else "against" if self._choice.value == "against" else "abstain"
        )
        reason = self._reason.value
        await self._lookup.change(
            self._once, (vote, reason), lambda client, key: client.vote(value.id, vote, reason, key)
        )

    async def _step(self, step: Literal["queue", "execute", "cancel"]) -> None:
        value = self._lookup.value
        if value is not None:
            await self._lookup.change(self._once, step, lambda client, key: client.move_proposal(value.id, step, key))

    async def _take_back(self) -> None:
        if await confirm("Take this proposal back?", "It can't be voted on then, nor proposed again in the same words.",
                         "Take it back", "Keep it"):  # fmt: skip
            await self._step("cancel")


def _possible(value: ProposalDetail, now: float) -> str:
    match value.state:
        case "pending":
            return (
                f"The vote begins in {show.span(value.snapshot - now)}. Who holds votes at that moment can vote: until "
                "then bonds can still be made and delegated."
            )
        case "active":
            left = f"The vote ends in {show.span(value.deadline - now)}."
            if value.voted:
                return f"{left} This node voted {value.voted}, with {show.fog(value.weight).text}."
            if not value.weight:
                return f"{left} This node had no votes when it began, so it has no say in this one."
            return left
        case "succeeded":
            return (
                f"It won. Anyone can put it into the timelock, within {show.span((value.until or 0) - now)}; after "
                "that it expires."
            )
        case "queued" if value.eta is not None and value.eta > now:
            return f"It waits in the timelock for {show.span(value.eta - now)} more. Then anyone can carry it out."
        case "queued":
            return f"Anyone can carry it out, within {show.span((value.until or 0) - now)}; after that it expires."
        case "executed":
            return "It is carried out: what it sets is in force."
        case "defeated":
            short = value.quorum is not None and value.votes_for + value.votes_abstain < value.quorum
            return (
                "It failed: too few voted for the quorum." if short else "It failed: no more were for it than against."
            )
        case "canceled":
            return "It was cancelled, by who proposed it or by the guardian."
        case _:
            return "It won, but was not queued or carried out in time."


PAGE = Page("/governance/{proposal_id}", "Proposal", build)
