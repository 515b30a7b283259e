"""Signing in and out: plain HTML and forms, so that the door is light and works before anything is loaded."""

from __future__ import annotations

import html
import time
from pathlib import Path
from string import Template

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from fogchain.errors import Unavailable
from ui.access import LOOPBACK, Door
from ui.options import DEFAULT_NAME, Options

log = structlog.get_logger(__name__)
PAGE = Template((Path(__file__).parent / "static" / "signin.html").read_text(encoding="utf-8"))
MAX_TOKEN = 500


def routes(door: Door, cookie: str, head: str, options: Options) -> APIRouter:
    router = APIRouter()
    name = "your node" if options.nodes[0].name == DEFAULT_NAME else options.nodes[0].name
    where = str(options.nodes[0].token_file) if options.host in LOOPBACK else "<data folder>/api.token"

    def draw(target: str, problem: str = "", status: int = 200, wait: int = 0) -> HTMLResponse:
        page = PAGE.substitute(
            head=head, node=html.escape(name), next=html.escape(target), where=html.escape(where),
            problem=html.escape(problem), hidden="" if problem else "fc-hide", invalid="true" if problem else "false",
        )  # fmt: skip
        return HTMLResponse(page, status, headers={"Retry-After": str(wait)} if wait else None)

    @router.get("/sign-in")
    async def show(request: Request, next: str = "/") -> Response:
        if door.admits(request.cookies.get(cookie)):
            return RedirectResponse(_local(next), 303)
        return draw(_local(next))

    @router.post("/sign-in")
    async def sign_in(request: Request, token: str = Form(""), next: str = Form("/")) -> Response:
        address = request.client.host if request.client else ""
        target = _local(next)
        wait = door.limit.wait(address, time.monotonic())
        if wait:
            return draw(target, f"Too many attempts. Try again in {int(wait) + 1} s.", 429, int(wait) + 1)
        try:
            known = len(token) <= MAX_TOKEN and door.knows(token)
            session = door.open() if known else ""
        except Unavailable as error:
            return draw(target, f"{error.message}: {error.hint}.", 503)
        if not known:
            door.limit.failed(address, time.monotonic())
            log.warning("sign-in refused", address=address)
            return draw(target, "That is not this node's token. Copy the whole line of the file.", 401)
        answer = RedirectResponse(target, 303)
        answer.set_cookie(cookie, session, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        door.close(request.cookies.get(cookie, ""))
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(cookie, httponly=True, samesite="strict")
        return answer

    return router


def _local(target: str) -> str:
    """Only a path of this very server may follow the sign-in."""
    fine = target.startswith("/") and not target.startswith(("//", "/sign-")) and "\\" not in target
    return target if fine and target.isprintable() else "/"
