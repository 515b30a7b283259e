"""What the tests do with a whole market of real processes: chain, nodes, workers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fogchain.api.models import JobDetail
from fogchain.bench.e2e import spin_job
from fogchain.chain.client import ChainClient
from fogchain.errors import FogchainError
from fogchain.jobs.file import load_job_file
from fogchain.localnet import LocalNetwork

PATIENCE = 120.0


class Market:
    """A local network, and what the tests do with it."""

    def __init__(self, network: LocalNetwork, folder: Path) -> None:
        self.network = network
        self.folder = folder

    def spin(self, tasks: int, rounds: int, extra: str = "") -> Path:
        """A job file of equal tasks; `rounds` of about 13 fuel each."""
        return spin_job(self.folder / f"spin-{tasks}-{rounds}-{len(extra)}", tasks, rounds, extra)

    @contextlib.contextmanager
    def mood(self, word: str, *names: str) -> Iterator[None]:
        """Of nodes that are `moody`: its words."""
        files = [self.network.folder / name / word for name in names]
        for file in files:
            file.touch()
        try:
            yield
        finally:
            for file in files:
                file.unlink()

    async def submit(self, job: Path) -> str:
        resolved = load_job_file(job)
        for sha256, source in resolved.blobs.items():
            await self.network.buyer.put_blob(source, sha256)
        return (await self.network.buyer.submit(resolved.spec)).id

    async def until(self, job_id: str, condition: Callable[[JobDetail], bool], patience: float = PATIENCE) -> JobDetail:
        """The job's detail once `condition` holds; fails with what it was last when that takes too long."""
        deadline, detail = time.monotonic() + patience, None
        while time.monotonic() < deadline:
            with contextlib.suppress(FogchainError):
                detail = await self.network.buyer.job(job_id)
                if condition(detail):
                    return detail
            await asyncio.sleep(0.1)
        pytest.fail(f"not in {patience} s: {detail.model_dump_json(exclude={'spec'}) if detail else 'no answer'}")

    async def paid(self, job_id: str) -> JobDetail:
        return await self.until(job_id, lambda detail: detail.paid)

    async def balances(self) -> dict[str, int]:
        """Every party's FOG on the chain, wallet and market together, and the fees kept back from all of them."""
        client = ChainClient(self.network.rpc_url, self.network.deployment)
        await client.connect()
        try:
            found = {"fees": 0}
            for name in ("buyer", *self.network.names):
                with contextlib.suppress(KeyError, FogchainError):
                    address = self.addresses[name]
                    found[name] = (
                        await client.token_balance(address)
                        + await client.free_balance(address)
                        + await client.locked_balance(address)
                    )
                    found["fees"] += await client.withheld(address)
            return found
        finally:
            await client.close()

    async def learn_addresses(self) -> None:
        self.addresses = {
            name: (await self.network.client(name).status()).address for name in ("buyer", *self.network.names)
        }
