"""Money: balances, deposit and withdrawal, sessions, receipts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from fogchain.api.models import (
    AmountRequest,
    CallRequest,
    CallView,
    Page,
    ReceiptProof,
    ReceiptView,
    SendRequest,
    SentView,
    SessionView,
    WalletView,
)
from node.api.message import Cursor, Limit, answer, read
from node.api.once import OnceOnly
from node.api.openapi import body_of, problems
from node.api.services import NodeServices, Role

SPENDS = problems(402, 409)

Amount = Annotated[AmountRequest, Depends(read(AmountRequest))]


def wallet_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(tags=["wallet"])

    @router.get("/wallet", response_model=WalletView)
    async def wallet() -> Response:
        return answer(await services.wallet())

    @router.post(
        "/wallet/deposit",
        response_model=WalletView,
        openapi_extra=body_of(AmountRequest, amount="1.5 FOG"),
        responses=SPENDS,
    )
    async def deposit(body: Amount, once: OnceOnly) -> Response:
        return await once(body, lambda key: services.deposit(body.amount, key))

    @router.post(
        "/wallet/withdraw",
        response_model=WalletView,
        openapi_extra=body_of(AmountRequest, amount="1.5 FOG"),
        responses=SPENDS,
    )
    async def withdraw(body: Amount, once: OnceOnly) -> Response:
        return await once(body, lambda key: services.withdraw(body.amount, key))

    @router.post("/wallet/calls", response_model=CallView, openapi_extra=body_of(CallRequest), responses=SPENDS)
    async def call(body: Annotated[CallRequest, Depends(read(CallRequest))], once: OnceOnly) -> Response:
        """Signs and sends it, and answers once it is mined."""
        return await once(body, lambda key: services.call(body, key))

    @router.post(
        "/wallet/send",
        response_model=SentView,
        openapi_extra=body_of(SendRequest, to="0x" + "5e" * 20, amount="1.5 FOG"),
        responses=SPENDS,
    )
    async def send(body: Annotated[SendRequest, Depends(read(SendRequest))], once: OnceOnly) -> Response:
        return await once(body, lambda key: services.send(body.to, body.amount, key))

    @router.get("/sessions", response_model=Page[SessionView])
    async def sessions(role: Role | None = None, limit: Limit = 50, cursor: Cursor = None) -> Response:
        return answer(services.sessions(role, limit, cursor))

    @router.get("/receipts", response_model=Page[ReceiptView], responses=problems(404))
    async def receipts(
        role: Role | None = None,
        job: Annotated[str | None, Query(max_length=64)] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        return answer(services.receipts(role, job, limit, cursor))

    @router.get("/receipts/{order}", response_model=ReceiptProof, responses=problems(404))
    async def receipt(
        order: Annotated[str, Path(pattern="^[0-9a-f]{64}$")], job: Annotated[str, Query(max_length=64)]
    ) -> Response:
        """With the signatures under it, looked at anew."""
        return answer(services.receipt(order, job))

    return router
