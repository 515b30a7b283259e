"""Two nodes of one operator, as the registry has it by his signature, never confirm each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile import until

from fogchain.chain.calls import Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.index import EventIndex
from fogchain.chain.records import NodeRecord
from fogchain.chain.sender import Sender
from fogchain.config import DataFolder
from fogchain.wallet.eip712 import sign_digest
from fogchain.wallet.keystore import Wallet, load

pytestmark = [pytest.mark.slow, pytest.mark.chain]

ROUNDS = 1_000_000


def wallet_of(m: Any, name: str) -> Wallet:
    folder = DataFolder(m.network.folder / name)
    return load(folder.keystore, folder.password.read_text().strip())


async def hand_to(m: Any, name: str, operator: Wallet, folder: Path) -> None:
    """Registers the node `name` anew, with `operator` as who runs it; he has signed that he does."""
    owner, deployment = wallet_of(m, name), m.network.deployment
    client, calls = ChainClient(m.network.rpc_url, deployment), Calls(deployment)
    index = EventIndex(client, folder / "handing.db")
    sender = Sender(client, owner.key, folder / "handing.db")
    indexing = asyncio.create_task(index.run())
    try:
        await client.connect()
        await sender.start()

        def record() -> NodeRecord | None:
            return next((known for known in index.providers() if known.owner.lower() == owner.address), None)

        node = await until(record)
        expiry = (await client.head()).timestamp + 3600
        digest = await client.read("registry", "hashOperates", owner.address, operator.address, node.node_key, expiry)
        call = calls.register(
            node.node_key,
            node.signature,
            node.slots,
            node.endpoints,
            resource_class=node.resource_class,
            capacity=node.capacity,
            operator=operator.address,
            agreement=(expiry, sign_digest(operator.key, digest)),
        )
        await sender.send(call)
        await until(lambda: (found := record()) is not None and found.operator.lower() == operator.address)
    finally:
        indexing.cancel()
        await sender.stop()
        await client.close()


async def test_two_nodes_of_one_operator_never_confirm_each_other(market: Callable[..., Any], tmp_path: Path) -> None:
    async with market(providers=3) as m:
        oak, birch, cedar = (m.addresses[name] for name in ("oak", "birch", "cedar"))
        await hand_to(m, "birch", wallet_of(m, "oak"), tmp_path)
        job = await m.submit(m.spin(12, ROUNDS, '[verify]\nlevel = "L2"\n'))
        detail = await m.paid(job)
        assert detail.state == "done" and detail.checks_done == 12 and detail.checks_failed == 0
        operators = {share.address: share.operator for share in detail.providers}
        assert operators == {oak: oak, birch: oak, cedar: cedar}
        for task in (await m.network.buyer.tasks(job)).items:
            answered = [run.provider for run in task.runs if run.state == "accepted"]
            assert len(answered) == 2 and cedar in answered
        assert all(share.checks + share.tasks > 0 for share in detail.providers)

        # Three are needed, of three operators; there are two, and the job says so instead of taking their word.
        three = await m.submit(m.spin(2, ROUNDS, '[verify]\nlevel = "L3"\n'))
        waiting = await m.until(three, lambda detail: "3 providers of different operators" in detail.detail)
        assert waiting.tasks.done == 0 and not any(share.tasks for share in waiting.providers)
        await m.network.buyer.cancel(three)
        await m.paid(three)
