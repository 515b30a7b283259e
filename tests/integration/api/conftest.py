"""A node on a chain of its own that a test may do anything with."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from live_market import LiveMarket

from fogchain.localnet import LocalNetwork


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
