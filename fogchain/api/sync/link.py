"""How `Client` reaches the node: the standard library's HTTP, and a WebSocket for events."""

from __future__ import annotations

from pydantic import BaseModel

from fogchain.api.answers import MAX_EVENT, TIMEOUT, M, bearer, decode, encode, ended, events_url
from fogchain.api.models import Event, NodeStatus
from fogchain.api.problems import error_from
from fogchain.api.rest import NODE_HINT, Query, Rest, path_of, unreachable
from fogchain.jobs.source import BlobSource, chunks, sha256_of, size_of


class Link:
    """Requests to one node, one after the other."""

    def __init__(self, url: str, token: str, timeout: float = TIMEOUT, hint: str = NODE_HINT) -> None:
        """`hint` is what to do when the node does not answer."""
        self.url, self._token, self._hint = url.rstrip("/"), token, hint
        self.rest = Rest(url, token, timeout, hint)

    def status(self) -> NodeStatus:
        return self._get(NodeStatus, "node")

    def events(self) -> EventStream:
        """What changes, from now on: the connection stands when this returns."""
        return EventStream(self.url, self._token, self._hint)

    def close(self) -> None:
        self.rest.close()

    def _get(self, kind: type[M], *parts: object, query: Query | None = None) -> M:
        return decode(kind, self.url, self._bytes(*parts, query=query))

    def _post(self, kind: type[M], body: BaseModel | None, *parts: object, key: str | None = None) -> M:
        content, headers = encode(body, key)
        return decode(kind, self.url, self.rest.raw("POST", path_of(*parts), content, headers))

    def _delete(self, *parts: object) -> None:
        self.rest.raw("DELETE", path_of(*parts))

    def _bytes(self, *parts: object, query: Query | None = None, accept: str = "application/json") -> bytes:
        return self.rest.raw("GET", path_of(*parts, query=query), headers={"Accept": accept})

    def _exists(self, *parts: object) -> bool:
        return self.rest.exists(path_of(*parts))

    def _upload(self, kind: type[M], source: BlobSource, *parts: object) -> M:
        return kind.model_validate(self.rest.upload(path_of(*parts), lambda: chunks(source), size_of(source)))

    def _hash(self, source: BlobSource) -> str:
        return sha256_of(source)


class EventStream:
    """An iterator of events. Raises Unavailable when the connection ends. Close it when done."""

    def __init__(self, url: str, token: str, hint: str) -> None:
        from websockets.exceptions import InvalidHandshake, InvalidStatus
        from websockets.sync.client import connect

        self._url, self._hint = url, hint
        try:
            self._link = connect(events_url(url), additional_headers=bearer(token), max_size=MAX_EVENT, proxy=None)
        except InvalidStatus as error:
            raise error_from(error.response.status_code, error.response.body or b"") from error
        except (InvalidHandshake, OSError, TimeoutError) as error:
            raise unreachable(url, error, hint) from error

    def receive(self, timeout: float | None = None) -> Event | None:
        """The next event, or None when none came within `timeout` seconds."""
        from websockets.exceptions import WebSocketException

        try:
            return decode(Event, self._url, self._link.recv(timeout))
        except TimeoutError:
            return None
        except (WebSocketException, OSError) as error:
            raise ended(self._url, self._hint) from error

    def close(self) -> None:
        self._link.close()

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> Event:
        event = self.receive()
        assert event is not None
        return event

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
