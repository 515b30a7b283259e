"""What stands behind a task's file names: folders in memory, open descriptors of the machine's files, a quota."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

MAX_FILES = 1000  # files and folders below /out


class OutputLimit(Exception):
    """The task wrote more bytes or made more files than its order allows; it ends here."""


@dataclass
class Quota:
    """Bytes a run has left: of output, where standard output, standard error and result files count together, or in
    its checkpoint."""

    left: int
    files: int = MAX_FILES
    what: str = "output"

    def __post_init__(self) -> None:
        self._most_files = self.files

    def room(self, size: int) -> int:
        """How many of `size` more bytes there is room for."""
        return min(size, self.left)

    def take(self, size: int) -> None:
        """Raises OutputLimit."""
        if size > self.left:
            raise self.over
        self.left -= size

    def take_file(self) -> None:
        """Raises OutputLimit."""
        if self.files == 0:
            raise OutputLimit(f"the task made more than {self._most_files} files")
        self.files -= 1

    @property
    def over(self) -> OutputLimit:
        return OutputLimit(f"the task wrote more than its {self.what} limit")


@dataclass(eq=False)
class Directory:
    inode: int
    quota: Quota | None = None  # that counts what is made in it; None: nothing can be
    flat: bool = False  # no folders in it
    entries: dict[str, Node] = field(default_factory=dict)

    @property
    def writable(self) -> bool:
        return self.quota is not None


@dataclass(eq=False)
class InputFile:
    inode: int
    descriptor: int
    size: int


@dataclass(eq=False)
class OutputFile:
    inode: int
    descriptor: int
    path: Path
    quota: Quota
    size: int = 0
    linked: bool = True
    handles: int = 0

    def write(self, data: memoryview, position: int) -> int:
        """Raises OutputLimit after writing what there was room for, so that the user sees where it went over."""
        growth = max(0, position + len(data) - self.size)
        room = self.quota.room(growth)
        kept = data if room == growth else data[: max(0, len(data) - (growth - room))]
        done = 0
        while done < len(kept):
            done += os.pwrite(self.descriptor, kept[done:], position + done)
        if kept:
            end = max(self.size, position + len(kept))
            self.quota.take(end - self.size)
            self.size = end
        if room < growth:
            raise self.quota.over
        return len(data)

    def read(self) -> bytes:
        """All of it."""
        parts = []
        done = 0
        while done < self.size and (part := os.pread(self.descriptor, self.size - done, done)):
            parts.append(part)
            done += len(part)
        return b"".join(parts)

    def resize(self, size: int) -> None:
        """Raises OutputLimit."""
        if size > self.size:
            self.quota.take(size - self.size)
        else:
            self.quota.left += self.size - size
        os.ftruncate(self.descriptor, size)
        self.size = size

    def release(self) -> None:
        """Drop the file and give its quota back once no name and no handle is left."""
        if not self.linked and not self.handles and self.descriptor >= 0:
            self.resize(0)
            os.close(self.descriptor)
            self.path.unlink()
            self.descriptor = -1
            self.quota.files += 1


Node = Directory | InputFile | OutputFile


@dataclass(eq=False)
class Handle:
    """An open file or folder of the task."""

    node: Node
    readable: bool = True
    writable: bool = False
    append: bool = False
    stream: bool = False  # standard output and error: written at the end only, never sought
    preopen: str | None = None
    position: int = 0
    listing: list[tuple[str, Node]] = field(default_factory=list)
