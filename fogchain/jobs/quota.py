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
    """A store with a quota. Never removes what any of `pins` names."""

    def __init__(self, store: BlobStore, quota: int | None, clock: Callable[[], float] = time.time) -> None:
        """`quota`: bytes; None: what `DISK_SHARE` and `MOST` say."""
        self.store = store
        self.quota = min(MOST, shutil.disk_usage(store.root).total // DISK_SHARE) if quota is None else quota
        self.pins: list[Pins] = []
        self._clock = clock
        self._used, self._counted = 0, 0.0

    def room(self, need: int, what: str) -> None:
        """See that `need` more bytes fit. Raises TooLarge when they never can, Unavailable when they can't now."""
        if need > self.quota:
            raise TooLarge(
                f"{what} of {show_size(need)}; this node keeps {show_size(self.quota)} of data in all",
                hint="raise data.quota in its config.toml",
            )
        now = self._clock()
        if now - self._counted > LOOK_AGAIN or self._used + need > self.quota:
            self.collect(need)
        free = shutil.disk_usage(self.store.root).free
        if self._used + need > self.quota or need > free:
            left = max(0, min(self.quota - self._used, free))
            raise Unavailable(
                f"no room for {what} of {show_size(need)}: {show_size(left)} is left",
                hint="fetch results, then `fogchain job delete` old jobs; or raise data.quota",
            )
        self._used += need  # until the store is counted again

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
