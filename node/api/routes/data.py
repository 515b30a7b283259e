"""What tasks printed, what the node keeps, and the end of a job's data."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from fogchain.api.data import StorageView, TaskLogs
from fogchain.jobs.spec import MAX_TASKS
from node.api.message import answer
from node.api.services import NodeServices

JobId = Annotated[str, Path(max_length=64, description="a job's id, or the beginning of it that no other job has")]
Task = Annotated[int, Path(ge=0, lt=MAX_TASKS)]

Attempt = Annotated[int | None, Query(ge=0, lt=2**31, description="of this run alone")]
Place = Annotated[int | None, Query(ge=0, lt=2**48, description="from this byte of the stream on, up to a gap")]


def data_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(tags=["data"])

    @router.get("/jobs/{job_id}/tasks/{task}/logs", response_model=TaskLogs)
    async def task_logs(
        job_id: JobId, task: Task, attempt: Attempt = None, stdout: Place = None, stderr: Place = None
    ) -> Response:
        since = None if stdout is None and stderr is None else (stdout or 0, stderr or 0)
        return answer(await services.data.logs(job_id, task, attempt=attempt, since=since))

    @router.delete("/jobs/{job_id}", status_code=204, response_class=Response)
    async def delete(job_id: JobId) -> Response:
        services.data.delete(job_id)
        return Response(status_code=204)

    @router.get("/storage", response_model=StorageView)
    async def storage() -> Response:
        return answer(services.data.storage())

    return router
