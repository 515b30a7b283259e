"""Codes to join a fleet: read back as they were, and never when anything of them is wrong."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fogchain.errors import BadInput
from node.fleet.codes import MOST_ADDRESSES, PREFIX, SECRET_BYTES, VALID, Code, Issued, digest_of, find

ADDRESS = st.from_regex(r"/ip4/[0-9]{1,3}\.[0-9]\.[0-9]\.[0-9]/tcp/[0-9]{1,5}", fullmatch=True)
CODES = st.builds(
    Code,
    network=st.text(min_size=1, max_size=60),
    gateway=st.binary(min_size=32, max_size=32),
    addresses=st.lists(ADDRESS, min_size=1, max_size=MOST_ADDRESSES).map(tuple),
    secret=st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES),
)


@settings(max_examples=40)
@given(CODES, st.booleans(), st.integers(1, 40))
def test_a_code_is_read_as_it_was_made_however_it_was_copied(code: Code, capitals: bool, width: int) -> None:
    text = str(code)
    lines = "\n ".join(text[at : at + width] for at in range(0, len(text), width))
    assert Code.parse(lines.upper() if capitals else lines) == code


@settings(max_examples=60)
@given(CODES, st.data())
def test_one_letter_that_is_wrong_or_missing_is_noticed(code: Code, data: st.DataObject) -> None:
    text = str(code)
    at = data.draw(st.integers(len(PREFIX), len(text) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
    assume(letter != text[at])
    wrong = data.draw(st.sampled_from((text[:at] + letter + text[at + 1 :], text[:at] + text[at + 1 :], text[:at])))
    try:
        assert Code.parse(wrong) == code, "only bits beyond its end may differ"
    except BadInput:
        pass


@given(st.text(max_size=300))
def test_what_is_no_code_is_refused_with_a_hint(text: str) -> None:
    for each in (text, PREFIX + text):
        with pytest.raises(BadInput) as refused:
            Code.parse(each)
        assert refused.value.hint


@given(st.floats(-1e9, 1e9), st.floats(0, 1e6))
def test_a_code_is_good_for_its_time_and_once(elapsed: float, issued: float) -> None:
    code = Issued(b"", issued)
    age = issued + elapsed - issued
    assert (code.verdict(issued + elapsed) == "good") == (0 <= age < VALID)
    assert Issued(b"", issued, used_by="x").verdict(issued) == "used"


@given(st.lists(st.binary(min_size=16, max_size=16), unique=True, max_size=8), st.binary(min_size=16, max_size=16))
def test_a_secret_finds_its_own_code_alone(secrets: list[bytes], other: bytes) -> None:
    known = [Issued(digest_of(secret), 0.0) for secret in secrets]
    for secret, issued in zip(secrets, known, strict=True):
        assert find(known, secret) == issued
    assume(other not in secrets)
    assert find(known, other) is None
