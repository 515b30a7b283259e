"""A run's checkpoint as its worker copies it to where it survives: whole, or as it was before.

When a copy is due is decided by the wall clock, so the program never learns of it: it costs no fuel, and the call
answers the same with and without. A disk that takes no copy only means that the one before stays the newest.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fogchain.jobs.checkpoint import Checkpoint
from fogchain.market.checkpointing import copy_interval, mean_copy


@dataclass(frozen=True, slots=True)
class Saving:
    """What a worker is told of a run's checkpoints. `place`: the durable file; `stay`: seconds that the machine is
    forecast to stay, on average; `begin`: the archive to go on from; `limit` in bytes."""

    place: Path
    limit: int
    spec: bytes
    stay: float
    begin: Path | None

    @classmethod
    def from_frame(cls, frame: dict[str, Any]) -> Saving:
        begin = frame["begin"]
        return cls(Path(frame["place"]), frame["limit"], frame["spec"], frame["stay"], Path(begin) if begin else None)

    def to_frame(self) -> dict[str, Any]:
        return {
            "place": str(self.place), "limit": self.limit, "spec": self.spec, "stay": self.stay,
            "begin": str(self.begin) if self.begin else None,
        }  # fmt: skip

    def read(self) -> Checkpoint:
        """Where the run begins. Raises BadMessage, OSError."""
        if self.begin is None:
            return Checkpoint(self.spec, 0, {})
        return Checkpoint.decode(self.begin.read_bytes(), self.limit)


def wanted_at(place: Path) -> Path:
    """While this file is there, every commit is copied."""
    return place.with_name(place.name + ".wanted")


def part_of(place: Path) -> Path:
    """A copy that is being written."""
    return place.with_name(place.name + ".part")


class Saver:
    """Copies one run's checkpoint when it is due."""

    def __init__(self, saving: Saving, clock: Callable[[], float] = time.monotonic) -> None:
        self._saving, self._clock = saving, clock
        self._cost: float | None = None
        self._copied = clock()

    def commit(self, files: Callable[[], dict[str, bytes]], fuel: int) -> None:
        """The program has finished a file; `fuel`: all that it has burnt so far."""
        if not self._due():
            return
        begun = self._clock()
        try:
            write_whole(self._saving.place, Checkpoint(self._saving.spec, fuel, files()).encode())
        except OSError:  # no room: the copy before is the newest one still
            with contextlib.suppress(OSError):
                part_of(self._saving.place).unlink(missing_ok=True)
        self._copied = self._clock()
        self._cost = mean_copy(self._cost, self._copied - begun)

    def _due(self) -> bool:
        if self._cost is None:  # the first one says what a copy costs
            return True
        age = self._clock() - self._copied
        return age >= copy_interval(self._cost, self._saving.stay) or wanted_at(self._saving.place).exists()


def write_whole(place: Path, data: bytes) -> None:
    """The file holds `data`, over a power cut too, or what it held before. Raises OSError."""
    part = part_of(place)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(place)
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
