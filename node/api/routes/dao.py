"""Governance: proposals with what they do in words, votes, and the steps after them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from fogchain.api.commons import (
    DaoView,
    DelegateRequest,
    ProposalDetail,
    ProposalView,
    ProposeRequest,
    StakeView,
    VoteRequest,
)
from fogchain.api.models import Page
from node.api.message import Cursor, Limit, answer, read
from node.api.once import OnceOnly
from node.api.openapi import body_of, problems
from node.api.services import NodeServices

SPENDS = problems(402, 409)

Proposing = Annotated[ProposeRequest, Depends(read(ProposeRequest))]
Voting = Annotated[VoteRequest, Depends(read(VoteRequest))]
Delegating = Annotated[DelegateRequest, Depends(read(DelegateRequest))]
Id = Annotated[str, Path(min_length=4, max_length=80, description="a proposal's id, or its first digits")]


def dao_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(prefix="/dao", tags=["dao"])

    @router.get("", response_model=DaoView)
    async def dao(limit: Limit = 50) -> Response:
        return answer(await services.commons.dao(limit))

    @router.post(
        "/delegate", response_model=StakeView, openapi_extra=body_of(DelegateRequest, to="me"), responses=SPENDS
    )
    async def delegate(body: Delegating, once: OnceOnly) -> Response:
        return await once(body, lambda key: services.commons.delegate(body.to, key))

    @router.post("/proposals", response_model=ProposalDetail, openapi_extra=body_of(ProposeRequest), responses=SPENDS)
    async def propose(body: Proposing, once: OnceOnly) -> Response:
        return await once(body, lambda key: services.commons.propose(body, key))

    @router.get("/proposals", response_model=Page[ProposalView])
    async def proposals(limit: Limit = 50, cursor: Cursor = None) -> Response:
        return answer(await services.commons.proposals(limit, cursor))

    @router.get("/proposals/{proposal}", response_model=ProposalDetail)
    async def proposal(proposal: Id) -> Response:
        return answer(await services.commons.proposal(proposal))

    @router.post(
        "/proposals/{proposal}/vote",
        response_model=ProposalDetail,
        openapi_extra=body_of(VoteRequest, vote="for"),
        responses=SPENDS,
    )
    async def vote(proposal: Id, body: Voting, once: OnceOnly) -> Response:
        return await once(body, lambda key: services.commons.vote(proposal, body, key))

    @router.post("/proposals/{proposal}/queue", response_model=ProposalDetail, responses=SPENDS)
    async def queue_proposal(proposal: Id, once: OnceOnly) -> Response:
        return await once(None, lambda key: services.commons.queue(proposal, key))

    @router.post("/proposals/{proposal}/execute", response_model=ProposalDetail, responses=SPENDS)
    async def execute_proposal(proposal: Id, once: OnceOnly) -> Response:
        return await once(None, lambda key: services.commons.execute(proposal, key))

    @router.post("/proposals/{proposal}/cancel", response_model=ProposalDetail, responses=SPENDS)
    async def cancel_proposal(proposal: Id, once: OnceOnly) -> Response:
        return await once(None, lambda key: services.commons.cancel_proposal(proposal, key))

    return router
