"""The node's bond: what answers for its work, votes, and earns a part of the fees."""

from __future__ import annotations

import time

from nicegui import ui

from fogchain.api.commons import StakeView, UnbondingView
from fogchain.units import format_fog
from ui import show
from ui.components.action import Action
from ui.components.base import Stat, block, card, heading, shown, text
from ui.components.choice import Choice
from ui.components.empty import empty
from ui.components.fields import AmountField, Field
from ui.components.table import Waiting
from ui.live import follow
from ui.lookup import Lookup, trouble
from ui.once import Once
from ui.panel import Page, Panel

YEAR = 365 * 24 * 3600


def build(panel: Panel) -> None:
    feed = panel.main
    ui.page_title("Staking · fogchain")
    stake: Lookup[StakeView] = Lookup(feed, lambda client: client.stake())
    with block("fc-page"):
        heading("Staking", "A bond in FOG answers for this node's work, votes, and earns a part of the fees")
        trouble(stake)
        _figures(stake)
        with block("fc-grid g-21"):
            with block("fc-stack"):
                _queue(stake)
                _rewards(stake)
            with block("fc-stack"):
                _Move(stake)
                _Votes(stake)


def _figures(stake: Lookup[StakeView]) -> None:
    with block("fc-grid g-4"):
        bonded = Stat("Bonded", "shield-check", "answers for this node's work, votes and earns")
        leaving = Stat(
            "Unbonding", "hourglass", "on its way out: it still answers for work, and neither votes nor earns"
        )
        votes = Stat(
            "Votes", "vote", "what this node can vote with: its own bond if it delegated to itself, and others'"
        )
        rewards = Stat("Rewards", "coins", "earned by the bond and not taken yet")

    def update() -> None:
        value = stake.value
        if value is None:
            return
        part = f"{_percent(value.bonded, value.total)} of all bonds" if value.total else "nobody has bonded yet"
        bonded.set(show.fog(value.bonded), part)
        now = value.time
        due = sum(entry.amount for entry in value.unbonding if entry.release <= now)
        waits = show.plural(len(value.unbonding), "part") if value.unbonding else "nothing"
        leaving.set(
            show.fog(sum(entry.amount for entry in value.unbonding)),
            f"{show.fog(due).text} can be withdrawn" if due else f"{waits} on the way out",
        )
        votes.set(show.fog(value.votes), f"of {show.fog(value.total).text} bonded in all")
        rewards.set(show.fog(value.rewards), _rate(value))

    follow(update, lambda: stake.rev)


def _rate(value: StakeView) -> str:
    if not value.stream or value.stream_end <= value.time:
        return "no rewards stream now"
    mine = value.stream * value.bonded // value.total if value.total else 0
    return f"about {show.fog(mine * 86_400).text} a day" if mine else f"{show.fog(value.stream * 86_400).text}/d to all"


def _percent(part: int, whole: int) -> str:
    tenths = 1000 * part // whole
    return f"{tenths // 10}" + (f".{tenths % 10} %" if tenths % 10 else " %")


class _Move:
    """Bond from the wallet, or begin to take out."""

    def __init__(self, stake: Lookup[StakeView]) -> None:
        self._stake, self._once = stake, Once(stake.feed)
        with card("Bond and unbond", "coins"):
            self._way = Choice("Which way", {"bond": "Bond", "unbond": "Unbond"}, self._check)
            self._amount = AmountField("stake-amount", self._available, self._place, self._check)
            self._go = Action("Bond", self._send, classes="primary")
            self._note = text("", "fc-small fc-faint")
        follow(self._check, lambda: (stake.rev, stake.feed.live))

    def _available(self) -> int | None:
        value = self._stake.value
        return None if value is None else value.wallet if self._way.value == "bond" else value.bonded

    def _place(self) -> str:
        return "in the wallet" if self._way.value == "bond" else "bonded"

    def _check(self) -> None:
        wanted = self._amount.check()
        self._go.set("Bond" if self._way.value == "bond" else "Unbond")
        self._go.allow(wanted is not None and self._stake.feed.live)
        value = self._stake.value
        wait = show.span(value.unbonding_period) if value else "some days"
        self._note.set_text(
            f"A bond can be slashed for wrong results. It leaves through a queue of {wait}."
            if self._way.value == "bond"
            else f"It can be withdrawn after {wait}; until then it still answers for work, and can be bonded again."
        )

    async def _send(self) -> None:
        wanted, way = self._amount.check(), self._way.value
        if wanted is None:
            return
        await self._stake.change(
            self._once,
            (way, wanted),
            lambda client, key: client.bond(wanted, key) if way == "bond" else client.unbond(wanted, key),
        )
        self._amount.set("")
        ui.notify(f"{'Bonded' if way == 'bond' else 'Unbonding'} {format_fog(wanted)}", type="positive")
        self._stake.feed.refresh("wallet")


class _Votes:
    """Who votes with the bond."""

    def __init__(self, stake: Lookup[StakeView]) -> None:
        self._stake, self._once = stake, Once(stake.feed)
        with card("Who votes with it", "users"):
            self._now = text("–")
            self._mine = Action("Vote myself", lambda: self._give("me"), done="This node votes with its bond")
            self._to = Field("delegate-to", "Or somebody else", "0x…", self._check)
            with self._to.row:
                self._give_away = Action(
                    "Delegate", lambda: self._give(self._to.value), done="The votes are delegated", classes="small"
                )
            text(
                "A bond votes once it is delegated, to oneself or another. The FOG stays bonded here.",
                "fc-small fc-faint",
            )
        follow(self._check, lambda: (stake.rev, stake.feed.live))

    def _check(self) -> None:
        value, live = self._stake.value, self._stake.feed.live
        to = self._to.value.lower()
        good = len(to) == 42 and to.startswith("0x") and all(digit in "0123456789abcdef" for digit in to[2:])
        self._to.hint("" if good or not to else "an address is 0x and 40 hex digits", wrong=bool(to) and not good)
        if value is None:
            for action in (self._mine, self._give_away):
                action.allow(False, "not known yet")
            return
        own = value.delegatee == value.address
        name = self._stake.feed.names.get(value.delegatee or "", "") or show.short(value.delegatee)
        self._now.set_text(
            "This node votes with it."
            if own
            else f"{name} votes with it."
            if value.delegatee
            else "Nobody: it does not vote."
        )
        shown(self._mine.box, not own)
        self._mine.allow(live)
        self._give_away.allow(live and good and to != value.delegatee)

    async def _give(self, to: str) -> None:
        await self._stake.change(self._once, to, lambda client, key: client.delegate(to, key))
        self._to.set("")


def _rewards(stake: Lookup[StakeView]) -> None:
    once = Once(stake.feed)
    with card("Rewards", "coins"), block("fc-row fc-between fc-wrap"):
        words = text("", "fc-dim fc-grow").style("min-width:min(260px,100%)")

        async def take() -> None:
            await stake.change(once, "rewards", lambda client, key: client.claim_rewards(key))
            stake.feed.refresh("wallet")

        go = Action("Take the rewards", take, done="The rewards are in the wallet")

    def update() -> None:
        value = stake.value
        if value is None:
            go.allow(False, "not known yet")
            return
        left = value.stream_end - value.time
        streams = value.stream and left > 0
        words.set_text(
            f"{show.fog(value.stream * 86_400).text} a day go to all bonds, for {show.span(left)} more."
            if streams
            else "Half of all fees is streamed to bonds as they are collected; none has been lately."
        )
        go.allow(value.rewards > 0 and stake.feed.live, "nothing was earned yet")

    follow(update, lambda: (stake.rev, stake.feed.live))


def _queue(stake: Lookup[StakeView]) -> None:
    once = Once(stake.feed)
    with card("On its way out", "hourglass", "flush") as end:
        with end:

            async def withdraw() -> None:
                await stake.change(once, "withdraw", lambda client, key: client.withdraw_stake(key))
                stake.feed.refresh("wallet")

            out = Action("Withdraw what is due", withdraw, done="It is in the wallet", classes="small")
        waiting = Waiting(2)
        with waiting.empty:
            empty(
                "hourglass", "Nothing is unbonding",
                "What is taken out of the bond waits here for its release, and can be bonded again meanwhile.",
            )  # fmt: skip

    def update() -> None:
        value = stake.value
        waiting.set(None if value is None else len(value.unbonding))
        if value is None:
            return
        due = any(entry.release <= stake.now(value.time) for entry in value.unbonding)
        shown(out.box, bool(value.unbonding))
        out.allow(due and stake.feed.live, "nothing is due yet")
        waiting.content.clear()
        with waiting.content:
            for place, entry in enumerate(value.unbonding):
                _entry(stake, once, place, entry, stake.now(value.time))

    shown(out.box, False)
    follow(update, lambda: (stake.rev, stake.feed.live, int(time.time()) // 15))


def _entry(stake: Lookup[StakeView], once: Once, place: int, entry: UnbondingView, now: float) -> None:
    async def back() -> None:
        await stake.change(once, (place, entry), lambda client, key: client.cancel_unbonding(place, entry, key))

    with block("fc-jobrow"), block("fc-row"):
        amount = text(show.fog(entry.amount).text, "name fc-num fc-cut")
        amount.props["title"] = show.fog(entry.amount).full
        left = entry.release - now
        words = "can be withdrawn now" if left <= 0 else f"can be withdrawn in {show.span(left)}"
        text(words, "fc-dim fc-grow").props["title"] = show.full_moment(entry.release)
        Action("Bond again", back, done="It is bonded again", classes="small")


PAGE = Page("/staking", "Staking", build, "shield-check")
