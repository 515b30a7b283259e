"""An upload on its way into the blob store: hashed as it is written, and only then given its name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from fogchain.errors import BadInput, TooLarge, Unavailable
from fogchain.jobs.blobname import BlobHasher
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.spec import MAX_INPUT_BYTES
from fogchain.units import show_size

_SUFFIX = ".upload"
_WRITE = 1 << 20  # bytes gathered before a thread writes them


async def receive_blob(store: BlobStore, sha256: str, body: AsyncIterator[bytes], declared: int | None) -> int:
    """Take the blob `sha256` from `body`; returns its size.

    `declared` is the length the sender announced. Raises TooLarge, BadInput when the hash is another or the body ends
    early, Unavailable when the disk is full. What arrived of a refused upload is removed.
    """
    if declared is not None and declared > MAX_INPUT_BYTES:
        raise _too_large()
    if store.has(sha256):
        return store.size(sha256)
    scratch = store.root / "partial" / f"{os.urandom(8).hex()}{_SUFFIX}"
    try:
        found, size = await _write(scratch, body)
        if declared is not None and size != declared:
            raise BadInput(f"{size} bytes came of the {declared} that were announced", hint="send the blob again")
        if found != sha256:
            raise BadInput(
                f"the bytes hash to {found}, not to {sha256}",
                hint="the file changed between hashing and upload, or the wrong one was sent; send it again",
            )
        await asyncio.to_thread(store.put_file, scratch)
        return size
    except OSError as error:
        hint = "free some space on the node's disk"
        raise Unavailable(f"the blob can't be stored: {error.strerror or error}", hint=hint) from error
    finally:
        scratch.unlink(missing_ok=True)


def sweep(store: BlobStore) -> None:
    """Remove what a killed node left of uploads."""
    for leftover in (store.root / "partial").glob(f"*{_SUFFIX}"):
        leftover.unlink(missing_ok=True)


async def _write(scratch: Path, body: AsyncIterator[bytes]) -> tuple[str, int]:
    hasher, size, waiting = BlobHasher(), 0, bytearray()
    with await asyncio.to_thread(scratch.open, "wb") as file:

        def store(piece: bytes) -> None:
            hasher.update(piece)
            file.write(piece)

        async for piece in body:
            size += len(piece)
            if size > MAX_INPUT_BYTES:
                raise _too_large()
            waiting += piece
            if len(waiting) >= _WRITE:
                await asyncio.to_thread(store, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(store, bytes(waiting))
    return hasher.hexdigest(), size


def _too_large() -> TooLarge:
    return TooLarge(f"a blob of more than {show_size(MAX_INPUT_BYTES)}", hint="split the input over more tasks")
