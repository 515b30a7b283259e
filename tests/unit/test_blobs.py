"""The content-addressed store: what it names is whole and right, whatever happened before."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain.errors import BadInput, BadMessage, NotFound, Unavailable
from fogchain.jobs.blobname import name_of
from fogchain.jobs.blobs import BlobStore


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


def test_a_transfer_survives_the_store_being_opened_again(store: BlobStore) -> None:
    data = os.urandom(100_000)
    sha256 = name_of(data)
    store.append(sha256, 0, data[:60_000])
    assert not store.has(sha256)
    again = BlobStore(store.root)
    assert again.arrived(sha256) == 60_000
    again.append(sha256, 60_000, data[60_000:])
    assert again.complete(sha256).read_bytes() == data
    assert leftovers(store) == []


def test_bytes_that_do_not_follow_are_refused(store: BlobStore) -> None:
    sha256 = name_of(b"abcdef")
    store.append(sha256, 0, b"abc")
    for offset in (0, 2, 4):
        with pytest.raises(BadMessage):
            store.append(sha256, offset, b"def")
    store.append(sha256, 3, b"def")
    assert store.complete(sha256).read_bytes() == b"abcdef"


def test_a_wrong_hash_never_gets_the_name_and_is_dropped(store: BlobStore) -> None:
    sha256 = name_of(b"right")
    store.append(sha256, 0, b"wrong")
    with pytest.raises(BadMessage, match="hashes to"):
        store.complete(sha256)
    assert not store.has(sha256)
    assert store.arrived(sha256) == 0


def test_dropping_starts_a_transfer_over(store: BlobStore) -> None:
    sha256 = name_of(b"right")
    store.append(sha256, 0, b"junk")
    store.drop(sha256)
    store.drop(sha256)
    assert store.arrived(sha256) == 0


def test_the_empty_blob_needs_no_transfer(store: BlobStore) -> None:
    empty = name_of(b"")
    assert store.complete(empty).read_bytes() == b""
    with pytest.raises(NotFound):
        store.complete(name_of(b"x"))


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n"])
def test_what_is_no_hash_reaches_no_file(store: BlobStore, name: str) -> None:
    for use in (store.has, store.path, store.size, store.arrived, store.complete, store.read, store.drop):
        with pytest.raises(BadInput):
            use(name)
    with pytest.raises(BadInput):
        store.append(name, 0, b"x")


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_and_leaves_nothing(store: BlobStore) -> None:
    sha256 = name_of(b"data")
    (store.root / "partial" / sha256).symlink_to("/dev/full")
    with pytest.raises(Unavailable, match="No space left"):
        store.append(sha256, 0, b"data")
    assert not store.has(sha256)
