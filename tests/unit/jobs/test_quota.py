"""The quota: what nothing needs goes, longest unused first; what somebody needs never does."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain.errors import TooLarge, Unavailable
from fogchain.jobs.blobs import BlobStore, Entry
from fogchain.jobs.quota import GRACE, Pin, Storage, to_collect

NOW = 1e9
entries = st.lists(
    st.builds(Entry, st.uuids().map(str), st.integers(0, 1000), st.floats(NOW - 3 * GRACE, NOW)),
    max_size=30, unique_by=lambda entry: entry.name,
)  # fmt: skip


@given(entries, st.integers(0, 10_000), st.integers(0, 5000), st.data())
def test_no_pinned_or_young_blob_goes_and_no_more_than_needed(
    here: list[Entry], quota: int, need: int, data: st.DataObject
) -> None:
    pinned = set(data.draw(st.lists(st.sampled_from([e.name for e in here])))) if here else set[str]()
    going = to_collect(here, pinned, quota=quota, need=need, now=NOW)
    assert not pinned & {entry.name for entry in going}
    assert all(entry.used < NOW - GRACE for entry in going)
    may_go = sorted(
        (e for e in here if e.name not in pinned and e.used < NOW - GRACE), key=lambda e: e.used
    )  # fmt: skip
    assert going == may_go[: len(going)]  # the longest unused
    left = sum(entry.size for entry in here) - sum(entry.size for entry in going)
    if left + need > quota:
        assert going == may_go  # all that may go went, and it was not enough
    elif going:
        assert left + going[-1].size + need > quota  # without the last one it had not been enough


def aged(store: BlobStore, data: bytes, age: float) -> str:
    name = store.put(data)
    os.utime(store.path(name), (time.time() - age,) * 2)
    return name


def test_room_is_made_of_what_nothing_needs(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    oldest, needed, young = (aged(store, os.urandom(1000), age) for age in (3e4, 2e4, 1.0))
    storage = Storage(store, 4000)
    storage.pins.append(lambda: {needed: Pin("job", "buyer")})
    storage.room(1000, "a test")
    assert store.has(oldest)
    storage.room(1001, "a test")
    assert not store.has(oldest)
    assert store.has(needed) and store.has(young)
    with pytest.raises(Unavailable, match=r"no room for a test of 2\.9 KiB: .* is left"):
        storage.room(3000, "a test")
    with pytest.raises(TooLarge, match=r"keeps 3\.9 KiB of data in all"):
        storage.room(4001, "a test")
    assert store.has(needed) and store.has(young)


def test_what_was_promised_is_given_to_nobody_else(tmp_path: Path) -> None:
    store, promised = BlobStore(tmp_path), [0]
    storage = Storage(store, 10_000)
    storage.promised.append(lambda: promised[0])
    storage.pins.append(lambda: {entry.name: Pin("job", "buyer") for entry in store.entries()})
    assert storage.pieces(3000, 9) == 3
    promised[0] = 9000
    assert storage.pieces(3000, 9) == 0
    with pytest.raises(Unavailable):
        storage.room(1001, "an upload")
    storage.room(1000, "an upload")
    store.put(os.urandom(1000))
    store.put(os.urandom(3000))  # one of them is here
    storage.took(3000)
    promised[0] = 6000
    assert storage.pieces(1, 9) == 0
    assert storage.reserved() == 6000 and "of data.quota, 9.7 KiB, 0 B is free" in storage.lack(3000)


def test_room_for_results_is_made_of_what_nothing_needs(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    oldest = aged(store, os.urandom(1000), 3e4)
    storage = Storage(store, 3000)
    assert storage.pieces(1000, 2) == 2 and store.has(oldest)
    assert storage.pieces(1000, 5) == 3 and not store.has(oldest)


def test_what_is_read_or_put_again_counts_as_used(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    read, put, idle = (os.urandom(1000) for _ in range(3))
    names = [aged(store, data, 3e4) for data in (read, put, idle)]
    store.read(names[0])
    store.put(put)
    assert [entry.name for entry in Storage(store, 1000).collect()] == names[2:]


def test_a_quota_nobody_set_is_a_tenth_of_the_disk_at_most(tmp_path: Path) -> None:
    import shutil

    quota = Storage(BlobStore(tmp_path), None).quota
    assert 0 < quota <= shutil.disk_usage(tmp_path).total // 10
    assert quota <= 20 << 30
