"""The content-addressed store: what it names is whole and right, whatever happened before."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain.errors import BadInput, BadMessage
from fogchain.jobs.blobname import CHUNK, BlobHasher, name_of
from fogchain.jobs.blobs import STALE, BlobStore


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def leftovers(store: BlobStore) -> list[str]:
    return [path.name for path in (store.root / "partial").iterdir()]


@given(st.binary(max_size=5000), st.integers(0, 6000), st.integers(0, 6000))
def test_what_is_put_is_read(tmp_path_factory: pytest.TempPathFactory, data: bytes, offset: int, length: int) -> None:
    store = BlobStore(tmp_path_factory.mktemp("blobs"))
    sha256 = store.put(data)
    assert sha256 == name_of(data)
    assert store.has(sha256)
    assert store.size(sha256) == len(data)
    assert store.read(sha256) == data
    assert store.read(sha256, offset, length) == data[offset : offset + length]
    assert leftovers(store) == []


def test_a_file_is_copied_in(store: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "input"
    source.write_bytes(os.urandom(3 << 20))
    sha256 = store.put_file(source)
    source.unlink()
    assert name_of(store.path(sha256).read_bytes()) == sha256
    assert leftovers(store) == []


def test_a_file_that_is_not_there_is_bad_input(store: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="can't be read"):
        store.put_file(tmp_path / "none")
    assert leftovers(store) == []


def pieces(data: bytes) -> list[bytes]:
    return [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]


def hashes(data: bytes) -> tuple[bytes, ...]:
    hasher = BlobHasher()
    hasher.update(data)
    return hasher.chunks


def test_a_transfer_survives_the_store_being_opened_again(store: BlobStore) -> None:
    data = os.urandom(3 * CHUNK + 1000)
    first = store.partial(name_of(data), len(data))
    assert first.hashes is None
    first.learn(hashes(data))
    for index in (3, 1):
        first.put(index, pieces(data)[index])
    assert not store.has(name_of(data)) and store.underway() < len(data)  # the file has holes
    again = BlobStore(store.root).partial(name_of(data), len(data))
    assert (again.missing, again.here, again.hashes) == ([0, 2], CHUNK + 1000, hashes(data))
    for index in (2, 0):
        again.put(index, pieces(data)[index])
    assert store.complete(again).read_bytes() == data
    assert leftovers(store) == []


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["right", "wrong", "other", "short", "reopen", "rot"]))),
    st.sampled_from([1, 1000, CHUNK]),
)
def test_a_transfer_keeps_right_chunks_alone_whatever_comes(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]], last: int
) -> None:
    store, data = BlobStore(tmp_path_factory.mktemp("blobs")), hashlib.shake_128(b"seed").digest(3 * CHUNK + last)
    parts, here = pieces(data), set[int]()
    partial = store.partial(name_of(data), len(data))
    partial.learn(hashes(data))
    for index, kind in steps:
        if kind == "right":
            partial.put(index, parts[index])
            here.add(index)
        elif kind == "reopen":
            partial.close()
            partial = store.partial(name_of(data), len(data))
        elif kind == "rot":  # a disk that forgot: noticed when the transfer is taken up
            partial.close()
            with partial.place.open("rb+") as file:
                file.seek(index * CHUNK)
                file.write(bytes(1) if parts[index][0] else b"\1")
            partial = store.partial(name_of(data), len(data))
            here.discard(index)
        else:
            bad = {"wrong": bytes(len(parts[index])), "other": parts[index - 1], "short": parts[index][:-1]}[kind]
            with pytest.raises(BadMessage):
                partial.put(index, bad)
        assert set(range(4)) - set(partial.missing) == here
    for index in partial.missing:
        partial.put(index, parts[index])
    assert store.complete(partial).read_bytes() == data
    assert leftovers(store) == []


def test_a_list_of_chunks_that_is_not_the_names_is_refused(store: BlobStore) -> None:
    data = os.urandom(2 * CHUNK)
    partial = store.partial(name_of(data), len(data))
    for wrong in (hashes(data)[:1], hashes(data)[::-1], hashes(data) * 2, (), hashes(data + b"x")):
        with pytest.raises(BadMessage):
            partial.learn(wrong)
    with pytest.raises(BadMessage):
        store.partial(name_of(data), len(data) - 1).learn(hashes(data))


@pytest.mark.parametrize("junk", [b"", b"fogmap1\n", b"x" * 500, bytes(8 + 8 + 33 * 2)])
def test_a_damaged_map_starts_a_transfer_over(store: BlobStore, junk: bytes) -> None:
    data = os.urandom(2 * CHUNK)
    partial = store.partial(name_of(data), len(data))
    partial.learn(hashes(data))
    partial.put(0, pieces(data)[0])
    partial.place.with_name(partial.place.name + ".map").write_bytes(junk)
    assert store.partial(name_of(data), len(data)).missing == [0, 1]


def test_small_blobs_need_no_list(store: BlobStore) -> None:
    for data in (b"", b"x", os.urandom(CHUNK)):
        partial = store.partial(name_of(data), len(data))
        partial.put(0, data)
        assert store.complete(partial).read_bytes() == data


def test_transfers_nobody_goes_on_with_are_swept_after_a_day(store: BlobStore) -> None:
    store.partial(name_of(b"old"), 3).close()
    store.sweep()
    assert leftovers(store)
    store.sweep(time.time() + STALE + 1)
    assert leftovers(store) == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n"])
def test_what_is_no_hash_reaches_no_file(store: BlobStore, name: str) -> None:
    for use in (store.has, store.path, store.size, store.read, store.remove, store.chunks):
        with pytest.raises(BadInput):
            use(name)
    with pytest.raises(BadInput):
        store.partial(name, 1)


def test_many_writers_of_one_blob_agree(store: BlobStore) -> None:
    data = os.urandom(1 << 20)
    threads = [threading.Thread(target=store.put, args=(data,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read(name_of(data)) == data
    assert leftovers(store) == []


def test_a_writer_that_is_killed_leaves_no_half_blob(store: BlobStore) -> None:
    """Kill a process in the middle of putting large blobs, several times: every named blob is whole."""
    work = (
        "import os, sys; from pathlib import Path; from fogchain.jobs.blobs import BlobStore\n"
        "store = BlobStore(Path(sys.argv[1])); print('go', flush=True)\n"
        "while True: store.put(os.urandom(4 << 20)); print('put', flush=True)"
    )
    for puts in range(1, 4):
        process = subprocess.Popen([sys.executable, "-c", work, str(store.root)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(1 + puts):
            process.stdout.readline()
        process.kill()
        process.wait()
    named = list(store.root.glob("??/*"))
    assert len(named) >= 6
    for path in named:
        assert name_of(path.read_bytes()) == path.name
