"""Jobs: quote, submit, look, cancel, fetch results."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from fogchain.api.models import JobDetail, JobSummary, MatchView, Page, Quote, TaskView
from fogchain.jobs.spec import MAX_TASKS, JobSpec
from node.api.message import Cursor, Limit, answer, read
from node.api.once import Key, OnceOnly
from node.api.openapi import body_of, problems
from node.api.services import NodeServices

Spec = Annotated[JobSpec, Depends(read(JobSpec))]
JobId = Annotated[str, Path(max_length=64, description="a job's id, or the beginning of it that no other job has")]
Task = Annotated[int, Path(ge=0, lt=MAX_TASKS)]
FileName = Annotated[str, Path(max_length=4096, description="stdout, stderr, or out/… for a file the task wrote")]

_BODY = body_of(
    JobSpec,
    name="primes",
    module={"sha256": "00" * 32, "size": 4096},
    budget="5 FOG",
    limits={"fuel": "1 Gfuel"},
    tasks=[{"args": ["0"]}, {"args": ["1"]}],
)
_RAW = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}


def job_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(tags=["jobs"])

    @router.post("/quote", response_model=Quote, openapi_extra=_BODY, responses=problems(402, 409))
    async def quote(spec: Spec) -> Response:
        return answer(await services.quote(spec))

    @router.post("/match", response_model=MatchView, openapi_extra=_BODY)
    async def match(spec: Spec) -> Response:
        return answer(await services.match(spec))

    @router.post("/jobs", response_model=JobSummary, openapi_extra=_BODY, responses=problems(402, 409))
    async def submit(spec: Spec, idempotency_key: Key = None) -> Response:
        """Sent again with its key it is the same job, as it stands then."""
        return answer(await services.submit(spec, idempotency_key))

    @router.get("/jobs", response_model=Page[JobSummary])
    async def jobs(limit: Limit = 50, cursor: Cursor = None) -> Response:
        return answer(services.jobs(limit, cursor))

    @router.get("/jobs/{job_id}", response_model=JobDetail)
    async def job(job_id: JobId) -> Response:
        return answer(services.job(job_id))

    @router.get("/jobs/{job_id}/tasks", response_model=Page[TaskView])
    async def tasks(job_id: JobId, limit: Limit = 100, cursor: Cursor = None) -> Response:
        return answer(services.tasks(job_id, limit, cursor))

    @router.get("/jobs/{job_id}/tasks/{task}/files/{name:path}", response_class=FileResponse, responses={200: _RAW})
    async def result_file(job_id: JobId, task: Task, name: FileName) -> FileResponse:
        path = services.result_file(job_id, task, name)
        had = BackgroundTask(services.data.fetched, path.name)  # once the last byte has gone
        return FileResponse(path, media_type="application/octet-stream", background=had)

    @router.post("/jobs/{job_id}/cancel", response_model=JobSummary, responses=problems(409))
    async def cancel(job_id: JobId, once: OnceOnly) -> Response:
        return await once(None, lambda _: services.cancel(job_id))

    return router
