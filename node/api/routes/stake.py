"""The node's bond: add to it, take from it, its rewards."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from fogchain.api.commons import StakeView, UnbondingRequest
from fogchain.api.models import AmountRequest
from node.api.message import answer, read
from node.api.once import OnceOnly
from node.api.openapi import body_of, problems
from node.api.services import NodeServices

SPENDS = problems(402, 409)

Amount = Annotated[AmountRequest, Depends(read(AmountRequest))]
Unbonding = Annotated[UnbondingRequest, Depends(read(UnbondingRequest))]
Index = Annotated[int, Path(ge=0, lt=1000)]


def stake_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(prefix="/stake", tags=["stake"])

    @router.get("", response_model=StakeView)
    async def stake() -> Response:
        return answer(await services.commons.stake())

    @router.post(
        "/bond", response_model=StakeView, openapi_extra=body_of(AmountRequest, amount="1.5 FOG"), responses=SPENDS
    )
    async def bond(body: Amount, once: OnceOnly) -> Response:
        return await once(body, lambda key: services.commons.bond(body.amount, key))

    @router.post(
        "/unbond", response_model=StakeView, openapi_extra=body_of(AmountRequest, amount="1.5 FOG"), responses=SPENDS
    )
    async def unbond(body: Amount, once: OnceOnly) -> Response:
        return await once(body, lambda key: services.commons.unbond(body.amount, key))

    @router.post("/withdraw", response_model=StakeView, responses=SPENDS)
    async def withdraw_stake(once: OnceOnly) -> Response:
        return await once(None, services.commons.withdraw_stake)

    @router.post("/rewards", response_model=StakeView, responses=SPENDS)
    async def claim_rewards(once: OnceOnly) -> Response:
        return await once(None, services.commons.claim_rewards)

    @router.post(
        "/unbonding/{index}/cancel", response_model=StakeView, openapi_extra=body_of(UnbondingRequest), responses=SPENDS
    )
    async def cancel_unbonding(index: Index, body: Unbonding, once: OnceOnly) -> Response:
        return await once(body, lambda key: services.commons.cancel_unbonding(index, body, key))

    return router
