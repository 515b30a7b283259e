"""Jobs, their tasks and results."""

from __future__ import annotations

from fogchain.api.aio.link import AsyncLink
from fogchain.api.data import TaskLogs
from fogchain.api.models import JobDetail, JobSummary, Page, TaskView
from fogchain.jobs.spec import JobSpec


class AsyncJobsApi(AsyncLink):
    async def submit(self, spec: JobSpec, key: str | None = None) -> JobSummary:
        """The same `key` gives the same job, however often it is sent."""
        return await self._post(JobSummary, spec, "jobs", key=key)

    async def jobs(self, limit: int = 50, cursor: str | None = None) -> Page[JobSummary]:
        return await self._get(Page[JobSummary], "jobs", query={"limit": limit, "cursor": cursor})

    async def job(self, job_id: str) -> JobDetail:
        return await self._get(JobDetail, "jobs", job_id)

    async def tasks(self, job_id: str, limit: int = 100, cursor: str | None = None) -> Page[TaskView]:
        return await self._get(Page[TaskView], "jobs", job_id, "tasks", query={"limit": limit, "cursor": cursor})

    async def result_file(self, job_id: str, task: int, name: str) -> bytes:
        return await self._bytes("jobs", job_id, "tasks", task, "files", name)

    async def logs(
        self, job_id: str, task: int, attempt: int | None = None, stdout: int | None = None, stderr: int | None = None
    ) -> TaskLogs:
        """Of all attempts or of one; `stdout` and `stderr`: from which byte on."""
        query = {"attempt": attempt, "stdout": stdout, "stderr": stderr}
        return await self._get(TaskLogs, "jobs", job_id, "tasks", task, "logs", query=query)

    async def cancel(self, job_id: str) -> JobSummary:
        return await self._post(JobSummary, None, "jobs", job_id, "cancel")

    async def delete_job(self, job_id: str) -> None:
        """Forget a job that is over, with its results."""
        await self._delete("jobs", job_id)
