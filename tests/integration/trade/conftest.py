"""Whole markets of real processes for the tests: chain, nodes, workers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from trade_stage import Market

from fogchain.localnet import LocalNetwork


@pytest.fixture
def market(tmp_path: Path) -> Callable[..., Any]:
    """`async with market(providers=3, …) as m:` — options as LocalNetwork's."""

    @contextlib.asynccontextmanager
    async def start(**options: Any) -> AsyncIterator[Market]:
        options = {"lost_after": "3 s", "supervised": False, **options}
        network = LocalNetwork(tmp_path / "net", **options)
        await network.start()
        try:
            whole = Market(network, tmp_path)
            await whole.learn_addresses()
            yield whole
        finally:
            await network.stop()

    return start
