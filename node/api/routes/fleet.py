"""The devices that work for this node."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from fogchain.api.fleet import (
    DeviceDetail,
    DeviceView,
    DrainRequest,
    FleetView,
    InvitationRequest,
    InvitationView,
    UpdateRequest,
)
from fogchain.api.models import Page
from node.api.message import Cursor, Limit, answer, read
from node.api.once import OnceOnly
from node.api.openapi import body_of, problems
from node.api.services import NodeServices

Device = Annotated[str, Path(max_length=100)]
REFUSES = problems(404, 409)


def fleet_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(prefix="/fleet", tags=["fleet"])

    @router.get("", response_model=FleetView)
    async def fleet_view() -> Response:
        return answer(services.fleet.view())

    @router.post(
        "/invitations",
        response_model=InvitationView,
        openapi_extra=body_of(InvitationRequest, name="kitchen-laptop"),
        responses=problems(409),
    )
    async def invite(body: Annotated[InvitationRequest, Depends(read(InvitationRequest))]) -> Response:
        """A code by which one device joins, within ten minutes. Its answer is kept nowhere: it takes no key."""
        return answer(services.fleet.invite(body))

    @router.get("/devices", response_model=Page[DeviceView], responses=problems(409))
    async def devices(limit: Limit = 1000, cursor: Cursor = None) -> Response:
        return answer(services.fleet.devices(limit, cursor))

    @router.get("/devices/{device}", response_model=DeviceDetail, responses=REFUSES)
    async def device_detail(device: Device) -> Response:
        return answer(services.fleet.device(device))

    @router.post("/devices/{device}/pause", response_model=DeviceView, responses=REFUSES)
    async def pause_device(device: Device, once: OnceOnly) -> Response:
        """Its tasks stand still, and it takes no more."""
        return await once(None, lambda _: services.fleet.pause(device))

    @router.post("/devices/{device}/resume", response_model=DeviceView, responses=REFUSES)
    async def resume_device(device: Device, once: OnceOnly) -> Response:
        """It works whenever its own policy lets it."""
        return await once(None, lambda _: services.fleet.resume(device))

    @router.post(
        "/devices/{device}/drain",
        response_model=DeviceView,
        openapi_extra=body_of(DrainRequest, within="10 min"),
        responses=REFUSES,
    )
    async def drain_device(
        device: Device, body: Annotated[DrainRequest, Depends(read(DrainRequest))], once: OnceOnly
    ) -> Response:
        """It takes no more; what it still runs at the end of the span is handed on."""
        return await once(body, lambda _: services.fleet.drain(device, body))

    @router.post(
        "/devices/{device}/update",
        response_model=DeviceView,
        openapi_extra=body_of(UpdateRequest, profile="laptop"),
        responses=REFUSES,
    )
    async def update_device(
        device: Device, body: Annotated[UpdateRequest, Depends(read(UpdateRequest))], once: OnceOnly
    ) -> Response:
        """Another policy. One that the linter refuses changes nothing."""
        return await once(body, lambda _: services.fleet.update(device, body))

    @router.post("/devices/{device}/remove", response_model=DeviceView, responses=REFUSES)
    async def remove_device(device: Device, once: OnceOnly) -> Response:
        """It is refused from now on, and what it runs is handed on."""
        return await once(None, lambda _: services.fleet.remove(device))

    return router
