"""A device's own sandbox as its fleet uses it: `node.fleet.ports.Box` over the executor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import structlog

from fogchain.jobs.checkpoint import Checkpoint
from fogchain.jobs.quota import Storage
from fogchain.jobs.spec import RunSpec
from node.devicefolder import DeviceConfig
from node.executor.backend import Backend
from node.executor.pool import Evicted, RunOutcome, RunRequest
from node.fleet.device import blobs_of
from node.fleet.messages import INLINE_BYTES, Result, Saved

log = structlog.get_logger(__name__)

PRINTED_BYTES = 64 << 10  # of each stream that a run without a result has printed


class LocalBox:
    """`offered` are the blobs of results that the gateway may fetch."""

    def __init__(
        self,
        backend: Backend,
        around: Callable[[], AbstractAsyncContextManager[None]],
        storage: Storage,
        config: DeviceConfig,
    ) -> None:
        """`around`: what each run is done in."""
        self._backend, self._around, self._storage, self._config = backend, around, storage, config
        self._given: dict[str, set[str]] = {}
        self.rate = 0

    async def start(self) -> None:
        """Raises Unavailable."""
        await self._backend.start()
        self.rate = await self._backend.measure_rate()

    async def stop(self) -> None:
        await self._backend.stop()

    @property
    def slots(self) -> int:
        return self._config.slots

    @property
    def memory(self) -> int:
        return self._config.memory

    @property
    def engines(self) -> Sequence[str]:
        return self._backend.runtimes.engines

    @property
    def offered(self) -> set[str]:
        return {sha256 for names in self._given.values() for sha256 in names}

    def room(self, spec: RunSpec) -> None:
        missing = sum(ref.size for ref in blobs_of(spec) if not self._storage.store.has(ref.sha256))
        self._storage.room(missing + spec.limits.output, "a task's data and output")

    async def run(self, attempt: str, spec: RunSpec, seed: bytes) -> Result:
        blobs = self._storage.store
        request = RunRequest(
            run_id=attempt,
            spec=spec,
            module=blobs.path(spec.module.sha256),
            stdin=blobs.path(spec.task.stdin.sha256) if spec.task.stdin else None,
            inputs={name: blobs.path(ref.sha256) for name, ref in spec.task.inputs.items()},
            seed=seed,
            checkpoint=blobs.path(spec.resume.archive.sha256) if spec.resume else None,
        )
        try:
            async with self._around():
                outcome = await self._backend.run(request)
        except Evicted as error:
            return await asyncio.to_thread(self._back, attempt, spec, error.cause)
        return await asyncio.to_thread(self._result, attempt, outcome)

    def discard(self, attempt: str) -> None:
        self._given.pop(attempt, None)
        self._backend.discard(attempt)

    def _back(self, attempt: str, spec: RunSpec, cause: str) -> Result:
        """It is given back, with the newest checkpoint that it has."""
        place, saved = self._backend.checkpoint(attempt), None
        if place is not None:
            data = place.read_bytes()
            fuel = Checkpoint.decode(data, spec.limits.checkpoint).fuel
            sha256 = self._storage.store.put(data)
            self._given[attempt] = {sha256}
            saved = Saved(sha256=sha256, size=len(data), fuel=fuel)
        return Result(attempt=attempt, returned=cause[:400] or "its owner needs the machine", saved=saved)

    def _result(self, attempt: str, outcome: RunOutcome) -> Result:
        """What there is room for comes along; the gateway fetches the rest. Raises FogchainError for a full disk."""
        took, stood = (max(0, int(s * 1000)) for s in (outcome.finished - outcome.started, outcome.stood))
        files: dict[str, bytes] = {}
        if not outcome.exit.deterministic:
            for name in {"stdout", "stderr"} & outcome.files.keys():
                files[name] = _end_of(outcome.files[name])
            return Result(
                attempt=attempt, exit=int(outcome.exit), files=files, took=took, stood=stood,
                detail=outcome.detail[:2000],
            )  # fmt: skip
        room, offered = INLINE_BYTES, set()
        for file in outcome.manifest.files:
            if file.size <= room:
                room -= file.size
                files[file.name] = outcome.files[file.name].read_bytes()
            else:
                offered.add(self._storage.store.put_file(outcome.files[file.name]))
        self._given[attempt] = offered
        return Result(
            attempt=attempt, exit=int(outcome.exit), code=outcome.code, fuel=outcome.fuel,
            manifest=outcome.manifest.encode(), files=files, took=took, stood=stood, resumed=outcome.resumed,
            detail=outcome.detail[:2000],
        )  # fmt: skip


def _end_of(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - PRINTED_BYTES))
        return file.read()
