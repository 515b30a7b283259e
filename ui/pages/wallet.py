"""The node's money: address, balances, what is locked and owed, and every receipt."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from nicegui import ui

from fogchain.api.models import Page as ApiPage
from fogchain.api.models import ReceiptView, SessionView
from fogchain.errors import FogchainError
from fogchain.units import format_fog
from ui import show
from ui.components.amount import AmountField
from ui.components.base import Stat, block, button, card, heading, relabel, set_prop, shown, text
from ui.components.browserwallet import BrowserWalletCard
from ui.components.choice import Choice
from ui.components.copy import CopyText
from ui.components.empty import alert, empty
from ui.components.receipts import RECEIPT_COLUMNS, receipt_row
from ui.components.table import Column, Grid, Pager, Row, Waiting, amount, identifier, pill, plain
from ui.feed import NodeFeed
from ui.live import follow
from ui.panel import Page, Panel
from ui.tones import SESSION, tone

PAGE_SIZE = 15
CHAIN_TIMEOUT = 90.0  # s; a transfer waits for blocks
ROLES = {"all": "All", "buyer": "As buyer", "provider": "As provider"}
SESSION_COLUMNS = (
    Column("Session"),
    Column("State"),
    Column("Role", optional=True),
    Column("With", optional=True),
    Column("Cap", end=True, wide=True),
    Column("Signed", end=True),
    Column("Claimed", end=True, optional=True),
    Column("Expires", end=True, wide=True),
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
                "locked": Stat("Locked", "lock", "in open sessions as a buyer"),
                "earned": Stat("Earned", "arrow-down-to-line", "claimed as a provider so far"),
                "unclaimed": Stat("Unclaimed", "hourglass", "vouchers held as a provider and not yet claimed"),
                "bonded": Stat("Bonded", "shield-check", "staked as a provider"),
            }
        with block("fc-grid g-21"):
            with block("fc-stack"):
                _Listing(
                    "Receipts", "receipt-text", feed, RECEIPT_COLUMNS, "No receipts yet",
                    "Every task that was run and signed for appears here, whichever side this node was on.",
                    receipts=True,
                )  # fmt: skip
            with block("fc-stack"):
                _Transfer(feed)
                with card("Gas", "gauge"):
                    with block("fc-row fc-between"):
                        text("In the wallet", "fc-dim")
                        gas = text("–", "fc-num")
                    text("ETH pays for this node's transactions on the chain.", "fc-small fc-faint")
                BrowserWalletCard(feed)
        _Listing(
            "Sessions", "key-round", feed, SESSION_COLUMNS, "No sessions yet",
            "A session is a capped promise to one provider for one job; vouchers are signed within it.", receipts=False,
        )  # fmt: skip

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
            stat.set(show.fog(getattr(wallet, name)), notes[name])
        gas.set_text(show.eth(wallet.eth).text)
        set_prop(gas, "title", show.eth(wallet.eth).full)

    follow(update, lambda: feed.rev("wallet"))


class _Transfer:
    """Deposit into the market, or withdraw from it, from the node's own wallet."""

    def __init__(self, feed: NodeFeed) -> None:
        self._feed = feed
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
        return wallet.token if self._way.value == "deposit" else wallet.free

    def _place(self) -> str:
        return "in the wallet" if self._way.value == "deposit" else "free in the market"

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
            self._feed.wallet = await self._feed.ask(
                lambda client: client.deposit(wanted) if way == "deposit" else client.withdraw(wanted), CHAIN_TIMEOUT
            )
        except FogchainError as error:
            self._problem_words.set_text(f"{error.message}. {error.hint}".strip())
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


@dataclass
class _Shown:
    """Which part of a listing is on the screen."""

    cursors: list[str | None] = field(default_factory=lambda: [None])
    loading: bool = False
    again: bool = False


class _Listing:
    """Receipts or sessions, a page at a time, of one role or both."""

    def __init__(
        self,
        title: str,
        icon_name: str,
        feed: NodeFeed,
        columns: tuple[Column, ...],
        nothing: str,
        why: str,
        *,
        receipts: bool,
    ) -> None:
        self._feed, self._receipts, self._at = feed, receipts, _Shown()
        self._page: ApiPage[ReceiptView] | ApiPage[SessionView] | None = None
        with card(title, icon_name, "flush") as end:
            with end:
                self._role = Choice(f"{title} of which role", ROLES, self._choose)
            self._waiting = Waiting(5)
            with self._waiting.empty:
                empty(icon_name, nothing, why)
            with self._waiting.content:
                self._grid = Grid(title, columns)
                self._pager = Pager(PAGE_SIZE, self.load)
        follow(self._start, lambda: feed.rev("receipts" if receipts else "wallet", "link"))
        follow(self._draw, lambda: int(time.time()) // 5)

    def _start(self) -> None:
        ui.timer(0, self.load, once=True)

    def _choose(self) -> object:
        self._pager.reset()
        self._at.cursors = [None]
        return self.load()

    async def load(self) -> None:
        """Ask for the page on the screen; a call that comes meanwhile is answered by one more at the end."""
        if self._at.loading:
            self._at.again = True
            return
        self._at.loading = True
        try:
            number = self._pager.offset // PAGE_SIZE
            del self._at.cursors[number + 1 :]
            while len(self._at.cursors) <= number:
                self._at.cursors.append((await self._ask(self._at.cursors[-1])).next_cursor)
            self._page = await self._ask(self._at.cursors[number])
        except FogchainError:
            return  # the banner says that the node is down; the next change asks again
        finally:
            self._at.loading = False
        self._draw()
        if self._at.again:
            self._at.again = False
            await self.load()

    async def _ask(self, cursor: str | None) -> ApiPage[ReceiptView] | ApiPage[SessionView]:
        role: Literal["buyer", "provider"] | None = None
        if self._role.value == "buyer":
            role = "buyer"
        elif self._role.value == "provider":
            role = "provider"
        if self._receipts:
            return await self._feed.ask(lambda client: client.receipts(role=role, limit=PAGE_SIZE, cursor=cursor))
        return await self._feed.ask(lambda client: client.sessions(role=role, limit=PAGE_SIZE, cursor=cursor))

    def _draw(self) -> None:
        page = self._page
        self._waiting.set(None if page is None else page.total)
        if page is None:
            return
        self._pager.set_total(page.total)
        now, names = time.time(), self._feed.names
        self._grid.show(
            [
                receipt_row(item, now, names) if isinstance(item, ReceiptView) else _session_row(item, now, names)
                for item in page.items
            ]
        )


def _session_row(session: SessionView, now: float, names: dict[str, str]) -> Row:
    name = names.get(session.counterparty.lower(), "")
    left = session.expires - now
    expires = f"in {show.span(left)}" if left > 0 else "over"
    return Row(
        f"{session.role} {session.id}",
        (
            identifier(session.id),
            pill(tone(SESSION, session.state)),
            plain(session.role),
            plain(name or show.short(session.counterparty), session.counterparty, mono=not name),
            amount(show.fog(session.cap)),
            amount(show.fog(session.signed)),
            amount(show.fog(session.claimed)),
            plain(
                expires if session.state != "closed" else show.UNKNOWN, show.full_moment(session.expires), faint=True
            ),
        ),
    )


PAGE = Page("/wallet", "Wallet", build, "wallet")
