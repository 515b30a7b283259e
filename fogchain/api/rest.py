"""The API's transport for programs that must start quickly: one kept connection of the standard library's HTTP client.

Answers are plain JSON values; `fogchain.api.client.Client` makes models of them.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from fogchain.api.problems import error_from
from fogchain.errors import BadInput, Unavailable

API_PREFIX = "/v1"
NODE_HINT = "is the node running? `fogchain node run --data …`"

Query = Mapping[str, str | int | None]


def path_of(*parts: object, query: Query | None = None) -> str:
    """`/v1/jobs/ab/tasks?limit=5` of its parts, each quoted; a part may hold slashes. None is left out of the query."""
    path = API_PREFIX + "".join(f"/{quote(str(part))}" for part in parts)
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def unreachable(url: str, error: Exception, hint: str = NODE_HINT) -> Unavailable:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Unavailable(f"the node at {url} can't be reached: {reason}", hint=hint)


def late(url: str) -> Unavailable:
    return Unavailable(f"the node at {url} does not answer in time", hint="see whether the node is overloaded or stuck")


class Rest:
    """Requests to one node. They raise the FogchainError that the node's problem stands for, or Unavailable."""

    def __init__(self, url: str, token: str, timeout: float = 60.0, hint: str = NODE_HINT) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"{url!r} is not a node's address", hint="write it like http://127.0.0.1:8600")
        self.url, self._hint = url.rstrip("/"), hint
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout)
        self._used = False

    def json(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """The answer's JSON value."""
        extra = {**(headers or {}), **({"Content-Type": "application/json"} if body is not None else {})}
        answer = self.raw(method, path, body, extra)
        try:
            return json.loads(answer)
        except ValueError as error:
            raise Unavailable(f"{self.url} does not answer like a node", hint="check the address") from error

    def raw(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
        """The answer's bytes."""
        status, answer = self._exchange(method, path, lambda: body, headers or {})
        if status >= 400:
            raise error_from(status, answer)
        return answer

    def exists(self, path: str) -> bool:
        """HEAD: whether the thing is there."""
        status, answer = self._exchange("HEAD", path, lambda: None, {})
        if status in (401, 403) or status >= 500:
            self.raw("GET", path_of("node"))  # an answer to HEAD has no body: hear the reason elsewhere
            raise error_from(status, answer)
        return status < 400

    def upload(self, path: str, source: Callable[[], Iterable[bytes]], size: int) -> Any:
        """PUT `size` bytes from an iterable that can be had anew when the connection turns out to be stale."""
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        status, answer = self._exchange("PUT", path, source, headers)
        if status >= 400:
            raise error_from(status, answer)
        return json.loads(answer)

    def close(self) -> None:
        self._connection.close()

    def _exchange(
        self, method: str, path: str, body: Callable[[], Any], headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        if method == "POST":  # never sent twice: begin on a connection that can't be stale
            self._drop()
        while True:
            kept, self._used = self._used, True
            try:
                try:
                    self._connection.request(method, path, body(), {**self._headers, **headers})
                except (BrokenPipeError, ConnectionResetError):
                    if kept:
                        raise
                    # A node that refuses a body answers and closes before it has read all of it: read that answer.
                answer = self._connection.getresponse()
                return answer.status, answer.read()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
                self._drop()
                if kept:  # the node closed an idle connection: once more on a fresh one
                    continue
                raise Unavailable(f"the node at {self.url} broke off the answer", hint=self._hint) from error
            except TimeoutError as error:
                self._drop()
                raise late(self.url) from error
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                raise unreachable(self.url, error, self._hint) from error

    def _drop(self) -> None:
        self.close()
        self._used = False
