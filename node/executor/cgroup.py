"""A control group around a worker: how much memory and how many processes it may have, and what stops it or slows it
down. Linux, where we may make one.

WebAssembly is the wall; this is the second one, for what is not metered (compilation) and for flaws in the first.
Version 1 has a tree for each kind of limit, version 2 one tree in which the parent has to pass the limits on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

MAX_PROCESSES = 64  # threads count
PERIOD_US = 50_000  # in which the kernel hands out a group's share of processor time
_PREFIX = "fogchain-"
_PATIENCE = 2.0  # seconds for which the killed may take to die
_ROOT = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_SWAP: dict[str, str | None] = {"memory.memsw.limit_in_bytes": None, "memory.swap.max": "0"}  # None: as the memory


@dataclass(frozen=True)
class Cgroup:
    """The folders of one group, up to five in version 1, one in version 2; and the files that stop it and slow it down,
    where the machine has them."""

    memory: Path
    pids: Path
    cpu: Path  # only counts
    freezer: Path | None = None  # `cgroup.freeze` or `freezer.state`
    quota: Path | None = None  # `cpu.max` or `cpu.cfs_quota_us`

    @classmethod
    def make(cls, name: str, memory_bytes: int) -> Cgroup | None:
        """None when this machine or this user has no groups to make."""
        full = f"{own_prefix()}-{name}"
        for place in _places():
            group = cls(place.memory / full, place.pids / full, place.cpu / full)
            try:
                for folder in group.folders:
                    folder.mkdir(exist_ok=True)
                (group.memory / place.limit).write_text(str(memory_bytes))
                for swap, value in _SWAP.items():
                    with contextlib.suppress(OSError):
                        if (group.memory / swap).exists():
                            (group.memory / swap).write_text(str(memory_bytes) if value is None else value)
                (group.pids / "pids.max").write_text(str(MAX_PROCESSES))
            except OSError:
                group.remove()
                continue
            freezer = _control(place.freezers, full, ("cgroup.freeze", "freezer.state"), group.folders)
            quota = _control(place.quotas, full, ("cpu.max", "cpu.cfs_quota_us"), group.folders)
            return replace(group, freezer=freezer, quota=quota)
        return None

    def paths(self) -> list[str]:
        """As a frame has them."""
        return [str(path or "") for path in (self.memory, self.pids, self.cpu, self.freezer, self.quota)]

    @classmethod
    def from_paths(cls, paths: Sequence[str]) -> Cgroup:
        memory, pids, cpu, *files = map(Path, paths)
        freezer, quota = (path if path.name else None for path in files)
        return cls(memory, pids, cpu, freezer, quota)

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
        controls = {file.parent for file in (self.freezer, self.quota) if file is not None}
        return {self.memory, self.pids, self.cpu} | controls

    def freeze(self, still: bool) -> bool:
        """Stop all that is in it, and what will come into it, or let it go on. False where the machine can't."""
        if self.freezer is None:
            return False
        words = ("0", "1") if self.freezer.name == "cgroup.freeze" else ("THAWED", "FROZEN")
        try:
            self.freezer.write_text(words[still])
        except OSError:
            return False
        return True

    def frozen(self) -> bool:
        """Whether the kernel says that all that is in it stands."""
        if self.freezer is None:
            return False
        with contextlib.suppress(OSError):
            if self.freezer.name == "freezer.state":
                return self.freezer.read_text().strip() == "FROZEN"
            return "frozen 1" in (self.freezer.parent / "cgroup.events").read_text().splitlines()
        return False

    def hold_to(self, duty: float) -> bool:
        """Give it at most so much of one processor; of any number from 1.0 on. False where the machine can't."""
        if self.quota is None:
            return False
        quota = max(1000, int(duty * PERIOD_US)) if duty < 1.0 else None
        try:
            if self.quota.name == "cpu.max":
                self.quota.write_text(f"{quota or 'max'} {PERIOD_US}")
            else:
                (self.quota.parent / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                self.quota.write_text(str(quota or -1))
        except OSError:
            return False
        return True

    def processes(self) -> list[int]:
        """Those that are in it now; none of a group that is gone."""
        with contextlib.suppress(OSError):
            return [int(process) for process in (self.pids / "cgroup.procs").read_text().split()]
        return []

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
        processes = self.processes()
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if self.freezer is not None and self.freezer.name == "freezer.state":
            self.freeze(False)  # what version 1 has frozen dies only then
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
    for place in _places():
        memory = place.memory
        with contextlib.suppress(OSError):
            controllers = (memory / "cgroup.controllers").read_text().split() if place.limit == "memory.max" else []
            alone = (memory / "cgroup.procs").read_text().split() in ([], [str(os.getpid())])
            if not {"memory", "pids"} <= set(controllers) or not alone:
                continue
            own = memory / f"{own_prefix()}-daemon"
            own.mkdir(exist_ok=True)
            (own / "cgroup.procs").write_text(str(os.getpid()))
            (memory / "cgroup.subtree_control").write_text("+memory +pids")
            if "cpu" in controllers:  # in a write of its own: without it nothing is slowed down, that is all
                (memory / "cgroup.subtree_control").write_text("+cpu")


def sweep() -> None:
    """Remove the groups of daemons that are gone, with what may still stand in them."""
    for place in _places():
        for parent in {place.memory, place.pids, place.cpu, *place.freezers, *place.quotas}:
            with contextlib.suppress(OSError):
                for folder in parent.glob(f"{_PREFIX}*-*"):
                    number, _, begun = folder.name.removeprefix(_PREFIX).split("-")[0].partition(".")
                    if number.isdigit() and _begun(int(number)) not in ("", begun):
                        _clear(folder)


def own_prefix() -> str:
    """With what the names of this process's groups begin: its number, and when it began, since another may have its
    number later, as in a container that starts again."""
    return f"{_PREFIX}{os.getpid()}.{_begun(os.getpid())}"


def _begun(process: int) -> str:
    """When a process began, as the kernel counts; "gone" for none, and empty where nobody can say."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"
    except OSError:
        return ""


def _clear(folder: Path) -> None:
    """Kill what is in it, let it go on so far as to die, and remove it. Processes that are just dying leave it to the
    next daemon."""
    until = time.monotonic() + _PATIENCE
    while processes := (folder / "cgroup.procs").read_text().split():
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        for file, word in (("cgroup.freeze", "0"), ("freezer.state", "THAWED")):
            with contextlib.suppress(OSError):
                if (folder / file).exists():
                    (folder / file).write_text(word)
        if time.monotonic() > until:
            break
        time.sleep(0.002)
    folder.rmdir()


def _control(parents: Sequence[Path], name: str, files: Sequence[str], have: set[Path]) -> Path | None:
    """The first of these files in a group of this name below one of `parents`, which is made, that we may write."""
    for parent in parents:
        folder = parent / name
        with contextlib.suppress(OSError):
            folder.mkdir(exist_ok=True)
        for file in files:
            if os.access(folder / file, os.W_OK):
                return folder / file
        if folder not in have:
            with contextlib.suppress(OSError):
                folder.rmdir()
    return None


@dataclass(frozen=True)
class _Place:
    """Where groups for memory, processes and processor time would go, those that stop and slow down, and the name of
    the memory limit's file."""

    memory: Path
    pids: Path
    cpu: Path
    freezers: tuple[Path, ...]  # the best first
    quotas: tuple[Path, ...]
    limit: str


def _places() -> list[_Place]:
    own: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in _MEMBERSHIP.read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            own |= dict.fromkeys(kinds.split(","), path.lstrip("/"))
    places = []
    if {"memory", "pids", "cpuacct"} <= own.keys():
        at = {kind: _ROOT / kind / path for kind, path in own.items()}
        both = [_ROOT / "unified" / own[""]] if "" in own and (_ROOT / "unified" / "cgroup.procs").exists() else []
        # What version 2 has frozen can be killed: it is used where both are mounted.
        freezers = (*both, *(at[kind] for kind in ("freezer",) if kind in at))
        quotas = tuple(at[kind] for kind in ("cpu",) if kind in at)
        places.append(_Place(at["memory"], at["pids"], at["cpuacct"], freezers, quotas, "memory.limit_in_bytes"))
    if "" in own:
        unified = _ROOT / own[""]
        if unified.name.startswith(_PREFIX):  # where `delegate` has put us
            unified = unified.parent
        places.append(_Place(unified, unified, unified, (unified,), (unified,), "memory.max"))
    return places
