"""A P2PHost in a process of its own, driven by JSON lines: `{id, op, …}` in, `{id, ok | error}` and `{event}` out."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import structlog

from fogchain.errors import FogchainError, NotFound
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.spec import BlobRef
from node.p2p.blobs import fetch_blob, serve_blobs, serve_sources
from node.p2p.host import Handler, P2PHost, PeerAddress, PeerEvent


def say(**message: Any) -> None:
    print(json.dumps(message), flush=True)


async def echo(peer_id: str, payload: bytes) -> bytes:
    return payload


async def whoami(peer_id: str, payload: bytes) -> bytes:
    return peer_id.encode()


async def missing(peer_id: str, payload: bytes) -> bytes:
    raise NotFound(f"there is no {payload.decode()}", hint="ask for something else")


async def buggy(peer_id: str, payload: bytes) -> bytes:
    raise ZeroDivisionError("a bug with a secret in it")


async def sleepy(peer_id: str, payload: bytes) -> bytes:
    await asyncio.sleep(float(payload))
    return payload


async def large(peer_id: str, payload: bytes) -> bytes:
    return bytes(int(payload))


class Program:
    def __init__(self, config: dict[str, Any]) -> None:
        self.host = P2PHost(
            seed=bytes.fromhex(config["seed"]),
            listen=config.get("listen", ["/ip4/127.0.0.1/tcp/0"]),
            network=config.get("network", "test"),
            mdns=config.get("mdns", False),
            bootstrap=config.get("bootstrap", []),
        )
        self.refused: list[tuple[str, str, str]] = []
        self.host.refused_by_peer = lambda subject, error: self.refused.append((subject, error.code, error.message))
        for handler in (echo, whoami, missing, buggy, sleepy, large):
            self.host.serve(handler.__name__, handler)
        self.host.hear(lambda peer, data: say(event="heard", peer_id=peer, data=data.decode()))
        if "store" in config:
            self.store = BlobStore(Path(config["store"]))
            self.served, self.delay = 0, config.get("delay", 0.0)
            secret, owner = config.get("secret", []), config.get("owner", "")
            serve_blobs(
                self.host, self.store, lambda _, name: not owner and name not in secret, lambda by, _: by == owner
            )  # fmt: skip
            self.host.serve("blob", self.counted(self.host._handlers["blob"]))
        self.sources: list[str] = []
        serve_sources(self.host, lambda _peer, _sha256: self.sources)

    def counted(self, serve: Handler) -> Handler:
        async def answer(peer_id: str, payload: bytes) -> bytes:
            self.served += 1
            await asyncio.sleep(self.delay)
            return await serve(peer_id, payload)

        return answer

    async def count(self) -> int:
        """Requests for pieces of blobs so far."""
        return self.served

    async def name_sources(self, peers: list[str]) -> None:
        self.sources = peers

    def saw(self, event: PeerEvent) -> None:
        say(event=type(event).__name__, **asdict(event))

    async def connect(self, address: str) -> None:
        await self.host.connect(PeerAddress.parse(address))

    async def request(self, peer: str, subject: str, payload: str, timeout: float = 10) -> str:
        return (await self.host.request(peer, subject, payload.encode(), timeout=timeout)).decode()

    async def fetch(self, peer: str, sha256: str, size: int, timeout: float = 10) -> None:
        def progress(here: int, total: int) -> None:
            say(event="progress", here=here, total=total)

        await fetch_blob(
            self.host, self.store, peer, BlobRef(sha256=sha256, size=size), timeout=timeout, progress=progress
        )  # fmt: skip

    async def announce(self, text: str, unpaced: bool = False) -> bool:
        if unpaced:  # as a node would that keeps no pace
            self.host._bridge.announce(text.encode())
            return True
        return self.host.announce(text.encode())

    async def too_often(self) -> int:
        return self.host.too_often

    async def refused_by_peers(self) -> list[tuple[str, str, str]]:
        return self.refused

    async def peers(self) -> list[str]:
        return sorted(self.host.peers)

    async def memory(self) -> int:
        return psutil.Process().memory_info().rss

    async def crash(self, within: str = "nursery") -> None:
        """End the trio side: by what an exception that escapes a stream handler does, or by one in trio's own loop."""

        async def raise_later() -> None:
            raise RuntimeError("escaped into the nursery")

        def raise_now() -> None:
            raise RuntimeError("escaped into the loop")

        life = self.host._bridge._wire
        assert life is not None
        if within == "nursery":
            life.token.run_sync_soon(life.nursery.start_soon, raise_later)
        else:
            life.token.run_sync_soon(raise_now)

    async def run(self) -> None:
        self.host.subscribe(self.saw)
        await self.host.start()
        say(event="ready", peer_id=self.host.peer_id, addresses=self.host.addresses)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        async with asyncio.TaskGroup() as group:
            while line := await reader.readline():
                group.create_task(self.do(json.loads(line)))
            await self.host.stop()

    async def do(self, command: dict[str, Any]) -> None:
        number = command.pop("id")
        try:
            say(id=number, ok=await getattr(self, command.pop("op"))(**command))
        except FogchainError as error:
            say(id=number, error=type(error).__name__, message=error.message, hint=error.hint)


if __name__ == "__main__":
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    asyncio.run(Program(json.loads(sys.argv[1])).run())
