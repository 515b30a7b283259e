"""Against js-libp2p, the other implementation people run: ping, identify, and our request protocol, both ways."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fogchain import cbor
from fogchain.errors import NotFound, Unavailable
from node.p2p.host import P2PHost, PeerAddress

HERE = Path(__file__).parent
NETWORK = "31337:0xinterop"

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed"),
    pytest.mark.timeout(300),
]


class JsPeer:
    def __init__(self, process: asyncio.subprocess.Process, peer_id: str, addresses: list[str]) -> None:
        self.process, self.peer_id, self.addresses = process, peer_id, addresses
        self._number = 0

    @classmethod
    async def start(cls, network: str) -> JsPeer:
        process = await asyncio.create_subprocess_exec(
            "node", "--import", "./polyfill.mjs", "peer.mjs", network,
            cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        return cls(process, **json.loads(await cls._line(process)))

    @staticmethod
    async def _line(process: asyncio.subprocess.Process) -> bytes:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            return await process.stdout.readline() or pytest.fail("the js peer ended")

    async def call(self, op: str, **args: Any) -> Any:
        self._number += 1
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"id": self._number, "op": op, "args": args}).encode() + b"\n")
        answer = json.loads(await self._line(self.process))
        assert answer["id"] == self._number
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@pytest.fixture(scope="module")
def installed() -> None:
    if not (HERE / "node_modules" / ".package-lock.json").exists():
        npm = shutil.which("npm") or pytest.skip("npm is not installed")
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        result = subprocess.run(command, cwd=HERE, env=os.environ, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr[-2000:]


@pytest_asyncio.fixture(loop_scope="module")
async def js(installed: None) -> AsyncIterator[JsPeer]:
    peer = await JsPeer.start(NETWORK)
    yield peer
    await peer.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def host() -> AsyncIterator[P2PHost]:
    host = P2PHost(seed=os.urandom(32), listen=["/ip4/127.0.0.1/tcp/0"], network=NETWORK, mdns=False)

    async def echo(peer_id: str, payload: bytes) -> bytes:
        return payload

    async def missing(peer_id: str, payload: bytes) -> bytes:
        raise NotFound("there is no bread", hint="bake some")

    host.serve("echo", echo)
    host.serve("missing", missing)
    await host.start()
    yield host
    await host.stop()


async def test_js_dials_us(js: JsPeer, host: P2PHost) -> None:
    address = host.addresses[0]
    assert 0 <= await js.call("ping", address=address) < 5000
    identified = await js.call("identify", address=address)
    assert identified["agentVersion"].startswith("py-libp2p/")
    assert {"/fogchain/hello/1.0.0", "/fogchain/echo/1.0.0", "/ipfs/ping/1.0.0"} <= set(identified["protocols"])
    with pytest.raises(RuntimeError, match="say hello first"):
        await js.call("request", address=address, subject="echo", payloads=["x"])
    version, network, agent, addresses = await js.call("hello", address=address)
    assert (version, network) == (1, NETWORK)
    assert agent.startswith("fogchain/")
    assert addresses == [address.rpartition("/p2p/")[0]]
    assert js.peer_id in host.peers
    texts = [f"wörd {number}" for number in range(40)]
    assert await js.call("request", address=address, subject="echo", payloads=texts) == texts
    assert await js.call("echoLarge", address=address, size=cbor.MAX_MESSAGE)
    with pytest.raises(RuntimeError, match=r"not-found \| there is no bread \| bake some"):
        await js.call("request", address=address, subject="missing", payloads=["x"])
    assert await host.request(js.peer_id, "echo", b"back over their connection", timeout=10)


async def test_we_dial_js(js: JsPeer, host: P2PHost) -> None:
    await host.connect(PeerAddress.parse(js.addresses[0]))
    assert js.peer_id in host.peers
    payloads = [os.urandom(300) for _ in range(100)]
    answers = await asyncio.gather(*(host.request(js.peer_id, "echo", each, timeout=20) for each in payloads))
    assert answers == payloads
    large = os.urandom(cbor.MAX_MESSAGE)
    assert await host.request(js.peer_id, "echo", large, timeout=30) == large
    with pytest.raises(Unavailable, match="does not speak"):
        await host.request(js.peer_id, "offer", b"", timeout=10)
    assert await js.call("peers") == [host.peer_id]
    await js.stop()
    async with asyncio.timeout(5):
        while js.peer_id in host.peers:
            await asyncio.sleep(0.02)


async def test_a_js_peer_of_another_network_is_ignored(installed: None, host: P2PHost) -> None:
    stranger = await JsPeer.start("1:0xelsewhere")
    try:
        with pytest.raises(Unavailable, match="is on network '1:0xelsewhere'"):
            await host.connect(PeerAddress.parse(stranger.addresses[0]))
        assert host.peers == frozenset()
    finally:
        await stranger.stop()
