"""Bids and announcements on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain import cbor
from fogchain.errors import BadMessage
from fogchain.market.messages import Bid
from node.trade import wire
from node.trade.wire import Announcement

words = st.binary(min_size=32, max_size=32)
bids = st.builds(
    Bid,
    trader=st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    class_=words,
    side=st.integers(0, 255),
    price=st.integers(0, 2**96 - 1),
    number=st.integers(0, 2**32 - 1),
    round=st.integers(0, 2**40 - 1),
)


@given(st.lists(st.tuples(bids, st.binary(max_size=70)), max_size=5))
def test_bids_come_back_as_they_were_sent(signed: list[tuple[Bid, bytes]]) -> None:
    assert wire.decode_bids(wire.encode_bids(signed)) == signed


@given(words, st.integers(0, 2**40 - 1))
def test_a_round_comes_back(resource_class: bytes, number: int) -> None:
    assert wire.decode_round(wire.encode_round(resource_class, number)) == (resource_class, number)


@given(words, st.integers(0, 2**40 - 1), st.lists(st.text("/ip4.0123", max_size=128), max_size=wire.MAX_ENDPOINTS))
def test_an_announcement_comes_back_and_fits(digest: bytes, issued: int, endpoints: list[str]) -> None:
    said = Announcement(digest, issued, tuple(endpoints))
    assert Announcement.decode(said.encode()) == said and len(said.encode()) <= 1024


@pytest.mark.parametrize(
    "data",
    [
        cbor.dumps([1, b"\0" * 31, 1, []]),
        cbor.dumps([1, b"\0" * 32, -1, []]),
        cbor.dumps([1, b"\0" * 32, 1 << 40, []]),
        cbor.dumps([1, b"\0" * 32, 1, ["x"] * 7]),
        cbor.dumps([1, b"\0" * 32, 1, ["x" * 129]]),
        cbor.dumps([1, b"\0" * 32, 1, ["\x1b[2J"]]),
        cbor.dumps([1, b"\0" * 32, 1, [1]]),
        cbor.dumps([2, b"\0" * 32, 1, []]),
        b"",
    ],
)
def test_an_announcement_of_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        Announcement.decode(data)


@pytest.mark.parametrize(
    "value",
    [[1], [[]], [[[], b""]], [[["x"] * 6, b""]], [[[b"\0" * 20, b"\0" * 32, 0, 1, 0, 1], "text"]], [[[], b""]] * 4097],
)
def test_a_list_of_anything_but_bids_is_refused(value: object) -> None:
    with pytest.raises(BadMessage):
        wire.decode_bids(cbor.dumps([1, value]))
