"""Sign-in messages: ERC-4361's own examples, what the grammar allows and nothing else, and every way to be refused."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given
from hypothesis import strategies as st

from fogchain.errors import BadMessage, BadSignature
from fogchain.wallet.address import checksummed
from fogchain.wallet.eip712 import address_of
from fogchain.wallet.siwe import MAX_BYTES, SignIn, format_time, parse_time, sign

KEY = PrivateKey(b"\x07" * 32)
NOW = 1_790_000_000.0

EXAMPLE = """\
example.com wants you to sign in with your Ethereum account:
0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2

I accept the ExampleOrg Terms of Service: https://example.com/tos

URI: https://example.com/login
Version: 1
Chain ID: 1
Nonce: 32891756
Issued At: 2021-09-30T16:25:24Z
Resources:
- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/
- https://example.com/my-web2-claim.json"""


def test_the_standards_examples() -> None:
    read = SignIn.parse(EXAMPLE)
    assert read == SignIn(
        domain="example.com",
        address="0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
        uri="https://example.com/login",
        chain_id=1,
        nonce="32891756",
        issued_at="2021-09-30T16:25:24Z",
        statement="I accept the ExampleOrg Terms of Service: https://example.com/tos",
        resources=(
            "ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/",
            "https://example.com/my-web2-claim.json",
        ),
    )
    assert read.text == EXAMPLE
    assert SignIn.parse(EXAMPLE.replace("example.com", "example.com:3388", 1)).domain == "example.com:3388"
    with_scheme = SignIn.parse("https://" + EXAMPLE)
    assert (with_scheme.scheme, with_scheme.domain) == ("https", "example.com")


LETTERS = "abcXYZ019"
TIMES = st.floats(0, 4e9).map(format_time) | st.sampled_from(
    ["2026-02-28T23:59:60Z", "1999-12-31t00:00:00.123456789z", "2026-06-01T08:00:00+05:30", "2026-06-01T08:00:00-08:00"]
)
URIS = st.sampled_from(
    ["https://example.com/login", "http://[::1]:80/a?b#c", "ipfs://b", "urn:isbn:1", "did:key:z6M", "a:", "x://u@h/%7e"]
)
MESSAGES = st.builds(
    SignIn,
    domain=st.sampled_from(["example.com", "localhost:8080", "127.0.0.1", "[2001:db8::1]:9", "me@h:1", "x%20y"]),
    address=st.binary(min_size=20, max_size=20).map(lambda raw: checksummed("0x" + raw.hex())),
    uri=URIS,
    chain_id=st.integers(0, 2**53),
    nonce=st.text(LETTERS, min_size=8, max_size=80),
    issued_at=TIMES,
    scheme=st.none() | st.sampled_from(["https", "http", "a+b-c.d"]),
    statement=st.none() | st.text(LETTERS + " -._~:/?#[]@!$&'()*+,;=", max_size=200),
    expiration=st.none() | TIMES,
    not_before=st.none() | TIMES,
    request_id=st.none() | st.text(LETTERS + "-._~!$&'()*+,;=:@", max_size=30),
    resources=st.none() | st.lists(URIS, max_size=4).map(tuple),
)


@given(MESSAGES)
def test_what_is_written_is_read_back(message: SignIn) -> None:
    assert SignIn.parse(message.text) == message


@given(MESSAGES, st.data())
def test_whatever_is_read_reads_the_same_again(message: SignIn, data: st.DataObject) -> None:
    """One character changed, dropped or doubled: refused with BadMessage, or another message of exactly that text."""
    text = message.text
    at = data.draw(st.integers(0, len(text) - 1))
    put = data.draw(st.sampled_from(["", text[at] * 2, "\n", " ", "\r", "\0", "%", "é", "0", "A"]))
    changed = text[:at] + put + text[at + 1 :]
    try:
        assert SignIn.parse(changed).text == changed
    except BadMessage:
        pass


@given(st.text(max_size=300))
def test_noise_is_refused_as_such(noise: str) -> None:
    with pytest.raises(BadMessage):
        SignIn.parse(noise)


def changed(old: str, new: str) -> str:
    assert old in EXAMPLE
    return EXAMPLE.replace(old, new, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        EXAMPLE + "\n",
        "\n" + EXAMPLE,
        EXAMPLE.replace("\n", "\r\n"),
        changed("example.com wants", " wants"),
        changed("example.com wants", "exa mple.com wants"),
        changed("example.com wants", "example.com/path wants"),
        changed("wants you to sign in", "WANTS you to sign in"),
        changed("0xC02aaA", "0xc02aaA"),
        changed("0xC02aaA", "0XC02aaA"),
        changed("0xC02aaA39", "0xC02aaA3"),
        changed("I accept", "I accept\nURI: https://evil.example/"),
        changed("I accept", "I “accept”"),
        changed("I accept", "I accept\0"),
        changed("URI: https://example.com/login", "URI: /login"),
        changed("URI: https://example.com/login", "URI: https://example.com/lo gin"),
        changed("URI: https://example.com/login", "URI: https://a:b:c/login"),
        changed("URI: https://example.com/login", "URI: https://example.com/%zz"),
        changed("Version: 1", "Version: 2"),
        changed("Chain ID: 1", "Chain ID: 0x1"),
        changed("Chain ID: 1", "Chain ID: 01"),
        changed("Chain ID: 1", "Chain ID: -1"),
        changed("Chain ID: 1", "Chain ID: ١"),
        changed("Chain ID: 1", "Chain ID: " + "9" * 40),
        changed("Nonce: 32891756", "Nonce: 3289175"),
        changed("Nonce: 32891756", "Nonce: 3289-1756"),
        changed("Nonce: 32891756\n", ""),
        changed("2021-09-30T16:25:24Z", "2021-09-31T16:25:24Z"),
        changed("2021-09-30T16:25:24Z", "2021-09-30T24:25:24Z"),
        changed("2021-09-30T16:25:24Z", "2021-09-30 16:25:24Z"),
        changed("2021-09-30T16:25:24Z", "2021-09-30T16:25:24"),
        changed("2021-09-30T16:25:24Z", "2021-09-30T16:25:24+99:00"),
        changed("2021-09-30T16:25:24Z", "0000-09-30T16:25:24Z"),
        changed("2021-09-30T16:25:24Z", "2021-09-30T16:25:24Z\nNot Before: 2021-09-30T16:25:24Z\nExpiration Time: x"),
        changed("Resources:\n", "Resources:\n\n"),
        changed("Resources:\n", "resources:\n"),
        changed("- ipfs", "* ipfs"),
    ],
)
def test_what_the_grammar_does_not_allow_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        SignIn.parse(text)


@pytest.mark.parametrize("unit", ["a:", "@", "%20", "- x:\n", "https://", "\n", "a.", "[", "x://a:b@"])
def test_huge_and_twisted_input_is_refused_at_once(unit: str) -> None:
    began = time.process_time()
    for around in ("{}", EXAMPLE + "{}", "{}" + EXAMPLE, changed("https://example.com/login", "{}")):
        for size in (MAX_BYTES - len(around), 4_000_000):
            with pytest.raises(BadMessage):
                SignIn.parse(around.replace("{}", (unit * (size // len(unit)))) + " ")
    assert time.process_time() - began < 5


def test_times_are_moments() -> None:
    for text, when in (
        ("1970-01-01T00:00:00Z", 0.0),
        ("2026-01-01T00:00:00.5Z", 1_767_225_600.5),
        ("2026-01-01T05:30:00+05:30", 1_767_225_600.0),
        ("2016-12-31T23:59:60Z", 1_483_228_800.0),
    ):
        assert parse_time(text) == when
    assert parse_time(format_time(NOW)) == NOW


# ---- the check

PLACE = {
    "domain": "127.0.0.1:9000",
    "scheme": "http",
    "uri": "http://127.0.0.1:9000/sign-in",
    "chain_id": 31337,
    "nonce": "abcdefgh12345678",
}
MESSAGE = SignIn(
    **PLACE,  # type: ignore[arg-type]
    address=checksummed(address_of(KEY.public_key)),
    issued_at=format_time(NOW),
    expiration=format_time(NOW + 300),
    statement="Sign in.",
)


def check(message: SignIn, signature: bytes, now: float = NOW, **other: object) -> None:
    message.check(signature, **{**PLACE, **other}, now=now)  # type: ignore[arg-type]


def test_the_owners_signature_is_taken_however_it_ends() -> None:
    signature = sign(KEY, MESSAGE)
    check(MESSAGE, signature)
    check(MESSAGE, signature[:64] + bytes([signature[64] - 27]))  # as hardware wallets write it
    theirs = Account.sign_message(encode_defunct(text=MESSAGE.text), KEY.secret)
    assert bytes(theirs.signature) == signature


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"domain": "evil.example"}, "domain"),
        ({"scheme": None}, "scheme"),
        ({"uri": "http://127.0.0.1:9000/other"}, "URI"),
        ({"chain_id": 1}, "chain"),
        ({"nonce": "anothernonce"}, "nonce"),
    ],
)
def test_a_message_for_another_place_is_refused(place: dict[str, object], words: str) -> None:
    with pytest.raises(BadMessage, match=words):
        check(MESSAGE, sign(KEY, MESSAGE), **place)


def test_a_message_holds_only_in_its_time() -> None:
    signature = sign(KEY, MESSAGE)
    check(MESSAGE, signature, now=NOW + 299)
    for now, words in ((NOW + 300, "good until"), (NOW - 61, "future")):
        with pytest.raises(BadMessage, match=words):
            check(MESSAGE, signature, now=now)
    later = replace(MESSAGE, not_before=format_time(NOW + 100))
    check(later, sign(KEY, later), now=NOW + 100)
    with pytest.raises(BadMessage, match="only from"):
        check(later, sign(KEY, later), now=NOW + 99)


def test_anothers_or_a_bent_signature_is_refused() -> None:
    good = sign(KEY, MESSAGE)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    high = good[:32] + (order - int.from_bytes(good[32:64], "big")).to_bytes(32, "big") + bytes([55 - good[64]])
    stranger = sign(PrivateKey(b"\x08" * 32), MESSAGE)
    other_text = sign(KEY, replace(MESSAGE, statement="Sign out."))
    for wrong in (b"", b"\0" * 65, good[:64], good + b"\0", good[:64] + b"\x1d", high, stranger, other_text):
        with pytest.raises(BadSignature):
            check(MESSAGE, wrong)
