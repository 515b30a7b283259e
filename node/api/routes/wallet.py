"""Money: balances, deposit and withdrawal, sessions, receipts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from fogchain.api.models import (
    AmountRequest,
    Page,
    ReceiptView,
    SessionView,
    TransactionRequest,
    TransactionView,
    WalletView,
)
from node.api.message import Cursor, Limit, answer, read
from node.api.services import NodeServices, Role

Transaction = Annotated[TransactionRequest, Depends(read(TransactionRequest))]
Amount = Annotated[AmountRequest, Depends(read(AmountRequest))]

_SHAPE = {"type": "object", "properties": {"amount": {"type": "string"}}, "required": ["amount"]}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _SHAPE, "example": {"amount": "1.5 FOG"}}},
    }
}

_TRANSACTION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": TransactionRequest.model_json_schema()}},
    }
}


def wallet_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(tags=["wallet"])

    @router.get("/wallet", response_model=WalletView)
    async def wallet() -> Response:
        return answer(await services.wallet())

    @router.post("/wallet/deposit", response_model=WalletView, openapi_extra=_BODY)
    async def deposit(body: Amount) -> Response:
        return answer(await services.deposit(body.amount))

    @router.post("/wallet/withdraw", response_model=WalletView, openapi_extra=_BODY)
    async def withdraw(body: Amount) -> Response:
        return answer(await services.withdraw(body.amount))

    @router.post("/wallet/transactions", response_model=TransactionView, openapi_extra=_TRANSACTION)
    async def send(body: Transaction) -> Response:
        """Signs and sends it, and answers once it is mined."""
        return answer(await services.send(body))

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
