"""How exactly work comes out at a duty, with a real worker: `python -m node.duty < request.json`, for
`fogchain bench harvest`.

    in   {"folder": "…", "duties": [0.25, 0.5], "seconds": 10.0}
    out  {"slices": [{"duty", "ran", "received", "wall_s"}, …], "kernel": the same, or null where it can't}

`ran` is the share of the time in which the worker was let run, `received` the processor time that it had by the
kernel's count, over the time by the clock. On a machine that others use too, `received` says what they left.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from fogchain.errors import FogchainError
from fogchain.jobs.blobname import name_of
from fogchain.jobs.spec import BlobRef, Limits, RunSpec, TaskSpec
from node.executor.pool import Executor, RunRequest
from node.harvest.throttle import Throttle

# (module (func (export "_start") (loop (br 0))))
_ENDLESS = bytes.fromhex("0061736d01000000 010401600000 03020100 070a01065f73746172740000 0a0901070003400c000b0b")
_MEMORY = 64 << 20
_WARM = 0.2  # seconds of processor time after which the program, not its compilation, is running


@dataclass(frozen=True)
class Measured:
    duty: float
    ran: float
    received: float
    wall_s: float


async def measure_duty(executor: Executor, run_id: str, duty: float, seconds: float, *, by_kernel: bool) -> Measured:
    """Hold a run that never ends to `duty` for so many seconds. Raises ValueError where the kernel should and can't."""
    throttle = Throttle(executor, by_kernel=by_kernel)
    throttle.start()
    try:
        throttle.set(duty)
        if by_kernel and not throttle.by_kernel:
            raise ValueError("the kernel can't limit processor time here")
        await asyncio.sleep(0.3)  # the first slices
        began, used, (_, stood) = time.monotonic(), executor.processor_time(), executor.stood(run_id)
        await asyncio.sleep(seconds)
        wall = time.monotonic() - began
        received = (executor.processor_time() - used) / wall
        return Measured(duty, 1 - (executor.stood(run_id)[1] - stood) / wall, received, wall)
    finally:
        await asyncio.to_thread(throttle.stop)


async def measure(request: dict[str, Any]) -> dict[str, Any]:
    folder = Path(request["folder"])
    endless = folder / "endless.wasm"
    endless.write_bytes(_ENDLESS)
    executor = Executor(folder / "executor", 1, memory_cap=_MEMORY)
    await executor.start()
    limits = Limits(fuel=2**62, memory=_MEMORY, time=86_400_000, output=1 << 20)
    module = BlobRef(sha256=name_of(_ENDLESS), size=len(_ENDLESS))
    spec = RunSpec(module=module, limits=limits, task=TaskSpec())
    before = executor.processor_time()
    running = asyncio.create_task(executor.run(RunRequest("duty", spec, endless, None, {}, bytes(32))))
    try:
        while executor.processor_time() < before + _WARM:
            if running.done():
                raise RuntimeError(f"a program without end ended: {running.result().detail}")
            await asyncio.sleep(0.01)
        found: dict[str, Any] = {"slices": [], "kernel": None}
        for name, by_kernel in (("slices", False), ("kernel", True)):
            if by_kernel and not executor.limit(0.5):
                continue
            executor.limit(1.0)
            found[name] = [
                asdict(await measure_duty(executor, "duty", duty, request["seconds"], by_kernel=by_kernel))
                for duty in request["duties"]
            ]
        return found
    finally:
        running.cancel()
        await asyncio.wait([running])
        await executor.stop()


def main() -> int:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # the answer has stdout to itself
    try:
        answer = asyncio.run(measure(json.load(sys.stdin)))
    except (FogchainError, RuntimeError, KeyError, ValueError) as error:
        print(f"the measurement failed: {error}", file=sys.stderr)
        return 1
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
