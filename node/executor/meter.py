"""How much processor time workers have used in all, those that have ended too."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import psutil

from node.executor.cgroup import Cgroup


class ProcessorMeter:
    """From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: dict[object, Callable[[], float]] = {}
        self._seen: dict[object, float] = {}  # the newest readings, in seconds
        self._ended = 0.0

    def follow(self, key: object, *, group: Cgroup | None, pid: int = 0) -> None:
        """Count what a group uses, or a single process."""
        with self._lock:
            self._live[key] = _of_group(group) if group is not None else _of_process(pid)

    def close(self, key: object) -> None:
        """It has ended: read it for the last time."""
        with self._lock:
            if key in self._live:
                self._ended += self._read(key)
                del self._live[key]
                self._seen.pop(key, None)

    def seconds(self) -> float:
        with self._lock:
            return self._ended + sum(map(self._read, self._live))

    def _read(self, key: object) -> float:
        with contextlib.suppress(OSError, psutil.Error):  # it is gone: what was seen last is what is known
            self._seen[key] = self._live[key]()
        return self._seen.get(key, 0.0)


def _of_group(group: Cgroup) -> Callable[[], float]:
    return lambda: group.processor_time() / 1e9


def _of_process(pid: int) -> Callable[[], float]:
    def read() -> float:
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)

    return read
