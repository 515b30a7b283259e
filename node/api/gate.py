"""What every request must pass before a route sees it: right host, right token or session, not too big."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from fogchain.api.models import API_PREFIX, SESSION_PREFIX
from fogchain.errors import BadInput, FogchainError, TooLarge, Unauthorized
from fogchain.units import show_size
from node.api.problem import Refused, problem_response
from node.api.sessions import Sessions

MAX_JSON = 32 << 20  # a job of 10,000 tasks with several inputs each
MAX_OPEN = 16 << 10  # of what strangers may send
OPEN = {("POST", f"{API_PREFIX}/auth/challenge"), ("POST", f"{API_PREFIX}/auth/session")}
SESSION_OVER = 4401
TOKEN_HINT = "send the content of api.token, in the node's data folder, as `Authorization: Bearer …`"  # noqa: S105

_NAMES = {"localhost"}


class Gate:
    """ASGI middleware. `own_limit` names the path prefix whose routes limit their bodies themselves."""

    def __init__(self, app: ASGIApp, token: str, sessions: Sessions, own_limit: str, refused: Refused) -> None:
        self._app, self._sessions, self._own_limit, self._refused = app, sessions, own_limit, refused
        self._expected = _digest(f"Bearer {token}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_host(scope, headers)
            if (scope.get("method"), scope["path"]) in OPEN:
                receive = _limited(receive, headers, MAX_OPEN)
            else:
                session = self._check_token(headers)
                if scope["type"] == "http" and not scope["path"].startswith(self._own_limit):
                    receive = _limited(receive, headers, MAX_JSON)
                elif scope["type"] == "websocket" and session:
                    send = self._while_open(session, send)
        except FogchainError as error:
            self._refused("api", error)
            await _refuse(error, scope, receive, send)
            return
        await self._app(scope, receive, _hardened(send))

    def _check_host(self, scope: Scope, headers: Headers) -> None:
        """Against DNS rebinding: what comes in over loopback must be addressed to loopback."""
        server = scope.get("server")
        if server and _loopback(server[0]) and not _loopback(urlsplit(f"//{headers.get('host', '')}").hostname or ""):
            raise BadInput("this host name is not served here", hint="use 127.0.0.1 or localhost")

    def _check_token(self, headers: Headers) -> str | None:
        """The session, if it is one's token and not the node's own."""
        given = headers.get("authorization")
        if given is None:
            raise Unauthorized("the API wants a token", hint=TOKEN_HINT)
        session = bearer(headers)
        if session is not None:
            if not self._sessions.admits(session, time.time()):
                raise Unauthorized("that session is over", hint="sign in again")
            return session
        if not hmac.compare_digest(_digest(given.encode("latin-1")), self._expected):
            raise Unauthorized("that is not this node's token", hint=TOKEN_HINT)
        return None

    def _while_open(self, session: str, send: Send) -> Send:
        """A WebSocket ends with the session that opened it."""

        async def wrapped(message: Message) -> None:
            if message["type"] == "websocket.send" and not self._sessions.admits(session, time.time()):
                await send({"type": "websocket.close", "code": SESSION_OVER, "reason": "the session is over"})
                raise WebSocketDisconnect(SESSION_OVER)
            await send(message)

        return wrapped


def bearer(headers: Headers) -> str | None:
    """The token of a wallet's session, if the request brings one."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token if kind == "Bearer" and token.startswith(SESSION_PREFIX) else None


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in _NAMES


def _limited(receive: Receive, headers: Headers, limit: int) -> Receive:
    """`receive` that raises TooLarge once the body is over the limit. Raises it at once for a declared length."""
    too_large = TooLarge(f"a request of more than {show_size(limit)}", hint="send less at once: split the job")
    declared = headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    arrived = 0

    async def limited() -> Message:
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > limit:
            raise too_large
        return message

    return limited


async def _refuse(error: FogchainError, scope: Scope, receive: Receive, send: Send) -> None:
    """Also answers a WebSocket's handshake, which is plain HTTP until it is accepted.

    The connection stays open, and the server discards the unread body: a client still sending it when the connection
    closed would see a reset instead of this answer.
    """
    await problem_response(error, 403 if type(error) is BadInput else None)(scope, receive, send)


def _hardened(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return wrapped
