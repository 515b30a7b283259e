"""`AsyncMapped`: what `map` brings."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fogchain.client.aio.job import AsyncJob
from fogchain.client.results import TaskResult
from fogchain.client.show import Progress
from fogchain.client.work import MappedJob
from fogchain.errors import JobFailed, TaskError


class AsyncMapped:
    """The outputs of `map`, in the order of the items, each as soon as it is there."""

    def __init__(self, job: AsyncJob, mapped: MappedJob, return_exceptions: bool, progress: bool | None) -> None:
        self._job, self._mapped, self._return_exceptions = job, mapped, return_exceptions
        self._line = Progress(progress)
        self._ready: dict[int, TaskResult] = {}
        self._next = 0  # the task whose outputs are due
        self._due: list[object] = []  # outputs of the task before it
        self._count = len(mapped.job.spec.tasks)
        self._coming: AsyncGenerator[TaskResult, None] | None = None

    @property
    def job(self) -> AsyncJob:
        """The job that makes the outputs."""
        return self._job

    def __aiter__(self) -> AsyncMapped:
        return self

    async def __anext__(self) -> Any:
        while not self._due:
            if self._next == self._count:
                self._line.end()
                raise StopAsyncIteration
            if (result := self._ready.pop(self._next, None)) is not None:
                self._next += 1
                self._due = list(self._mapped.outputs(result))
                break
            if self._coming is None:
                self._coming = self.job.results()
            try:
                arrived = await anext(self._coming)
            except StopAsyncIteration:
                raise JobFailed(f"{self.job.name} ended without the output of task {self._next}") from None
            self._ready[arrived.index] = arrived
            self._line.show(self.job.latest)
        output = self._due.pop(0)
        if isinstance(output, TaskError) and not self._return_exceptions:
            raise output
        return output

    async def aclose(self) -> None:
        """Stop listening; the job goes on. `job.cancel()` ends it."""
        if self._coming is not None:
            await self._coming.aclose()
        self._line.end()

    def _repr_html_(self) -> str:
        return self.job._repr_html_()
