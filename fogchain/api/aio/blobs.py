"""Modules and inputs, by their hash."""

from __future__ import annotations

from fogchain.api.aio.link import AsyncLink
from fogchain.api.models import BlobView
from fogchain.jobs.source import BlobSource


class AsyncBlobsApi(AsyncLink):
    async def has_blob(self, sha256: str) -> bool:
        return await self._exists("blobs", sha256)

    async def put_blob(self, source: BlobSource, sha256: str | None = None) -> BlobView:
        """Upload a file, a slice of one, or bytes; the node checks the hash. Raises OSError for an unreadable file."""
        return await self._upload(BlobView, source, "blobs", sha256 or await self._hash(source))
