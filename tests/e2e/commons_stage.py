"""A node's API whose bonds, votes, prices and verdicts are those of a real local chain, for the panel to look at.

The rest of the node (jobs, receipts) is in memory: what is looked at here is the chain's.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from coincurve import PrivateKey

from fogchain.api.models import Event, NodeStatus, WalletView
from fogchain.chain.calls import Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.index import EventIndex
from fogchain.chain.local import LocalChain
from fogchain.chain.sender import Sender
from fogchain.wallet.eip712 import address_of
from node.api.app import create_app
from node.api.server import ApiServer
from node.commons import Commons

for folder in ("unit/api", "integration/chain"):  # the services in memory, and the court's cases
    sys.path.insert(0, str(Path(__file__).parents[1] / folder))

from api_memory import MemoryServices  # noqa: E402
from court_case import Stage  # noqa: E402
from on_chain import ETH, FOG, following  # noqa: E402


class ChainServices(MemoryServices):
    """The node's state and wallet are the chain's, too."""

    def __init__(self, folder: Path, client: ChainClient, index: EventIndex, sender: Sender, address: str) -> None:
        super().__init__(folder)
        self._client, self._index, self._address = client, index, address
        self._head = None
        self.commons = Commons(
            client=client,
            index=index,
            calls=Calls(client.deployment),
            sender=sender,
            address=address,
            mined=self._mined,
        )

    def status(self) -> NodeStatus:
        base = super().status()
        head, at = self._head, self._client.deployment
        chain = base.chain.model_copy(
            update={
                "block": head.number if head else 0, "block_time": head.timestamp if head else 0, "market": at.market,
                "token": at.token, "rpc_url": self._client.rpc.url,
            }
        )  # fmt: skip
        return base.model_copy(update={"name": "voter", "address": self._address, "chain": chain})

    async def wallet(self) -> WalletView:
        self._head = await self._client.head()
        token, eth, bonded = (
            await self._client.token_balance(self._address),
            await self._client.eth_balance(self._address),
            await self._client.bonded(self._address),
        )
        return WalletView(
            address=self._address, eth=eth, token=token, free=0, locked=0, earned=0, spent=0, unclaimed=0, bonded=bonded
        )

    async def _mined(self, block: int) -> None:
        self._head = await self._client.head()
        await self._index.wait_for(lambda: (head := self._index.head) is not None and head.number >= block, 15)
        self.tell(Event(kind="wallet", time=time.time()))


@dataclass
class Voter:
    """The staged node; `stage` acts on its chain in anybody's name."""

    url: str
    token_file: Path
    address: str
    stage: Stage

    @property
    def token(self) -> str:
        return self.token_file.read_text().strip()


@contextlib.asynccontextmanager
async def staged_voter(folder: Path, fog: int = 10_000 * FOG) -> AsyncIterator[Voter]:
    """A fresh chain, and a node on it whose wallet holds `fog`."""
    chain = LocalChain(folder / "chain", block_time=0.1)
    await chain.start()
    client = ChainClient(chain.rpc_url, chain.deployment)
    key = PrivateKey()
    address = address_of(key.public_key)
    await chain.fund(address, 10 * ETH, fog)
    sender = Sender(client, key, folder / "chain.db")
    await sender.start()
    token = folder / "api.token"
    token.write_text("t" * 43)
    try:
        async with following(client, folder / "index.db") as index:
            services = ChainServices(folder, client, index, sender, address)
            server = ApiServer(create_app(services, token.read_text(), "1"))
            yield Voter(await server.start("127.0.0.1", 0), token, address, Stage(chain, client))
            await server.stop()
    finally:
        await sender.stop()
        await client.close()
        await chain.stop()
