"""The node itself, and the providers it knows."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from fogchain.api.models import AuctionView, BuyerRating, MatchView, NodeStatus, Page, ProviderView
from fogchain.jobs.spec import ClassName
from fogchain.wallet.address import parse_address
from node.api.message import Cursor, Limit, answer
from node.api.services import NodeServices


def node_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(tags=["node"])

    @router.get("/node", response_model=NodeStatus)
    async def status() -> Response:
        return answer(services.status())

    @router.get("/providers", response_model=Page[ProviderView])
    async def providers(limit: Limit = 1000, cursor: Cursor = None) -> Response:
        return answer(services.providers(limit, cursor))

    @router.get("/providers/{address}/ratings", response_model=Page[BuyerRating])
    async def ratings(
        address: Annotated[str, Path(max_length=100)], limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        return answer(services.ratings(parse_address(address), limit, cursor))

    @router.get("/offers", response_model=MatchView)
    async def offers() -> Response:
        return answer(await services.match(None))

    @router.get("/auction", response_model=AuctionView)
    async def auction(resource_class: ClassName = "cpu") -> Response:
        return answer(await services.auction(resource_class))

    return router
