"""Peers that finish the handshake and then break our protocol's rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from node.p2p.host import P2PHost, PeerAddress

from .conftest import Peer, seed

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Scene:
    """A victim in a process of its own, rogues in another, and an honest peer here."""

    def __init__(self, victim: Peer, rogues: Peer, honest: P2PHost) -> None:
        self.victim, self.rogues, self.honest = victim, rogues, honest

    async def attack(self, name: str) -> dict[str, Any]:
        async with asyncio.timeout(90):
            result: dict[str, Any] = await self.rogues.call(name)
            return result

    async def check_honest_is_served(self) -> None:
        assert await self.honest.request(self.victim.peer_id, "echo", b"honest", timeout=10) == b"honest"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene() -> AsyncIterator[Scene]:
    victim = await Peer.start("victim")
    rogues = await Peer.start("rogues", "rogue.py", target=victim.address)
    honest = P2PHost(seed=seed("honest"), listen=["/ip4/127.0.0.1/tcp/0"], network="test", mdns=False)
    await honest.start()
    await honest.connect(PeerAddress.parse(victim.address))
    yield Scene(victim, rogues, honest)
    await honest.stop()
    await rogues.kill()
    await victim.kill()


async def test_frames_that_are_none_end_their_stream_and_no_more(scene: Scene) -> None:
    result = await scene.attack("bad_frames")
    assert result["refused"] == [True] * 7
    await scene.check_honest_is_served()


async def test_a_hello_that_is_none_is_answered_with_an_error(scene: Scene) -> None:
    result = await scene.attack("bad_hello")
    assert result["kinds"] == ["ERROR"] * 5


async def test_without_hello_nothing_is_served_and_the_stranger_is_sent_away(scene: Scene) -> None:
    result = await scene.attack("no_hello")
    assert result["kind"] == "ERROR"
    assert result["gone"]
    await scene.check_honest_is_served()


async def test_a_peer_that_never_reads_holds_little_and_blocks_nobody(scene: Scene) -> None:
    before = await scene.victim.call("memory")
    await scene.attack("never_read")
    for _ in range(5):
        await scene.check_honest_is_served()
    assert await scene.victim.call("memory") - before < 200 << 20


async def test_a_peer_that_ignores_the_window_is_cut_off(scene: Scene) -> None:
    before = await scene.victim.call("memory")
    result = await scene.attack("flood")
    assert result["cut"], result
    assert result["sent"] < 100 << 20
    assert await scene.victim.call("memory") - before < 150 << 20
    await scene.check_honest_is_served()


async def test_streams_of_one_peer_are_limited(scene: Scene) -> None:
    result = await scene.attack("many_streams")
    assert result["refused"] > 0
    assert result["opened"] <= 50
    await scene.check_honest_is_served()
