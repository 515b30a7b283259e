"""Modules and inputs by hash: is it there, bring it, fetch it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, Response

from fogchain.api.models import BlobView
from fogchain.errors import BadInput
from fogchain.jobs.spec import MAX_INPUT_BYTES
from node.api.message import answer, check_media
from node.api.services import NodeServices
from node.api.upload import receive_blob

Sha256 = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]

_RAW = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}


def blob_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(tags=["blobs"])

    @router.put("/blobs/{sha256}", response_model=BlobView, openapi_extra={"requestBody": _RAW})
    async def put_blob(sha256: Sha256, request: Request) -> Response:
        """The body need not be sent when the blob is there already."""
        check_media(request, "application/octet-stream")
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) <= MAX_INPUT_BYTES and not services.blobs.has(sha256):
            services.data.room(int(length))
        try:
            size = await receive_blob(
                services.blobs, sha256, request.stream(), int(length) if length.isdecimal() else None
            )
        except ClientDisconnect as error:
            raise BadInput("the upload was broken off") from error
        return answer(BlobView(sha256=sha256, size=size))

    @router.head("/blobs/{sha256}", response_class=Response)
    async def has_blob(sha256: Sha256) -> Response:
        return Response(headers={"Content-Length": str(services.blobs.size(sha256))})

    @router.get("/blobs/{sha256}", response_class=FileResponse, responses={200: _RAW})
    async def get_blob(sha256: Sha256) -> FileResponse:
        return FileResponse(services.blobs.path(sha256), media_type="application/octet-stream")

    return router
