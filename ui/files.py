"""Result files for the browser. They were written by other people's programs: nothing in them may run."""

from __future__ import annotations

import asyncio
from typing import Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from fogchain.errors import FogchainError, NotFound
from ui.panel import Panel
from ui.pictures import PNG, read_ppm
from ui.zipped import zipped

STATEMENT_TIMEOUT = 60.0  # s
SAFE = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def file_path(node: int, job_id: str, task: int, name: str, *, image: bool = False) -> str:
    """The panel's own address of a result file: to download, or as an image to look at."""
    return f"/files/{node}/{job_id}/{task}/{quote(name)}" + ("?image=1" if image else "")


def log_path(node: int, job_id: str, task: int, attempt: int, stream: str) -> str:
    """What an attempt printed, to download."""
    return f"/logs/{node}/{job_id}/{task}/{attempt}/{stream}"


def zip_path(node: int, job_id: str) -> str:
    """All result files of a job, to download."""
    return f"/zip/{node}/{job_id}"


def statement_path(first: int | None, end: int | None) -> str:
    """The main node's statement as CSV, between two block times."""
    given = {name: value for name, value in (("first", first), ("end", end)) if value is not None}
    return "/statement.csv" + (f"?{urlencode(given)}" if given else "")


def routes(panel: Panel) -> APIRouter:
    router = APIRouter()

    @router.get("/files/{node}/{job_id}/{task}/{name:path}")
    async def result_file(node: int, job_id: str, task: int, name: str, image: bool = False) -> Response:
        feed = panel.feed_at(node)
        if feed is None:
            return PlainTextResponse("no such node", 404, headers=SAFE)
        try:
            data = await feed.ask(lambda client: client.result_file(job_id, task, name))
        except FogchainError as error:
            return PlainTextResponse(error.message, 404 if isinstance(error, NotFound) else 502, headers=SAFE)
        if image:
            if not data.startswith(PNG):
                pixels = read_ppm(data)
                if pixels is None:
                    return PlainTextResponse("not a picture that can be shown", 415, headers=SAFE)
                data = await asyncio.to_thread(pixels.png)
            return Response(data, media_type="image/png", headers={**SAFE, "Cache-Control": "private, max-age=3600"})
        return _download(data, f"{job_id[:8]}-{task}-{name.rpartition('/')[2]}")

    @router.get("/logs/{node}/{job_id}/{task}/{attempt}/{stream}")
    async def log_file(
        node: int, job_id: str, task: int, attempt: int, stream: Literal["stdout", "stderr"]
    ) -> Response:
        feed = panel.feed_at(node)
        if feed is None:
            return PlainTextResponse("no such node", 404, headers=SAFE)
        try:
            told = await feed.ask(lambda client: client.logs(job_id, task))
        except FogchainError as error:
            return PlainTextResponse(error.message, 404 if isinstance(error, NotFound) else 502, headers=SAFE)
        found = next((getattr(one, stream) for one in told.attempts if one.attempt == attempt), None)
        if found is None:
            return PlainTextResponse("nothing of it is kept", 404, headers=SAFE)
        return _download(found.text.encode(), f"{job_id[:8]}-{task}-attempt-{attempt}-{stream}.txt")

    @router.get("/zip/{node}/{job_id}")
    async def all_files(node: int, job_id: str) -> Response:
        feed = panel.feed_at(node)
        if feed is None:
            return PlainTextResponse("no such node", 404, headers=SAFE)
        try:
            job = await feed.ask(lambda client: client.job(job_id))
        except FogchainError as error:
            return PlainTextResponse(error.message, 404 if isinstance(error, NotFound) else 502, headers=SAFE)
        headers = {**SAFE, **_saved_as(f"{_plain(job.name)}-{job.id[:8]}.zip")}
        return StreamingResponse(zipped(feed, job.id), media_type="application/zip", headers=headers)

    @router.get("/statement.csv")
    async def statement(first: int | None = None, end: int | None = None) -> Response:
        try:
            lines = await panel.main.ask(lambda client: client.statement_csv(first, end), STATEMENT_TIMEOUT)
        except FogchainError as error:
            return PlainTextResponse(error.message, 502, headers=SAFE)
        return _download(lines.encode(), "statement.csv")

    return router


def _download(data: bytes, name: str) -> Response:
    return Response(data, media_type="application/octet-stream", headers={**SAFE, **_saved_as(name)})


def _saved_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._- " else "-" for letter in name)
