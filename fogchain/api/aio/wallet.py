"""The node's wallet, accounts in the market, sessions, receipts and the statement."""

from __future__ import annotations

from fogchain.api.aio.link import AsyncLink
from fogchain.api.models import (
    AccountView,
    AmountRequest,
    Page,
    ReceiptProof,
    ReceiptView,
    SendRequest,
    SentView,
    SessionView,
    TransactionPlan,
    TransactionRequest,
    TransactionView,
    WalletView,
)
from fogchain.api.statement import StatementView
from fogchain.units import Coin


class AsyncWalletApi(AsyncLink):
    async def wallet(self) -> WalletView:
        return await self._get(WalletView, "wallet")

    async def deposit(self, amount: int, key: str | None = None) -> WalletView:
        """Bring `amount` base units from the wallet into the market. Returns when it is mined; once for each `key`."""
        return await self._post(WalletView, AmountRequest(amount=amount), "wallet", "deposit", key=key)

    async def withdraw(self, amount: int, key: str | None = None) -> WalletView:
        return await self._post(WalletView, AmountRequest(amount=amount), "wallet", "withdraw", key=key)

    async def send(self, to: str, amount: Coin, key: str | None = None) -> SentView:
        """Out of the node's wallet. Returns when it is mined; the same `key` sends once, however often it is sent."""
        request = SendRequest(to=to, amount=amount)
        return await self._post(SentView, request, "wallet", "send", key=key)

    async def account(self, address: str) -> AccountView:
        return await self._get(AccountView, "accounts", address)

    async def plan(self, address: str, wanted: TransactionRequest) -> TransactionPlan:
        """The transactions that the owner of `address` has to sign for it."""
        return await self._post(TransactionPlan, wanted, "accounts", address, "transactions")

    async def transaction(self, hash: str) -> TransactionView:
        return await self._get(TransactionView, "transactions", hash)

    async def sessions(
        self, role: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[SessionView]:
        return await self._get(Page[SessionView], "sessions", query={"role": role, "limit": limit, "cursor": cursor})

    async def receipts(
        self, role: str | None = None, job: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[ReceiptView]:
        query = {"role": role, "job": job, "limit": limit, "cursor": cursor}
        return await self._get(Page[ReceiptView], "receipts", query=query)

    async def receipt(self, order: str, job: str) -> ReceiptProof:
        return await self._get(ReceiptProof, "receipts", order, query={"job": job})

    async def statement(
        self, first: int | None = None, end: int | None = None, limit: int | None = None, cursor: str | None = None
    ) -> StatementView:
        """Block times from `first` to before `end`, in Unix seconds."""
        query = {"from": first, "to": end, "limit": limit, "cursor": cursor}
        return await self._get(StatementView, "statement", query=query)

    async def statement_csv(self, first: int | None = None, end: int | None = None) -> str:
        """The same as a table, whole."""
        answer = await self._bytes("statement", query={"from": first, "to": end}, accept="text/csv")
        return answer.decode()
