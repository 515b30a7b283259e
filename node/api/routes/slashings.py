"""Cases before the court, with their evidence."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from fogchain.api.commons import CaseView
from fogchain.api.models import Page
from node.api.message import Cursor, Limit, answer
from node.api.services import NodeServices

Job = Annotated[str, Path(pattern="^(0x)?[0-9a-fA-F]{64}$")]


def slashing_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(prefix="/slashings", tags=["slashings"])

    @router.get("", response_model=Page[CaseView])
    async def cases(limit: Limit = 20, cursor: Cursor = None) -> Response:
        return answer(await services.commons.cases(limit, cursor))

    @router.get("/{job}", response_model=CaseView)
    async def case(job: Job) -> Response:
        return answer(await services.commons.case(job))

    return router
