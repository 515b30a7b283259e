"""When this machine works for others, why it does or doesn't, and what its owner wants of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from fogchain.api.harvest import (
    HarvestView,
    IntentRequest,
    LintView,
    PolicyRequest,
    PolicyView,
    ReplayRequest,
    ReplayView,
    TransitionView,
)
from fogchain.api.models import Page
from node.api.message import Cursor, Limit, answer, read
from node.api.once import OnceOnly
from node.api.openapi import body_of, problems
from node.api.services import NodeServices

NO_PROVIDER = problems(404)
POLICY = 'profile = "laptop"\n'


def harvest_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(prefix="/harvest", tags=["harvest"])

    @router.get("", response_model=HarvestView, responses=NO_PROVIDER)
    async def harvest() -> Response:
        return answer(services.harvesting.view())

    @router.get("/transitions", response_model=Page[TransitionView], responses=NO_PROVIDER)
    async def harvest_transitions(limit: Limit = 100, cursor: Cursor = None) -> Response:
        return answer(services.harvesting.transitions(limit, cursor))

    @router.post(
        "/intent",
        response_model=HarvestView,
        openapi_extra=body_of(IntentRequest, intent="pause", span="2 h"),
        responses=problems(404, 409),
    )
    async def intend(body: Annotated[IntentRequest, Depends(read(IntentRequest))], once: OnceOnly) -> Response:
        """Holds at once, through restarts too. A boost needs an end, and overrides no safety guard."""
        return await once(body, lambda _: services.harvesting.intend(body))

    @router.post("/clear", response_model=HarvestView, responses=problems(404, 409))
    async def clear_quarantine(once: OnceOnly) -> Response:
        """The owner has looked into why this machine is in quarantine."""
        return await once(None, lambda _: services.harvesting.clear())

    @router.get("/policy", response_model=PolicyView, responses=NO_PROVIDER)
    async def policy() -> Response:
        return answer(services.harvesting.policy())

    @router.post(
        "/policy",
        response_model=HarvestView,
        openapi_extra=body_of(PolicyRequest, profile="laptop"),
        responses=problems(404, 409),
    )
    async def set_policy(body: Annotated[PolicyRequest, Depends(read(PolicyRequest))], once: OnceOnly) -> Response:
        """Refused with the first thing that is wrong with it; what is in use stays then."""
        return await once(body, lambda _: services.harvesting.set_policy(body))

    @router.post(
        "/lint", response_model=LintView, openapi_extra=body_of(PolicyRequest, text=POLICY), responses=NO_PROVIDER
    )
    async def lint_policy(body: Annotated[PolicyRequest, Depends(read(PolicyRequest))]) -> Response:
        return answer(await services.harvesting.lint(body))

    @router.post(
        "/replay",
        response_model=ReplayView,
        openapi_extra=body_of(ReplayRequest, profile="laptop", span="7 d"),
        responses=NO_PROVIDER,
    )
    async def replay(body: Annotated[ReplayRequest, Depends(read(ReplayRequest))]) -> Response:
        return answer(await services.harvesting.replay(body))

    return router
