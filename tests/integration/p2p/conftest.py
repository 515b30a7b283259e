from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest_asyncio

from fogchain import errors
from node.p2p.host import P2PHost

HERE = Path(__file__).parent


def seed(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


class Peer:
    """A node in another process; see `peer.py`."""

    def __init__(self, process: asyncio.subprocess.Process, config: dict[str, Any]) -> None:
        self.process, self.config = process, config
        self.events: list[dict[str, Any]] = []
        self.peer_id = ""
        self.addresses: list[str] = []
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._changed = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, name: str, program: str = "peer.py", **config: Any) -> Peer:
        process = await asyncio.create_subprocess_exec(
            sys.executable, HERE / program, json.dumps({"seed": seed(name).hex()} | config),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(HERE.parents[2])}, limit=1 << 24,
        )  # fmt: skip
        peer = cls(process, config)
        ready = await peer.until(lambda event: event["event"] == "ready", 60)
        peer.peer_id, peer.addresses = ready["peer_id"], ready["addresses"]
        return peer

    @property
    def address(self) -> str:
        return self.addresses[0]

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            message = json.loads(line)
            if "event" in message:
                self.events.append(message)
                self._changed.set()
                continue
            answer = self._answers.pop(message["id"])
            if answer.done():
                continue
            if "error" in message:
                kind = getattr(errors, message["error"], errors.Unavailable)
                answer.set_exception(kind(message["message"], hint=message["hint"]))
            else:
                answer.set_result(message["ok"])
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(EOFError("the process ended"))
        self._changed.set()

    async def call(self, op: str, **arguments: Any) -> Any:
        number = len(self._answers) + int(time.monotonic_ns())
        self._answers[number] = asyncio.get_running_loop().create_future()
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"id": number, "op": op} | arguments).encode() + b"\n")
        return await self._answers[number]

    async def request(self, other: Peer | P2PHost, subject: str, payload: str = "", timeout: float = 10) -> str:
        return str(await self.call("request", peer=other.peer_id, subject=subject, payload=payload, timeout=timeout))

    async def until(self, wanted: Callable[[dict[str, Any]], bool], timeout: float = 20) -> dict[str, Any]:
        """The first event, also of those before, that is wanted."""
        async with asyncio.timeout(timeout):
            while True:
                for event in self.events:
                    if wanted(event):
                        return event
                if self._reading.done():
                    raise EOFError(f"the process ended; it said {self.events}")
                self._changed.clear()
                await self._changed.wait()

    async def until_event(self, kind: str, other: Peer | P2PHost, timeout: float = 20) -> None:
        await self.until(lambda event: event["event"] == kind and event.get("peer_id") == other.peer_id, timeout)

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reading

    async def finish(self) -> int:
        """End of input: a graceful stop."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        async with asyncio.timeout(20):
            return await self.process.wait()


StartPeer = Callable[..., Awaitable[Peer]]


@pytest_asyncio.fixture(loop_scope="module")
async def start_peer() -> AsyncIterator[StartPeer]:
    peers: list[Peer] = []

    async def start(name: str, program: str = "peer.py", **config: Any) -> Peer:
        peer = await Peer.start(name, program, **config)
        peers.append(peer)
        return peer

    yield start
    for peer in peers:
        await peer.kill()


@pytest_asyncio.fixture(loop_scope="module")
async def start_host() -> AsyncIterator[Callable[..., Awaitable[P2PHost]]]:
    """Hosts in this process."""
    hosts: list[P2PHost] = []

    async def start(name: str, *, network: str = "test", **settings: Any) -> P2PHost:
        settings = {"listen": ["/ip4/127.0.0.1/tcp/0"], "mdns": False} | settings
        host = P2PHost(seed=seed(name), network=network, **settings)
        await host.start()
        hosts.append(host)
        return host

    yield start
    for host in hosts:
        await host.stop()


async def poll(condition: Callable[[], object], timeout: float = 10) -> None:
    """Wait until `condition()` is true; TimeoutError when it does not become so."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.02)
