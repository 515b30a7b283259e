"""Announcements: heard by all, also those not connected to who makes them; and nobody makes too many."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psutil
import pytest

from fogchain.errors import BadMessage
from node.p2p.host import P2PHost, PeerAddress

from .conftest import Peer, StartPeer

pytestmark = pytest.mark.asyncio(loop_scope="module")

StartHost = Callable[..., Awaitable[P2PHost]]


def heard(peer: Peer) -> list[tuple[str, str]]:
    return [(event["peer_id"], event["data"]) for event in peer.events if event["event"] == "heard"]


async def until_heard(peer: Peer, origin: Peer, text: str) -> None:
    def wanted(event: dict[str, Any]) -> bool:
        return event["event"] == "heard" and (event["peer_id"], event["data"]) == (origin.peer_id, text)

    await peer.until(wanted, 20)


async def line(start_peer: StartPeer) -> tuple[Peer, Peer, Peer]:
    """Three in a row: the ends know only the middle."""
    left, middle, right = await asyncio.gather(*(start_peer(name) for name in ("left", "middle", "right")))
    for end in (left, right):
        await end.call("connect", address=middle.address)
        await middle.until_event("PeerUp", end)
    await asyncio.sleep(2.5)  # two heartbeats: the mesh has formed
    return left, middle, right


async def test_what_one_announces_all_hear_as_his_and_seldom(start_peer: StartPeer) -> None:
    left, middle, right = await line(start_peer)
    assert await left.call("announce", text="offer 1")
    await until_heard(middle, left, "offer 1")
    await until_heard(right, left, "offer 1")
    assert not await left.call("announce", text="offer 2")  # its own pace
    assert await right.call("announce", text="offer 3")
    await until_heard(left, right, "offer 3")
    for number in range(10):
        assert await left.call("announce", text=f"spam {number}", unpaced=True)
    await asyncio.sleep(1)
    assert heard(right) == [(left.peer_id, "offer 1")]
    assert [text for _, text in heard(middle)] == ["offer 1", "offer 3"]
    assert await middle.call("too_often") == 10
    assert await right.call("too_often") == 0  # the middle did not pass them on


async def test_who_comes_a_little_later_still_hears_what_was_said(start_peer: StartPeer) -> None:
    early, late = await asyncio.gather(start_peer("early"), start_peer("late"))
    assert await early.call("announce", text="is anybody there?")
    await late.call("connect", address=early.address)
    await until_heard(late, early, "is anybody there?")


async def test_another_network_hears_nothing(start_peer: StartPeer) -> None:
    ours, theirs = await asyncio.gather(start_peer("ours"), start_peer("theirs", network="other"))
    with pytest.raises(Exception, match="is on network"):
        await ours.call("connect", address=theirs.address)
    await ours.call("announce", text="secret")
    await asyncio.sleep(1)
    assert heard(theirs) == []


async def test_an_announcement_is_short(start_host: StartHost) -> None:
    host = await start_host("host")
    with pytest.raises(BadMessage, match="over the limit of 1024"):
        host.announce(bytes(1025))
    assert host.announce(bytes(1024))


async def test_a_node_at_rest_costs_next_to_nothing(start_peer: StartPeer, start_host: StartHost) -> None:
    quiet = await start_peer("quiet")
    host = await start_host("host")
    await host.connect(PeerAddress.parse(quiet.address))
    await asyncio.sleep(3)
    process = psutil.Process(quiet.process.pid)
    before = sum(process.cpu_times()[:2])
    await asyncio.sleep(10)
    assert sum(process.cpu_times()[:2]) - before < 0.5  # 5 % of a core
