"""How fast the sandbox is: a warm start, and metered WebAssembly beside native code.

The sandbox is the node's, which the library may not import: it is run as a process and asked. Native programs are the
same C at -O2 for the processor's baseline, by the same compiler.
"""

from __future__ import annotations

import asyncio
import math
import os
import resource
import runpy
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from fogchain.bench.program import ask_program
from fogchain.bench.report import Metric, Missing
from fogchain.errors import Unavailable

SUITE = "sandbox"
STARTS = 200
REPEATS = 5
TIMEOUT = 900.0
_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
_NATIVE_FLAGS = ("-O2", "-s", "-fno-sanitize=undefined")


def _nothing(_: Path, __: Path) -> dict[str, Path]:
    return {}


def _books(example: Path, folder: Path) -> dict[str, Path]:
    """All texts, seventy times."""
    part = folder / "part"
    part.write_bytes(b"".join(file.read_bytes() for file in sorted((example / "texts").glob("*.txt"))) * 70)
    return {"part": part}


def _photo(example: Path, folder: Path) -> dict[str, Path]:
    """One of the pictures, eight times as wide and as high."""
    large = folder / "picture.qoi"
    with Image.open(example / "pictures" / "2.qoi") as picture:
        picture.resize((8 * picture.width, 8 * picture.height), Image.Resampling.BICUBIC).save(large)
    return {"picture.qoi": large}


def _database(example: Path, folder: Path) -> dict[str, Path]:
    """One of the shards, its readings doubled nine times."""
    shard = folder / "shard.db"
    shutil.copyfile(example / "shards" / "1.db", shard)
    with closing(sqlite3.connect(shard)) as db:
        for _ in range(9):
            db.execute("INSERT INTO reading SELECT * FROM reading")
        db.commit()
    return {"shard.db": shard, "query.sql": example / "query.sql"}


@dataclass(frozen=True)
class Workload:
    """An example, with arguments and inputs that keep it busy for some tenths of a second.

    `inputs` makes them of the example's folder and one of its own.
    """

    name: str
    args: tuple[str, ...] = ()
    inputs: Callable[[Path, Path], dict[str, Path]] = _nothing

    @property
    def source(self) -> Path:
        return _EXAMPLES / self.name / f"{self.name}.c"

    @property
    def module(self) -> Path:
        return self.source.with_suffix(".wasm")


WORKLOADS = (
    Workload("poster", ("27", "48", "1280", "800", "12")),
    Workload("options", ("0", "200000", "24", "100", "105", "0.03", "0.25", "1")),
    Workload("wordcount", inputs=_books),
    Workload("resize", ("160", "160"), _photo),
    Workload("shards", inputs=_database),
    Workload("hashsearch", ("0", "4194304", "24", "1:24:2026-11-27:somebody@example.org:")),
    Workload("sweep", ("25", "50", "400", "730")),
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
        ratios = []
        for workload in workloads:
            try:
                native = min(_native(folder, workload, inputs[workload.name], compiler))
            except Unavailable as error:
                say(f"{workload.name} is left out: {error}")
                continue
            except subprocess.CalledProcessError as error:
                return metrics, [Missing("native_ratio", f"{error.cmd[0]} failed: {str(error.stderr)[-300:]}")]
            metered = min(answer["runs"][workload.name]["cpu_s"])
            ratios.append(metered / native)
            say(f"{workload.name}: {metered:.3f} s in the sandbox, {native:.3f} s native: {ratios[-1]:.2f}")
    metrics.append(Metric.of(SUITE, "native_ratio", [math.exp(statistics.fmean(map(math.log, ratios)))]))
    return metrics, []


def _inputs(workloads: Sequence[Workload], folder: Path) -> dict[str, dict[str, Path]]:
    found = {}
    for workload in workloads:
        place = folder / f"inputs-{workload.name}"
        place.mkdir()
        found[workload.name] = workload.inputs(workload.source.parent, place)
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
    return ask_program("node.executor.measure", request, TIMEOUT)


def _compiler() -> list[str] | None:
    """A compiler that knows clang's vector builtins, and its options."""
    if find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline", *_NATIVE_FLAGS]
    clang = shutil.which("clang")
    return [clang, *_NATIVE_FLAGS] if clang else None


def _foreign(workload: Workload, folder: Path) -> list[str]:
    """Options and sources of what an example is built with beside its own. Raises Unavailable."""
    build = runpy.run_path(str(_EXAMPLES / "build.py"))
    release = build["EXAMPLES"][workload.name]
    if release is None:
        return []
    try:
        files: list[Path] = build["fetch"](release, folder)
    except build["NotFetched"] as error:
        raise Unavailable(str(error)) from error
    sources = [str(file) for file in files if file.suffix == ".c"]
    return [*build["SQLITE_FLAGS"], f"-I{files[0].parent}", "-w", *sources]


def _native(folder: Path, workload: Workload, inputs: dict[str, Path], compiler: list[str]) -> list[float]:
    """Processor seconds of each of `REPEATS` native runs. Raises CalledProcessError, Unavailable."""
    place = folder / f"native-{workload.name}"
    (place / "in").mkdir(parents=True)
    for name, path in inputs.items():
        (place / "in" / name).symlink_to(path)
    program = place / "program"
    cache = {"ZIG_GLOBAL_CACHE_DIR": str(folder / "zig"), "ZIG_LOCAL_CACHE_DIR": str(folder / "zig-local")}
    subprocess.run(
        [*compiler, "-o", str(program), str(workload.source), *_foreign(workload, folder), "-lm"],
        env=os.environ | cache, capture_output=True, text=True, check=True,
    )  # fmt: skip
    times = []
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([str(program), *workload.args], cwd=place, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return times
