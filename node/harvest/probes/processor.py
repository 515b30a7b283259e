"""What others do with the processor and the memory: of the machine's size for us, what our workers don't use."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from node.harvest.probes.files import number, table
from node.harvest.probes.probe import Failed, Readings, Root
from node.harvest.size import MEGABYTE, MachineSize, machine_size

LOAD = ("cpu.foreign",)
MEMORY = ("memory.free", "memory.used")
DISK = ("disk.free",)
_TICKS = 100  # a second, in /proc/stat: USER_HZ on every machine that Linux runs on but alpha
_LEAST = 0.05  # seconds between two looks that are worth a reading


@dataclass(frozen=True, slots=True)
class Use:
    """All three in seconds of one processor, since some beginning."""

    used: float
    passed: float  # as many for each second as the machine has cores
    ours: float


def foreign(before: Use, now: Use) -> float | None:
    """Percent of the machine that others used between two looks. Pure; None when no time passed between them."""
    passed = now.passed - before.passed
    used = now.used - before.used
    if passed <= 0 or used < 0:
        return None
    ours = max(0.0, now.ours - before.ours)
    return min(100.0, max(0.0, 100 * (used - ours) / passed))


class Load:
    """Of a machine with many cores 100 % is all of them. Where our group has a share of the processor only, what it
    leaves of that counts, and not what other containers do to the host."""

    def __init__(self, root: Root, ours: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        self._root, self._ours, self._clock = root, ours, clock
        self._before: Use | None = None
        self._size: MachineSize | None = None
        self._last: float | None = None

    def read(self) -> Readings:
        """Raises Failed. Unknown on the first look."""
        if self._size is None:
            self._size = machine_size(self._root)
        now = self._use(self._size)
        before = self._before
        if before is not None and now.passed >= before.passed and now.passed - before.passed < _LEAST:
            return {"cpu.foreign": self._last}
        self._before = now
        self._last = None if before is None else foreign(before, now)
        return {"cpu.foreign": self._last}

    def _use(self, size: MachineSize) -> Use:
        if size.quota_group is not None and (used := group_time(size.quota_group)) is not None:
            return Use(used, self._clock() * size.cores, self._ours())
        used = passed = 0.0
        rows = 0
        for row in table(self._root.proc / "stat"):
            if row and row[0][:3] == "cpu" and row[0][3:].isdecimal() and int(row[0][3:]) in size.processors:
                busy, all_of_it = parse_processor(row)
                used, passed, rows = used + busy, passed + all_of_it, rows + 1
        if not rows:
            raise Failed(f"{self._root.proc / 'stat'} tells of no processor")
        return Use(used, passed, self._ours())


def parse_processor(row: list[str]) -> tuple[float, float]:
    """Seconds that a line of /proc/stat counts as used, and all of them. Waiting for disks is no use, and what another
    machine on the same host took was never ours. Raises Failed."""
    if len(row) < 5 or not all(word.isdecimal() for word in row[1:9]):
        raise Failed(f"a line of /proc/stat makes no sense: {' '.join(row)[:80]}")
    user, nice, system, idle, wait, interrupts, soft, stolen = (*map(int, row[1:9]), *[0] * 8)[:8]
    used = user + nice + system + interrupts + soft
    return used / _TICKS, (used + idle + wait + stolen) / _TICKS


def group_time(folder: Path) -> float | None:
    """Seconds of processor time that a control group has used."""
    for row in table(folder / "cpu.stat"):
        if row[:1] == ["usage_usec"] and len(row) == 2 and row[1].isdecimal():
            return int(row[1]) / 1e6
    nanoseconds = number(folder / "cpuacct.usage")
    return None if nanoseconds is None else nanoseconds / 1e9


class Memory:
    """What can be had without swapping; in a container at most what is left of its limit."""

    def __init__(self, root: Root) -> None:
        self._root = root

    def read(self) -> Readings:
        """Raises Failed."""
        rows = {row[0]: row[1] for row in table(self._root.proc / "meminfo") if len(row) > 1 and row[1].isdecimal()}
        if "MemTotal:" not in rows or "MemAvailable:" not in rows:
            raise Failed(f"{self._root.proc / 'meminfo'} does not say what is available")
        total, free = int(rows["MemTotal:"]) * 1024, int(rows["MemAvailable:"]) * 1024
        size = machine_size(self._root)
        if (group := size.memory_group) is not None:
            if (used := _used(group)) is None:
                raise Failed(f"{group} does not say how much is used")
            total, free = size.memory, max(0, min(free, size.memory - used))
        return {"memory.free": free / MEGABYTE, "memory.used": 100 * (1 - free / total) if total else None}


def _used(group: Path) -> int | None:
    """Bytes of a control group, less what the kernel takes back before it refuses any."""
    for current, cache in (("memory.current", "inactive_file"), ("memory.usage_in_bytes", "total_inactive_file")):
        if (used := number(group / current)) is not None:
            rows = {row[0]: row[1] for row in table(group / "memory.stat") if len(row) == 2 and row[1].isdecimal()}
            return max(0, int(used) - int(rows.get(cache, 0)))
    return None


def disk(folder: Path) -> Readings:
    """Raises OSError."""
    return {"disk.free": shutil.disk_usage(folder).free / MEGABYTE}
