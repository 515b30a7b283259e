"""A control group around a worker: how much memory and how many processes it may have. Linux, where we may make one.

WebAssembly is the wall; this is the second one, for what is not metered (compilation) and for flaws in the first.
Version 1 has a tree for each kind of limit, version 2 one tree in which the parent has to pass the limits on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

MAX_PROCESSES = 64  # threads count
_PREFIX = "fogchain-"
_ROOT = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_SWAP: dict[str, str | None] = {"memory.memsw.limit_in_bytes": None, "memory.swap.max": "0"}  # None: as the memory


@dataclass(frozen=True)
class Cgroup:
    """The folders of one group: three in version 1, one in version 2."""

    memory: Path
    pids: Path
    cpu: Path  # only counts

    @classmethod
    def make(cls, name: str, memory_bytes: int) -> Cgroup | None:
        """None when this machine or this user has no groups to make."""
        full = f"{_PREFIX}{os.getpid()}-{name}"
        for memory, pids, cpu, limit in _places():
            group = cls(memory / full, pids / full, cpu / full)
            try:
                for folder in group.folders:
                    folder.mkdir(exist_ok=True)
                (group.memory / limit).write_text(str(memory_bytes))
                for swap, value in _SWAP.items():
                    with contextlib.suppress(OSError):
                        if (group.memory / swap).exists():
                            (group.memory / swap).write_text(str(memory_bytes) if value is None else value)
                (group.pids / "pids.max").write_text(str(MAX_PROCESSES))
            except OSError:
                group.remove()
                continue
            return group
        return None

    def add(self, pid: int) -> bool:
        """Move a process in; False when the kernel refuses."""
        try:
            for folder in self.folders:
                (folder / "cgroup.procs").write_text(str(pid))
        except OSError:
            return False
        return True

    @property
    def folders(self) -> set[Path]:
        return {self.memory, self.pids, self.cpu}

    def processor_time(self) -> int:
        """Nanoseconds of processor time that its processes have used, ended ones too. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            return int((self.cpu / "cpuacct.usage").read_text())
        for line in (self.cpu / "cpu.stat").read_text().splitlines():
            if line.startswith("usage_usec "):
                return int(line.split()[1]) * 1000
        raise OSError(f"{self.cpu} does not count processor time")

    def out_of_memory(self) -> int:
        """How often the kernel has killed a process of this group for its memory."""
        for file in ("memory.oom_control", "memory.events"):
            with contextlib.suppress(OSError):
                for line in (self.memory / file).read_text().splitlines():
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        return 0

    def end_all(self, patience: float = 10.0) -> bool:
        """Kill all that is in it, and return when nothing is; False if something stays for `patience` seconds."""
        until = time.monotonic() + patience
        while self.kill():
            if time.monotonic() > until:
                return False
            time.sleep(0.002)
        return True

    def kill(self) -> int:
        """Kill all that is in it now, and say how many those are."""
        processes = (self.pids / "cgroup.procs").read_text().split()
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        return len(processes)

    def remove(self) -> bool:
        """Whether it is gone. Only an empty group can be; one whose process is just dying is left to `sweep`."""
        for folder in self.folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        return not any(folder.exists() for folder in self.folders)


def delegate() -> None:
    """In version 2, a group that passes limits on may hold no process itself. Where this process is alone in its group
    and may change it, as a service with Delegate=yes, it moves into a group of its own below and passes the limits on.
    """
    for memory, _, _, limit in _places():
        with contextlib.suppress(OSError):
            controllers = (memory / "cgroup.controllers").read_text().split() if limit == "memory.max" else []
            alone = (memory / "cgroup.procs").read_text().split() in ([], [str(os.getpid())])
            if not {"memory", "pids"} <= set(controllers) or not alone:
                continue
            own = memory / f"{_PREFIX}{os.getpid()}-daemon"
            own.mkdir(exist_ok=True)
            (own / "cgroup.procs").write_text(str(os.getpid()))
            (memory / "cgroup.subtree_control").write_text("+memory +pids")


def sweep() -> None:
    """Remove the empty groups of daemons that are gone."""
    for *parents, _ in _places():
        for parent in set(parents):
            with contextlib.suppress(OSError):
                for folder in parent.glob(f"{_PREFIX}*-*"):
                    owner = folder.name.removeprefix(_PREFIX).split("-")[0]
                    if owner.isdigit() and not Path(f"/proc/{owner}").exists():
                        folder.rmdir()


def _places() -> list[tuple[Path, Path, Path, str]]:
    """Where groups for memory, processes and processor time would go, and the name of the memory limit's file."""
    own: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in _MEMBERSHIP.read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            own |= dict.fromkeys(kinds.split(","), path.lstrip("/"))
    places = []
    if {"memory", "pids", "cpuacct"} <= own.keys():
        memory, pids, cpu = (_ROOT / kind / own[kind] for kind in ("memory", "pids", "cpuacct"))
        places.append((memory, pids, cpu, "memory.limit_in_bytes"))
    if "" in own:
        unified = _ROOT / own[""]
        if unified.name.startswith(_PREFIX):  # where `delegate` has put us
            unified = unified.parent
        places.append((unified, unified, unified, "memory.max"))
    return places
