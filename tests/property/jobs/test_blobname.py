"""Names of blobs: the same however the bytes come, and no two of different content."""

from __future__ import annotations

import hashlib
import io

from hypothesis import given
from hypothesis import strategies as st

from fogchain.jobs.blobname import CHUNK, BlobHasher, chunk_count, hash_file, name_of, root_of

sizes = st.sampled_from([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7])


@given(sizes, st.lists(st.integers(0, 3 * CHUNK), max_size=6), st.integers(0, 255))
def test_the_name_does_not_depend_on_how_the_bytes_are_cut(size: int, cuts: list[int], fill: int) -> None:
    data = bytes([fill]) * size
    hasher, at = BlobHasher(), 0
    for cut in [*sorted(cuts), size]:
        hasher.update(data[at:cut])
        at = max(at, cut)
    assert hasher.hexdigest() == name_of(data) == hash_file(io.BytesIO(data)).hexdigest()
    assert (hasher.size, len(hasher.chunks)) == (size, chunk_count(size))


@given(sizes)
def test_small_blobs_have_their_plain_hash_and_large_ones_a_root_over_chunks(size: int) -> None:
    data = hashlib.shake_128(b"x").digest(size)
    leaves = [hashlib.sha256(data[at : at + CHUNK]).digest() for at in range(0, size, CHUNK)]
    if size <= CHUNK:
        assert name_of(data) == hashlib.sha256(data).hexdigest()
    else:
        assert name_of(data) == hashlib.sha3_256(size.to_bytes(8, "big") + b"".join(leaves)).hexdigest()


def test_a_small_blob_that_reads_like_a_large_ones_chunk_list_has_another_name() -> None:
    hasher = BlobHasher()
    hasher.update(bytes(2 * CHUNK))
    listing = hasher.size.to_bytes(8, "big") + b"".join(hasher.chunks)
    assert name_of(listing) != hasher.hexdigest()
    assert root_of(hasher.size - 1, hasher.chunks) != hasher.digest()
