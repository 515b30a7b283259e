"""One slot on a machine of a Ray cluster: an actor that holds an `Executor` of its own, with all its walls.

Ray moves the bytes and finds the machine; it is no wall. What runs a task here is the same worker process as on a
provider's own machine, so results and fuel are the same.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fogchain.jobs.spec import RunSpec
from fogchain.market.engines import Runtime
from node.executor.pool import Executor, RunRequest
from node.executor.runtimes import RuntimeState
from node.executor.trees import remove_tree

_PREFIX = "fogchain-ray-"


@dataclass(frozen=True, slots=True)
class Answer:
    """A run's end with its files in it."""

    exit: int
    code: int
    fuel: int
    manifest: bytes
    files: dict[str, bytes]
    started: float
    finished: float
    detail: str
    stood: float
    processor: float  # seconds of processor time that the slot has used in all


class Slot:
    """The actor's class. All arguments and answers are plain values."""

    def __init__(self, memory_cap: int, wanted: tuple[Runtime, ...]) -> None:
        _sweep()
        self._folder = Path(tempfile.gettempdir()) / f"{_PREFIX}{os.getpid()}"
        self._folder.mkdir(mode=0o700)
        self._executor = Executor(self._folder / "executor", 1, memory_cap=memory_cap, wanted=wanted)

    async def start(self) -> tuple[RuntimeState, ...]:
        await self._executor.start()
        return self._executor.runtimes.states

    async def prepared(self) -> tuple[RuntimeState, ...]:
        await self._executor.prepared()
        return self._executor.runtimes.states

    async def measure_rate(self) -> int:
        return await self._executor.measure_rate()

    async def run(self, run_id: str, spec: bytes, seed: bytes, names: list[str], *contents: bytes) -> Answer:
        """`contents` are those of the module, of standard input where the spec has one, of the inputs `names`, and of
        the checkpoint where it goes on from one."""
        decoded = RunSpec.decode(spec)
        folder = self._folder / "given"
        folder.mkdir(mode=0o700)
        try:
            paths = []
            for number, content in enumerate(contents):
                path = folder / str(number)
                path.write_bytes(content)
                paths.append(path)
            module, *others = paths
            stdin = others.pop(0) if decoded.task.stdin is not None else None
            checkpoint = others.pop() if decoded.resume is not None else None
            inputs = dict(zip(names, others, strict=True))
            outcome = await self._executor.run(RunRequest(run_id, decoded, module, stdin, inputs, seed, checkpoint))
            answer = Answer(
                exit=int(outcome.exit),
                code=outcome.code,
                fuel=outcome.fuel,
                manifest=outcome.manifest.encode(),
                files={name: path.read_bytes() for name, path in outcome.files.items()},
                started=outcome.started,
                finished=outcome.finished,
                detail=outcome.detail,
                stood=outcome.stood,
                processor=self._executor.processor_time(),
            )
            self._executor.discard(run_id)
            return answer
        finally:
            remove_tree(folder)


def _sweep() -> None:
    """Remove the folders of actors that are gone from this machine."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX)
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            remove_tree(folder)
