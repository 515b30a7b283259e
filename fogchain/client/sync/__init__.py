"""The client for scripts and notebooks. It works inside a running event loop, too.

Everything happens in an `AsyncClient` whose loop runs in a thread of its own; the calls here wait for it. All but
`bridge` is made of `fogchain.client.aio` by `scripts/sync_clients.py`.
"""

from fogchain.client.sync.client import Client
from fogchain.client.sync.job import Job
from fogchain.client.sync.mapped import Mapped

__all__ = ["Client", "Job", "Mapped"]
