"""The account's statement, as pages or as CSV."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from fogchain.api.statement import StatementView
from fogchain.units import MAX_UINT40
from node.api.message import Cursor, Limit, answer
from node.api.services import NodeServices

From = Annotated[int, Query(alias="from", ge=0, le=MAX_UINT40)]
To = Annotated[int, Query(alias="to", ge=0, le=MAX_UINT40)]


def statement_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(tags=["wallet"])
    as_csv: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}

    @router.get("/statement", response_model=StatementView, responses=as_csv)
    async def statement(
        first: From = 0,
        end: To = MAX_UINT40,
        limit: Limit = 100,
        cursor: Cursor = None,
        accept: Annotated[str, Header(max_length=1000)] = "",
    ) -> Response:
        """Pages of JSON; the whole range at once as CSV."""
        if "text/csv" in accept:
            name = 'attachment; filename="statement.csv"'
            text = services.statement_csv(first, end)
            return Response(text, media_type="text/csv", headers={"Content-Disposition": name})
        return answer(services.statement(first, end, limit, cursor))

    return router
