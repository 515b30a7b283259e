"""Signing in and out: plain HTML and forms, so that the door is light and works before anything is loaded."""

from __future__ import annotations

import html
import time
from contextlib import suppress
from pathlib import Path
from string import Template
from typing import Any, TypeVar

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field, ValidationError

from fogchain.errors import BadInput, FogchainError, Unavailable
from ui.access import LOOPBACK, wallet_token
from ui.assets import asset
from ui.options import DEFAULT_NAME, Options
from ui.panel import Panel

log = structlog.get_logger(__name__)
PAGE = Template((Path(__file__).parent / "static" / "signin.html").read_text(encoding="utf-8"))
MAX_TOKEN = 500
MAX_BODY = 16 << 10
M = TypeVar("M", bound=BaseModel)


class _Asked(BaseModel):
    address: str = Field(max_length=100)


class _Signed(BaseModel):
    message: str = Field(max_length=4096)
    signature: str = Field(max_length=200)
    next: str = Field(default="/", max_length=500)


def routes(panel: Panel, cookie: str, head: str, options: Options) -> APIRouter:
    router = APIRouter()
    door, feed = panel.door, panel.main
    name = "your node" if options.nodes[0].name == DEFAULT_NAME else options.nodes[0].name
    where = str(options.nodes[0].token_file) if options.host in LOOPBACK else "<data folder>/api.token"

    def draw(target: str, problem: str = "", status: int = 200, wait: int = 0) -> HTMLResponse:
        page = PAGE.substitute(
            head=head, node=html.escape(name), next=html.escape(target), where=html.escape(where),
            problem=html.escape(problem), hidden="" if problem else "fc-hide", invalid="true" if problem else "false",
            script=asset("wallet.js"),
        )  # fmt: skip
        return HTMLResponse(page, status, headers={"Retry-After": str(wait)} if wait else None)

    def wait_for(request: Request) -> int:
        """Seconds until this address may try again."""
        wait = door.limit.wait(_address(request), time.monotonic())
        return int(wait) + 1 if wait else 0

    def failed(request: Request, way: str) -> None:
        door.limit.failed(_address(request), time.monotonic())
        log.warning("sign-in refused", address=_address(request), way=way)

    def admit(answer: Response, session: str, request: Request) -> Response:
        answer.set_cookie(cookie, session, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer

    @router.get("/sign-in")
    async def show(request: Request, next: str = "/") -> Response:
        if await door.lets_in(request.cookies.get(cookie)):
            return RedirectResponse(_local(next), 303)
        return draw(_local(next))

    @router.post("/sign-in")
    async def sign_in(request: Request, token: str = Form(""), next: str = Form("/")) -> Response:
        target = _local(next)
        if wait := wait_for(request):
            return draw(target, _too_many(wait), 429, wait)
        try:
            known = len(token) <= MAX_TOKEN and door.knows(token)
            session = door.open() if known else ""
        except Unavailable as error:
            return draw(target, f"{error.message}: {error.hint}.", 503)
        if not known:
            failed(request, "token")
            return draw(target, "That is not this node's token. Copy the whole line of the file.", 401)
        return admit(RedirectResponse(target, 303), session, request)

    @router.post("/sign-in/challenge")
    async def challenge(request: Request) -> Response:
        """The message for a wallet to sign."""
        try:
            asked = await _read(request, _Asked)
            found = await feed.ask(lambda client: client.challenge(asked.address, _origin(request)))
        except FogchainError as error:
            return _problem(error)
        return JSONResponse({"message": found.message})

    @router.post("/sign-in/wallet")
    async def sign_in_with_wallet(request: Request) -> Response:
        """A session for who signed the message; the node decides."""
        if wait := wait_for(request):
            return JSONResponse({"problem": _too_many(wait)}, 429, {"Retry-After": str(wait)})
        try:
            signed = await _read(request, _Signed)
            opened = await feed.ask(lambda client: client.open_session(signed.message, signed.signature))
            session = door.open(opened)
        except FogchainError as error:
            if not isinstance(error, Unavailable):
                failed(request, "wallet")
            return _problem(error)
        return admit(JSONResponse({"next": _local(signed.next)}), session, request)

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        session = request.cookies.get(cookie, "")
        token = wallet_token(session) if door.admits(session) else None
        door.close(session)
        if token is not None:
            with suppress(FogchainError):  # the node may be down; it forgets the session by itself
                await feed.ask_as(token, lambda client: client.close_session())
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(cookie, httponly=True, samesite="strict")
        return answer

    return router


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _too_many(wait: int) -> str:
    return f"Too many attempts. Try again in {wait} s."


def _origin(request: Request) -> str:
    """Of the page that asks, as its browser says it; the gate has seen to it that it is this very panel."""
    return request.headers.get("origin") or f"{request.url.scheme}://{request.headers.get('host', '')}"


async def _read(request: Request, kind: type[M]) -> M:
    """The body, as long as it is short. Raises BadInput."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise BadInput("that is more than a sign-in needs")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise BadInput("that is no sign-in") from error


def _problem(error: FogchainError) -> JSONResponse:
    statuses = {"unavailable": 503, "forbidden": 403}
    said: dict[str, Any] = {"problem": _sentence(error)}
    return JSONResponse(said, statuses.get(error.code, 400))


def _sentence(error: FogchainError) -> str:
    words = [part[:1].upper() + part[1:] + "." for part in (error.message, error.hint) if part]
    return " ".join(words)


def _local(target: str) -> str:
    """Only a path of this very server may follow the sign-in."""
    fine = target.startswith("/") and not target.startswith(("//", "/sign-")) and "\\" not in target
    return target if fine and target.isprintable() else "/"
