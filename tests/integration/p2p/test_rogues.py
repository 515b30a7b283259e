"""Peers that finish the handshake and then break our protocol's rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from node.p2p.host import P2PHost, PeerAddress

from .conftest import Peer, StartPeer

StartHost = Callable[..., Awaitable[P2PHost]]


class Scene:
    """A victim in a process of its own, and an honest peer of it here."""

    def __init__(self, victim: Peer, honest: P2PHost, start_peer: StartPeer) -> None:
        self.victim, self.honest, self._start = victim, honest, start_peer

    async def attack(self, name: str, timeout: float = 60) -> dict[str, Any]:
        rogue = await self._start("rogue", "rogue.py", target=self.victim.address, attack=name)
        return await rogue.until(lambda event: event["event"] == "done", timeout)

    async def check_honest_is_served(self) -> None:
        assert await self.honest.request(self.victim.peer_id, "echo", b"honest", timeout=10) == b"honest"


@pytest.fixture
async def scene(start_peer: StartPeer, start_host: StartHost) -> Scene:
    victim, honest = await start_peer("victim"), await start_host("honest")
    await honest.connect(PeerAddress.parse(victim.address))
    return Scene(victim, honest, start_peer)


async def test_frames_that_are_none_end_their_stream_and_no_more(scene: Scene) -> None:
    result = await scene.attack("bad_frames")
    assert result["refused"] == [True] * 7
    await scene.check_honest_is_served()


async def test_a_hello_that_is_none_is_answered_with_an_error(scene: Scene) -> None:
    result = await scene.attack("bad_hello")
    assert result["kinds"] == ["ERROR"] * 5
    assert await scene.victim.call("peers") == [scene.honest.peer_id]


async def test_without_hello_nothing_is_served_and_the_stranger_is_sent_away(scene: Scene) -> None:
    result = await scene.attack("no_hello")
    assert result["kind"] == "ERROR"
    assert result["gone"]
    await scene.check_honest_is_served()


async def test_a_peer_that_never_reads_holds_little_and_blocks_nobody(scene: Scene) -> None:
    before = await scene.victim.call("memory")
    await scene.attack("never_read", 120)
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
    result = await scene.attack("many_streams", 120)
    assert result["refused"] > 0
    assert result["opened"] <= 50
    await scene.check_honest_is_served()
