from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from api_memory import MemoryServices

from fogchain.api.client import AsyncClient
from fogchain.jobs.spec import BlobRef, JobSpec, TaskSpec
from fogchain.units import WEI
from node.api.app import create_app
from node.api.server import ApiServer

TOKEN = "t" * 43


@dataclass
class Running:
    url: str
    services: MemoryServices
    client: AsyncClient
    server: ApiServer
    token: str = TOKEN


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Running]:
    """A real server on a free port over services in memory, and a client of it."""
    services = MemoryServices(tmp_path)
    server = ApiServer(create_app(services, TOKEN, "9.9"))
    url = await server.start("127.0.0.1", 0)
    client = AsyncClient(url, TOKEN)
    yield Running(url, services, client, server)
    await client.close()
    await server.stop()


def spec_over(api: Running, tasks: int = 2) -> JobSpec:
    module = api.services.blobs.put(b"\0asm")
    return JobSpec(
        name="j",
        module=BlobRef(sha256=module, size=4),
        budget=WEI,
        tasks=tuple(TaskSpec(args=(str(n),)) for n in range(tasks)),
    )
