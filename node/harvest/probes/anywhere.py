"""What psutil tells where Linux's own files are not."""

from __future__ import annotations

from collections.abc import Callable

import psutil

from node.harvest.probes.probe import Readings
from node.harvest.probes.processor import Use, foreign
from node.harvest.size import MEGABYTE

LOAD = ("cpu.foreign",)
MEMORY = ("memory.free", "memory.used")
_RESTING = ("idle", "iowait", "steal")


class Load:
    """Unknown on the first look."""

    def __init__(self, ours: Callable[[], float]) -> None:
        self._ours = ours
        self._before: Use | None = None

    def read(self) -> Readings:
        times = psutil.cpu_times()._asdict()
        passed = sum(times[name] for name in times if name not in ("guest", "guest_nice"))
        now = Use(passed - sum(times.get(name, 0.0) for name in _RESTING), passed, self._ours())
        before, self._before = self._before, now
        return {"cpu.foreign": None if before is None else foreign(before, now)}


def memory() -> Readings:
    said = psutil.virtual_memory()
    return {"memory.free": said.available / MEGABYTE, "memory.used": 100 * (1 - said.available / said.total)}
