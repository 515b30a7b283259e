# Made of fogchain/api/aio/jobs.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""Jobs, their tasks and results."""

from __future__ import annotations

from fogchain.api.data import TaskLogs
from fogchain.api.models import JobDetail, JobSummary, Page, TaskView
from fogchain.api.sync.link import Link
from fogchain.jobs.spec import JobSpec


class JobsApi(Link):
    def submit(self, spec: JobSpec, key: str | None = None) -> JobSummary:
        """The same `key` gives the same job, however often it is sent."""
        return self._post(JobSummary, spec, "jobs", key=key)

    def jobs(self, limit: int = 50, cursor: str | None = None) -> Page[JobSummary]:
        return self._get(Page[JobSummary], "jobs", query={"limit": limit, "cursor": cursor})

    def job(self, job_id: str) -> JobDetail:
        return self._get(JobDetail, "jobs", job_id)

    def tasks(self, job_id: str, limit: int = 100, cursor: str | None = None) -> Page[TaskView]:
        return self._get(Page[TaskView], "jobs", job_id, "tasks", query={"limit": limit, "cursor": cursor})

    def result_file(self, job_id: str, task: int, name: str) -> bytes:
        return self._bytes("jobs", job_id, "tasks", task, "files", name)

    def logs(
        self, job_id: str, task: int, attempt: int | None = None, stdout: int | None = None, stderr: int | None = None
    ) -> TaskLogs:
        """Of all attempts or of one; `stdout` and `stderr`: from which byte on."""
        query = {"attempt": attempt, "stdout": stdout, "stderr": stderr}
        return self._get(TaskLogs, "jobs", job_id, "tasks", task, "logs", query=query)

    def cancel(self, job_id: str) -> JobSummary:
        return self._post(JobSummary, None, "jobs", job_id, "cancel")

    def delete_job(self, job_id: str) -> None:
        """Forget a job that is over, with its results."""
        self._delete("jobs", job_id)
