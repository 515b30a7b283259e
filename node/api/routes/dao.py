"""Governance: proposals with what they do in words, votes, and the steps after them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from fogchain.api.commons import DaoView, DelegateRequest, ProposalDetail, ProposeRequest, StakeView, VoteRequest
from node.api.message import Limit, answer, body_of, read
from node.api.services import NodeServices

Proposing = Annotated[ProposeRequest, Depends(read(ProposeRequest))]
Voting = Annotated[VoteRequest, Depends(read(VoteRequest))]
Delegating = Annotated[DelegateRequest, Depends(read(DelegateRequest))]
Id = Annotated[str, Path(min_length=4, max_length=80, description="a proposal's id, or its first digits")]


def dao_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(prefix="/dao", tags=["dao"])

    @router.get("", response_model=DaoView)
    async def dao(limit: Limit = 50) -> Response:
        return answer(await services.commons.dao(limit))

    @router.post("/delegate", response_model=StakeView, openapi_extra=body_of(DelegateRequest))
    async def delegate(body: Delegating) -> Response:
        return answer(await services.commons.delegate(body.to))

    @router.post("/proposals", response_model=ProposalDetail, openapi_extra=body_of(ProposeRequest))
    async def propose(body: Proposing) -> Response:
        return answer(await services.commons.propose(body))

    @router.get("/proposals/{proposal}", response_model=ProposalDetail)
    async def proposal(proposal: Id) -> Response:
        return answer(await services.commons.proposal(proposal))

    @router.post("/proposals/{proposal}/vote", response_model=ProposalDetail, openapi_extra=body_of(VoteRequest))
    async def vote(proposal: Id, body: Voting) -> Response:
        return answer(await services.commons.vote(proposal, body))

    @router.post("/proposals/{proposal}/queue", response_model=ProposalDetail)
    async def queue(proposal: Id) -> Response:
        return answer(await services.commons.queue(proposal))

    @router.post("/proposals/{proposal}/execute", response_model=ProposalDetail)
    async def execute(proposal: Id) -> Response:
        return answer(await services.commons.execute(proposal))

    @router.post("/proposals/{proposal}/cancel", response_model=ProposalDetail)
    async def cancel(proposal: Id) -> Response:
        return answer(await services.commons.cancel_proposal(proposal))

    return router
