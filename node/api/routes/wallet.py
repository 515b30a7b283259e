"""Money: balances, deposit and withdrawal, sessions, receipts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import Response

from fogchain.api.models import AmountRequest, Page, ReceiptView, SendRequest, SentView, SessionView, WalletView
from node.api.message import Cursor, Limit, answer, body_of, read
from node.api.services import NodeServices, Role

Amount = Annotated[AmountRequest, Depends(read(AmountRequest))]


def wallet_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(tags=["wallet"])

    @router.get("/wallet", response_model=WalletView)
    async def wallet() -> Response:
        return answer(await services.wallet())

    @router.post("/wallet/deposit", response_model=WalletView, openapi_extra=body_of(AmountRequest, amount="1.5 FOG"))
    async def deposit(body: Amount) -> Response:
        return answer(await services.deposit(body.amount))

    @router.post("/wallet/withdraw", response_model=WalletView, openapi_extra=body_of(AmountRequest, amount="1.5 FOG"))
    async def withdraw(body: Amount) -> Response:
        return answer(await services.withdraw(body.amount))

    @router.post("/wallet/send", response_model=SentView, openapi_extra=body_of(SendRequest))
    async def send(
        body: Annotated[SendRequest, Depends(read(SendRequest))],
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
    ) -> Response:
        return answer(await services.send(body.to, body.amount, idempotency_key))

    @router.get("/sessions", response_model=Page[SessionView])
    async def sessions(role: Role | None = None, limit: Limit = 50, cursor: Cursor = None) -> Response:
        return answer(services.sessions(role, limit, cursor))

    @router.get("/receipts", response_model=Page[ReceiptView])
    async def receipts(
        role: Role | None = None,
        job: Annotated[str | None, Query(max_length=64)] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        return answer(services.receipts(role, job, limit, cursor))

    return router
