"""Where the browser brings the files of a job that is being written: streamed to the draft's own folder."""

from __future__ import annotations

import asyncio
import secrets

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from fogchain.errors import FogchainError, TooLarge
from fogchain.units import show_size
from ui.drafts import MOST_FILE, Slot
from ui.panel import Panel


def upload_path(draft: str) -> str:
    """The base of a draft's files: a slot and a name follow."""
    return f"/drafts/{draft}"


def routes(panel: Panel) -> APIRouter:
    router = APIRouter()

    @router.put("/drafts/{draft_id}/{slot}/{name}")
    async def put(draft_id: str, slot: Slot, name: str, request: Request) -> Response:
        draft = panel.drafts.get(draft_id)
        if draft is None:
            return PlainTextResponse("this job is not being written any more: reload the page", 404)
        arriving = draft.folder / f".{secrets.token_hex(8)}"
        size = 0
        try:
            draft.admit(slot, name, int(request.headers.get("content-length") or 0))
            with arriving.open("wb") as file:
                async for piece in request.stream():
                    size += len(piece)
                    if size > MOST_FILE:
                        raise TooLarge(f"{name} is over {show_size(MOST_FILE)}", hint="split it")
                    await asyncio.to_thread(file.write, piece)
            draft.admit(slot, name, size)
            arriving.replace(draft.path(slot, name))
            draft.added(slot, name, size)
        except FogchainError as error:
            return PlainTextResponse(f"{error.message}; {error.hint}", 413 if isinstance(error, TooLarge) else 400)
        except (OSError, ValueError):
            return PlainTextResponse("it could not be kept: is the panel's disk full?", 507)
        finally:
            arriving.unlink(missing_ok=True)
        return Response(status_code=204)

    return router
