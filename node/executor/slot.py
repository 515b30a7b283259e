"""A place for one run at a time, and the worker process in it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from fogchain.errors import Unavailable
from node.executor.cgroup import Cgroup
from node.executor.meter import ProcessorMeter
from node.executor.process import WorkerProcess


class Slot:
    """A place for one run at a time. Its worker is made ahead of need and replaced when it was killed or is old."""

    def __init__(
        self, name: str, number: int, folder: Path, memory: int, python: Path | None, meter: ProcessorMeter
    ) -> None:
        self._name, self._number, self._meter = name, number, meter
        self._folder = folder.absolute()
        self._memory = memory
        self._python = python
        self._generation = 0
        self._starting: asyncio.Task[WorkerProcess] | None = None
        self.walled = True
        self.limitable = False

    def prepare(self) -> None:
        """Begin to start a worker, if there is none."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._spawn())
            self._starting.add_done_callback(_noticed)

    async def worker(self) -> WorkerProcess:
        """Raises Unavailable."""
        self.prepare()
        assert self._starting is not None
        try:
            worker = await asyncio.shield(self._starting)
        except Unavailable:
            self._starting = None
            raise
        if not worker.alive:  # killed from outside while it was idle
            await self.replace()
            self.prepare()
            worker = await asyncio.shield(self._starting)
        return worker

    async def replace(self) -> None:
        """End the worker; the next one starts when it is asked for or prepared."""
        starting, self._starting = self._starting, None
        if starting is None:
            return
        if not starting.done():
            starting.cancel()
            await asyncio.wait([starting])
        if not starting.cancelled() and starting.exception() is None:
            await starting.result().kill()

    async def _spawn(self) -> WorkerProcess:
        self._generation += 1
        group = Cgroup.make(f"{self._name}-{self._generation}", self._memory)
        self.walled = group is not None
        try:
            log_file = self._folder / f"worker-{self._number}.log"
            worker = await WorkerProcess.spawn(self._folder / "cache", log_file, group, self._python)
        except BaseException:
            if group is not None:
                group.remove()
            raise
        self.limitable = worker.group is not None and worker.group.quota is not None
        self._meter.follow(worker, group=worker.group, pid=worker.pid)
        worker.ended = lambda: self._meter.close(worker)
        return worker


def _noticed(task: asyncio.Task[Any]) -> None:
    """A failed start is told to whoever needs the worker; nobody may need it any more."""
    if not task.cancelled():
        task.exception()
