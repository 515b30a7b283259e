"""A real local chain for every test, started from one deployed copy."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from coincurve import PrivateKey
from on_chain import ETH, FOG

from fogchain.chain.client import ChainClient
from fogchain.chain.local import LocalChain
from fogchain.wallet.eip712 import address_of

BLOCK_TIME = 0.1


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stopped local chain with the contracts on it."""
    folder = tmp_path_factory.mktemp("chain") / "deployed"

    async def make() -> None:
        chain = LocalChain(folder, block_time=BLOCK_TIME)
        await chain.start()
        await chain.stop()

    asyncio.run(make())
    (folder / "chain.json").unlink()  # every test's chain takes a port of its own
    return folder


@pytest.fixture
async def chain(deployed: Path, tmp_path: Path) -> AsyncIterator[LocalChain]:
    folder = tmp_path / "chain"
    shutil.copytree(deployed, folder)
    chain = LocalChain(folder, block_time=BLOCK_TIME)
    await chain.start()
    yield chain
    await chain.stop()


@pytest.fixture
async def client(chain: LocalChain) -> AsyncIterator[ChainClient]:
    client = ChainClient(chain.rpc_url, chain.deployment)
    await client.connect()
    yield client
    await client.close()


@pytest.fixture
async def funded(chain: LocalChain) -> PrivateKey:
    """A wallet's key with 10 ETH and 1,000 FOG."""
    key = PrivateKey()
    await chain.fund(address_of(key.public_key), 10 * ETH, 1000 * FOG)
    return key
