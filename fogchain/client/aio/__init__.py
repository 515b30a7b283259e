"""The client for programs with an event loop. `fogchain.client.sync` is made of it by `scripts/sync_clients.py`."""

from fogchain.client.aio.client import AsyncClient
from fogchain.client.aio.job import AsyncJob
from fogchain.client.aio.mapped import AsyncMapped

__all__ = ["AsyncClient", "AsyncJob", "AsyncMapped"]
