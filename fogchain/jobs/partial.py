"""A blob on its way: chunks come in any order, each checked against the blob's name before it counts.

Beside the bytes lies a map, which outlives a killed process:

    map = "fogmap1\\n" | size (8 bytes, big-endian) | SHA-256 of each chunk | one byte a chunk: 1 when it is here
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from fogchain.errors import BadMessage, NotFound, Unavailable
from fogchain.jobs.blobname import CHUNK, chunk_count, root_of

_MAGIC = b"fogmap1\n"
_HEAD = len(_MAGIC) + 8


class PartialBlob:
    """Goes on with what an earlier one left in `place` and `place.map`. One at a time for a place.

    Raises Unavailable (here and below) when the disk takes no more.
    """

    def __init__(self, place: Path, name: str, size: int) -> None:
        self.place, self.name, self.size = place, name, size
        self._map = place.with_name(place.name + ".map")
        self.hashes: tuple[bytes, ...] | None = (bytes.fromhex(name),) if size <= CHUNK else None
        self._here = bytearray(chunk_count(size))
        try:
            known = self._map.read_bytes() if self._map.exists() and place.exists() else b""
            if not self._resume(known):
                self._map.unlink(missing_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(place, flags if any(self._here) else flags | os.O_TRUNC, 0o600)
            if self.hashes is not None:
                self._write_map()
        except OSError as error:
            raise disk(error) from error

    @property
    def missing(self) -> list[int]:
        return [index for index, here in enumerate(self._here) if not here]

    def has(self, index: int) -> bool:
        return bool(self._here[index])

    @property
    def here(self) -> int:
        """Bytes that are here and checked."""
        return sum(self.length(index) for index, here in enumerate(self._here) if here)

    def length(self, index: int) -> int:
        return min(CHUNK, self.size - index * CHUNK)

    def learn(self, hashes: Sequence[bytes]) -> None:
        """The hashes of the chunks. Raises BadMessage unless the blob's name says so, too."""
        if len(hashes) != len(self._here) or root_of(self.size, hashes).hex() != self.name:
            raise BadMessage(f"a list of chunks that is not blob {self.name}'s")
        self.hashes = tuple(hashes)
        try:
            self._write_map()
        except OSError as error:
            raise disk(error) from error

    def put(self, index: int, data: bytes) -> None:
        """Keep a chunk. Raises BadMessage when it is not the blob's; nothing else is lost by that."""
        assert self.hashes is not None
        if len(data) != self.length(index) or hashlib.sha256(data).digest() != self.hashes[index]:
            raise BadMessage(f"chunk {index} of blob {self.name} is not what its name says")
        try:
            _write(self._file, data, index * CHUNK)
            mark = os.open(self._map, os.O_WRONLY | os.O_CLOEXEC)
            try:
                _write(mark, b"\1", _HEAD + 32 * len(self._here) + index)
            finally:
                os.close(mark)
        except OSError as error:
            raise disk(error) from error
        self._here[index] = 1

    @property
    def held(self) -> list[int]:
        return [index for index, here in enumerate(self._here) if here]

    def read(self, offset: int, length: int) -> bytes:
        """A whole chunk that is here, also while others come. Raises NotFound."""
        index, inside = divmod(offset, CHUNK)
        if not inside and self.hashes is not None and index < len(self._here) and self._here[index]:
            try:
                with self.place.open("rb") as file:
                    file.seek(offset)
                    data = file.read(length)
            except FileNotFoundError:  # it has just become whole
                data = b""
            if len(data) == self.length(index) and hashlib.sha256(data).digest() == self.hashes[index]:
                return data
        raise NotFound(f"that piece of blob {self.name} is not here")

    def finish(self, target: Path) -> None:
        """Give the whole blob its place; its bytes are on disk before."""
        assert not self.missing
        try:
            os.ftruncate(self._file, self.size)
            os.fsync(self._file)
            self.place.replace(target)
            self._map.unlink(missing_ok=True)
        except OSError as error:
            raise disk(error) from error

    def close(self) -> None:
        """What is here stays for the next one."""
        os.close(self._file)

    def _resume(self, known: bytes) -> bool:
        count = len(self._here)
        if len(known) != _HEAD + 33 * count or known[:_HEAD] != _MAGIC + self.size.to_bytes(8, "big"):
            return False
        hashes = [known[_HEAD + 32 * index : _HEAD + 32 * index + 32] for index in range(count)]
        if root_of(self.size, hashes).hex() != self.name:
            return False
        self.hashes = tuple(hashes)
        with self.place.open("rb") as file:
            for index, mark in enumerate(known[_HEAD + 32 * count :]):
                if mark:  # looked at again: a machine that lost its power may have kept the mark and not the bytes
                    file.seek(index * CHUNK)
                    data = file.read(self.length(index))
                    self._here[index] = hashlib.sha256(data).digest() == hashes[index]
        return True

    def _write_map(self) -> None:
        assert self.hashes is not None
        scratch = self._map.with_name(self._map.name + ".new")
        try:
            scratch.write_bytes(
                _MAGIC + self.size.to_bytes(8, "big") + b"".join(self.hashes) + bytes(self._here)
            )  # fmt: skip
            scratch.replace(self._map)
        finally:
            scratch.unlink(missing_ok=True)


def disk(error: OSError) -> Unavailable:
    return Unavailable(f"the disk took no more: {error.strerror or error}", hint="free some space and try again")


def _write(descriptor: int, data: bytes, offset: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(descriptor, left, offset)
        left, offset = left[written:], offset + written
