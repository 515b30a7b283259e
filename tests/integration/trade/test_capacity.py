"""A provider's bond makes the capacity of its node count, without anybody's doing more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from fogchain.chain.calls import CPU, Call, Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.faucet import fund
from fogchain.units import parse_fog

pytestmark = [pytest.mark.slow, pytest.mark.chain]


async def test_what_a_bond_covers_counts_and_what_it_leaves_does_not(market: Callable[..., Any]) -> None:
    async with market(providers=1) as m:
        (name,) = m.network.names
        owner, deployment = m.addresses[name], m.network.deployment
        client, calls = ChainClient(m.network.rpc_url, deployment), Calls(deployment)

        async def act(call: Call) -> None:
            order = {"from": owner, "to": call.to, "data": "0x" + call.data.hex(), "gas": hex(call.gas)}
            await client.rpc.call("eth_sendTransaction", order)

        async def counted(wanted: Callable[[int], bool]) -> int:
            deadline = time.monotonic() + 60  # the node looks every half minute
            while time.monotonic() < deadline:
                capacity = int(await client.read("registry", "capacityOf", CPU))
                if wanted(capacity):
                    return capacity
                await asyncio.sleep(0.2)
            pytest.fail(f"{capacity} Gfuel are counted")

        try:
            await client.rpc.call("anvil_impersonateAccount", owner)
            assert int(await client.read("registry", "capacityOf", CPU)) == 0
            await fund(client.rpc, deployment, owner, 0, parse_fog("10 FOG"))
            await act(calls.approve(parse_fog("10 FOG"), deployment.stake))
            await act(calls.bond(parse_fog("10 FOG")))
            assert await counted(lambda capacity: capacity > 0) == 100  # 0.1 FOG a Gfuel
            await act(calls.unbond(parse_fog("9 FOG")))
            assert await counted(lambda capacity: capacity < 100) == 10
        finally:
            await client.close()
