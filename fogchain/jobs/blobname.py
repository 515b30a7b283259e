"""The name of a blob, from which every piece of it can be checked as it arrives.

    up to 256 KiB    name = SHA-256(content)
    above            name = SHA3-256(size | SHA-256(chunk 0) | SHA-256(chunk 1) | …)

`size` has 8 bytes, big-endian; chunks have 256 KiB, the last what is left. The root is of another hash function than
the leaves, so that no small blob can bear a large one's name. Names are shown as 64 lower-case hex digits; fields that
hold one are called `sha256`. Loaded by workers too: imports the standard library alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import IO

CHUNK = 256 << 10
_PIECE = 1 << 20


class BlobHasher:
    """Like `hashlib`'s objects, over a whole blob in pieces of any length."""

    def __init__(self) -> None:
        self.size = 0
        self._full: list[bytes] = []  # hashes of the chunks before the one that is open
        self._open = hashlib.sha256()
        self._room = CHUNK

    def update(self, data: bytes | bytearray | memoryview) -> None:
        left = memoryview(data).cast("B")
        self.size += len(left)
        while left:
            if self._room == 0:
                self._full.append(self._open.digest())
                self._open, self._room = hashlib.sha256(), CHUNK
            piece, left = left[: self._room], left[self._room :]
            self._open.update(piece)
            self._room -= len(piece)

    @property
    def chunks(self) -> tuple[bytes, ...]:
        """The hashes of the chunks, one for an empty blob too."""
        return (*self._full, self._open.digest())

    def digest(self) -> bytes:
        return root_of(self.size, self.chunks)

    def hexdigest(self) -> str:
        return self.digest().hex()


def root_of(size: int, chunks: Sequence[bytes]) -> bytes:
    """The name of the blob of this size whose chunks hash so."""
    return chunks[0] if len(chunks) == 1 else hashlib.sha3_256(size.to_bytes(8, "big") + b"".join(chunks)).digest()


def chunk_count(size: int) -> int:
    return max(1, -(-size // CHUNK))


def name_of(data: bytes) -> str:
    hasher = BlobHasher()
    hasher.update(data)
    return hasher.hexdigest()


def hash_file(file: IO[bytes]) -> BlobHasher:
    """All that is left to read of `file`. Raises OSError."""
    hasher = BlobHasher()
    while piece := file.read(_PIECE):
        hasher.update(piece)
    return hasher
