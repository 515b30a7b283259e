"""The typed client of a node's API: `Client` for scripts, `AsyncClient` for the panel and other event loops.

Methods are named after the endpoints (see `fogchain.api.models` and `fogchain.api.commons`) and raise the FogchainError
that the node's problem stands for, or Unavailable when the node does not answer. HTTP libraries are imported when a
client is made.
"""

from __future__ import annotations

from fogchain.api.aio.auth import AsyncAuthApi
from fogchain.api.aio.blobs import AsyncBlobsApi
from fogchain.api.aio.dao import AsyncDaoApi
from fogchain.api.aio.fleet import AsyncFleetApi
from fogchain.api.aio.harvest import AsyncHarvestApi
from fogchain.api.aio.jobs import AsyncJobsApi
from fogchain.api.aio.market import AsyncMarketApi
from fogchain.api.aio.operators import AsyncOperatorsApi
from fogchain.api.aio.stake import AsyncStakeApi
from fogchain.api.aio.wallet import AsyncWalletApi
from fogchain.api.sync.auth import AuthApi
from fogchain.api.sync.blobs import BlobsApi
from fogchain.api.sync.dao import DaoApi
from fogchain.api.sync.fleet import FleetApi
from fogchain.api.sync.harvest import HarvestApi
from fogchain.api.sync.jobs import JobsApi
from fogchain.api.sync.link import EventStream
from fogchain.api.sync.market import MarketApi
from fogchain.api.sync.operators import OperatorsApi
from fogchain.api.sync.stake import StakeApi
from fogchain.api.sync.wallet import WalletApi

__all__ = ["AsyncClient", "Client", "EventStream"]


class Client(JobsApi, BlobsApi, MarketApi, WalletApi, OperatorsApi, FleetApi, StakeApi, DaoApi, HarvestApi, AuthApi):
    """Synchronous; one connection, not for several threads at once."""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(
    AsyncJobsApi,
    AsyncBlobsApi,
    AsyncMarketApi,
    AsyncWalletApi,
    AsyncOperatorsApi,
    AsyncFleetApi,
    AsyncStakeApi,
    AsyncDaoApi,
    AsyncHarvestApi,
    AsyncAuthApi,
):
    """The same for asyncio; any number of calls at once. Close it when done."""

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
