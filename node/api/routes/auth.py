"""Signing in with a wallet. The first two want no token: who signs is who asks."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from fogchain.api.models import BrowserSession, Challenge, ChallengeRequest, SignInRequest
from node.api.gate import bearer
from node.api.message import answer, read
from node.api.openapi import body_of, problems
from node.api.services import NodeServices
from node.api.sessions import Host, Sessions


def auth_routes(services: NodeServices, sessions: Sessions) -> APIRouter:
    router = APIRouter(tags=["auth"])

    def host() -> Host:
        status = services.status()
        return Host(status.address, status.chain.chain_id)

    @router.post(
        "/auth/challenge", response_model=Challenge, openapi_extra=body_of(ChallengeRequest), responses=problems(403)
    )
    async def challenge(body: Annotated[ChallengeRequest, Depends(read(ChallengeRequest))]) -> Response:
        return answer(sessions.challenge(body.address, body.origin, host(), time.time()))

    @router.post(
        "/auth/session",
        response_model=BrowserSession,
        openapi_extra=body_of(SignInRequest),
        responses=problems(403, 409),
    )
    async def open_session(body: Annotated[SignInRequest, Depends(read(SignInRequest))]) -> Response:
        return answer(sessions.open(body.message, bytes.fromhex(body.signature[2:]), host(), time.time()))

    @router.delete("/auth/session", status_code=204)
    async def close_session(request: Request) -> Response:
        sessions.close(bearer(request.headers) or "")
        return Response(status_code=204)

    return router
