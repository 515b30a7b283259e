"""Result files for the browser. They were written by other people's programs: nothing in them may run."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from fogchain.errors import FogchainError, NotFound
from ui.panel import Panel
from ui.pictures import PNG, read_ppm

IMAGES = (".png", ".ppm")  # what can be looked at in place
SAFE = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def file_path(node: int, job_id: str, task: int, name: str, *, image: bool = False) -> str:
    """The panel's own address of a result file: to download, or as an image to look at."""
    return f"/files/{node}/{job_id}/{task}/{quote(name)}" + ("?image=1" if image else "")


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
        saved = quote(name.rpartition("/")[2])
        headers = {**SAFE, "Content-Disposition": f"attachment; filename*=UTF-8''{job_id[:8]}-{task}-{saved}"}
        return Response(data, media_type="application/octet-stream", headers=headers)

    return router
