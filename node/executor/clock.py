"""How long a worker's runs have stood still, so that it counts toward none of their limits.

A small file that the daemon writes and the worker maps, four numbers of 64 bits:

    sequence   odd while the others are being written
    stood      nanoseconds that were taken off the clock up to `since`
    since      the monotonic clock, which all processes of a machine share, in nanoseconds
    slack      which part of the time since then is taken off, in thousandths: 1000 of one that stands, 0 of one that
               runs freely, and what the kernel withholds of one that is held to a share of a core

The daemon writes before it stops a process and before it lets it go on, so a worker that runs always reads what is so.
"""

from __future__ import annotations

import mmap
import time
from pathlib import Path

WHOLE = 1000  # thousandths
_FIELDS, _BYTES = 4, 32
_SEQUENCE, _STOOD, _SINCE, _SLACK = range(_FIELDS)


class StoodClock:
    """One writer, any number of readers, in any process."""

    def __init__(self, path: Path, *, make: bool = False) -> None:
        """Map the file at `path`; `make` begins it anew. Raises OSError."""
        if make:
            path.unlink(missing_ok=True)  # whoever has mapped the old one keeps that
            path.write_bytes(bytes(_BYTES))
        with path.open("r+b") as file:
            self._fields = memoryview(mmap.mmap(file.fileno(), _BYTES)).cast("q")

    def set(self, slack: int) -> None:
        """From now on so many thousandths of the time are taken off. For the one writer."""
        fields = self._fields
        fields[_SEQUENCE] += 1
        now = time.monotonic_ns()  # not before: who reads meanwhile reads again
        stood = _stood(fields[_STOOD], fields[_SINCE], fields[_SLACK], now)
        fields[_STOOD], fields[_SINCE], fields[_SLACK] = stood, now, slack
        fields[_SEQUENCE] += 1

    def stood(self) -> float:
        """Seconds that were taken off in all, up to now."""
        return self._read()[1] / 1e9

    def now(self) -> float:
        """The monotonic clock less what was taken off: it stands while the worker does. In seconds."""
        now, stood = self._read()
        return (now - stood) / 1e9

    def _read(self) -> tuple[int, int]:
        """The monotonic clock and what was taken off until then, in nanoseconds; of one moment, also for a reader that
        was itself stopped between the two."""
        fields = self._fields
        while True:
            before, now = fields[_SEQUENCE], time.monotonic_ns()
            stood = _stood(fields[_STOOD], fields[_SINCE], fields[_SLACK], now)
            if before % 2 == 0 and fields[_SEQUENCE] == before:
                return now, stood
            time.sleep(0)


def _stood(stood: int, since: int, slack: int, now: int) -> int:
    return stood + max(0, now - since) * slack // WHOLE if slack else stood
