"""Equal checkpoints have equal bytes, and nothing that is none is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain import cbor
from fogchain.errors import BadMessage
from fogchain.jobs.blobname import name_of
from fogchain.jobs.checkpoint import MAX_FILES, VERSION, Checkpoint
from fogchain.jobs.names import is_plain_name

LIMIT = 4096
SPEC = bytes(range(32))
names = st.from_regex(r"[a-z0-9_][a-z0-9_. -]{0,20}", fullmatch=True).filter(lambda name: not name.endswith(".tmp"))
contents = st.dictionaries(names, st.binary(max_size=200), max_size=8)


@given(files=contents, fuel=st.integers(0, 2**64 - 1), seed=st.randoms())
def test_the_same_files_give_the_same_name_in_whatever_order(files: dict[str, bytes], fuel: int, seed: object) -> None:
    shuffled = list(files.items())
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = Checkpoint(SPEC, fuel, files), Checkpoint(SPEC, fuel, dict(shuffled))
    assert name_of(one.encode()) == name_of(other.encode())
    assert Checkpoint.decode(one.encode(), LIMIT) == one
    assert Checkpoint.decode(one.encode(), LIMIT).encode() == one.encode()


@given(files=contents, more=contents, fuel=st.integers(0, 100))
def test_other_files_another_task_or_other_fuel_give_another_name(
    files: dict[str, bytes], more: dict[str, bytes], fuel: int
) -> None:
    one = Checkpoint(SPEC, fuel, files)
    assert (name_of(one.encode()) == name_of(Checkpoint(SPEC, fuel, more).encode())) == (files == more)
    assert name_of(one.encode()) != name_of(Checkpoint(SPEC, fuel + 1, files).encode())
    assert name_of(one.encode()) != name_of(Checkpoint(bytes(32), fuel, files).encode())


@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        Checkpoint.decode(data, LIMIT)


@given(files=contents, at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_bit_that_flipped_is_another_checkpoint_or_none(files: dict[str, bytes], at: int, bit: int) -> None:
    whole = Checkpoint(SPEC, 7, files).encode()
    data = bytearray(whole)
    data[at % len(data)] ^= 1 << bit
    try:
        found = Checkpoint.decode(bytes(data), LIMIT)
    except BadMessage:
        return
    assert found.encode() == data  # never read as what it is not
    assert all(is_plain_name(name) for name in found.files)


def archive(entries: list[object], *, version: object = VERSION, spec: object = SPEC, fuel: object = 1) -> bytes:
    return cbor.dumps([version, spec, fuel, entries])


@pytest.mark.parametrize(
    "data",
    [
        archive([["../escape", b""]]),
        archive([["/etc/passwd", b""]]),
        archive([["a/b", b""]]),
        archive([[".hidden", b""]]),
        archive([["", b""]]),
        archive([["a\0b", b""]]),
        archive([["a\nb", b""]]),
        archive([["n" * 101, b""]]),
        archive([["half.tmp", b""]]),
        archive([["link", "/etc/passwd"]]),  # a link's target is a text: no content, no file
        archive([["b", b""], ["a", b""]]),
        archive([["a", b"1"], ["a", b"2"]]),
        archive([["a", b"", 0o777]]),
        archive(["a"]),
        archive([[f"{number:03}", b""] for number in range(MAX_FILES + 1)]),
        archive([["a", bytes(LIMIT)], ["b", b"1"]]),
        archive([["a", bytes(LIMIT + (1 << 20))]]),
        archive([], version=2),
        archive([], version=True),
        archive([], spec=bytes(31)),
        archive([], fuel=-1),
        archive([], fuel=2**64),
        archive([], fuel=True),
        archive([]) + b"\0",
        cbor.dumps({"a": b""}),
    ],
)
def test_what_a_rogue_could_write_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        Checkpoint.decode(data, LIMIT)


def test_one_of_another_task_or_without_fuel_is_not_gone_on_from() -> None:
    found = Checkpoint(SPEC, 10, {})
    found.belongs(SPEC, 11)
    with pytest.raises(BadMessage, match="another task"):
        found.belongs(bytes(32), 11)
    with pytest.raises(BadMessage, match="no fuel"):
        found.belongs(SPEC, 10)
