"""Governance: what votes can set, and every proposal."""

from __future__ import annotations

import time

from nicegui import ui

from fogchain.api.commons import DaoView, ProposalView
from ui import show
from ui.components.action import Action
from ui.components.base import Stat, block, card, heading, icon, shown, text
from ui.components.empty import alert, empty
from ui.components.table import Cell, Column, Grid, Row, Waiting, link, pill, plain
from ui.components.tally import in_words, parts
from ui.live import follow
from ui.lookup import Lookup, trouble
from ui.once import Once
from ui.panel import Page, Panel
from ui.settings import GROUPS, words
from ui.tones import PROPOSAL, VOTE, tone

COLUMNS = (
    Column("Proposal", wrap=True),
    Column("State", wrap=True),
    Column("Votes", optional=True),
    Column("This node", optional=True),
)


def build(panel: Panel) -> None:
    feed = panel.main
    ui.page_title("Governance · fogchain")
    dao: Lookup[DaoView] = Lookup(feed, lambda client: client.dao())
    with block("fc-page"):
        with heading("Governance", "Bonded FOG decides on what the contracts allow to be set"):
            block("fc-grow")
            with block("fc-btn primary", "a", href="/governance/propose"):
                icon("plus")
                text("Propose a change", tag="span")
        trouble(dao)
        _silent_bond(dao)
        _figures(dao)
        with block("fc-grid g-21").style("align-items:start"):
            _proposals(dao)
            _settings(dao)


def _silent_bond(dao: Lookup[DaoView]) -> None:
    """A bond that nobody votes with is easily overlooked."""
    box, words_ = alert("warn", "vote")

    feed = dao.feed
    once = Once(feed)

    async def mine() -> None:
        await once.do("delegate me", lambda client, key: client.delegate("me", key))
        await dao.again()

    with box:
        go = Action("Vote myself", mine, done="This node votes with its bond", classes="small")

    def update() -> None:
        value = dao.value
        silent = value is not None and value.bonded > 0 and value.delegatee is None
        shown(box, silent)
        if value is not None and silent:
            words_.set_text(
                f"This node's bond of {show.fog(value.bonded).text} does not vote: it is delegated to nobody."
            )
        go.allow(feed.live)

    follow(update, lambda: (dao.rev, feed.live))


def _figures(dao: Lookup[DaoView]) -> None:
    with block("fc-grid g-4"):
        votes = Stat(
            "This node's votes", "vote", "its own bond, if it delegated to itself, and what others delegated to it"
        )
        threshold = Stat("To propose", "plus", "votes it takes")
        voting = Stat(
            "Voting", "clock", "how long is voted, after a delay in which votes are still bonded and delegated"
        )
        timelock = Stat("Timelock", "lock", "between the decision and what it does: time to leave for who disagrees")

    def update() -> None:
        value = dao.value
        if value is None:
            return
        enough = value.votes >= value.threshold > 0
        votes.set(
            show.fog(value.votes), "enough to propose" if enough else f"{show.fog(value.bonded).text} bonded here"
        )
        threshold.set(least(value.threshold), "a part of all bonds")
        voting.set(_time(value.voting_period), f"begins {show.span(value.voting_delay)} after the proposal")
        timelock.set(_time(value.timelock_delay), "from the queue to the execution")

    follow(update, lambda: dao.rev)


def least(threshold: int) -> show.Shown:
    """Votes it takes to propose: while hardly anything is bonded, any will do."""
    return show.fog(threshold) if threshold >= 10**9 else show.Shown("any", "votes", show.fog(threshold).full)


def _time(seconds: int) -> show.Shown:
    value, _, unit = show.span(seconds).partition(" ")
    return show.Shown(value, unit, f"{show.number(seconds)} s")


def _proposals(dao: Lookup[DaoView]) -> None:
    with card("Proposals", "landmark", "flush") as end:
        with end:
            count = text("", "fc-num")
        waiting = Waiting(4)
        with waiting.empty:
            empty(
                "landmark", "No proposals yet",
                "Whoever has enough votes proposes a change. It is voted on, waits in the timelock, and is then "
                "carried out by whoever comes first. Escrow, open jobs and withdrawals are out of its reach.",
                dao.feed.address.command('dao propose "Halve the fee" --set "market.fee=0.5 %"'),
            )  # fmt: skip
        with waiting.content:
            grid = Grid("Proposals", COLUMNS)

    def update() -> None:
        value = dao.value
        waiting.set(None if value is None else len(value.proposals))
        if value is None:
            return
        count.set_text(show.number(value.total))
        now = dao.now(value.time)
        grid.show([_row(one, now) for one in value.proposals])

    follow(update, lambda: (dao.rev, int(time.time()) // 2))


def _row(one: ProposalView, now: float) -> Row:
    return Row(
        one.id,
        (
            link(one.title, f"/governance/{one.id}", _changes(one)),
            pill(tone(PROPOSAL, one.state), show.full_moment(one.until or one.created), when(one, now)),
            _votes(one),
            pill(VOTE[one.voted], f"with {show.fog(one.weight).text}")
            if one.voted
            else plain(_missing(one), faint=True),
        ),
        f"/governance/{one.id}",
    )


def _changes(one: ProposalView) -> str:
    told = [f"{words(change.name)}: {change.old + ' → ' if change.old else ''}{change.new}" for change in one.changes]
    other = len(one.calls) - len({change.name.split(".")[0] for change in one.changes})
    return "; ".join([*told, *([show.plural(other, "other call")] if other > 0 else [])])


def _votes(one: ProposalView) -> Cell:
    voted = one.votes_for + one.votes_against + one.votes_abstain
    if not voted:
        return plain("none yet", faint=True)
    return {
        "text": f"{100 * one.votes_for // voted} % for",
        "parts": [[name, round(width, 2)] for name, width in parts(one)],
        "full": in_words(one),
    }


def _missing(one: ProposalView) -> str:
    if one.state == "active":
        return "can vote" if one.weight else "no votes on it"
    return show.UNKNOWN


def when(one: ProposalView, now: float) -> str:
    """What time does to it next."""
    match one.state:
        case "pending":
            return f"vote begins in {show.span(one.snapshot - now)}"
        case "active":
            return f"vote ends in {show.span(one.deadline - now)}"
        case "succeeded":
            return f"to be queued within {show.span((one.until or 0) - now)}"
        case "queued" if one.eta is not None and one.eta > now:
            return f"in the timelock for {show.span(one.eta - now)}"
        case "queued":
            return f"to be executed within {show.span((one.until or 0) - now)}"
        case _:
            return f"proposed {show.ago(one.created, now)}"


def _settings(dao: Lookup[DaoView]) -> None:
    with card("What votes can set", "gauge"):
        waiting = Waiting(6)

    drawn: list[object] = []

    def update() -> None:
        value = dao.value
        waiting.set(None if value is None else len(value.settings))
        if value is None or value.settings == drawn:
            return
        drawn[:] = value.settings
        waiting.content.clear()
        with waiting.content, block("fc-stack"):
            for group, title in GROUPS.items():
                own = [setting for setting in value.settings if setting.name.startswith(f"{group}.")]
                if not own:
                    continue
                with block("fc-col"):
                    text(title, "fc-small fc-faint")
                    with block("fc-dl").style("grid-template-columns:minmax(0,1fr) auto"):
                        for setting in own:
                            text(words(setting.name), "k").props["title"] = setting.name
                            text(
                                show.short(setting.value) if setting.value.startswith("0x") else setting.value, "v"
                            ).props["title"] = setting.value

    follow(update, lambda: dao.rev)


PAGE = Page("/governance", "Governance", build, "landmark")
