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
from node.feed import RETURN_SECONDS, Feed


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
    await until(lambda: api.services.listeners == 3)
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
    await until(lambda: api.services.listeners == 1)
    heard = 0

    async def listen() -> None:
        nonlocal heard
        async for _ in api.client.events():
            heard += 1

    good = asyncio.create_task(listen())
    await until(lambda: api.services.listeners == 2)
    status = api.services.status().model_copy(update={"detail": "x" * 20_000})
    sent, began = 0, time.monotonic()
    while api.services.listeners == 2:
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
    await until(lambda: api.services.listeners == 1)
    began = time.monotonic()
    await api.server.stop()
    assert time.monotonic() - began < 3
    with pytest.raises(Unavailable, match="node"):
        await listener


async def test_who_comes_back_hears_what_was_missed_and_nothing_twice(api: Running) -> None:
    async def hear(count: int, after: int | None) -> list[Event]:
        heard: list[Event] = []
        async with asyncio.timeout(10):
            stream = api.client.events(after)
            async for event in stream:
                heard.append(event)
                if len(heard) == count:
                    break
            await stream.aclose()
        return heard

    first = asyncio.create_task(hear(3, None))
    await until(lambda: api.services.listeners == 1)
    for n in range(6):
        api.services.tell(Event(kind="wallet", time=n))
    heard = await first
    assert [event.time for event in heard] == [0, 1, 2]
    assert [event.time for event in await hear(3, heard[-1].seq)] == [3, 4, 5]
    for old in (0, heard[0].seq - 2, heard[-1].seq + 10**6):
        assert (await hear(1, old))[0].kind == "gap"


def test_events_that_nobody_heard_are_a_gap(tmp_path: object) -> None:
    now = [1000.0]
    feed = Feed(lambda: now[0])
    assert not feed.heard and feed._after(int(1000 * 1e6))[0].kind == "gap"


async def test_numbers_grow_over_a_restart_and_old_ones_are_a_gap() -> None:
    now = [1000.0]
    before = Feed(lambda: now[0])
    listening = before.listen()
    waiting = asyncio.ensure_future(anext(listening))
    await asyncio.sleep(0)
    before.publish(Event(kind="wallet", time=1))
    last = (await waiting).seq
    await listening.aclose()
    now[0] += RETURN_SECONDS  # whoever left may still come back
    before.publish(Event(kind="wallet", time=2))
    again = before.listen(last)
    assert (await anext(again)).time == 2
    await again.aclose()
    now[0] += RETURN_SECONDS + 1
    assert not before.heard
    late = before.listen(last + 1)
    assert (await anext(late)).kind == "gap"
    await late.aclose()
    now[0] += 1
    after = Feed(lambda: now[0]).listen(last)
    gap = await anext(after)
    assert gap.kind == "gap" and gap.seq > last
    await after.aclose()
