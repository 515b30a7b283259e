"""How big this machine is for us: in a container, what it was given, not what the host has.

Version 2 of control groups has one tree, version 1 one for each kind; each limit holds for all that is below, so the
least on the way from our group up to the top counts. The kernel's documentation: admin-guide/cgroup-v2, cgroup-v1.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from node.harvest.probes.files import number, table, text
from node.harvest.probes.probe import Root

MEGABYTE = 1_000_000
_UNLIMITED = 1 << 60  # what version 1 writes for no limit is above


@dataclass(frozen=True, slots=True)
class MachineSize:
    """`cores` may be a fraction. `processors`: the numbers of those that we may run on."""

    cores: float
    memory: int  # bytes
    processors: frozenset[int]
    processors_of_host: int
    memory_group: Path | None  # whose limit is the machine's memory; None where that is the host's
    quota_group: Path | None  # whose share of time is less than `processors` would give

    @property
    def contained(self) -> bool:
        return (
            self.memory_group is not None
            or self.quota_group is not None
            or len(self.processors) < max(1, self.processors_of_host)
        )


def machine_size(root: Root) -> MachineSize:
    """What can't be read limits nothing."""
    host = {
        int(row[0][3:]) for row in table(root.proc / "stat") if row and row[0][:3] == "cpu" and row[0][3:].isdecimal()
    }
    allowed = set(host or range(os.cpu_count() or 1))
    for folder in _groups(root, "cpuset"):
        for name in ("cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"):
            if listed := parse_list(text(folder / name) or ""):
                allowed &= listed
                break
    if root.real and hasattr(os, "sched_getaffinity"):
        allowed &= os.sched_getaffinity(0)
    cores, quota_group = float(len(allowed) or 1), None
    for folder in _groups(root, "cpu"):
        if (quota := _quota(folder)) is not None and quota < cores:
            cores, quota_group = quota, folder
    memory, memory_group = host_memory(root), None
    for folder in _groups(root, "memory"):
        limit = number(folder / "memory.max") or number(folder / "memory.limit_in_bytes")
        if limit is not None and 0 < limit < min(_UNLIMITED, memory or _UNLIMITED):
            memory, memory_group = int(limit), folder
    return MachineSize(cores, memory, frozenset(allowed), len(host), memory_group, quota_group)


def host_memory(root: Root) -> int:
    """Bytes; 0 when it is not known."""
    said = next((_kibibytes(row) for row in table(root.proc / "meminfo") if row[:1] == ["MemTotal:"]), 0)
    return said or (psutil.virtual_memory().total if root.real else 0)


def parse_list(listed: str) -> set[int]:
    """Of the kernel: `0-3,8` are five. What makes no sense is left out."""
    found: set[int] = set()
    for part in listed.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal() and (last or first).isdecimal() and int(last or first) < 1 << 16:
            found.update(range(int(first), int(last or first) + 1))
    return found


def _kibibytes(row: list[str]) -> int:
    return int(row[1]) * 1024 if len(row) > 1 and row[1].isdecimal() else 0


def _quota(folder: Path) -> float | None:
    """Cores that a group may use up."""
    words = (text(folder / "cpu.max") or "").split()
    if len(words) != 2:
        words = [text(folder / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period")]
    if not all(word.isdecimal() for word in words) or int(words[1]) == 0 or int(words[0]) == 0:
        return None
    return int(words[0]) / int(words[1])


def _groups(root: Root, kind: str) -> Iterator[Path]:
    """Our own group of that kind and those above it. In a container the path may be the host's, which is not there:
    then the mounted tree begins with our group."""
    top = root.sys / "fs" / "cgroup"
    for line in (text(root.proc / "self" / "cgroup", 1 << 16) or "").splitlines():
        number_of_tree, _, rest = line.partition(":")
        kinds, _, own = rest.partition(":")
        if number_of_tree == "0" and not kinds:
            tree = top / "unified" if (top / "unified").is_dir() else top
        elif kind in kinds.split(","):
            tree = next((top / name for name in (kind, kinds) if (top / name).is_dir()), top / kind)
        else:
            continue
        folder = tree / own.lstrip("/") if ".." not in own.split("/") else tree
        while folder != tree:
            if folder.is_dir():
                yield folder
            folder = folder.parent
        yield tree
