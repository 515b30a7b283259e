"""What every role of a node stands on, its life, and how it tells that something has changed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from fogchain.chain.calls import Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.deployment import Deployment
from fogchain.chain.index import EventIndex
from fogchain.chain.sender import Sender
from fogchain.config import DataFolder, NodeConfig
from fogchain.identity import NodeIdentity
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.quota import Storage
from fogchain.jobs.store import JobStore
from fogchain.wallet.keystore import Wallet
from node.plugs import NetworkPlug
from node.refusals import Refusals
from node.trade.driver import JobDriver
from node.trade.ledger import Ledger

if TYPE_CHECKING:
    from node.services import Services


class Life:
    """What was started ends in the reverse order."""

    def __init__(self) -> None:
        self._stack = contextlib.AsyncExitStack()

    def keep(self, work: Coroutine[None, None, None], name: str) -> None:
        """A task that goes on until the node stops."""
        self.ends_with(_end, asyncio.create_task(work, name=name))

    def ends_with(self, close: Callable[..., Awaitable[object]], *args: object) -> None:
        self._stack.push_async_callback(close, *args)

    def then(self, work: Callable[[], object]) -> None:
        self._stack.callback(work)

    async def end(self) -> None:
        await self._stack.aclose()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@dataclass(slots=True)
class News:
    """What has changed, for the services that the API shows: they come last, and until then nobody listens."""

    services: Services | None = None

    def node(self) -> None:
        if self.services is not None:
            self.services.node_changed()

    def providers(self) -> None:
        if self.services is not None:
            self.services.providers_changed()

    def job(self, driver: JobDriver, touched: set[int]) -> None:
        if self.services is not None:
            self.services.job_changed(driver, touched)

    def job_ended(self, machine: JobMachine) -> None:
        if self.services is not None:
            self.services.job_ended(machine)

    def fleet(self) -> None:
        if self.services is not None:
            self.services.fleet_changed()


@dataclass(frozen=True, slots=True)
class Parts:
    folder: DataFolder
    config: NodeConfig
    wallet: Wallet
    identity: NodeIdentity
    deployment: Deployment
    client: ChainClient
    index: EventIndex
    sender: Sender
    calls: Calls
    engine: Engine
    storage: Storage
    network: NetworkPlug
    store: JobStore
    ledger: Ledger
    refusals: Refusals
    news: News = field(default_factory=News)

    @property
    def blobs(self) -> BlobStore:
        return self.storage.store
