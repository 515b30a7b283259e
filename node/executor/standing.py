"""Runs that stand still, all at once, and those that are held to a share of a core. From any thread.

A run's processes are stopped by their control group's freezer where there is one, else by SIGSTOP, which no process can
refuse. While they stand, their clock does (`clock.py`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from node.executor.cgroup import Cgroup
from node.executor.clock import WHOLE
from node.executor.process import WorkerProcess

_PASSES = 64  # over the processes of a group, which may fork until they are stopped; it holds no more than so many
_STOPPED = ("T", "t")


class Member:
    """A worker with a run under way. `native` is the group of a native task's own processes."""

    def __init__(self, worker: WorkerProcess, native: Cgroup | None = None) -> None:
        self.worker = worker
        self.cause = ""  # why it is ended, where that was decided here
        self.duty = 1.0  # that the kernel holds it to
        self._before = worker.clock.stood()
        self._groups = [group for group in (worker.group, native) if group is not None]

    def halt(self) -> None:
        """Stop its processes."""
        for group in self._groups:
            if not group.freeze(True):
                _signal(group.processes, signal.SIGSTOP)
        if self.worker.group is None:
            _signal(self._own, signal.SIGSTOP)

    def go(self) -> None:
        """Let its processes go on."""
        for group in self._groups:
            if not group.freeze(False):
                _signal(group.processes, signal.SIGCONT)
        if self.worker.group is None:
            _signal(self._own, signal.SIGCONT)

    def hold_to(self, duty: float) -> bool:
        """False where the kernel can't."""
        if duty != self.duty:
            held = bool(self._groups) and all(group.hold_to(duty) for group in self._groups)
            self.duty = duty if held else 1.0
            if not held:
                for group in self._groups:
                    group.hold_to(1.0)
        return self.duty == duty

    def stood(self) -> float:
        """Seconds, in this run."""
        return self.worker.clock.stood() - self._before

    def set_clock(self, stands: bool) -> None:
        self.worker.clock.set(WHOLE if stands else round((1 - self.duty) * WHOLE))

    def stands(self) -> bool:
        """Whether each of its processes is seen not to run."""
        still = all(group.frozen() or all(map(_is_stopped, group.processes())) for group in self._groups)
        return still and (self.worker.group is not None or all(map(_is_stopped, self._own())))

    def strike(self) -> None:
        """Kill its processes."""
        self.worker.strike()
        for group in self._groups:
            group.kill()

    def _own(self) -> list[int]:
        return [self.worker.pid] if self.worker.alive else []


class Standing:
    """The runs under way, and whether they are to stand: nothing else stops them or lets them go on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: dict[str, Member] = {}
        self._suspended = False  # what was asked for last
        self._graces: set[object] = set()  # reasons to go on all the same for a while
        self._duty = 1.0

    def join(self, run_id: str, member: Member) -> None:
        """The run begins; where all stand, it stands from the beginning."""
        with self._lock:
            self._members[run_id] = member
            member.hold_to(self._duty)
            self._set(member)

    def leave(self, run_id: str, *, thaw: bool) -> None:
        """The run has ended. Its worker may go on, or is killed as it is."""
        with self._lock:
            member = self._members.pop(run_id, None)
            if member is not None and thaw:
                member.hold_to(1.0)
                member.set_clock(False)
                member.go()

    def suspend(self) -> None:
        """From now on, whatever was let go on."""
        with self._lock:
            self._suspended = True
            self._graces.clear()
            self._set_all()

    def resume(self) -> None:
        with self._lock:
            self._suspended = False
            self._set_all()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Inside, and until the next `suspend`, runs that should stand go on for once; how it is after that is said by
        what was asked for last."""
        grace = object()
        with self._lock:
            self._graces.add(grace)
            self._set_all()
        try:
            yield
        finally:
            with self._lock:
                self._graces.discard(grace)
                self._set_all()

    def limit(self, duty: float) -> bool:
        """Hold each run to this share of a core. False, and none is held, where the kernel can't."""
        with self._lock:
            self._duty = duty
            members = list(self._members.values())
            if not all(member.hold_to(duty) for member in members):
                self._duty = 1.0
                for member in members:
                    member.hold_to(1.0)
            for member in members:
                member.set_clock(self._still)
            return self._duty == duty

    def standing(self) -> bool:
        with self._lock:
            members = list(self._members.values())
        return all(member.stands() for member in members)

    def stood(self, run_id: str) -> tuple[bool, float]:
        """Whether this run is to stand now, and for how many seconds it has stood."""
        with self._lock:
            member = self._members.get(run_id)
            return (self._still, member.stood()) if member is not None else (False, 0.0)

    def strike(self, cause: str) -> None:
        """Kill the processes of all runs, each of which then ends for this cause."""
        with self._lock:
            members = list(self._members.values())
            for member in members:
                member.cause = member.cause or cause
        for member in members:
            member.strike()

    @property
    def _still(self) -> bool:
        return self._suspended and not self._graces

    def _set_all(self) -> None:
        for member in self._members.values():
            self._set(member)

    def _set(self, member: Member) -> None:
        member.set_clock(self._still)  # first: whoever runs reads what is so
        (member.halt if self._still else member.go)()


def _signal(processes: Callable[[], Iterable[int]], number: signal.Signals) -> None:
    """Send it to all of them, and to those that they made before it reached them."""
    reached: set[int] = set()
    for _ in range(_PASSES):
        fresh = set(processes()) - reached
        if not fresh:
            return
        for process in fresh:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)
        reached |= fresh


def _is_stopped(process: int) -> bool:
    """A process that is gone, or only waits to be reaped, runs no more either."""
    if sys.platform != "linux":
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(process).status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
        return True
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][:1]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in (*_STOPPED, "Z", "X")
