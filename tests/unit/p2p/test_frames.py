"""The framed request protocol's codec: one encoding for each envelope, BadMessage for all else, bounded memory."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain import cbor, errors
from fogchain.errors import BadMessage, Conflict, FogchainError, NotFound, Unavailable
from node.p2p.frames import (
    MAX_FRAME,
    MAX_ID,
    Envelope,
    FrameReader,
    Kind,
    decode,
    decode_error,
    encode,
    encode_error,
    varint,
)  # fmt: skip

envelopes = st.builds(
    Envelope, id=st.integers(1, MAX_ID), kind=st.sampled_from(Kind), payload=st.binary(max_size=400)
)  # fmt: skip


def body(envelope: Envelope) -> bytes:
    return cbor.dumps([1, envelope.id, int(envelope.kind), envelope.payload])


@given(envelopes)
def test_an_envelope_is_its_deterministic_cbor_after_its_length(envelope: Envelope) -> None:
    assert encode(envelope) == varint(len(body(envelope))) + body(envelope)
    assert decode(body(envelope)) == envelope


@given(st.lists(envelopes, max_size=6), st.data())
def test_frames_come_out_however_the_stream_is_cut(sent: list[Envelope], data: st.DataObject) -> None:
    stream = b"".join(encode(envelope) for envelope in sent)
    reader, got = FrameReader(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        got += reader.feed(stream[:size])
        stream = stream[size:]
    assert got == sent
    assert reader.pending == 0


@given(st.binary(max_size=300))
def test_garbage_raises_nothing_but_bad_message(garbage: bytes) -> None:
    try:
        envelope = decode(garbage)
    except BadMessage:
        pass
    else:
        assert body(envelope) == garbage
    try:
        FrameReader().feed(garbage)
    except BadMessage:
        pass
    try:
        assert isinstance(decode_error(garbage), FogchainError)
    except BadMessage:
        pass


@given(envelopes, st.data())
def test_a_flipped_byte_never_gives_another_encoding_of_an_envelope(envelope: Envelope, data: st.DataObject) -> None:
    changed = bytearray(body(envelope))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = decode(bytes(changed))
    except BadMessage:
        return
    assert body(found) == bytes(changed)


@pytest.mark.parametrize(
    "stream",
    [
        varint(MAX_FRAME + 1),
        b"\xff\xff\xff\xff\x7f",
        b"\x81\x00",  # a length of 1 in two bytes
        varint(5) + b"\x84\x01\x01\x00\x7f",
        varint(9) + b"\x84\x01\x01\x00\x5a\xff\xff\xff\xff",
        varint(4) + b"\x84\x02\x01\x00",
        varint(5) + b"\x84\x01\x00\x00\x40",  # id 0
        varint(5) + b"\x84\x01\x01\x03\x40",  # kind 3
        varint(6) + b"\x84\x01\x18\x01\x00\x40",  # id 1 in two bytes
        varint(0),
    ],
)
def test_what_is_refused(stream: bytes) -> None:
    with pytest.raises(BadMessage):
        FrameReader().feed(stream)


def test_a_claimed_length_allocates_nothing() -> None:
    reader = FrameReader()
    tracemalloc.start()
    reader.feed(varint(MAX_FRAME))
    for _ in range(100):
        reader.feed(b"\x84")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_a_payload_of_one_mebibyte_passes_and_one_byte_more_does_not() -> None:
    largest = Envelope(MAX_ID, Kind.ANSWER, bytes(cbor.MAX_MESSAGE))
    assert FrameReader().feed(encode(largest)) == [largest]
    with pytest.raises(BadMessage, match="over the limit"):
        encode(Envelope(1, Kind.REQUEST, bytes(cbor.MAX_MESSAGE + 1)))


@pytest.mark.parametrize("kind", [NotFound, Conflict, Unavailable, errors.PaymentRequired, FogchainError])
def test_an_error_arrives_as_its_class(kind: type[FogchainError]) -> None:
    found = decode_error(encode_error(kind("no such thing", hint="look elsewhere")))
    assert type(found) is kind
    assert (found.message, found.hint) == ("no such thing", "look elsewhere")


def test_an_error_of_a_local_class_arrives_as_its_nearest_known_one() -> None:
    class Private(NotFound):
        code = "private"

    assert type(decode_error(encode_error(Private("gone")))) is NotFound


def test_a_strangers_error_text_can_not_reach_into_the_terminal() -> None:
    found = decode_error(cbor.dumps(["not-found", "a\x1b[2J\nb" + "x" * 5000, ""]))
    assert found.message.startswith("a [2J b")
    assert len(found.message) <= 1000
    assert decode_error(encode_error(NotFound("a lone \ud800 surrogate"))).message == "a lone ? surrogate"
