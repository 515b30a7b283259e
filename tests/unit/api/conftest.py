from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from api_memory import MemoryServices
from api_running import TOKEN, Running

from fogchain.api.client import AsyncClient
from node.api.app import create_app
from node.api.server import ApiServer


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
