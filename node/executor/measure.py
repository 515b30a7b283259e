"""Times the sandbox: `python -m node.executor.measure < request.json`, for `fogchain bench sandbox`.

    in   {"folder": "…", "starts": 50, "repeats": 3, "runs": [{"name", "module", "args", "inputs": {name: path}}]}
    out  {"engine": "…", "start_warm_ms": [50 times], "runs": {name: {"cpu_s": [3 times], "fuel": n}}}

A warm start is a run of a program that does nothing, from the call to its hashed result. A run's processor time is the
worker's, from the order to the answer, its module compiled before.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import structlog

from fogchain.errors import FogchainError
from fogchain.jobs.source import sha256_of
from fogchain.jobs.spec import BlobRef, Limits, RunSpec, TaskSpec
from fogchain.market.messages import Exit
from node.executor.pool import Executor, RunRequest, run_frame
from node.executor.process import WorkerDied, WorkerProcess
from node.executor.version import ENGINE

# (module (func (export "_start")))
_NOTHING = bytes.fromhex("0061736d01000000 010401600000 03020100 070a01065f73746172740000 0a040102000b")
_SEED = bytes(32)
_LIMITS = Limits(fuel=10**13, memory=1 << 30, time=600_000, output=64 << 20)


async def measure(request: dict[str, Any]) -> dict[str, Any]:
    """Raises Unavailable when no worker starts, RuntimeError when a program fails."""
    folder = Path(request["folder"])
    nothing = folder / "nothing.wasm"
    nothing.write_bytes(_NOTHING)
    executor = Executor(folder / "executor", 1, memory_cap=_LIMITS.memory)
    await executor.start()
    try:
        warm, wanted = [], _request(nothing, [], {})
        for _ in range(request["starts"] + 1):
            begun = time.perf_counter()
            outcome = await executor.run(wanted)
            if outcome.exit is not Exit.OK:
                raise RuntimeError(f"a program that does nothing ended with {outcome.exit.name}: {outcome.detail}")
            warm.append((time.perf_counter() - begun) * 1000)
    finally:
        await executor.stop()
    worker = await WorkerProcess.spawn(folder / "executor" / "cache", folder / "executor" / "measure.log", None)
    try:
        runs = {run["name"]: await _times(worker, folder, run, request["repeats"]) for run in request["runs"]}
    finally:
        await worker.kill()
    return {"engine": ENGINE, "start_warm_ms": warm[1:], "runs": runs}


async def _times(worker: WorkerProcess, folder: Path, run: dict[str, Any], repeats: int) -> dict[str, Any]:
    wanted = _request(Path(run["module"]), run["args"], {name: Path(path) for name, path in run["inputs"].items()})
    times, fuel = [], 0
    for number in range(repeats + 1):
        results = folder / f"{run['name']}-{number}"
        results.mkdir()
        answer = await worker.ask({"run": run_frame(wanted, results)})
        if answer["exit"] != Exit.OK:
            raise RuntimeError(f"{run['name']}: {Exit(answer['exit']).name} {answer['detail']}; see {results}")
        times.append(answer["cpu"])
        fuel = answer["fuel"]
    return {"cpu_s": times[1:], "fuel": fuel}  # the first compiled the module


def _request(module: Path, args: list[str], inputs: dict[str, Path]) -> RunRequest:
    refs = {name: _ref(path) for name, path in inputs.items()}
    spec = RunSpec(module=_ref(module), limits=_LIMITS, task=TaskSpec(args=tuple(args), inputs=refs))
    return RunRequest("measure", spec, module, None, inputs, _SEED)


def _ref(path: Path) -> BlobRef:
    return BlobRef(sha256=sha256_of(path), size=path.stat().st_size)


def main() -> int:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # the answer has stdout to itself
    try:
        answer = asyncio.run(measure(json.load(sys.stdin)))
    except (FogchainError, WorkerDied, RuntimeError, KeyError, ValueError) as error:
        print(f"the measurement failed: {error}", file=sys.stderr)
        return 1
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
