"""Accounts whose keys are elsewhere: balances, transactions to sign, and what became of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from fogchain.api.models import AccountView, TransactionPlan, TransactionRequest, TransactionView
from fogchain.wallet.address import parse_address
from node.api.message import answer, read
from node.api.openapi import body_of, problems
from node.api.services import NodeServices

Address = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{40}$")]
Hash = Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$")]


def account_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(tags=["accounts"])

    @router.get("/accounts/{address}", response_model=AccountView)
    async def account(address: Address) -> Response:
        return answer(await services.account(parse_address(address)))

    @router.post(
        "/accounts/{address}/transactions",
        response_model=TransactionPlan,
        openapi_extra=body_of(TransactionRequest, action="deposit", amount="1.5 FOG"),
        responses=problems(402, 409),
    )
    async def plan(
        address: Address, body: Annotated[TransactionRequest, Depends(read(TransactionRequest))]
    ) -> Response:
        return answer(await services.plan(parse_address(address), body))

    @router.get("/transactions/{hash}", response_model=TransactionView)
    async def transaction(hash: Hash) -> Response:
        return answer(await services.transaction(hash))

    return router
