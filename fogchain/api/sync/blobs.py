# Made of fogchain/api/aio/blobs.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""Modules and inputs, by their hash."""

from __future__ import annotations

from fogchain.api.models import BlobView
from fogchain.api.sync.link import Link
from fogchain.jobs.source import BlobSource


class BlobsApi(Link):
    def has_blob(self, sha256: str) -> bool:
        return self._exists("blobs", sha256)

    def put_blob(self, source: BlobSource, sha256: str | None = None) -> BlobView:
        """Upload a file, a slice of one, or bytes; the node checks the hash. Raises OSError for an unreadable file."""
        return self._upload(BlobView, source, "blobs", sha256 or self._hash(source))
