"""One job, followed with all its tasks, for the pages that show it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fogchain.api.client import AsyncClient
from fogchain.api.models import JobDetail, JobSummary, TaskView
from fogchain.errors import FogchainError, NotFound
from ui.jobtotals import JobTotals
from ui.pictures import IMAGES, Place

PAGE = 500
DETAIL_EVERY = 1.0  # s, while the job changes; more for a job so big that asking takes long
SHARE = 10  # a fetch is followed by at least this many times its own length of quiet


@dataclass(frozen=True)
class Tile:
    """A result that is part of a bigger picture; sizes in pixels."""

    place: Place
    width: int
    height: int


class JobWatch:
    """`rev` grows with every change. `error` is set when there is no such job."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.detail: JobDetail | None = None
        self.tasks: dict[int, TaskView] | None = None  # by number, in their order
        self.totals = JobTotals()
        self.error: FogchainError | None = None
        self.tiles: dict[tuple[int, str], Tile | None] = {}  # PPM results that were read, by task and file
        self.rev = 0
        self.touched = time.monotonic()
        self._need_detail = True
        self._need_tasks = True
        self._detail_at = 0.0
        self._took = 0.0
        self._meanwhile: dict[int, TaskView] = {}  # what events said while the tasks were being fetched

    def is_of(self, job_id: str) -> bool:
        return job_id == (self.detail.id if self.detail else self.job_id)

    @property
    def stale(self) -> bool:
        return self._need_tasks or self._need_detail

    @property
    def due(self) -> bool:
        """Stale, and not fetched too short a while ago."""
        return self.stale and time.monotonic() - self._detail_at >= max(DETAIL_EVERY, SHARE * self._took)

    def invalidate(self) -> None:
        self._need_detail = self._need_tasks = True
        self._detail_at = 0.0

    def look_again(self) -> None:
        """At the job, not at its tasks."""
        self._need_detail = True

    def take_task(self, task: TaskView) -> None:
        self._meanwhile[task.index] = task
        if self.tasks is not None:
            self.totals.change(self.tasks.get(task.index), task)
            self.tasks[task.index] = task
            self.rev += 1
        self._need_detail = True

    def take_job(self, job: JobSummary) -> None:
        if self.detail is not None:
            self.detail = self.detail.model_copy(update=dict(job))
            self.rev += 1
        self._need_detail = True

    async def load(self, client: AsyncClient) -> None:
        """Raises FogchainError; NotFound is kept in `error` instead."""
        self._need_detail, self._detail_at = False, time.monotonic()
        try:
            self.detail = await client.job(self.job_id)
        except NotFound as error:
            self.error, self._need_tasks = error, False
            self.rev += 1
            return
        except FogchainError:
            self._need_detail = True
            raise
        self.error = None
        self._took = time.monotonic() - self._detail_at
        self.rev += 1
        if self._need_tasks:
            await self._load_tasks(client)

    async def _load_tasks(self, client: AsyncClient) -> None:
        self._meanwhile = {}
        found: dict[int, TaskView] = {}
        cursor: str | None = None
        while True:
            page = await client.tasks(self.job_id, limit=PAGE, cursor=cursor)
            found.update((task.index, task) for task in page.items)
            cursor = page.next_cursor
            if cursor is None:
                break
        tasks = {**found, **self._meanwhile}
        self.tasks = {index: tasks[index] for index in sorted(tasks)}
        self.totals = JobTotals(self.tasks.values(), image_names=IMAGES)
        self._need_tasks = False
        self.rev += 1
