"""Requests between real processes: answers, errors, limits, speed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from fogchain import cbor
from fogchain.errors import BadMessage, Conflict, NotFound, Unavailable
from node.p2p.host import P2PHost, PeerAddress, peer_id_of

from .conftest import Peer

StartHost = Callable[..., Awaitable[P2PHost]]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair() -> AsyncIterator[tuple[Peer, Peer]]:
    """Two processes, the first connected to the second."""
    one, two = await asyncio.gather(Peer.start("one"), Peer.start("two"))
    await one.call("connect", address=two.address)
    await two.until_event("PeerUp", one)
    yield one, two
    assert await one.finish() == 0
    await two.until_event("PeerDown", one, 5)
    await two.kill()


async def test_two_processes_ask_each_other(pair: tuple[Peer, Peer]) -> None:
    one, two = pair
    assert two.peer_id in await one.call("peers")
    assert await one.request(two, "echo", "hällo") == "hällo"
    assert await one.request(two, "whoami") == one.peer_id
    assert await two.request(one, "whoami") == two.peer_id  # over the connection that is there
    with pytest.raises(NotFound, match="there is no bread") as caught:
        await one.request(two, "missing", "bread")
    assert caught.value.hint == "ask for something else"
    for _ in range(3):
        with pytest.raises(Unavailable, match="failed on this request") as failed:
            await one.request(two, "buggy")
        assert "secret" not in failed.value.message
    with pytest.raises(Unavailable, match=r"does not speak /fogchain/nothing/1.0.0"):
        await one.request(two, "nothing")
    assert await one.request(two, "echo", "still here") == "still here"
    told = await one.call("refused_by_peers")
    assert ["missing", "not-found", "there is no bread"] in told
    assert not {"buggy", "nothing"} & {subject for subject, *_ in told}, "not refused: failed, and not spoken"


async def test_answers_come_in_any_order_and_a_silent_handler_blocks_nobody(pair: tuple[Peer, Peer]) -> None:
    one, two = pair
    slow = asyncio.create_task(one.request(two, "sleepy", "30", timeout=1.5))
    began = time.monotonic()
    done = await asyncio.gather(*(one.request(two, "sleepy", str(0.3 - number / 100)) for number in range(20)))
    assert done[3] == str(0.3 - 3 / 100)
    assert time.monotonic() - began < 3  # one after another they would take 4 s
    with pytest.raises(Unavailable, match=r"did not answer on 'sleepy' within 1.5 s"):
        await slow
    assert await one.request(two, "sleepy", "0") == "0"


async def test_speed_many_small_requests(pair: tuple[Peer, Peer], start_host: StartHost) -> None:
    """A guard against answering in lock step, not a benchmark: the machine may be busy."""
    two, host = pair[1], await start_host("host")
    await host.connect(PeerAddress.parse(two.address))
    numbers = iter(range(1500))

    async def worker() -> None:
        for number in numbers:
            assert await host.request(two.peer_id, "echo", b"%d" % number, timeout=20) == b"%d" % number

    began = time.monotonic()
    await asyncio.gather(*(worker() for _ in range(16)))
    assert 1500 / (time.monotonic() - began) > 150


async def test_messages_up_to_the_limit_pass_and_larger_ones_are_refused(
    pair: tuple[Peer, Peer], start_host: StartHost
) -> None:
    two, host = pair[1], await start_host("host")
    await host.connect(PeerAddress.parse(two.address))
    largest = bytes(range(256)) * 4096
    assert await host.request(two.peer_id, "echo", largest, timeout=20) == largest
    with pytest.raises(BadMessage, match="over the limit"):
        await host.request(two.peer_id, "echo", largest + b"x", timeout=20)
    with pytest.raises(BadMessage, match="over the limit"):
        await host.request(two.peer_id, "large", b"%d" % (cbor.MAX_MESSAGE + 1), timeout=20)
    assert len(await host.request(two.peer_id, "large", b"%d" % cbor.MAX_MESSAGE, timeout=20)) == cbor.MAX_MESSAGE


async def test_who_can_not_be_reached_is_told_in_words(start_host: StartHost) -> None:
    host, other = await start_host("host"), await start_host("other")
    stranger = peer_id_of(b"\x01" * 32)
    with pytest.raises(Unavailable, match="no address is known"):
        await host.request(stranger, "echo", b"", timeout=5)
    with pytest.raises(BadMessage, match="not the peer id"):
        await host.request("nobody", "echo", b"", timeout=5)
    with pytest.raises(Unavailable, match="nothing listens at"):
        await host.connect(PeerAddress(stranger, ("/ip4/127.0.0.1/tcp/1",)))
    with pytest.raises(Unavailable, match="its own peer"):
        await host.connect(PeerAddress.parse(host.addresses[0]))
    impostor = PeerAddress(stranger, (other.addresses[0].rpartition("/p2p/")[0],))
    with pytest.raises(Unavailable, match="can't be reached"):
        await host.connect(impostor)
    assert host.peers == frozenset()


async def test_dead_addresses_do_not_block_a_good_one(start_host: StartHost) -> None:
    host, other = await start_host("host"), await start_host("other")
    silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)  # accepts and says nothing
    port = silent.sockets[0].getsockname()[1]
    good = other.addresses[0].rpartition("/p2p/")[0]
    addrs = (f"/ip4/127.0.0.1/tcp/{port}", "/ip4/127.0.0.1/tcp/1", "/dns4/nowhere.invalid/tcp/1", good)
    async with silent:
        began = time.monotonic()
        await host.connect(PeerAddress(other.peer_id, addrs))
        assert time.monotonic() - began < 5
    assert other.peer_id in host.peers


async def test_a_busy_port_is_told_and_the_first_host_is_unharmed(start_host: StartHost) -> None:
    host, caller = await start_host("host"), await start_host("caller")
    second = P2PHost(
        seed=b"\x02" * 32, listen=[host.addresses[0].rpartition("/p2p/")[0]], network="test", mdns=False, bootstrap=()
    )  # fmt: skip
    with pytest.raises(Conflict, match="Address already in use") as caught:
        await second.start()
    assert "/tcp/0" in caught.value.hint
    await second.stop()
    await caller.connect(PeerAddress.parse(host.addresses[0]))


async def test_a_wildcard_address_becomes_real_ones_with_loopback_last(start_host: StartHost) -> None:
    host = await start_host("host", listen=["/ip4/0.0.0.0/tcp/0"])
    caller = await start_host("caller")
    assert host.addresses[-1].startswith("/ip4/127.0.0.1/tcp/")
    assert not any("/0.0.0.0/" in address or "/tcp/0/" in address for address in host.addresses)
    for address in host.addresses:
        await caller.connect(PeerAddress.parse(address))


async def test_networks_do_not_mix(start_host: StartHost) -> None:
    here, there = await start_host("here", network="1:0xaa"), await start_host("there", network="31337:0xbb")
    seen: list[object] = []
    there.subscribe(seen.append)
    with pytest.raises(Unavailable, match="is on network '31337:0xbb', not '1:0xaa'"):
        await here.connect(PeerAddress.parse(there.addresses[0]))
    assert here.peers == there.peers == frozenset()
    assert seen == []
