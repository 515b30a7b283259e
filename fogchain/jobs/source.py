"""Where a blob's bytes are before they are uploaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fogchain.jobs.blobname import BlobHasher

CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class FileSlice:
    """`length` bytes of a file from `offset` on."""

    path: Path
    offset: int
    length: int


BlobSource = Path | bytes | FileSlice


def size_of(source: BlobSource) -> int:
    """In bytes. Raises OSError for a file that is not there."""
    if isinstance(source, bytes):
        return len(source)
    return source.length if isinstance(source, FileSlice) else source.stat().st_size


def place_of(source: Path | FileSlice) -> tuple[Path, int]:
    """The file and where in it the blob begins; -1 for a whole file, which is another blob than its first part."""
    return (source.path, source.offset) if isinstance(source, FileSlice) else (source, -1)


def chunks(source: BlobSource) -> Iterator[bytes]:
    """The bytes, in pieces of at most `CHUNK`. Raises OSError."""
    if isinstance(source, bytes):
        for start in range(0, len(source), CHUNK):
            yield source[start : start + CHUNK]
        return
    path, offset, left = (
        (source.path, source.offset, source.length) if isinstance(source, FileSlice) else (source, 0, None)
    )
    with path.open("rb") as file:
        file.seek(offset)
        while piece := file.read(CHUNK if left is None else min(CHUNK, left)):
            left = None if left is None else left - len(piece)
            yield piece


def sha256_of(source: BlobSource) -> str:
    """The blob's name, see `blobname`. Raises OSError."""
    hasher = BlobHasher()
    for piece in chunks(source):
        hasher.update(piece)
    return hasher.hexdigest()
