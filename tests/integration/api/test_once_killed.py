"""A deposit whose node is killed while it is under way, and is asked for again with its key, moves money once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from live_market import LiveMarket

from fogchain.api.client import Client
from fogchain.errors import Conflict, FogchainError
from fogchain.units import WEI

pytestmark = [pytest.mark.slow, pytest.mark.chain]

MOMENTS = (0.0, 0.05, 0.2, 0.5)  # seconds after it was asked for


@pytest.mark.timeout(300)
def test_killed_at_any_moment_a_deposit_is_made_once(start_market: Callable[..., LiveMarket]) -> None:
    market = start_market(providers=0)
    with Client(market.url, market.token) as client:
        before = client.wallet()
    for number, moment in enumerate(MOMENTS, 1):
        key = f"deposit-{number}"

        def ask(key: str = key) -> None:
            with suppress(FogchainError), Client(market.url, market.token) as client:
                client.deposit(WEI, key)

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(moment)
        market.do(market.network.kill("buyer"))
        asking.join()
        market.do(market.network.launch_node("buyer"))
        market.do(market.network.ready("buyer"))
        with Client(market.url, market.token) as client:
            first = client.deposit(WEI, key)
            assert client.deposit(WEI, key) == first
            assert (first.free, first.token) == (before.free + number * WEI, before.token - number * WEI)
            with pytest.raises(Conflict):
                client.deposit(2 * WEI, key)
