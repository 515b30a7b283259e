"""One blob from several processes: shared work, grants, and sources that are slow, lie or die."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fogchain.errors import BadMessage, NotFound
from fogchain.jobs.blobname import CHUNK, chunk_count, name_of
from fogchain.jobs.blobs import BlobStore
from node.p2p.grants import VALIDITY, make_grant, owner_of
from node.p2p.host import peer_id_of

from .conftest import Peer, seed

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATA = random.Random(3).randbytes(24 << 20)
NAME = name_of(DATA)
CHUNKS = chunk_count(len(DATA))
IN_VAIN = 30  # requests beyond one a chunk: lists, and last chunks asked of two


@dataclass
class Stage:
    folder: Path
    peers: list[Peer]

    async def peer(self, name: str, *, holds: bool = True, **config: Any) -> Peer:
        store = BlobStore(self.folder / name)
        if holds:
            store.put(DATA)
        peer = await Peer.start(f"{name} {os.urandom(4).hex()}", store=str(store.root), **config)
        self.peers.append(peer)
        return peer

    async def fetcher(self, *sources: Peer) -> Peer:
        peer = await self.peer("fetcher", holds=False)
        for source in sources:
            await peer.call("connect", address=source.address)
        return peer

    async def several(self, **config: Any) -> tuple[Peer, Peer]:
        """The blob's owner, and another that holds it for the owner and may have a fault."""
        owner = await self.peer("owner")
        holder = await self.peer("holder", owner=owner.peer_id, **config)
        await owner.call("name_sources", peers=[holder.peer_id])
        return owner, holder

    def whole(self) -> bool:
        return BlobStore(self.folder / "fetcher").read(NAME) == DATA


@pytest_asyncio.fixture(loop_scope="module")
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path, [])
    yield stage
    for peer in stage.peers:
        await peer.kill()


async def fetch(fetcher: Peer, source: Peer) -> None:
    await fetcher.call("fetch", peer=source.peer_id, sha256=NAME, size=len(DATA), timeout=20)


async def here(fetcher: Peer, least: int) -> None:
    await fetcher.until(lambda event: event["event"] == "progress" and event["here"] >= least)


async def test_two_sources_share_the_work(stage: Stage) -> None:
    owner, holder = await stage.several()
    fetcher = await stage.fetcher(owner, holder)
    await fetch(fetcher, owner)
    assert stage.whole()
    gave = [await owner.call("count"), await holder.call("count")]
    assert min(gave) > CHUNKS // 10 and sum(gave) <= CHUNKS + IN_VAIN


async def test_who_holds_a_blob_for_another_gives_it_to_nobody_the_owner_has_not_named(stage: Stage) -> None:
    owner, holder = await stage.several()
    fetcher = await stage.fetcher(owner, holder)
    with pytest.raises(NotFound, match="there is no blob"):
        await fetch(fetcher, holder)
    stranger = await stage.peer("stranger")  # it names sources, too, and signs grants of its own
    await stranger.call("name_sources", peers=[holder.peer_id])
    await fetcher.call("connect", address=stranger.address)
    await fetch(fetcher, stranger)
    assert stage.whole()
    assert await stranger.call("count") >= CHUNKS


async def test_a_source_that_lies_is_dropped_after_its_first_wrong_chunk(stage: Stage) -> None:
    owner, holder = await stage.several()
    with BlobStore(stage.folder / "holder").path(NAME).open("rb+") as file:
        for chunk in range(CHUNKS):  # its list was right when it was asked for it; its bytes are not
            file.seek(chunk * CHUNK + 5)
            file.write(b"lie")
    fetcher = await stage.fetcher(owner, holder)
    await fetch(fetcher, owner)
    assert stage.whole()
    assert 1 <= await holder.call("count") <= 12  # those already asked when the first one came


async def test_a_slow_source_does_not_hold_the_others_up(stage: Stage) -> None:
    owner, holder = await stage.several(delay=15)
    fetcher = await stage.fetcher(owner, holder)
    begun = time.monotonic()
    await fetch(fetcher, owner)
    assert time.monotonic() - begun < 10
    assert stage.whole()


async def test_when_the_first_source_is_killed_the_other_goes_on(stage: Stage) -> None:
    owner, holder = await stage.several()
    fetcher = await stage.fetcher(owner, holder)
    fetching = asyncio.create_task(fetch(fetcher, owner))
    await here(fetcher, 4 << 20)
    await owner.kill()
    await fetching
    assert stage.whole()
    assert await holder.call("count") > CHUNKS // 10


async def test_those_who_fetch_at_the_same_time_give_each_other_what_has_come(stage: Stage) -> None:
    """One is killed on the way; the other has all the same."""
    owner = await stage.peer("owner", delay=0.5)  # without each other it would take each of them many seconds
    names = ("first", "second", "third")
    peers = [await stage.peer(name, holds=False, owner=owner.peer_id) for name in names]
    await owner.call("name_sources", peers=[peer.peer_id for peer in peers])
    for peer in peers:
        for other in (owner, *peers):
            if other is not peer:
                await peer.call("connect", address=other.address)
    first, second, third = (asyncio.create_task(fetch(peer, owner)) for peer in peers)
    await here(peers[2], 2 << 20)
    await peers[2].kill()
    with pytest.raises(EOFError):
        await third
    await asyncio.gather(first, second)
    assert all(BlobStore(stage.folder / name).read(NAME) == DATA for name in names[:2])
    given = [await peer.call("count") for peer in peers[:2]]
    assert min(given) > 0 and sum(given) > CHUNKS // 8
    assert await owner.call("count") < 3 * CHUNKS - CHUNKS // 8  # it need not give everything to everybody


async def test_a_killed_fetch_from_two_sources_asks_for_no_chunk_again(stage: Stage) -> None:
    owner, holder = await stage.several()
    fetcher = await stage.fetcher(owner, holder)
    fetching = asyncio.create_task(fetch(fetcher, owner))
    await here(fetcher, 8 << 20)
    await fetcher.kill()
    with pytest.raises(EOFError):
        await fetching
    missing = len(BlobStore(stage.folder / "fetcher").partial(NAME, len(DATA)).missing)
    assert 0 < missing <= CHUNKS - (8 << 20) // CHUNK
    before = await owner.call("count") + await holder.call("count")
    fetcher = await stage.fetcher(owner, holder)
    await fetch(fetcher, owner)
    assert stage.whole()
    assert await owner.call("count") + await holder.call("count") - before <= missing + IN_VAIN


async def test_grants_are_for_one_reader_one_blob_and_a_while() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(seed("owner"))
    grant = make_grant(key, "reader", NAME, now=1000)
    assert owner_of(grant, "reader", NAME, now=1000 + VALIDITY) == peer_id_of(key.public_key().public_bytes_raw())
    for reader, name, now in (("other", NAME, 1000), ("reader", "0" * 64, 1000), ("reader", NAME, 1001 + VALIDITY)):
        with pytest.raises(BadMessage):
            owner_of(grant, reader, name, now=now)
    for at in range(len(grant)):
        spoiled = bytearray(grant)
        spoiled[at] ^= 1
        with pytest.raises(BadMessage):
            owner_of(bytes(spoiled), "reader", NAME, now=1000)
