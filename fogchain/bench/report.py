"""A suite's report: what was measured, against which bar, on which commit and machine, and what could not be measured.

{"suite", "commit", "machine", "started",
 "metrics": [{"name", "value", "unit", "samples", "peer": {"name", "value"} | null, "bar", "op", "met"}],
 "missing": [{"name", "why"}]}
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import fogchain
from fogchain.bench.bars import SUITES, Bar, Op, bar


@dataclass(frozen=True, slots=True)
class Peer:
    """Another program's figure for the same thing, measured in the same run."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    value: float
    unit: str
    samples: int  # runs behind the value, which is their median
    peer: Peer | None
    bar: float
    op: Op

    @classmethod
    def of(cls, suite: str, name: str, values: Sequence[float], peer: Peer | None = None) -> Metric:
        """The median of `values`, with the suite's bar. Raises KeyError for an unknown name."""
        found = bar(suite, name)
        if not values:
            raise ValueError(f"no values for {suite}.{name}")
        return cls(name, statistics.median(values), found.unit, len(values), peer, found.bar, found.op)

    @property
    def met(self) -> bool:
        return Bar(self.name, self.unit, self.op, self.bar).met(self.value)


@dataclass(frozen=True, slots=True)
class Missing:
    """A figure of the suite that was not measured, and why."""

    name: str
    why: str


def report(suite: str, metrics: Sequence[Metric], missing: Sequence[Missing], started: datetime) -> dict[str, Any]:
    """The JSON object of one run. A figure of the suite that is in neither list is added to `missing`."""
    named = {item.name for item in metrics} | {item.name for item in missing}
    left_out = [Missing(item.name, "this run did not measure it") for item in SUITES[suite] if item.name not in named]
    return {
        "suite": suite,
        "commit": commit(),
        "machine": machine(),
        "started": started.astimezone().isoformat(timespec="seconds"),
        "metrics": [
            {
                "name": item.name,
                "value": item.value,
                "unit": item.unit,
                "samples": item.samples,
                "peer": {"name": item.peer.name, "value": item.peer.value} if item.peer else None,
                "bar": item.bar,
                "op": item.op,
                "met": item.met,
            }
            for item in metrics
        ],
        "missing": [{"name": item.name, "why": item.why} for item in (*missing, *left_out)],
    }


def commit() -> str:
    """The checkout's commit, with `-dirty` when files differ from it; the package's version outside a checkout."""
    root = Path(fogchain.__file__).parents[1]
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return f"fogchain {fogchain.__version__}"


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, usable cores, memory, system, Python."""
    import psutil

    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mib": psutil.virtual_memory().total >> 20,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
