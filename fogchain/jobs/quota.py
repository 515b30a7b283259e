"""How much of the disk blobs may take, and which go when it gets tight: the longest unused that nothing needs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass

from fogchain.errors import TooLarge, Unavailable
from fogchain.jobs.blobs import BlobStore, Entry
from fogchain.units import show_size

GRACE = 600.0  # seconds for which what was just stored or read stays: whoever brought it may not have named it yet
DISK_SHARE, MOST = 10, 20 << 30  # the quota where none is set: a tenth of the disk, at most 20 GiB
LOOK_AGAIN = 5.0  # seconds for which a count of the store holds
MAKE_ROOM = "fetch results, then `fogchain job delete` old jobs; or raise data.quota"


@dataclass(frozen=True, slots=True)
class Pin:
    """Why a blob stays. `job`: its id."""

    job: str
    role: str


Pins = Callable[[], dict[str, Pin]]  # by blob name


def to_collect(entries: Iterable[Entry], pinned: Container[str], *, quota: int, need: int, now: float) -> list[Entry]:
    """What has to go for `need` more bytes to fit, longest unused first; as much as may go when that is too little."""
    entries = sorted(entries, key=lambda entry: entry.used)
    over = sum(entry.size for entry in entries) + need - quota
    going = []
    for entry in entries:
        if over <= 0:
            break
        if entry.name not in pinned and entry.used < now - GRACE:
            going.append(entry)
            over -= entry.size
    return going


class Storage:
    """A store with a quota. Never removes what any of `pins` names, and keeps room for what `promised` counts."""

    def __init__(self, store: BlobStore, quota: int | None, clock: Callable[[], float] = time.time) -> None:
        """`quota`: bytes; None: what `DISK_SHARE` and `MOST` say."""
        self.store = store
        self.quota = min(MOST, shutil.disk_usage(store.root).total // DISK_SHARE) if quota is None else quota
        self.pins: list[Pins] = []
        self.promised: list[Callable[[], int]] = []  # bytes for which somebody was told that there is room
        self._clock = clock
        self._used, self._counted = 0, 0.0

    def room(self, need: int, what: str) -> None:
        """See that `need` more bytes fit. Raises TooLarge when they never can, Unavailable when they can't now."""
        if need > self.quota:
            raise TooLarge(
                f"{what} of {show_size(need)}; this node keeps {show_size(self.quota)} of data in all",
                hint="raise data.quota in its config.toml",
            )
        left = self._left(need)
        if need > left:
            raise Unavailable(f"no room for {what} of {show_size(need)}: {show_size(left)} is left", hint=MAKE_ROOM)
        self.took(need)

    def pieces(self, size: int, most: int) -> int:
        """How many pieces of `size` bytes there is room for, `most` at most. They are to be `promised` from then on."""
        return min(most, self._left(size * most) // max(size, 1))

    def lack(self, size: int) -> str:
        """In words, that a result of so many bytes does not fit."""
        left, total = show_size(self._left(size)), show_size(self.quota)
        return f"a task may leave {show_size(size)}, and of data.quota, {total}, {left} is free"

    def took(self, size: int) -> None:
        """So much more is in the store, or about to be; until it is counted again."""
        self._used += size

    def disk_is_full(self, need: int) -> bool:
        return shutil.disk_usage(self.store.root).free < need

    def reserved(self) -> int:
        """Bytes that are promised."""
        return sum(count() for count in self.promised)

    def _left(self, need: int) -> int:
        """Bytes that are nobody's, once it was tried to make that `need`."""
        reserved = self.reserved()
        if self._clock() - self._counted > LOOK_AGAIN or self._used + reserved + need > self.quota:
            self.collect(reserved + need)
        free = shutil.disk_usage(self.store.root).free
        return max(0, min(self.quota - self._used, free) - reserved)

    def collect(self, need: int = 0) -> list[Entry]:
        """Remove what has to go for `need` more bytes, and stale transfers; returns what went."""
        now = self._clock()
        self.store.sweep(now)
        entries = self.store.entries()
        used = sum(entry.size for entry in entries)
        going = []
        if used + need > self.quota:
            going = to_collect(entries, self.pinned(), quota=self.quota, need=need, now=now)
            for entry in going:
                self.store.remove(entry.name)
        self._used, self._counted = used - sum(entry.size for entry in going), now
        return going

    def pinned(self) -> dict[str, Pin]:
        found: dict[str, Pin] = {}
        for pins in self.pins:
            found |= pins()
        return found
