"""A market that runs beside a test."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from fogchain.api.address import ApiAddress, read_token
from fogchain.config import DataFolder
from fogchain.localnet import LocalNetwork

T = TypeVar("T")


@dataclass
class LiveMarket:
    """A local network that runs in a thread, for tests that have no event loop, or one of their own."""

    network: LocalNetwork
    loop: asyncio.AbstractEventLoop

    @property
    def folder(self) -> DataFolder:
        """The buyer's."""
        return DataFolder(self.network.folder / "buyer")

    @property
    def url(self) -> str:
        return ApiAddress.load(self.folder).url

    @property
    def token(self) -> str:
        return read_token(self.folder)

    def do(self, coroutine: Coroutine[Any, Any, T], seconds: float = 120) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(seconds)
