"""The way to a node, over its restarts: where it listens may change, its data folder does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from fogchain.api.address import ApiAddress, read_token
from fogchain.api.client import AsyncClient as Api
from fogchain.api.models import Page
from fogchain.errors import BadInput, Unavailable
from fogchain.folder import DataFolder

T = TypeVar("T")

PATIENCE = 120.0  # seconds for a node that is being restarted
PAUSE = 0.5
PAGE = 500  # items of a list that are asked for at once


class NodeLink:
    """Either a fixed address and token, or a data folder in which a node says where it listens."""

    def __init__(self, url: str | None, token: str | None, folder: DataFolder) -> None:
        """Raises BadInput for one of address and token without the other."""
        if (url is None) != (token is None):
            raise BadInput("an address and its token belong together", hint="give url= and token=, or neither")
        self._fixed = (url, token) if url is not None and token is not None else None
        self._folder = folder
        self._place: tuple[str, str] | None = None
        self._api: Api | None = None
        self._all: list[Api] = []  # one for each place the node was at: calls may be under way

    async def api(self) -> Api:
        """The node's API where it is now. Raises Unavailable when no node has said where it listens."""
        place = self._fixed or (ApiAddress.load(self._folder).url, read_token(self._folder))
        if self._api is None or place != self._place:
            self._api, self._place = Api(*place), place
            self._all.append(self._api)
        return self._api

    async def patiently(self, call: Callable[[Api], Awaitable[T]]) -> T:
        """For what may be asked twice: tried again while the node is away, after it has answered once before.

        Raises what the call does, and Unavailable when the node stays away for two minutes.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            known = self._api is not None
            try:
                return await call(await self.api())
            except Unavailable:
                if not known or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(PAUSE)

    async def close(self) -> None:
        for api in self._all:
            await api.close()
        self._all.clear()
        self._api = None


async def every(page: Callable[[str | None], Awaitable[Page[T]]]) -> AsyncGenerator[T, None]:
    """The items of all pages; `page` gets the cursor of each, None for the first."""
    cursor: str | None = None
    while True:
        answer = await page(cursor)
        for item in answer.items:
            yield item
        if (cursor := answer.next_cursor) is None:
            return
