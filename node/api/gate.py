"""What every request must pass before a route sees it: right host, right token, not too big."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fogchain.errors import BadInput, FogchainError, TooLarge, Unauthorized
from fogchain.units import show_size
from node.api.problem import problem_response

MAX_JSON = 32 << 20  # a job of 10,000 tasks with several inputs each
TOKEN_HINT = "send the content of api.token, in the node's data folder, as `Authorization: Bearer …`"  # noqa: S105

_NAMES = {"localhost"}


class Gate:
    """ASGI middleware. `own_limit` names the path prefix whose routes limit their bodies themselves."""

    def __init__(self, app: ASGIApp, token: str, own_limit: str) -> None:
        self._app, self._own_limit = app, own_limit
        self._expected = _digest(f"Bearer {token}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_host(scope, headers)
            self._check_token(headers)
            if scope["type"] == "http" and not scope["path"].startswith(self._own_limit):
                receive = _limited(receive, headers)
        except FogchainError as error:
            await _refuse(error, scope, receive, send)
            return
        await self._app(scope, receive, _hardened(send))

    def _check_host(self, scope: Scope, headers: Headers) -> None:
        """Against DNS rebinding: what comes in over loopback must be addressed to loopback."""
        server = scope.get("server")
        if server and _loopback(server[0]) and not _loopback(urlsplit(f"//{headers.get('host', '')}").hostname or ""):
            raise BadInput("this host name is not served here", hint="use 127.0.0.1 or localhost")

    def _check_token(self, headers: Headers) -> None:
        given = headers.get("authorization")
        if given is None:
            raise Unauthorized("the API wants a token", hint=TOKEN_HINT)
        if not hmac.compare_digest(_digest(given.encode("latin-1")), self._expected):
            raise Unauthorized("that is not this node's token", hint=TOKEN_HINT)


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in _NAMES


def _limited(receive: Receive, headers: Headers) -> Receive:
    """`receive` that raises TooLarge once the body is over the limit. Raises it at once for a declared length."""
    too_large = TooLarge(f"a request of more than {show_size(MAX_JSON)}", hint="split the job")
    declared = headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > MAX_JSON:
        raise too_large
    arrived = 0

    async def limited() -> Message:
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > MAX_JSON:
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
