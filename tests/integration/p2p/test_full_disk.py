"""A disk that is really full: a small file system of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fogchain.errors import Unavailable
from fogchain.jobs.blobname import name_of
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.spec import BlobRef
from node.p2p.blobs import fetch_blob
from node.p2p.host import PeerAddress

from .conftest import Peer
from .test_blob_transfer import StartHost

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 1 << 20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", place], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("mounting a small file system wants root")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


async def test_a_full_disk_is_told_leaves_nothing_half_named_and_recovers(small: Path, tmp_path: Path) -> None:
    store, large = BlobStore(small / "blobs"), os.urandom(8 * MIB)
    source = tmp_path / "large"
    source.write_bytes(large)
    for put in (lambda: store.put(large), lambda: store.put_file(source)):
        with pytest.raises(Unavailable, match="No space left"):
            put()
        assert store.entries() == [] and store.underway() == 0
    name = store.put(large[: 3 * MIB])
    with pytest.raises(Unavailable, match="No space left"):
        store.put(large[3 * MIB : 7 * MIB])
    store.remove(name)
    assert store.read(store.put(large[3 * MIB : 7 * MIB])) == large[3 * MIB : 7 * MIB]


async def test_a_transfer_onto_a_full_disk_goes_on_when_there_is_room(
    small: Path, tmp_path: Path, start_host: StartHost
) -> None:
    data = os.urandom(8 * MIB)
    BlobStore(tmp_path / "server").put(data)
    server = await Peer.start("server of much", store=str(tmp_path / "server"))
    try:
        host, store = await start_host("poor client"), BlobStore(small / "blobs")
        await host.connect(PeerAddress.parse(server.address))
        ref = BlobRef(sha256=name_of(data), size=len(data))
        with pytest.raises(Unavailable, match="No space left"):
            await fetch_blob(host, store, server.peer_id, ref, timeout=10)
        assert not store.has(ref.sha256) and store.entries() == []
        asked = await server.call("count")
        subprocess.run(["mount", "-o", "remount,size=20m", small], check=True)
        await fetch_blob(host, store, server.peer_id, ref, timeout=10)
        assert store.read(ref.sha256) == data
        assert await server.call("count") - asked <= 20  # of 32 chunks: what was here was not asked for again
    finally:
        await server.kill()
