"""`python -m node.bare`: run a job's tasks in the sandbox alone, with no market around it, and say how long it took.

The yardstick for the end-to-end figures: the same module, the same tasks, the same worker processes, as many slots as
the machine has cores, and nothing in between.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import structlog

from fogchain.errors import FogchainError
from fogchain.jobs.file import load_job_file
from node.executor.pool import Executor, RunRequest


async def measure(job: Path, slots: int) -> float:
    """Seconds from the first task's start to the last one's end, workers warm. Raises BadInput for a bad job file."""
    resolved = load_job_file(job)
    with tempfile.TemporaryDirectory(prefix="fogchain-bare-") as scratch:
        root = Path(scratch)
        places = {}
        for sha256, source in resolved.blobs.items():
            places[sha256] = source if isinstance(source, Path) else root / sha256
            if isinstance(source, bytes):
                places[sha256].write_bytes(source)
        executor = Executor(root / "work", slots, memory_cap=4 << 30)
        await executor.start()
        try:

            async def one(index: int, run_id: str) -> None:
                spec = resolved.spec.run_spec(index)
                task = spec.task
                await executor.run(
                    RunRequest(
                        run_id=run_id,
                        spec=spec,
                        module=places[spec.module.sha256],
                        stdin=places[task.stdin.sha256] if task.stdin else None,
                        inputs={name: places[ref.sha256] for name, ref in task.inputs.items()},
                        seed=spec.seed,
                    )
                )
                executor.discard(run_id)

            await asyncio.gather(*(one(0, f"warm-{slot}") for slot in range(slots)))
            started = time.perf_counter()
            await asyncio.gather(*(one(index, f"task-{index}") for index in range(len(resolved.spec.tasks))))
            return time.perf_counter() - started
        finally:
            await executor.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m node.bare", description="time a job in the bare sandbox")
    parser.add_argument("job", type=Path)
    parser.add_argument("--slots", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        seconds = asyncio.run(measure(options.job, options.slots))
    except FogchainError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    print(json.dumps({"seconds": seconds, "slots": options.slots}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
