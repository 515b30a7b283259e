"""The node's bond: add to it, take from it, its rewards."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from fogchain.api.commons import StakeView, UnbondingRequest
from fogchain.api.models import AmountRequest
from node.api.message import answer, body_of, read
from node.api.services import NodeServices

Amount = Annotated[AmountRequest, Depends(read(AmountRequest))]
Unbonding = Annotated[UnbondingRequest, Depends(read(UnbondingRequest))]
Index = Annotated[int, Path(ge=0, lt=1000)]


def stake_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(prefix="/stake", tags=["stake"])

    @router.get("", response_model=StakeView)
    async def stake() -> Response:
        return answer(await services.commons.stake())

    @router.post("/bond", response_model=StakeView, openapi_extra=body_of(AmountRequest))
    async def bond(body: Amount) -> Response:
        return answer(await services.commons.bond(body.amount))

    @router.post("/unbond", response_model=StakeView, openapi_extra=body_of(AmountRequest))
    async def unbond(body: Amount) -> Response:
        return answer(await services.commons.unbond(body.amount))

    @router.post("/withdraw", response_model=StakeView)
    async def withdraw() -> Response:
        return answer(await services.commons.withdraw_stake())

    @router.post("/rewards", response_model=StakeView)
    async def rewards() -> Response:
        return answer(await services.commons.claim_rewards())

    @router.post("/unbonding/{index}/cancel", response_model=StakeView, openapi_extra=body_of(UnbondingRequest))
    async def cancel(index: Index, body: Unbonding) -> Response:
        return answer(await services.commons.cancel_unbonding(index, body))

    return router
