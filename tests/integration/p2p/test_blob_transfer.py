"""Blobs between processes: whole, resumed, shared, and from peers that lie."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from fogchain import cbor
from fogchain.errors import BadMessage, FogchainError, NotFound, Unavailable
from fogchain.jobs.blobname import CHUNK, BlobHasher, name_of
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.spec import BlobRef
from node.p2p.blobs import fetch_blob
from node.p2p.host import P2PHost, PeerAddress

from .conftest import Peer, StartPeer

StartHost = Callable[..., Awaitable[P2PHost]]

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATA = random.Random(7).randbytes(3 * CHUNK + 12_345)
SECRET = b"not for everyone"


def ref(data: bytes) -> BlobRef:
    return BlobRef(sha256=name_of(data), size=len(data))


def listing(data: bytes) -> bytes:
    hasher = BlobHasher()
    hasher.update(data)
    return b"".join(hasher.chunks)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Peer]:
    store = BlobStore(tmp_path_factory.mktemp("server"))
    for data in (DATA, SECRET, b""):
        store.put(data)
    peer = await Peer.start("server", store=str(store.root), secret=[ref(SECRET).sha256])
    yield peer
    await peer.kill()


@pytest_asyncio.fixture(loop_scope="module")
async def client(start_host: StartHost, server: Peer) -> P2PHost:
    host = await start_host("client")
    await host.connect(PeerAddress.parse(server.address))
    return host


async def liar(start_host: StartHost, client: P2PHost, answer: Callable[[int, int], bytes]) -> P2PHost:
    """A peer that answers each request for a piece with `answer(offset, length)`."""
    host = await start_host("liar")

    async def serve(peer_id: str, payload: bytes) -> bytes:
        _, _, offset, length, _ = cbor.loads(payload)
        return answer(offset, length) if length else cbor.dumps([1, len(DATA), listing(DATA)])

    host.serve("blob", serve)
    await client.connect(PeerAddress.parse(host.addresses[0]))
    return host


async def test_a_blob_is_fetched_with_progress(client: P2PHost, server: Peer, tmp_path: Path) -> None:
    store, seen = BlobStore(tmp_path), []
    await fetch_blob(
        client, store, server.peer_id, ref(DATA), timeout=10, progress=lambda here, total: seen.append((here, total))
    )  # fmt: skip
    assert store.read(ref(DATA).sha256) == DATA
    here = [here for here, _ in seen]
    came = [after - before for before, after in itertools.pairwise([0, *here])]  # in whatever order the chunks came
    assert sorted(came) == [0, len(DATA) % CHUNK, CHUNK, CHUNK, CHUNK] and (came[-1], here[-1]) == (0, len(DATA))
    assert {total for _, total in seen} == {len(DATA)}
    await fetch_blob(client, store, "nobody is asked for what is here", ref(DATA), timeout=10)
    await fetch_blob(client, store, server.peer_id, ref(b""), timeout=10)
    assert store.read(ref(b"").sha256) == b""


async def test_what_is_not_there_and_what_is_not_allowed_look_alike(
    client: P2PHost, server: Peer, tmp_path: Path
) -> None:
    store = BlobStore(tmp_path)
    for data in (SECRET, b"never stored"):
        with pytest.raises(NotFound, match=f"there is no blob {ref(data).sha256}"):
            await fetch_blob(client, store, server.peer_id, ref(data), timeout=10)


async def test_a_fetch_goes_on_where_a_killed_process_stopped(
    start_peer: StartPeer, server: Peer, tmp_path: Path
) -> None:
    data = os.urandom(24 << 20)
    BlobStore(Path(server.config["store"])).put(data)
    fetcher = await start_peer("fetcher", store=str(tmp_path))
    await fetcher.call("connect", address=server.address)
    task = asyncio.create_task(fetcher.call("fetch", peer=server.peer_id, sha256=ref(data).sha256, size=len(data)))
    await fetcher.until(lambda event: event["event"] == "progress" and event["here"] >= 2 << 20)
    await fetcher.kill()
    with pytest.raises(EOFError):
        await task
    here = BlobStore(tmp_path).partial(ref(data).sha256, len(data)).here
    assert 2 << 20 <= here < len(data)
    again = await start_peer("fetcher", store=str(tmp_path))
    await again.call("connect", address=server.address)
    await again.call("fetch", peer=server.peer_id, sha256=ref(data).sha256, size=len(data))
    first = next(event for event in again.events if event["event"] == "progress")
    assert first["here"] == min(here + CHUNK, len(data))
    assert BlobStore(tmp_path).read(ref(data).sha256) == data


async def test_callers_share_one_transfer_and_one_may_leave(
    client: P2PHost, start_host: StartHost, tmp_path: Path
) -> None:
    asked: list[int] = []

    def answer(offset: int, length: int) -> bytes:
        asked.append(offset)
        return cbor.dumps([1, len(DATA), DATA[offset : offset + length]])

    host, store = await liar(start_host, client, answer), BlobStore(tmp_path)
    tasks = [asyncio.create_task(fetch_blob(client, store, host.peer_id, ref(DATA), timeout=10)) for _ in range(5)]
    while not asked:
        await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.gather(*tasks[1:])
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    assert sorted(asked) == [0, CHUNK, 2 * CHUNK, 3 * CHUNK]
    assert store.read(ref(DATA).sha256) == DATA


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda offset, length: cbor.dumps([1, len(DATA) + 1, DATA[offset : offset + length]]), id="size"),
        pytest.param(lambda offset, length: cbor.dumps([1, len(DATA), DATA[: length - 1]]), id="short"),
        pytest.param(lambda offset, length: cbor.dumps([1, len(DATA), bytes(CHUNK + 1)]), id="long"),
        pytest.param(lambda offset, length: cbor.dumps([1, len(DATA), bytes(length)]), id="other bytes"),
        pytest.param(lambda offset, length: cbor.dumps([1, len(DATA), "text"]), id="type"),
        pytest.param(lambda offset, length: cbor.dumps({"a": 1}), id="shape"),
        pytest.param(lambda offset, length: b"\xff", id="no CBOR"),
    ],
)
async def test_a_server_that_lies_is_refused_and_an_honest_one_then_serves(
    answer: Callable[[int, int], bytes], client: P2PHost, server: Peer, start_host: StartHost, tmp_path: Path
) -> None:
    host, store = await liar(start_host, client, answer), BlobStore(tmp_path)
    with pytest.raises(BadMessage, match=host.peer_id[-8:] + "|major type"):
        await fetch_blob(client, store, host.peer_id, ref(DATA), timeout=10)
    assert not store.has(ref(DATA).sha256)
    assert store.partial(ref(DATA).sha256, len(DATA)).here == 0
    await fetch_blob(client, store, server.peer_id, ref(DATA), timeout=10)
    assert store.read(ref(DATA).sha256) == DATA


async def test_a_server_that_never_answers_is_given_up(client: P2PHost, start_host: StartHost, tmp_path: Path) -> None:
    host = await start_host("mute")

    async def never(peer_id: str, payload: bytes) -> bytes:
        await asyncio.sleep(60)
        return b""

    host.serve("blob", never)
    await client.connect(PeerAddress.parse(host.addresses[0]))
    with pytest.raises(Unavailable, match=r"did not answer on 'blob' within 0\.5 s"):
        await fetch_blob(client, BlobStore(tmp_path), host.peer_id, ref(DATA), timeout=0.5)


async def test_a_false_list_of_chunks_is_noticed_at_once(
    client: P2PHost, server: Peer, start_host: StartHost, tmp_path: Path
) -> None:
    host, store, asked = await start_host("liar"), BlobStore(tmp_path), []

    async def serve(peer_id: str, payload: bytes) -> bytes:
        asked.append(payload)
        return cbor.dumps([1, len(DATA), listing(DATA[::-1])])

    host.serve("blob", serve)
    await client.connect(PeerAddress.parse(host.addresses[0]))
    with pytest.raises(BadMessage, match="list of chunks"):
        await fetch_blob(client, store, host.peer_id, ref(DATA), timeout=10)
    assert len(asked) == 1


async def test_one_wrong_chunk_spoils_none_of_the_others(
    client: P2PHost, server: Peer, start_host: StartHost, tmp_path: Path
) -> None:
    def answer(offset: int, length: int) -> bytes:
        return cbor.dumps([1, len(DATA), DATA[offset : offset + length] if offset != CHUNK else bytes(length)])

    host, store = await liar(start_host, client, answer), BlobStore(tmp_path)
    with pytest.raises(BadMessage, match=f"{host.peer_id[-8:]}: chunk 1 of blob"):
        await fetch_blob(client, store, host.peer_id, ref(DATA), timeout=10)
    left = store.partial(ref(DATA).sha256, len(DATA))
    assert 1 in left.missing
    seen: list[int] = []
    await fetch_blob(
        client, store, server.peer_id, ref(DATA), timeout=10, progress=lambda here, _: seen.append(here)
    )  # fmt: skip
    assert len(seen) == len(left.missing) + 1  # what was right was not fetched again
    assert store.read(ref(DATA).sha256) == DATA


async def test_when_one_peer_fails_a_waiter_tries_its_own(
    client: P2PHost, server: Peer, start_host: StartHost, tmp_path: Path
) -> None:
    asked: list[int] = []

    def answer(offset: int, length: int) -> bytes:
        asked.append(offset)
        return b"junk"

    host, store = await liar(start_host, client, answer), BlobStore(tmp_path)
    bad = asyncio.create_task(fetch_blob(client, store, host.peer_id, ref(DATA), timeout=10))
    while not asked:  # the transfer is its own
        await asyncio.sleep(0)
    good = asyncio.create_task(fetch_blob(client, store, server.peer_id, ref(DATA), timeout=10))
    with pytest.raises(BadMessage):
        await bad
    await good
    assert store.read(ref(DATA).sha256) == DATA


@pytest.mark.parametrize(
    "request_",
    [
        b"", b"\x80", *(
            cbor.dumps(fields)
            for fields in (
                [2, bytes(32), 0, 1, b""], [1, bytes(31), 0, 1, b""], [1, "x", 0, 1, b""], [1, bytes(32), -1, 1, b""],
                [1, bytes(32), 0, CHUNK + 1, b""], [1, bytes(32), 0, -1, b""], [1, bytes(32), 0.5, 1, b""],
                [1, bytes(32), True, 1, b""], [1, bytes(32), 2**60, 1, b""], [1, bytes(32), 0, 1, ""],
                [1, bytes(32), 0, 1],
            )
        ),
    ],
)  # fmt: skip
async def test_a_request_that_is_none_is_refused(client: P2PHost, server: Peer, request_: bytes) -> None:
    with pytest.raises(BadMessage):
        await client.request(server.peer_id, "blob", request_, timeout=10)


async def test_a_ref_of_the_wrong_size_is_refused(client: P2PHost, server: Peer, tmp_path: Path) -> None:
    for size in (0, 10, len(DATA) - 1, len(DATA) + 1):
        with pytest.raises(FogchainError):
            wrong = BlobRef(sha256=ref(DATA).sha256, size=size)
            await fetch_blob(client, BlobStore(tmp_path), server.peer_id, wrong, timeout=10)
    assert not BlobStore(tmp_path).has(ref(DATA).sha256)
