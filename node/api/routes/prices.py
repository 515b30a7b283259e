"""Base prices and their history."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from fogchain.api.commons import PriceStepView, PricesView
from fogchain.api.models import Page
from node.api.message import Cursor, Limit, answer
from node.api.openapi import problems
from node.api.services import NodeServices

Class = Annotated[str | None, Query(alias="class", max_length=66)]


def price_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(prefix="/prices", tags=["prices"])

    @router.get("", response_model=PricesView)
    async def prices() -> Response:
        return answer(await services.commons.prices())

    @router.get("/history", response_model=Page[PriceStepView], responses=problems(404))
    async def history(name: Class = None, limit: Limit = 200, cursor: Cursor = None) -> Response:
        return answer(await services.commons.price_history(name, limit, cursor))

    return router
