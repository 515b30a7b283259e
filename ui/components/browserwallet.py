"""The wallet in the visitor's browser: what it holds, and deposits, withdrawals and bonds that it signs itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from nicegui import ui
from nicegui.element import Element

from fogchain.api.models import AccountView, TransactionRequest, TransactionView, UnsignedTransaction
from fogchain.errors import FogchainError, Unavailable
from fogchain.units import format_fog
from ui import show
from ui.assets import asset
from ui.components.amount import AmountField
from ui.components.base import Facts, block, button, card, icon, relabel, set_prop, shown, text
from ui.components.choice import Choice
from ui.components.copy import CopyText
from ui.components.empty import alert
from ui.feed import NodeFeed
from ui.live import follow

ASK_SECONDS = 600.0  # for a person to answer the wallet's question
BLOCK_SECONDS = 300.0  # for a block to take a transaction
POLL = 0.5
BALANCES_EVERY = 5.0
DONE = {"deposit": "Deposited", "withdraw": "Withdrew", "bond": "Bonded"}


@dataclass(frozen=True)
class Connected:
    """What the page says of the wallet that is connected."""

    account: str
    chain: int
    name: str


class Wallet(Element, component="fc_browserwallet.js"):
    """Finds the browser's wallets and connects one; `on_change` is called when `connected` is another."""

    def __init__(self, on_change: Callable[[], Any]) -> None:
        super().__init__()
        self.connected: Connected | None = None
        self._on_change = on_change
        self.props["module"] = asset("wallet.js")
        self.on("account", lambda event: self._heard(event.args))

    def set_chain(self, chain_id: int, name: str, rpc_url: str) -> None:
        """The chain that transactions are for, as EIP-3085 describes one to a wallet that does not know it."""
        coin = {"name": "Ether", "symbol": "ETH", "decimals": 18}
        chain = {"chainId": hex(chain_id), "chainName": name, "rpcUrls": [rpc_url], "nativeCurrency": coin}
        set_prop(self, "chain", chain)

    async def change_chain(self) -> None:
        """Raises Unavailable in words when the wallet does not."""
        await self._call("changeChain")

    async def send(self, sender: str, chain_id: int, step: UnsignedTransaction) -> str:
        """The transaction's hash once its owner has agreed. Raises Unavailable in words."""
        fields = {"from": sender, "to": step.to, "data": step.data, "value": step.value, "gas": step.gas}
        answer = await self._call("send", {**fields, "chainId": hex(chain_id)})
        return str(answer["hash"])

    async def _call(self, method: str, *args: Any) -> dict[str, Any]:
        try:
            answer = await self.run_method(method, *args, timeout=ASK_SECONDS)
        except TimeoutError as error:
            raise Unavailable("The wallet was not answered.") from error
        if "problem" in answer:
            raise Unavailable(str(answer["problem"]))
        return dict(answer)

    def _heard(self, said: Any) -> None:
        self.connected = Connected(str(said["account"]), int(said["chain"]), str(said["name"])) if said else None
        self._on_change()


class BrowserWalletCard:
    """On the wallet page, below the node's own money."""

    def __init__(self, feed: NodeFeed) -> None:
        self._feed = feed
        self._view: AccountView | None = None
        self._busy = ""  # what is waited for, in words
        self._problem = ""
        with card("Browser wallet", "wallet"):
            self._wallet = Wallet(self._changed)
            with block("fc-col fc-hide").style("gap:14px") as self._body:
                self._address = CopyText("Copy the browser wallet's address")
                self._own, _ = alert("info", "info", "This is the node's own account: the node sends from it, too.")
                with block("fc-alert t-warn") as self._wrong_chain:
                    icon("triangle-alert")
                    with block("fc-col fc-grow").style("align-items:flex-start;gap:8px"):
                        self._wrong_words = text("")
                        self._switch = button("", self._change_chain, classes="small")
                self._facts = Facts("In the wallet", "Free in the market", "Bonded", "Gas")
                self._way = Choice(
                    "What to do", {"deposit": "Deposit", "withdraw": "Withdraw", "bond": "Bond"}, self._draw
                )
                self._field = AmountField("browser-amount", self._available, self._place, self._draw, self._send)
                self._go = button("Deposit", self._send, classes="primary")
            self._progress, self._progress_words = alert("info", "hourglass")
            self._alert, self._alert_words = alert("bad", "circle-alert")
        follow(self._draw, lambda: feed.rev("wallet", "link", "node"))
        ui.timer(BALANCES_EVERY, self._load)

    # ---- what is shown

    def _changed(self) -> None:
        self._view, self._problem = None, ""
        self._draw()
        ui.timer(0, self._load, once=True)

    async def _load(self) -> None:
        connected = self._wallet.connected
        if connected is None or not self._feed.live:
            return
        try:
            view = await self._feed.ask(lambda client: client.account(connected.account))
        except FogchainError:
            return  # the banner says that the node or its chain is down
        if self._wallet.connected == connected and view != self._view:
            self._view = view
            self._draw()

    def _available(self) -> int | None:
        if self._view is None:
            return None
        return self._view.free if self._way.value == "withdraw" else self._view.token

    def _place(self) -> str:
        return "free in the market" if self._way.value == "withdraw" else "in the wallet"

    def _draw(self) -> None:
        connected, view, status = self._wallet.connected, self._view, self._feed.status
        wanted = self._field.check()
        right_chain = True
        if status is not None:
            name = show.chain(status.chain.chain_id)
            self._wallet.set_chain(status.chain.chain_id, name, status.chain.rpc_url)
            if connected is not None:
                right_chain = connected.chain == status.chain.chain_id
                self._address.set(connected.account)
                self._wrong_words.set_text(f"{connected.name} is on {show.chain(connected.chain)}, the node on {name}.")
                relabel(self._switch, f"Switch to {name}")
        shown(self._body, connected is not None)
        shown(self._own, connected is not None and status is not None and connected.account == status.address.lower())
        shown(self._wrong_chain, not right_chain)
        for label, amount in (
            ("In the wallet", show.fog(view.token if view else None)),
            ("Free in the market", show.fog(view.free if view else None)),
            ("Bonded", show.fog(view.bonded if view else None)),
            ("Gas", show.eth(view.eth if view else None)),
        ):
            self._facts.set(label, amount.text, amount.full)
        relabel(self._go, {"deposit": "Deposit", "withdraw": "Withdraw", "bond": "Bond"}[self._way.value])
        set_prop(self._go, "disabled", wanted is None or bool(self._busy) or not self._feed.live or not right_chain)
        set_prop(self._switch, "disabled", bool(self._busy))
        shown(self._progress, bool(self._busy))
        self._progress_words.set_text(self._busy)
        shown(self._alert, bool(self._problem))
        self._alert_words.set_text(self._problem)

    # ---- what is done

    async def _change_chain(self) -> None:
        connected = self._wallet.connected
        if connected is not None:
            await self._attempt(f"Look at {connected.name}: it asks for the switch.", self._wallet.change_chain)

    async def _send(self) -> None:
        connected, wanted, way = self._wallet.connected, self._field.check(), self._way.value
        if connected is None or wanted is None or self._busy:
            return
        action = cast(Literal["deposit", "withdraw", "bond"], way)

        async def deed() -> None:
            request = TransactionRequest(action=action, amount=wanted)
            plan = await self._feed.ask(lambda client: client.plan(connected.account, request))
            for number, step in enumerate(plan.steps, 1):
                which = f"Step {number} of {len(plan.steps)}, {step.what}: " if len(plan.steps) > 1 else ""
                self._say(f"{which}confirm it in {connected.name}.")
                sent = await self._wallet.send(plan.sender, plan.chain_id, step)
                self._say(f"{which}waiting for a block.")
                await self._mined(sent)
            self._field.clear()
            ui.notify(f"{DONE[way]} {format_fog(wanted)}", type="positive")
            self._feed.refresh("wallet")

        await self._attempt("Preparing the transaction.", deed)
        await self._load()

    async def _attempt(self, waiting: str, deed: Callable[[], Any]) -> None:
        self._problem = ""
        self._say(waiting)
        try:
            await deed()
        except FogchainError as error:
            self._problem = f"{error.message} {error.hint}".strip()
        finally:
            self._say("")

    def _say(self, words: str) -> None:
        self._busy = words
        self._draw()

    async def _mined(self, sent: str) -> TransactionView:
        """Wait for the block, as the node sees it. Raises Unavailable when the contract refuses, or none comes."""
        deadline = time.monotonic() + BLOCK_SECONDS
        while time.monotonic() < deadline:
            view = await self._feed.ask(lambda client: client.transaction(sent))
            if view.state == "mined":
                return view
            if view.state == "failed":
                raise Unavailable(f"The transaction failed: {view.detail}.")
            await asyncio.sleep(POLL)
        raise Unavailable(f"No block has taken {show.short(sent)} yet.", hint="The wallet says more.")
