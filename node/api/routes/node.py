"""The node itself, and the providers it knows."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import TypeAdapter
from starlette.responses import Response

from fogchain.api.models import NodeStatus, ProviderView
from node.api.message import answer
from node.api.services import NodeServices

_providers = TypeAdapter(list[ProviderView])


def node_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(tags=["node"])

    @router.get("/node", response_model=NodeStatus)
    async def status() -> Response:
        return answer(services.status())

    @router.get("/providers", response_model=list[ProviderView])
    async def providers() -> Response:
        return Response(_providers.dump_json(services.providers()), media_type="application/json")

    return router
