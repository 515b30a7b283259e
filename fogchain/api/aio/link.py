"""How `AsyncClient` reaches the node: httpx, and a WebSocket for events. Both are imported when they are needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from pydantic import BaseModel

from fogchain.api.answers import MAX_EVENT, TIMEOUT, M, bearer, decode, encode, ended, events_url
from fogchain.api.models import Event, NodeStatus
from fogchain.api.problems import error_from
from fogchain.api.rest import Query, late, path_of, unreachable
from fogchain.jobs.source import BlobSource, chunks, sha256_of, size_of


class AsyncLink:
    """Requests to one node, any number at once."""

    def __init__(self, url: str, token: str, timeout: float = TIMEOUT) -> None:
        import httpx

        self.url, self._token = url.rstrip("/"), token
        # trust_env off: a proxy set for the Internet must not see a local node's token.
        self._http = httpx.AsyncClient(base_url=self.url, headers=bearer(token), timeout=timeout, trust_env=False)

    async def status(self) -> NodeStatus:
        return await self._get(NodeStatus, "node")

    async def events(
        self, after: int | None = None, connected: Callable[[], None] = lambda: None
    ) -> AsyncGenerator[Event, None]:
        """What changes, from now on, or after the event of that `seq`. `connected` is called once nothing is missed.

        Raises Unavailable when the connection ends.
        """
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidStatus, WebSocketException

        headers = bearer(self._token)
        try:
            async with connect(
                events_url(self.url, after), additional_headers=headers, max_size=MAX_EVENT, proxy=None
            ) as link:
                connected()
                async for message in link:
                    yield decode(Event, self.url, message)
        except InvalidStatus as error:
            raise error_from(error.response.status_code, error.response.body or b"") from error
        except (WebSocketException, OSError, TimeoutError) as error:
            raise unreachable(self.url, error) from error
        raise ended(self.url)

    async def close(self) -> None:
        await self._http.aclose()

    async def _get(self, kind: type[M], *parts: object, query: Query | None = None) -> M:
        return decode(kind, self.url, await self._bytes(*parts, query=query))

    async def _post(self, kind: type[M], body: BaseModel | None, *parts: object, key: str | None = None) -> M:
        content, headers = encode(body, key)
        return decode(kind, self.url, await self._raw("POST", path_of(*parts), content=content, headers=headers))

    async def _delete(self, *parts: object) -> None:
        await self._raw("DELETE", path_of(*parts))

    async def _bytes(self, *parts: object, query: Query | None = None, accept: str = "application/json") -> bytes:
        return await self._raw("GET", path_of(*parts, query=query), headers={"Accept": accept})

    async def _exists(self, *parts: object) -> bool:
        response = await self._send("HEAD", path_of(*parts))
        if response.status_code in (401, 403) or response.status_code >= 500:
            await self.status()  # an answer to HEAD has no body: hear the reason elsewhere
            raise error_from(response.status_code, b"")
        return bool(response.status_code < 400)

    async def _upload(self, kind: type[M], source: BlobSource, *parts: object) -> M:
        headers = {"Content-Length": str(size_of(source)), "Content-Type": "application/octet-stream"}
        return decode(kind, self.url, await self._raw("PUT", path_of(*parts), content=_pieces(source), headers=headers))

    async def _hash(self, source: BlobSource) -> str:
        return await asyncio.to_thread(sha256_of, source)

    async def _raw(self, method: str, path: str, **options: Any) -> bytes:
        response = await self._send(method, path, **options)
        if response.status_code >= 400:
            raise error_from(response.status_code, response.content)
        return bytes(response.content)

    async def _send(self, method: str, path: str, **options: Any) -> Any:
        import httpx

        try:
            return await self._http.request(method, path, **options)
        except httpx.TimeoutException as error:
            raise late(self.url) from error
        except httpx.HTTPError as error:
            raise unreachable(self.url, error) from error


async def _pieces(source: BlobSource) -> AsyncIterator[bytes]:
    pieces = chunks(source)
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece
