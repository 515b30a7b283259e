"""The stream of events: order, several listeners, one that does not read, the end of the node."""

from __future__ import annotations

import asyncio
import socket
import time
from urllib.parse import urlsplit

import pytest
from api_running import TOKEN, Running, spec_over

from fogchain.api.client import AsyncClient, Client
from fogchain.api.models import Event
from fogchain.errors import Unavailable
from fogchain.units import WEI
from node.api.routes import events as routes


async def until(condition, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_every_listener_hears_what_changes_in_order(api: Running) -> None:
    spec = spec_over(api, tasks=3)
    await api.client.deposit(WEI)

    async def listen(client: AsyncClient) -> list[Event]:
        heard = []
        async for event in client.events():
            heard.append(event)
            if event.job and event.job.state == "done":
                return heard
        return heard

    def listen_sync() -> list[Event]:
        heard = []
        with Client(api.url, TOKEN).events() as events:
            for event in events:
                heard.append(event)
                if event.job and event.job.state == "done":
                    break
        return heard

    listeners = [asyncio.create_task(listen(api.client)) for _ in range(2)]
    listeners.append(asyncio.create_task(asyncio.to_thread(listen_sync)))
    await until(lambda: len(api.services.listeners) == 3)
    job = await api.client.submit(spec)
    for n in range(3):
        api.services.finish(job.id, n, {})
    async with asyncio.timeout(10):
        first, second, third = await asyncio.gather(*listeners)
    assert first == second == third
    assert [event.task.index for event in first if event.task] == [0, 1, 2]
    assert [event.job.tasks.done for event in first if event.job] == [0, 1, 2, 3]
    await until(lambda: not api.services.listeners)  # who left is forgotten


async def test_one_who_does_not_read_is_dropped_and_the_others_hear_on(
    api: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "BACKLOG", 50)
    parts = urlsplit(api.url)
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(deaf, (parts.hostname, parts.port))
    await loop.sock_sendall(
        deaf,
        f"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n".encode(),
    )
    await until(lambda: len(api.services.listeners) == 1)
    heard = 0

    async def listen() -> None:
        nonlocal heard
        async for _ in api.client.events():
            heard += 1

    good = asyncio.create_task(listen())
    await until(lambda: len(api.services.listeners) == 2)
    status = api.services.status().model_copy(update={"detail": "x" * 20_000})
    sent, began = 0, time.monotonic()
    while len(api.services.listeners) == 2:
        assert time.monotonic() - began < 20, "the deaf client was never dropped"
        api.services.tell(Event(kind="node", time=0, node=status))
        sent += 1
        await asyncio.sleep(0.002)
    await until(lambda: heard == sent)
    good.cancel()
    deaf.close()


async def test_the_end_of_the_node_ends_the_stream_in_words(api: Running) -> None:
    async def listen() -> None:
        async for _ in api.client.events():
            pass

    listener = asyncio.create_task(listen())
    await until(lambda: len(api.services.listeners) == 1)
    began = time.monotonic()
    await api.server.stop()
    assert time.monotonic() - began < 3
    with pytest.raises(Unavailable, match="node"):
        await listener
