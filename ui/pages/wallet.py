"""The node's money: address, balances, what is locked and owed, and every receipt."""

from __future__ import annotations

import time
from typing import Literal

from nicegui import ui

from fogchain.api.models import Page as ApiPage
from fogchain.api.models import ReceiptView, SessionView
from fogchain.api.statement import StatementLine, StatementView
from fogchain.errors import FogchainError
from fogchain.units import format_fog
from ui import show
from ui.components.amount import AmountField
from ui.components.base import Stat, block, button, card, heading, icon, relabel, set_prop, shown, text
from ui.components.browserwallet import BrowserWalletCard
from ui.components.choice import Choice
from ui.components.copy import CopyText
from ui.components.empty import alert
from ui.components.listing import PAGE_SIZE, Listing
from ui.components.receipts import RECEIPT_COLUMNS, ReceiptSheet, receipt_row
from ui.components.table import Column, Row, amount, identifier, pill, plain
from ui.feed import NodeFeed
from ui.files import statement_path
from ui.live import follow
from ui.lookup import Lookup
from ui.once import Once
from ui.panel import Page, Panel
from ui.tones import SESSION, tone

ROLES = {"all": "All", "buyer": "As buyer", "provider": "As provider"}
ROLE_OF: dict[str, Literal["buyer", "provider"] | None] = {"all": None, "buyer": "buyer", "provider": "provider"}
RANGES = {"all": "All", "month": "This month", "last": "Last month"}
SESSION_COLUMNS = (
    Column("Session"),
    Column("State"),
    Column("With", optional=True),
    Column("Cap", end=True, wide=True),
    Column("Signed", end=True),
    Column("Claimed", end=True, optional=True),
    Column("Unclaimed", end=True, optional=True),
    Column("Fee", end=True, wide=True),
    Column("Expires", end=True, wide=True),
)
STATEMENT_COLUMNS = (
    Column("What"),
    Column("In", end=True),
    Column("Out", end=True),
    Column("Wallet", end=True, optional=True),
    Column("Free", end=True, optional=True),
    Column("Locked", end=True, optional=True),
    Column("When", end=True, wide=True),
)


def build(panel: Panel) -> None:
    feed = panel.main
    ui.page_title("Wallet · fogchain")
    with block("fc-page"):
        with heading("Wallet"):
            address = CopyText("Copy the wallet's address", full=True)
        with block("fc-grid g-6"):
            stats = {
                "token": Stat("Wallet", "wallet", "FOG in the wallet itself"),
                "free": Stat("Free", "lock-open", "deposited in the market and not locked"),
                "locked": Stat("Locked", "lock", "as a buyer: open sessions, open jobs, bonds of challenges"),
                "earned": Stat("Earned", "arrow-down-to-line", "paid as a provider so far, fees taken off"),
                "unclaimed": Stat("Unclaimed", "hourglass", "vouchers held as a provider and not yet claimed"),
                "bonded": Stat("Bonded", "shield-check", "staked as a provider"),
            }
        with block("fc-grid g-21"):
            with block("fc-stack"):
                _receipts(panel)
            with block("fc-stack"):
                _Transfer(feed)
                with card("Gas", "gauge"):
                    with block("fc-row fc-between"):
                        text("In the wallet", "fc-dim")
                        gas = text("–", "fc-num")
                    text("ETH pays for this node's transactions on the chain.", "fc-small fc-faint")
                BrowserWalletCard(feed)
        _sessions(feed)
        _statement(feed)
        until = _Until(feed)

    notes = {
        "token": "not in the market", "free": "can back new jobs", "locked": "until jobs end",
        "earned": "claimed so far", "unclaimed": "to be claimed", "bonded": "as a provider",
    }  # fmt: skip

    def update() -> None:
        wallet = feed.wallet
        if wallet is None:
            return
        address.set(wallet.address)
        for name, stat in stats.items():
            note = (
                f"{show.fog(wallet.fees).text} kept back as fees" if name == "earned" and wallet.fees else notes[name]
            )
            if name == "free" and wallet.promised:
                note = f"{show.fog(wallet.promised).text} promised to jobs paid in a batch"
            if name == "locked":
                note = (until.words or notes[name]) if wallet.locked else "nothing is locked"
            stat.set(show.fog(getattr(wallet, name)), note)
        gas.set_text(show.eth(wallet.eth).text)
        set_prop(gas, "title", show.eth(wallet.eth).full)

    follow(update, lambda: (feed.rev("wallet"), until.rev))


class _Transfer:
    """Deposit into the market, or withdraw from it, from the node's own wallet."""

    def __init__(self, feed: NodeFeed) -> None:
        self._feed = feed
        self._once = Once(feed)
        self._busy = False
        with card("Deposit and withdraw", "coins") as end:
            with end:
                text("the node's wallet", tag="span")
            self._way = Choice("Which way", {"deposit": "Deposit", "withdraw": "Withdraw"}, self._check)
            self._field = AmountField("amount", self._available, self._place, self._check, self._send)
            self._go = button("Deposit", self._send, classes="primary")
            self._problem, self._problem_words = alert("bad", "circle-alert")
            shown(self._problem, False)
        follow(self._check, lambda: feed.rev("wallet", "link"))

    def _available(self) -> int | None:
        wallet = self._feed.wallet
        if wallet is None:
            return None
        return wallet.token if self._way.value == "deposit" else max(0, wallet.free - wallet.promised)

    def _place(self) -> str:
        if self._way.value == "deposit":
            return "in the wallet"
        promised = self._feed.wallet is not None and self._feed.wallet.promised
        return "free in the market and not promised to jobs" if promised else "free in the market"

    def _check(self) -> None:
        wanted = self._field.check()
        set_prop(self._go, "disabled", wanted is None or self._busy or not self._feed.live)
        words = "Deposit" if self._way.value == "deposit" else "Withdraw"
        relabel(self._go, f"{words}…" if self._busy else words)

    async def _send(self) -> None:
        wanted = self._field.check()
        if wanted is None or self._busy:
            return
        way = self._way.value
        self._busy = True
        self._check()
        try:
            self._feed.wallet = await self._once.do(
                (way, wanted),
                lambda client, key: client.deposit(wanted, key) if way == "deposit" else client.withdraw(wanted, key),
            )
        except FogchainError as error:
            self._problem_words.set_text(show.sentences(error))
            shown(self._problem, True)
        else:
            shown(self._problem, False)
            self._field.clear()
            done = "Deposited" if way == "deposit" else "Withdrew"
            ui.notify(f"{done} {format_fog(wanted)}", type="positive")
            self._feed.refresh("wallet")
        finally:
            self._busy = False
            self._check()


class _Until:
    """When locked money is free at the latest: when the last open session of this node as buyer expires."""

    def __init__(self, feed: NodeFeed) -> None:
        self._open: Lookup[ApiPage[SessionView]] = Lookup(feed, lambda client: client.sessions(role="buyer", limit=200))
        ui.timer(0, self._open.again, once=True)

    @property
    def rev(self) -> int:
        return self._open.rev

    @property
    def words(self) -> str:
        """Empty while nothing is locked in a session."""
        page = self._open.value
        expiries = [session.expires for session in page.items if session.state != "closed"] if page else []
        return f"until {show.moment(max(expiries))}" if expiries else ""


def _receipts(panel: Panel) -> None:
    feed, sheet = panel.main, ReceiptSheet(panel)

    async def ask(cursor: str | None) -> ApiPage[ReceiptView]:
        wanted = ROLE_OF[role.value]
        return await feed.ask(lambda client: client.receipts(role=wanted, limit=PAGE_SIZE, cursor=cursor))

    listing = Listing(
        "Receipts", "receipt-text", RECEIPT_COLUMNS, "No receipts yet",
        "Every task that was run and signed for appears here, whichever side this node was on.",
        ask=ask, row=lambda receipt, now: receipt_row(receipt, now, feed.names),
        fresh=lambda: feed.rev("receipts", "link"), on_pick=sheet.open,
    )  # fmt: skip
    with listing.head:
        role = Choice("Receipts of which role", ROLES, listing.begin_again)


def _sessions(feed: NodeFeed) -> None:
    async def ask(cursor: str | None) -> ApiPage[SessionView]:
        wanted = ROLE_OF[role.value]
        return await feed.ask(lambda client: client.sessions(role=wanted, limit=PAGE_SIZE, cursor=cursor))

    listing = Listing(
        "Sessions and vouchers", "key-round", SESSION_COLUMNS, "No sessions yet",
        "A session is a capped promise to one provider for one job; vouchers are signed within it.",
        ask=ask, row=lambda session, now: _session_row(session, now, feed.names),
        fresh=lambda: feed.rev("wallet", "link"),
    )  # fmt: skip
    with listing.head:
        role = Choice("Sessions of which role", ROLES, listing.begin_again)


def _statement(feed: NodeFeed) -> None:
    async def ask(cursor: str | None) -> StatementView:
        first, end = span_of(range_.value, time.time())
        return await feed.ask(lambda client: client.statement(first, end, PAGE_SIZE, cursor))

    listing = Listing(
        "Statement", "file-text", STATEMENT_COLUMNS, "Nothing in this time",
        "Deposits, payments, fees and refunds appear here, from the chain's own records.",
        ask=ask, row=_statement_row, fresh=lambda: feed.rev("wallet", "link"),
    )  # fmt: skip
    with listing.head:
        range_ = Choice("Which time", RANGES, lambda: choose())
        with block("fc-btn small", "a", aria_label="Download the statement as CSV") as csv:
            csv.props["download"] = ""
            icon("download")
            text("CSV", tag="span")

    def choose() -> object:
        csv.props["href"] = statement_path(*span_of(range_.value, time.time()))
        return listing.begin_again()

    csv.props["href"] = statement_path(None, None)


def span_of(chosen: str, now: float) -> tuple[int | None, int | None]:
    """The beginning and the end of a time, in Unix seconds of this machine's calendar; None for an open end."""
    today = time.localtime(now)
    this = time.mktime((today.tm_year, today.tm_mon, 1, 0, 0, 0, 0, 0, -1))
    if chosen == "month":
        return int(this), None
    if chosen == "last":
        return int(time.mktime((today.tm_year, today.tm_mon - 1, 1, 0, 0, 0, 0, 0, -1))), int(this)
    return None, None


def _statement_row(line: StatementLine, _: float) -> Row:
    about = line.counterparty_name or (show.short(line.counterparty) if line.counterparty else "")
    job = line.job_name or (show.short(line.job) if line.job else "")
    return Row(
        f"{line.transaction} {line.kind} {line.job} {line.came} {line.went} {line.after.free} {line.after.locked}",
        (
            plain(line.kind.capitalize(), f"transaction {line.transaction}", " · ".join(filter(None, (job, about)))),
            amount(show.fog(line.came)) if line.came else plain(""),
            amount(show.fog(line.went), f"fee {show.fog(line.fee).text}" if line.fee else "")
            if line.went
            else plain(""),
            amount(show.fog(line.after.wallet)),
            amount(show.fog(line.after.free)),
            amount(show.fog(line.after.locked)),
            plain(show.moment(line.time), f"{show.full_moment(line.time)}, block {line.block}", faint=True),
        ),
    )


def _session_row(session: SessionView, now: float, names: dict[str, str]) -> Row:
    name = names.get(session.counterparty.lower(), "")
    left = session.expires - now
    over = session.state in {"closed", "opening"} or not session.expires
    expires = show.UNKNOWN if over else f"in {show.span(int(left))}" if left > 0 else "over"
    penalty = f"penalty {show.fog(session.penalty).text}" if session.penalty else ""
    return Row(
        f"{session.role} {session.id}",
        (
            identifier(session.id),
            pill(tone(SESSION, session.state)),
            plain(name or show.short(session.counterparty), session.counterparty, f"as {session.role}", mono=not name),
            amount(show.fog(session.cap)),
            amount(show.fog(session.signed), penalty),
            amount(show.fog(session.claimed)),
            amount(show.fog(max(0, session.signed - session.claimed))),
            amount(show.fog(session.fee), f"net {show.fog(session.net).text}" if session.fee else ""),
            plain(expires, show.full_moment(session.expires), faint=True),
        ),
    )


PAGE = Page("/wallet", "Wallet", build, "wallet")
