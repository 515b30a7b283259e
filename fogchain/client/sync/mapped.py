# Made of fogchain/client/aio/mapped.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""`Mapped`: what `map` brings."""

from __future__ import annotations

from typing import Any

from fogchain.client.aio import AsyncMapped
from fogchain.client.sync.bridge import Stream
from fogchain.client.sync.job import Job


class Mapped(Stream[Any]):
    """The outputs of `map`, in the order of the items, each as soon as it is there."""

    _inner: AsyncMapped

    @property
    def job(self) -> Job:
        """The job that makes the outputs."""
        inner = self._inner.job
        return Job(self._loop, inner)

    def _repr_html_(self) -> str:
        return self._inner._repr_html_()
