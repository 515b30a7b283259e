"""A control group around a worker: how much memory and how many processes it may have. Linux, where we may make one.

WebAssembly is the wall; this is the second one, for what is not metered (compilation) and for flaws in the first.
Version 1 has a tree for each kind of limit, version 2 one tree in which the parent has to pass the limits on.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

MAX_PROCESSES = 64  # threads count
_PREFIX = "fogchain-"
_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Cgroup:
    """The folders of one group: two in version 1, one in version 2."""

    memory: Path
    pids: Path

    @classmethod
    def make(cls, name: str, memory_bytes: int) -> Cgroup | None:
        """None when this machine or this user has no groups to make."""
        full = f"{_PREFIX}{os.getpid()}-{name}"
        for memory, pids, limit in _places():
            group = cls(memory / full, pids / full)
            try:
                group.memory.mkdir(exist_ok=True)
                group.pids.mkdir(exist_ok=True)
                (group.memory / limit).write_text(str(memory_bytes))
                (group.pids / "pids.max").write_text(str(MAX_PROCESSES))
            except OSError:
                group.remove()
                continue
            return group
        return None

    def add(self, pid: int) -> bool:
        """Move a process in; False when the kernel refuses."""
        try:
            for folder in {self.memory, self.pids}:
                (folder / "cgroup.procs").write_text(str(pid))
        except OSError:
            return False
        return True

    def out_of_memory(self) -> int:
        """How often the kernel has killed a process of this group for its memory."""
        for file in ("memory.oom_control", "memory.events"):
            with contextlib.suppress(OSError):
                for line in (self.memory / file).read_text().splitlines():
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        return 0

    def remove(self) -> None:
        """Only an empty group can be removed; one whose process is just dying is left to `sweep`."""
        for folder in {self.memory, self.pids}:
            with contextlib.suppress(OSError):
                folder.rmdir()


def sweep() -> None:
    """Remove the empty groups of daemons that are gone."""
    for memory, pids, _ in _places():
        for parent in {memory, pids}:
            with contextlib.suppress(OSError):
                for folder in parent.glob(f"{_PREFIX}*-*"):
                    owner = folder.name.removeprefix(_PREFIX).split("-")[0]
                    if owner.isdigit() and not Path(f"/proc/{owner}").exists():
                        folder.rmdir()


def _places() -> list[tuple[Path, Path, str]]:
    """Where groups for memory and for processes would go, and the name of the memory limit's file."""
    own: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            own |= dict.fromkeys(kinds.split(","), path.lstrip("/"))
    places = []
    if "memory" in own and "pids" in own:
        memory, pids = _ROOT / "memory" / own["memory"], _ROOT / "pids" / own["pids"]
        places.append((memory, pids, "memory.limit_in_bytes"))
    if "" in own:
        unified = _ROOT / own[""]
        places.append((unified, unified, "memory.max"))
    return places
