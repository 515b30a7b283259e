"""Processes that die, restart, lie, or are somebody else's: what the others notice."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable

import psutil
import pytest

from fogchain.errors import Unavailable
from node.p2p.host import P2PHost, PeerAddress, PeerDown, PeerFound, PeerUp

from .conftest import Peer, StartPeer, poll

StartHost = Callable[..., Awaitable[P2PHost]]

pytestmark = pytest.mark.asyncio(loop_scope="module")


def watch(host: P2PHost) -> list[object]:
    events: list[object] = []
    host.subscribe(events.append)
    return events


def listen_on(peer: Peer) -> list[str]:
    return [peer.address.rpartition("/p2p/")[0]]


async def test_a_killed_peer_is_down_within_a_second_and_back_after_its_restart(
    start_peer: StartPeer, start_host: StartHost
) -> None:
    host, other = await start_host("host"), await start_peer("other")
    events = watch(host)
    await host.connect(PeerAddress.parse(other.address))
    under_way = asyncio.create_task(host.request(other.peer_id, "sleepy", b"60", timeout=50))
    assert await host.request(other.peer_id, "echo", b"x", timeout=10) == b"x"
    killed = time.monotonic()
    other.process.kill()
    with pytest.raises(Unavailable, match="did not answer on 'sleepy'"):
        await under_way
    await poll(lambda: PeerDown(other.peer_id) in events, 5)
    assert time.monotonic() - killed < 1.5
    assert host.peers == frozenset()
    asked = time.monotonic()
    with pytest.raises(Unavailable, match="nothing listens at"):
        await host.request(other.peer_id, "echo", b"x", timeout=20)
    assert time.monotonic() - asked < 2
    await other.kill()
    again = await start_peer("other", listen=listen_on(other))
    assert again.address == other.address
    assert await host.request(other.peer_id, "echo", b"y", timeout=10) == b"y"
    assert events.count(PeerUp(other.peer_id)) == 2


async def test_a_bootstrap_peer_is_dialled_for_ever(start_peer: StartPeer, start_host: StartHost) -> None:
    other = await start_peer("other")
    await other.kill()
    host = await start_host("host", bootstrap=[other.address])
    events = watch(host)
    assert PeerFound(PeerAddress.parse(other.address), "bootstrap") in events
    assert host.peers == frozenset()
    again = await start_peer("other", listen=listen_on(other))
    await poll(lambda: other.peer_id in host.peers, 30)
    await again.kill()
    await poll(lambda: PeerDown(other.peer_id) in events, 5)
    await start_peer("other", listen=listen_on(other))
    await poll(lambda: other.peer_id in host.peers, 30)


async def test_the_trio_side_restarts_on_its_port_after_a_crash(start_peer: StartPeer, start_host: StartHost) -> None:
    host, other = await start_host("host"), await start_peer("other")
    await host.connect(PeerAddress.parse(other.address))
    await other.until_event("PeerUp", host)
    events = watch(host)
    for within in ("nursery", "loop", "nursery"):
        events.clear()
        await other.call("crash", within=within)
        await poll(lambda: PeerDown(other.peer_id) in events, 5)

        async def answered() -> bool:
            try:
                return await host.request(other.peer_id, "echo", b"x", timeout=10) == b"x"
            except Unavailable:  # not listening again yet
                await asyncio.sleep(0.05)
                return False

        async with asyncio.timeout(20):
            while not await answered():
                pass
        await poll(lambda: PeerUp(other.peer_id) in events, 5)
    assert await other.call("peers") == [host.peer_id]


async def test_requests_under_way_fail_when_our_own_trio_side_crashes(
    start_peer: StartPeer, start_host: StartHost
) -> None:
    host, other = await start_host("host"), await start_peer("other")
    asked = asyncio.Event()

    async def never(peer_id: str, payload: bytes) -> bytes:
        asked.set()
        await asyncio.sleep(60)
        return b""

    host.serve("never", never)  # also after the start
    await other.call("connect", address=host.addresses[0])
    under_way = asyncio.create_task(other.request(host, "never", timeout=50))
    await asyncio.wait_for(asked.wait(), 10)
    await other.call("crash")
    with pytest.raises(Unavailable):
        await asyncio.wait_for(under_way, 10)
    await other.until_event("PeerDown", host, 5)


async def test_strangers_garbage_on_the_port_hurts_nobody(start_peer: StartPeer, start_host: StartHost) -> None:
    host, other = await start_host("host"), await start_peer("other")
    await host.connect(PeerAddress.parse(other.address))
    port = int(other.address.split("/")[4])
    before = await other.call("memory")
    multistream = b"\x13/multistream/1.0.0\n"
    openings = [
        os.urandom(4096), b"GET / HTTP/1.1\r\n\r\n", multistream + b"\x07/noise\n" + b"\xff\xff" + os.urandom(70000),
        multistream + b"\x12/plaintext/2.0.0\n", multistream + b"\xff\xff\xff\xff\x7f", multistream[:5],
        b"\0" * 100_000, multistream + b"\x07/noise\n\x00\x20" + os.urandom(32),
    ]  # fmt: skip
    held: list[socket.socket] = []
    for number in range(120):
        stranger = socket.create_connection(("127.0.0.1", port))
        try:
            stranger.sendall(openings[number % len(openings)])
        except OSError:
            pass  # it hung up on us already
        if number % 2:
            held.append(stranger)  # half open
        else:
            stranger.close()
    assert await host.request(other.peer_id, "echo", b"still here", timeout=10) == b"still here"
    third = await start_host("third")
    await third.connect(PeerAddress.parse(other.address))
    assert await other.call("memory") - before < 64 << 20
    for stranger in held:
        stranger.close()


async def test_plaintext_is_not_spoken(start_host: StartHost) -> None:
    host = await start_host("host")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(host.addresses[0].split("/")[4]))
    for protocol in (b"/plaintext/2.0.0", b"/tls/1.0.0", b"/secio/1.0.0"):
        writer.write(b"\x13/multistream/1.0.0\n" * (protocol == b"/plaintext/2.0.0"))
        writer.write(bytes((len(protocol) + 1,)) + protocol + b"\n")
    said = b""
    async with asyncio.timeout(5):
        while said.count(b"\x03na\n") < 3:
            said += await reader.read(100) or pytest.fail(f"hung up after {said!r}")
    writer.close()


async def test_five_nodes_find_each_other_by_mdns_and_other_networks_do_not(start_peer: StartPeer) -> None:
    ours = await asyncio.gather(*(start_peer(f"ours{number}", mdns=True, network="1:0xaa") for number in range(5)))
    theirs = [await start_peer("theirs", mdns=True, network="1:0xbb")]
    everyone = {peer.peer_id: peer for peer in (*ours, *theirs)}

    def found_by(peer: Peer) -> set[str]:
        return {e["address"]["peer_id"] for e in peer.events if e["event"] == "PeerFound"} & everyone.keys()

    for network in (ours, theirs):
        ids = {peer.peer_id for peer in network}
        for peer in network:
            await poll(lambda p=peer, ids=ids: found_by(p) == ids - {p.peer_id}, 30)  # type: ignore[misc]
    for one in ours:  # an address found is enough to ask
        for other in ours:
            if one is not other:
                assert await one.request(other, "whoami") == one.peer_id
    for network in (ours, theirs):
        for peer in network:
            assert found_by(peer) < {other.peer_id for other in network}
            assert set(await peer.call("peers")) <= {other.peer_id for other in network}


@pytest.mark.slow
async def test_a_machine_that_falls_silent_is_noticed(start_peer: StartPeer, start_host: StartHost) -> None:
    """No TCP reset comes from a machine that lost power; a stopped process is as silent."""
    host, other = await start_host("host"), await start_peer("other")
    await host.connect(PeerAddress.parse(other.address))
    events = watch(host)
    psutil.Process(other.process.pid).suspend()
    try:
        await poll(lambda: PeerDown(other.peer_id) in events, 50)
    finally:
        psutil.Process(other.process.pid).resume()
    assert await host.request(other.peer_id, "echo", b"awake", timeout=10) == b"awake"


async def test_an_idle_host_is_small(start_peer: StartPeer) -> None:
    peer = await start_peer("idle", mdns=True)
    assert await peer.call("memory") < 130 << 20
