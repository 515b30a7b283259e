"""Content-addressed files: every blob is checked before it is given its name, see `blobname`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fogchain.errors import BadInput, BadMessage, NotFound, Unavailable
from fogchain.jobs.blobname import BlobHasher, hash_file, name_of

_HASH = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """Blobs in a folder: `ab/<hash>` when whole, `partial/<hash>` while they arrive.

    A blob appears under its name by an atomic rename after its bytes were hashed and flushed, so a crash leaves
    either the whole blob or a partial one that the next transfer goes on with.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._partial = root / "partial"
        self._partial.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where the blob lies. Raises NotFound when it is not here, BadInput for what is no hash."""
        place = self._place(sha256)
        if not place.exists():
            raise NotFound(f"there is no blob {sha256} here")
        return place

    def has(self, sha256: str) -> bool:
        return self._place(sha256).exists()

    def size(self, sha256: str) -> int:
        return self.path(sha256).stat().st_size

    def read(self, sha256: str, offset: int = 0, length: int | None = None) -> bytes:
        with self.path(sha256).open("rb") as file:
            file.seek(offset)
            return file.read(-1 if length is None else length)

    def put(self, data: bytes) -> str:
        """Store `data`; returns its hash. Raises Unavailable when the disk is full."""
        sha256 = name_of(data)
        if not self.has(sha256):
            with self._scratch() as (scratch, file):
                file.write(data)
                self._finish(file, scratch, sha256)
        return sha256

    def put_file(self, source: Path) -> str:
        """Copy a file in, hashing as it goes; returns its hash. Raises BadInput when it can't be read."""
        hasher = BlobHasher()
        try:
            reader = source.open("rb")
        except OSError as error:
            reason = error.strerror or str(error)
            raise BadInput(f"{source} can't be read: {reason}", hint="check its name and its rights") from error
        with reader, self._scratch() as (scratch, file):
            while chunk := reader.read(1 << 20):
                hasher.update(chunk)
                file.write(chunk)
            sha256 = hasher.hexdigest()
            self._finish(file, scratch, sha256)
        return sha256

    def arrived(self, sha256: str) -> int:
        """How many bytes of an incomplete transfer are here already."""
        part = self._partial / self._checked(sha256)
        return part.stat().st_size if part.exists() else 0

    def append(self, sha256: str, offset: int, data: bytes) -> None:
        """Add the next bytes of a transfer. Raises BadMessage when they don't follow what is here."""
        part = self._partial / self._checked(sha256)
        if self.arrived(sha256) != offset:
            raise BadMessage(f"bytes at {offset} of blob {sha256}, of which {self.arrived(sha256)} are here")
        try:
            with part.open("ab") as file:
                file.write(data)
        except OSError as error:
            raise _disk(error) from error

    def drop(self, sha256: str) -> None:
        """Forget what has arrived of an incomplete transfer."""
        (self._partial / self._checked(sha256)).unlink(missing_ok=True)

    def complete(self, sha256: str) -> Path:
        """Check a finished transfer and give the blob its name. Raises BadMessage (and drops it) on a wrong hash."""
        part = self._partial / self._checked(sha256)
        if not part.exists():
            if self.has(sha256):
                return self.path(sha256)
            if sha256 == name_of(b""):
                self.put(b"")
                return self.path(sha256)
            raise NotFound(f"no bytes of blob {sha256} have arrived")
        try:
            with part.open("rb+") as file:
                found = hash_file(file).hexdigest()
                if found == sha256:
                    self._finish(file, part, sha256)
        except OSError as error:
            raise _disk(error) from error
        if found != sha256:
            part.unlink()
            raise BadMessage(f"a blob named {sha256} hashes to {found}", hint="its sender is broken or lies")
        return self.path(sha256)

    @contextmanager
    def _scratch(self) -> Iterator[tuple[Path, IO[bytes]]]:
        """A new file of nobody else's; gone afterwards unless it was given its name. Raises Unavailable."""
        scratch = self._partial / f"{os.getpid()}.{os.urandom(6).hex()}.put"
        try:
            with scratch.open("xb") as file:
                yield scratch, file
        except OSError as error:
            raise _disk(error) from error
        finally:
            scratch.unlink(missing_ok=True)

    def _finish(self, file: IO[bytes], scratch: Path, sha256: str) -> None:
        """Give a whole file its name, so that neither its bytes nor its name can be lost after this returns."""
        file.flush()
        os.fsync(file.fileno())
        place = self._place(sha256)
        if not place.parent.exists():
            place.parent.mkdir(exist_ok=True)
            _sync_folder(self.root)
        scratch.replace(place)
        _sync_folder(place.parent)

    def _place(self, sha256: str) -> Path:
        return self.root / self._checked(sha256)[:2] / sha256

    @staticmethod
    def _checked(sha256: str) -> str:
        if not _HASH.fullmatch(sha256):
            raise BadInput(f"{sha256[:80]!r} is not a blob hash", hint="a blob hash is 64 lower-case hex digits")
        return sha256


def _sync_folder(folder: Path) -> None:
    """A rename is on disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk(error: OSError) -> Unavailable:
    return Unavailable(f"the disk took no more: {error.strerror or error}", hint="free some space and try again")
