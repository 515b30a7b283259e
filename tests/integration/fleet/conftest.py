"""A market of real processes, whose provider is a fleet's gateway."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from fleet_market import FleetMarket

from fogchain.localnet import LocalNetwork


@pytest.fixture
def fleet_market(tmp_path: Path) -> Callable[..., Any]:
    """`async with fleet_market(standing="1 s", …) as fleet:` — options as those of section [fleet]."""

    @contextlib.asynccontextmanager
    async def start(**options: Any) -> AsyncIterator[FleetMarket]:
        fleet = {"enabled": True, "heartbeat": "500 ms", "offline_after": "2 s", **options}
        network = LocalNetwork(
            tmp_path / "net", providers=1, supervised=False, lost_after="30 s", mdns=False, fleets={"oak": fleet}
        )
        await network.start()
        try:
            yield FleetMarket(network, tmp_path)
        finally:
            await network.stop()

    return start
