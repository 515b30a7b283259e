"""The stream of what changes. A client that does not keep up is dropped; the node does not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import structlog
from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from fogchain.api.models import Event
from fogchain.errors import BadInput
from node.api.problem import problem_response
from node.api.services import NodeServices

log = structlog.get_logger(__name__)

BACKLOG = 2000  # events that may wait for one client
SEND_SECONDS = 10.0  # for one event
TRY_AGAIN_LATER = 1013


def event_routes(services: NodeServices) -> APIRouter:
    router = APIRouter()

    @router.websocket("/events")
    async def events(socket: WebSocket) -> None:
        try:
            after = _number(socket.query_params.get("after"))
        except BadInput as refused:
            await problem_response(refused)(socket.scope, socket.receive, socket.send)
            return
        waiting: asyncio.Queue[Event] = asyncio.Queue(BACKLOG)
        # Subscribed before the handshake's answer, so that the client misses nothing after it.
        gather = asyncio.create_task(_gather(services.subscribe(after), waiting), name="events in")
        await asyncio.sleep(0)
        await socket.accept()
        tasks = [
            gather,
            asyncio.create_task(_send(socket, waiting), name="events out"),
            asyncio.create_task(_until_gone(socket), name="events client"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        errors = [error for task in done if (error := task.exception())]
        if any(isinstance(error, _TooSlow) for error in errors):
            log.warning("events client dropped", reason="it does not keep up")
            await _drop(socket)
        elif errors and not isinstance(errors[0], WebSocketDisconnect):
            raise errors[0]

    return router


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise BadInput(f"after: {text[:40]!r} is no event's number", hint="give the `seq` of the last event you had")
    return int(text)


class _TooSlow(Exception):
    pass


async def _gather(feed: AsyncIterator[Event], waiting: asyncio.Queue[Event]) -> None:
    try:
        async for event in feed:
            waiting.put_nowait(event)
    except asyncio.QueueFull:
        raise _TooSlow from None
    finally:
        close = getattr(feed, "aclose", None)
        if close is not None:
            await close()


async def _send(socket: WebSocket, waiting: asyncio.Queue[Event]) -> None:
    while True:
        event = await waiting.get()
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await socket.send_text(event.model_dump_json(exclude_none=True))
        except TimeoutError:
            raise _TooSlow from None


async def _until_gone(socket: WebSocket) -> None:
    """What the client says is of no interest, that it leaves is."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _drop(socket: WebSocket) -> None:
    with suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
        async with asyncio.timeout(1):
            await socket.close(TRY_AGAIN_LATER, "this client does not keep up with the events")
