"""Who may look: sessions opened with the node's API token or with a wallet, and the rules every request must pass."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

from nicegui import __version__ as nicegui_version
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fogchain.api.models import SESSION_PREFIX, BrowserSession
from fogchain.errors import Unavailable
from ui.options import NodeAddress

SESSION_SECONDS = 24 * 3600
RECHECK = 10.0  # s for which a wallet's session is good without asking the node
ATTEMPTS = 8
ATTEMPT_WINDOW = 60.0
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
LIBRARY = f"/_nicegui/{nicegui_version}/"  # Vue, Quasar and the like: the same for everybody
PUBLIC = ("/sign-in", "/static/", "/favicon.ico", f"{LIBRARY}static/", f"{LIBRARY}esm/")
# Vue compiles its templates in the browser, hence 'unsafe-eval'; nothing but this server may be contacted.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)


class AttemptLimit:
    """At most `attempts` failures in `window` seconds from one address. Pure: the time is passed in."""

    def __init__(self, attempts: int = ATTEMPTS, window: float = ATTEMPT_WINDOW) -> None:
        self._attempts, self._window = attempts, window
        self._failures: dict[str, deque[float]] = {}

    def wait(self, address: str, now: float) -> float:
        """Seconds until the next attempt is allowed; 0 when it is."""
        failures = self._failures.get(address, deque())
        while failures and failures[0] <= now - self._window:
            failures.popleft()
        if not failures:
            self._failures.pop(address, None)
        return failures[0] + self._window - now if len(failures) >= self._attempts else 0.0

    def failed(self, address: str, now: float) -> None:
        self._failures.setdefault(address, deque(maxlen=self._attempts)).append(now)


class Door:
    """Sessions are values `expiry.nonce.mac`, keyed by the node's token: a new token ends them, a restart does not.

    Where somebody signed in with a wallet, the nonce is the token of the session that the node has opened for it, and
    the node is asked from time to time whether that is still so.
    """

    def __init__(
        self,
        node: NodeAddress,
        clock: Callable[[], float] = time.time,
        still_open: Callable[[str], Awaitable[bool]] | None = None,
    ) -> None:
        self._node, self._clock, self._still_open = node, clock, still_open
        self._ended: dict[str, float] = {}
        self._asked: dict[str, float] = {}  # session: when the node was asked last
        self.limit = AttemptLimit()

    def knows(self, token: str) -> bool:
        """Whether this is the node's token. Raises Unavailable when the token file can't be read."""
        return hmac.compare_digest(_digest(token.strip()), _digest(self._node.token()))

    def open(self, of_node: BrowserSession | None = None) -> str:
        """A new session's cookie value, for who has the token or a session with the node. Raises Unavailable."""
        if of_node is None:
            head = f"{int(self._clock()) + SESSION_SECONDS}.{secrets.token_urlsafe(18)}"
        else:
            head = f"{of_node.expires}.{of_node.token}"
        return f"{head}.{self._mac(head)}"

    async def lets_in(self, session: str | None) -> bool:
        """As `admits`, and for a wallet's session the node has been asked lately."""
        if session is None or not self.admits(session):
            return False
        token, now = wallet_token(session), self._clock()
        if token is None or self._still_open is None or self._asked.get(session, 0.0) + RECHECK > now:
            return True
        self._asked = {known: at for known, at in self._asked.items() if at + RECHECK > now}
        self._asked[session] = now
        if not await self._still_open(token):
            self.close(session)
        return self.admits(session)

    def admits(self, session: str | None) -> bool:
        if not session or len(session) > 200 or session in self._ended:
            return False
        head, _, mac = session.rpartition(".")
        expiry = head.partition(".")[0]
        try:
            genuine = hmac.compare_digest(mac.encode(), self._mac(head).encode())
        except Unavailable:
            return False
        return genuine and expiry.isdecimal() and int(expiry) > self._clock()

    def close(self, session: str) -> None:
        """Sign out: this session is refused from now on."""
        if self.admits(session):
            now = self._clock()
            self._ended = {s: until for s, until in self._ended.items() if until > now}
            self._ended[session] = now + SESSION_SECONDS

    def _mac(self, head: str) -> str:
        key = hmac.digest(self._node.token().encode(), b"fogchain panel session 1", "sha256")
        return hmac.digest(key, head.encode(), "sha256").hex()


def wallet_token(session: str) -> str | None:
    """The token of the node's session, where somebody signed in with a wallet."""
    inner = session.partition(".")[2].rpartition(".")[0]
    return inner if inner.startswith(SESSION_PREFIX) else None


class Gate:
    """ASGI middleware: right host, right origin, signed in; and the headers every answer carries."""

    def __init__(self, app: ASGIApp, door: Door, cookie: Callable[[], str], loopback: bool) -> None:
        self._app, self._door, self._cookie, self._loopback = app, door, cookie, loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._may_come_from(headers, scope):
            await self._refuse(scope, receive, send, 403, "This address is not served here.")
        elif scope["path"].startswith(PUBLIC) or await self._door.lets_in(
            cookie_parser(headers.get("cookie", "")).get(self._cookie())
        ):
            await self._app(scope, receive, _with_headers(send, scope["path"]))
        elif scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            await RedirectResponse(f"/sign-in?next={quote(scope['path'])}", 303)(scope, receive, send)
        else:
            await self._refuse(scope, receive, send, 401, "Sign in first.")

    def _may_come_from(self, headers: Headers, scope: Scope) -> bool:
        """Against pages of other sites: the host must be ours (DNS rebinding), an origin must be this very host."""
        host = headers.get("host", "")
        if self._loopback and urlsplit(f"//{host}").hostname not in LOOPBACK:
            return False
        origin = headers.get("origin")
        reads = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        return origin is None or reads or urlsplit(origin).netloc == host

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, status: int, words: str) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4000 + status, "reason": words})
        else:
            await PlainTextResponse(words, status)(scope, receive, send)


def _with_headers(send: Send, path: str) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Content-Security-Policy", POLICY)
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.setdefault("Referrer-Policy", "same-origin")
            if not path.startswith(("/static/", "/_nicegui/")):
                headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return wrapped


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
