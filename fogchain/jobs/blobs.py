"""Content-addressed files: every blob is checked before it is given its name, see `blobname`."""

from __future__ import annotations

import os
import re
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fogchain.errors import BadInput, NotFound
from fogchain.jobs.blobname import BlobHasher, hash_file, name_of
from fogchain.jobs.partial import PartialBlob, disk

STALE = 86_400.0  # seconds after which a transfer that nobody goes on with is forgotten
_LISTS = 64  # chunk lists kept in memory
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A blob in the store. `used`: Unix seconds when it was last stored, read or asked for."""

    name: str
    size: int
    used: float


class BlobStore:
    """Blobs in a folder: `ab/<name>` when whole, `partial/<name>` while they arrive.

    A blob appears under its name by an atomic rename after its bytes were hashed and flushed, so a crash leaves
    either the whole blob or a partial one that the next transfer goes on with.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._partial = root / "partial"
        self._partial.mkdir(parents=True, exist_ok=True)
        self._lists: OrderedDict[str, tuple[bytes, ...]] = OrderedDict()

    def path(self, sha256: str) -> Path:
        """Where the blob lies. Raises NotFound when it is not here, BadInput for what is no hash."""
        place = self._place(sha256)
        try:
            os.utime(place)  # what is used stays longest
        except OSError as error:
            if not place.exists():
                raise NotFound(f"there is no blob {sha256} here") from error
        return place

    def has(self, sha256: str) -> bool:
        return self._place(sha256).exists()

    def size(self, sha256: str) -> int:
        return self.path(sha256).stat().st_size

    def read(self, sha256: str, offset: int = 0, length: int | None = None) -> bytes:
        with self.path(sha256).open("rb") as file:
            file.seek(offset)
            return file.read(-1 if length is None else length)

    def chunks(self, sha256: str) -> tuple[bytes, ...]:
        """The hashes of the blob's chunks, read from its bytes at first."""
        if sha256 not in self._lists:
            with self.path(sha256).open("rb") as file:
                self._lists[sha256] = hash_file(file).chunks
            while len(self._lists) > _LISTS:
                self._lists.popitem(last=False)
        return self._lists[sha256]

    def put(self, data: bytes) -> str:
        """Store `data`; returns its name. Raises Unavailable when the disk is full."""
        sha256 = name_of(data)
        if self.has(sha256):
            self.path(sha256)
        else:
            with self._scratch() as (scratch, file):
                file.write(data)
                self._finish(file, scratch, sha256)
        return sha256

    def put_file(self, source: Path) -> str:
        """Copy a file in, hashing as it goes; returns its name. Raises BadInput when it can't be read."""
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

    def partial(self, sha256: str, size: int) -> PartialBlob:
        """The transfer of a blob, as far as an earlier one came. Raises Unavailable."""
        return PartialBlob(self._partial / f"{self._checked(sha256)}.{size}", sha256, size)

    def complete(self, partial: PartialBlob) -> Path:
        """Give a finished transfer its name. Raises Unavailable."""
        place = self._place(partial.name)
        try:
            self._make_folder(place)
            partial.finish(place)
            _sync_folder(place.parent)
        except OSError as error:
            raise disk(error) from error
        return place

    def entries(self) -> list[Entry]:
        """Every whole blob."""
        found = []
        for folder in self.root.iterdir():
            if len(folder.name) == 2 and folder.is_dir():
                for path in folder.iterdir():
                    try:
                        status = path.stat()
                    except FileNotFoundError:
                        continue
                    found.append(Entry(path.name, status.st_size, status.st_mtime))
        return found

    def underway(self) -> int:
        """Bytes that incomplete transfers and uploads take on the disk."""
        total = 0
        for path in self._partial.iterdir():
            try:
                total += path.stat().st_blocks * 512
            except FileNotFoundError:
                continue
        return total

    def remove(self, sha256: str) -> None:
        self._place(sha256).unlink(missing_ok=True)
        self._lists.pop(sha256, None)

    def sweep(self, now: float | None = None) -> None:
        """Remove transfers with which nobody has gone on for a day."""
        limit = (time.time() if now is None else now) - STALE
        for path in self._partial.iterdir():
            try:
                if path.stat().st_mtime < limit:
                    path.unlink()
            except FileNotFoundError:
                continue

    @contextmanager
    def _scratch(self) -> Iterator[tuple[Path, IO[bytes]]]:
        """A new file of nobody else's; gone afterwards unless it was given its name. Raises Unavailable."""
        scratch = self._partial / f"{os.getpid()}.{os.urandom(6).hex()}.put"
        try:
            with scratch.open("xb") as file:
                yield scratch, file
        except OSError as error:
            raise disk(error) from error
        finally:
            scratch.unlink(missing_ok=True)

    def _finish(self, file: IO[bytes], scratch: Path, sha256: str) -> None:
        """Give a whole file its name, so that neither its bytes nor its name can be lost after this returns."""
        file.flush()
        os.fsync(file.fileno())
        place = self._place(sha256)
        self._make_folder(place)
        scratch.replace(place)
        _sync_folder(place.parent)

    def _make_folder(self, place: Path) -> None:
        if not place.parent.exists():
            place.parent.mkdir(exist_ok=True)
            _sync_folder(self.root)

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
