"""How fast the sandbox is: a warm start, and metered WebAssembly beside native code.

The sandbox is the node's, which the library may not import: it is run as a process and asked. Native programs are the
same C at -O2 for the processor's baseline, by the same compiler.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fogchain.bench.report import Metric, Missing
from fogchain.errors import Unavailable

SUITE = "sandbox"
STARTS = 200
REPEATS = 5
TIMEOUT = 900.0
_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
_NATIVE_FLAGS = ("-O2", "-s", "-fno-sanitize=undefined")


@dataclass(frozen=True)
class Workload:
    """An example, with arguments that keep it busy for some tenths of a second; `book` repeats its text so often."""

    name: str
    args: tuple[str, ...] = ()
    book: int = 0

    @property
    def source(self) -> Path:
        return _EXAMPLES / self.name / f"{self.name}.c"

    @property
    def module(self) -> Path:
        return self.source.with_suffix(".wasm")


WORKLOADS = (
    Workload("poster", ("27", "48", "1280", "800", "12")),
    Workload("options", ("0", "200000", "24", "100", "105", "0.03", "0.25", "1")),
    Workload("wordcount", book=4000),
)


async def run(say: Callable[[str], None] = lambda _: None) -> tuple[list[Metric], list[Missing]]:
    """Raises Unavailable when the sandbox does not run."""
    return await asyncio.to_thread(_run, say)


def _run(say: Callable[[str], None]) -> tuple[list[Metric], list[Missing]]:
    workloads = [workload for workload in WORKLOADS if workload.module.exists()]
    with tempfile.TemporaryDirectory(prefix="fogchain-bench-") as name:
        folder = Path(name)
        inputs = _inputs(workloads, folder)
        say("timing the sandbox")
        answer = _sandbox(folder, workloads, inputs)
        metrics = [Metric.of(SUITE, "start_warm", answer["start_warm_ms"])]
        if len(workloads) < len(WORKLOADS):
            return metrics, [Missing("native_ratio", f"the examples are not in {_EXAMPLES}: run it in a checkout")]
        compiler = _compiler()
        if compiler is None:
            why = "no C compiler that takes the examples: install the development dependencies (ziglang), or clang"
            return metrics, [Missing("native_ratio", why)]
        say("compiling and timing the same programs natively")
        try:
            native = [_native(folder, workload, inputs[workload.name], compiler) for workload in workloads]
        except subprocess.CalledProcessError as error:
            return metrics, [Missing("native_ratio", f"{error.cmd[0]} failed: {str(error.stderr)[-300:]}")]
        ratios = []
        for workload, times in zip(workloads, native, strict=True):
            metered = min(answer["runs"][workload.name]["cpu_s"])
            ratios.append(metered / min(times))
            say(f"{workload.name}: {metered:.3f} s in the sandbox, {min(times):.3f} s native: {ratios[-1]:.2f}")
    metrics.append(Metric.of(SUITE, "native_ratio", [math.exp(statistics.fmean(map(math.log, ratios)))]))
    return metrics, []


def _inputs(workloads: Sequence[Workload], folder: Path) -> dict[str, dict[str, Path]]:
    found: dict[str, dict[str, Path]] = {}
    for workload in workloads:
        found[workload.name] = {}
        if workload.book:
            part = folder / "part"
            part.write_bytes((workload.source.parent / "book.txt").read_bytes() * workload.book)
            found[workload.name]["part"] = part
    return found


def _sandbox(folder: Path, workloads: Sequence[Workload], inputs: dict[str, dict[str, Path]]) -> dict[str, Any]:
    request = {
        "folder": str(folder), "starts": STARTS, "repeats": REPEATS,
        "runs": [
            {
                "name": workload.name, "module": str(workload.module), "args": workload.args,
                "inputs": {name: str(path) for name, path in inputs[workload.name].items()},
            }
            for workload in workloads
        ],
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "node.executor.measure"],
        input=json.dumps(request), capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Unavailable(f"the sandbox could not be measured: {done.stderr.strip()[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _compiler() -> list[str] | None:
    """A compiler that knows clang's vector builtins, and its options."""
    if find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline", *_NATIVE_FLAGS]
    clang = shutil.which("clang")
    return [clang, *_NATIVE_FLAGS] if clang else None


def _native(folder: Path, workload: Workload, inputs: dict[str, Path], compiler: list[str]) -> list[float]:
    """Processor seconds of each of `REPEATS` native runs. Raises CalledProcessError."""
    place = folder / f"native-{workload.name}"
    (place / "in").mkdir(parents=True)
    for name, path in inputs.items():
        (place / "in" / name).symlink_to(path)
    program = place / "program"
    cache = {"ZIG_GLOBAL_CACHE_DIR": str(folder / "zig"), "ZIG_LOCAL_CACHE_DIR": str(folder / "zig-local")}
    subprocess.run(
        [*compiler, "-o", str(program), str(workload.source), "-lm"],
        env=os.environ | cache, capture_output=True, text=True, check=True,
    )  # fmt: skip
    times = []
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([str(program), *workload.args], cwd=place, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return times
