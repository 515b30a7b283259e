"""A node on a chain of its own that a test may do anything with."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

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


@pytest.fixture(scope="module")
def start_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., LiveMarket]]:
    """`start_market(providers=2, …)`: options as LocalNetwork's."""
    running: list[LiveMarket] = []

    def start(**options: Any) -> LiveMarket:
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        network = LocalNetwork(tmp_path_factory.mktemp("net"), **{"supervised": False, **options})
        running.append(LiveMarket(network, loop))
        running[-1].do(network.start())
        return running[-1]

    yield start
    for market in running:
        market.do(market.network.stop())
        market.loop.call_soon_threadsafe(market.loop.stop)
