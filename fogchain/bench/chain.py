"""How fast transactions go out and events come in, on a real local chain.

`sender_throughput`: deposits asked for all at once, from the first request to the last receipt, each stored on disk
before it is sent. `index_rebuild`: an empty index reads the events that these left, from the chain to its database.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from coincurve import PrivateKey

from fogchain.bench.report import Metric, Missing
from fogchain.chain.calls import Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.index import EventIndex
from fogchain.chain.local import LocalChain
from fogchain.chain.sender import Sender
from fogchain.units import WEI

SUITE = "chain"
ROUNDS = 3
TRANSACTIONS = 1500  # a round; two events each
REBUILDS = 5


async def run(say: Callable[[str], None] = lambda _: None) -> tuple[list[Metric], list[Missing]]:
    """Takes about half a minute. Raises Unavailable without anvil."""
    with tempfile.TemporaryDirectory(prefix="fogchain-bench-") as name:
        folder = Path(name)
        chain = LocalChain(folder / "chain")
        deployment = await chain.start()
        client = ChainClient(chain.rpc_url, deployment)
        try:
            sent = await _send(chain, client, folder, say)
            rebuilt = await _rebuild(client, folder, say)
        finally:
            await client.close()
            await chain.stop()
    return [Metric.of(SUITE, "index_rebuild", rebuilt), Metric.of(SUITE, "sender_throughput", sent)], []


async def _send(chain: LocalChain, client: ChainClient, folder: Path, say: Callable[[str], None]) -> list[float]:
    """Transactions per second of each round."""
    key, calls = PrivateKey(), Calls(client.deployment)
    sender = Sender(client, key, folder / "sender.db")
    await chain.fund(sender.address, 1000 * WEI, 1000 * WEI)
    await sender.start()
    rates = []
    try:
        await sender.send(calls.approve(1000 * WEI))
        for number in range(ROUNDS):
            began = time.perf_counter()
            await asyncio.gather(
                *(sender.send(calls.deposit(1 + i), tag=f"round:{number}:{i}") for i in range(TRANSACTIONS))
            )
            rates.append(TRANSACTIONS / (time.perf_counter() - began))
            say(f"sent and mined {TRANSACTIONS} transactions, {rates[-1]:.0f} a second")
    finally:
        await sender.stop()
    return rates


async def _rebuild(client: ChainClient, folder: Path, say: Callable[[str], None]) -> list[float]:
    """Events per second of each rebuild."""
    rates = []
    for number in range(REBUILDS):
        index = EventIndex(client, folder / f"index-{number}.db")
        try:
            began = time.perf_counter()
            await index.catch_up()
            rates.append(index.event_count() / (time.perf_counter() - began))
            say(f"rebuilt the index from {index.event_count()} events, {rates[-1]:.0f} a second")
        finally:
            index.close()
    return rates
