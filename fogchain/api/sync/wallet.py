# Made of fogchain/api/aio/wallet.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""The node's wallet, accounts in the market, sessions, receipts and the statement."""

from __future__ import annotations

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
from fogchain.api.sync.link import Link
from fogchain.units import Coin


class WalletApi(Link):
    def wallet(self) -> WalletView:
        return self._get(WalletView, "wallet")

    def deposit(self, amount: int, key: str | None = None) -> WalletView:
        """Bring `amount` base units from the wallet into the market. Returns when it is mined; once for each `key`."""
        return self._post(WalletView, AmountRequest(amount=amount), "wallet", "deposit", key=key)

    def withdraw(self, amount: int, key: str | None = None) -> WalletView:
        return self._post(WalletView, AmountRequest(amount=amount), "wallet", "withdraw", key=key)

    def send(self, to: str, amount: Coin, key: str | None = None) -> SentView:
        """Out of the node's wallet. Returns when it is mined; the same `key` sends once, however often it is sent."""
        request = SendRequest(to=to, amount=amount)
        return self._post(SentView, request, "wallet", "send", key=key)

    def account(self, address: str) -> AccountView:
        return self._get(AccountView, "accounts", address)

    def plan(self, address: str, wanted: TransactionRequest) -> TransactionPlan:
        """The transactions that the owner of `address` has to sign for it."""
        return self._post(TransactionPlan, wanted, "accounts", address, "transactions")

    def transaction(self, hash: str) -> TransactionView:
        return self._get(TransactionView, "transactions", hash)

    def sessions(
        self, role: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[SessionView]:
        return self._get(Page[SessionView], "sessions", query={"role": role, "limit": limit, "cursor": cursor})

    def receipts(
        self, role: str | None = None, job: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[ReceiptView]:
        query = {"role": role, "job": job, "limit": limit, "cursor": cursor}
        return self._get(Page[ReceiptView], "receipts", query=query)

    def receipt(self, order: str, job: str) -> ReceiptProof:
        return self._get(ReceiptProof, "receipts", order, query={"job": job})

    def statement(
        self, first: int | None = None, end: int | None = None, limit: int | None = None, cursor: str | None = None
    ) -> StatementView:
        """Block times from `first` to before `end`, in Unix seconds."""
        query = {"from": first, "to": end, "limit": limit, "cursor": cursor}
        return self._get(StatementView, "statement", query=query)

    def statement_csv(self, first: int | None = None, end: int | None = None) -> str:
        """The same as a table, whole."""
        answer = self._bytes("statement", query={"from": first, "to": end}, accept="text/csv")
        return answer.decode()
