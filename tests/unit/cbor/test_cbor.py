"""CBOR has one form here, and holds plain values only."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain import cbor
from fogchain.errors import BadMessage

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**255), 2**255)
    | st.binary(max_size=40)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.binary(max_size=4), inner),
    max_leaves=15,
)


@given(plain)
def test_plain_values_survive(value: object) -> None:
    data = cbor.dumps(value)
    assert cbor.loads(data) == value
    assert cbor.dumps(cbor.loads(data)) == data


@given(st.dictionaries(st.text(max_size=8), st.integers(), min_size=2, max_size=6), st.randoms())
def test_equal_maps_give_equal_bytes_however_they_were_built(value: dict[str, int], random: object) -> None:
    items = list(value.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert cbor.dumps(dict(items)) == cbor.dumps(value)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("1800", "0 in two bytes"),
        ("190001", "1 in three bytes"),
        ("1b0000000000000001", "1 in nine bytes"),
        ("5801ff", "one byte, its length in two"),
        ("780161", "a short text, its length in two"),
        ("980100", "an array of one, its length in two"),
        ("a2616200616100", "keys not sorted"),
        ("a2616100616101", "a key twice"),
        ("9f00ff", "array without length"),
        ("bfff", "map without length"),
        ("5f4100ff", "bytes in pieces"),
        ("7f6161ff", "text in pieces"),
        ("0000", "a second value"),
        ("c24101", "a small integer as a large one"),
        ("c2490000000000000000ff", "a large integer with zeros before it"),
        ("f97e00", "not a number"),
        ("f93c00", "a fraction"),
        ("fb3ff0000000000000", "a long fraction"),
        ("f7", "undefined"),
        ("e0", "a simple value"),
        ("f8ff", "a simple value in two bytes"),
        ("a10000", "a number as key"),
        ("a18000", "an array as key"),
        ("61ff", "text that is not UTF-8"),
        ("c074323031332d30332d32315432303a30343a30305a", "a date"),
        ("d81c80", "a shared array"),
        ("d82361" + "61", "a regular expression"),
        ("d9010280", "a set"),
        ("c5820301", "a big float"),
        ("d81e820100", "a fraction over zero"),
        ("d9d9f700", "CBOR that says it is CBOR"),
        ("ff", "an end without a beginning"),
        ("", "nothing"),
        ("82", "an array cut short"),
    ],
)
def test_every_other_form_is_refused(data: str, why: str) -> None:
    with pytest.raises(BadMessage):
        cbor.loads(bytes.fromhex(data))


def _head(major: int, value: int) -> bytes:
    if value < 24:
        return bytes([major << 5 | value])
    for extra, form in ((24, ">BB"), (25, ">BH"), (26, ">BI")):
        if value < 1 << 8 * (struct.calcsize(form) - 1):
            return struct.pack(form, major << 5 | extra, value)
    raise AssertionError(value)


def test_no_tag_is_taken_but_that_of_large_integers() -> None:
    contents = [
        bytes.fromhex(text) for text in ("01", "6161", "4101", "820102", "a0", "80", "826161f6", "50" + "00" * 16)
    ]
    tags = [*range(3000), *range(43_000, 43_010), 55_799, 65_535, 65_536]
    for tag in tags:
        for content in contents:
            with pytest.raises(BadMessage):
                cbor.loads(_head(6, tag) + content)
    assert cbor.loads(cbor.dumps(2**96 - 1)) == 2**96 - 1


def test_depth_size_and_integers_are_bounded() -> None:
    assert cbor.loads(b"\x81" * 15 + b"\x00")
    for depth in (17, 1000, 500_000):
        with pytest.raises(BadMessage):
            cbor.loads(b"\x81" * depth + b"\x00")
    assert cbor.loads(cbor.dumps(2**256 - 1)) == 2**256 - 1
    with pytest.raises(BadMessage, match="257 bits"):
        cbor.loads(cbor.dumps(2**256))
    with pytest.raises(BadMessage, match="over the limit of 10"):
        cbor.loads(bytes(11), limit=10)
    huge = cbor.dumps(10**5000)
    with pytest.raises(BadMessage):
        cbor.loads(huge)
