"""The trade's messages: round trips, and what anything else on the wire comes to."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fogchain import cbor
from fogchain.errors import BadMessage
from fogchain.jobs import logs
from fogchain.market.messages import BY_RECORD, Agreement, Commitment, Offer, Receipt, TaskOrder, Voucher
from fogchain.wallet.eip712 import fields_of
from node.trade import wire
from node.trade.wire import Promise, SignedCommitment, SignedOffer, SignedOrder, SignedReceipt, SignedVoucher

TERMS = Agreement(1, 100, 1, BY_RECORD, 0, 0, "direct")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "bytes32": st.binary(min_size=32, max_size=32),
    "string": st.text(max_size=200),
}


def values(solidity: str) -> st.SearchStrategy[Any]:
    return VALUES[solidity] if solidity in VALUES else st.integers(0, 2 ** int(solidity[4:]) - 1)


def structs(kind: type) -> st.SearchStrategy[Any]:
    parts = (structs(field.struct) if field.struct else values(field.solidity) for field in fields_of(kind))
    return st.tuples(*parts).map(lambda parts: kind(*parts))


def log(head: bytes, tail: bytes) -> logs.Log:
    return logs.Log(len(head) + len(tail) + (1000 if tail else 0), head, tail)


signatures = st.binary(min_size=65, max_size=65)
printable = st.text(st.characters(categories=("L", "N", "P", "S")), max_size=40)
hashes = st.binary(min_size=32, max_size=32)
offers = st.builds(SignedOffer, structs(Offer), signatures, printable)
orders = st.builds(SignedOrder, structs(TaskOrder), signatures, st.binary(max_size=200))
receipts = st.builds(
    SignedReceipt,
    structs(Receipt),
    signatures,
    st.binary(max_size=100),
    st.dictionaries(hashes, st.binary(max_size=50), max_size=3),
    printable,
    st.dictionaries(st.sampled_from(logs.STREAMS), st.builds(log, st.binary(max_size=50), st.binary(max_size=50))),
    st.sampled_from([b"", b"s" * 32]),
)
commitments = st.builds(SignedCommitment, structs(Commitment), signatures)
promises = st.builds(Promise, st.sampled_from([wire.QUEUED, wire.LAPSED]), signatures)
vouchers = st.builds(SignedVoucher, structs(Voucher), signatures, st.booleans())
messages = st.one_of(offers, orders, promises, commitments, receipts, vouchers)

DECODERS: tuple[Callable[[bytes], object], ...] = (
    SignedOffer.decode,
    SignedOrder.decode,
    Promise.decode,
    SignedCommitment.decode,
    SignedReceipt.decode,
    wire.decode_cancel,
    wire.decode_heartbeat,
    SignedVoucher.decode,
    wire.decode_word,
    wire.decode_digests,
    lambda data: wire.decode_status(data, 2),
    wire.decode_handback,
    wire.read_empty,
)


@given(messages)
def test_a_message_survives_the_wire(message: Any) -> None:
    data = message.encode()
    assert type(message).decode(data) == message
    assert len(data) <= cbor.MAX_MESSAGE


@given(st.lists(hashes, max_size=20), st.lists(st.sampled_from(("queued", "running", "delivered")), max_size=20))
def test_lists_and_words_survive_the_wire(digests: list[bytes], states: list[str]) -> None:
    assert wire.decode_digests(wire.encode_list(digests)) == digests
    told = [
        wire.Status(state, place % 3 * 40, "its owner is back" if place % 2 else "")
        for place, state in enumerate(states)
    ]
    assert wire.decode_status(wire.encode_status(told), len(told)) == told
    with pytest.raises(BadMessage):
        wire.decode_status(wire.encode_status(told), len(told) + 1)
    causes = {digest: f"unplugged {place}" for place, digest in enumerate(digests)}
    assert wire.decode_handback(wire.encode_handback(causes)) == causes
    for word in (wire.QUEUED, wire.RUNNING, wire.DELIVERED, wire.UNKNOWN, wire.DROPPED, wire.ACCEPTED, wire.SUPERSEDED):
        assert wire.decode_word(wire.encode_word(word)) == word
        assert wire.decode_verdict(wire.encode_verdict(word, word)) == (word, word)
        assert wire.decode_reasons(wire.encode_reasons({bytes(32): word})) == {bytes(32): word}
    wire.read_empty(wire.EMPTY)
    assert wire.decode_cancel(wire.encode_cancel(digests, digests[:3])) == (digests, digests[:3])
    seconds = {digest: place for place, digest in enumerate(digests)}
    assert wire.decode_heartbeat(wire.encode_heartbeat(seconds)) == seconds


@settings(max_examples=300)
@given(st.binary(max_size=300))
@example(b"")
@example(b"\x9b\x7f" + b"\xff" * 7)
@example(b"\x81" * 5000)
@example(b"\xc5\x82\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x01")
@example(b"\xd8\x1e\x82\x01\x00")
@example(b"\x82\x01\x9f\xff")
def test_any_bytes_are_refused_with_the_one_error(data: bytes) -> None:
    for decode in DECODERS:
        try:
            decode(data)
        except BadMessage:
            continue
        assert cbor.loads(data)[0] == 1


plain: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**300), 2**300) | st.binary(max_size=40) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.binary(max_size=4), inner),
    max_leaves=12,
)


@settings(max_examples=200)
@given(messages, st.data())
def test_a_message_with_one_field_of_another_kind_is_refused_or_still_fits(message: Any, data: st.DataObject) -> None:
    body = cbor.loads(message.encode())
    place = data.draw(st.integers(0, len(body) - 1))
    if place == 1 and isinstance(body[1], list):
        body[1][data.draw(st.integers(0, len(body[1]) - 1))] = data.draw(plain)
    else:
        body[place] = data.draw(plain)
    changed = cbor.dumps(body)
    try:
        again = type(message).decode(changed)
    except BadMessage:
        return
    # What was taken is of the right kind throughout: it can be hashed for a signature and sent on as it is.
    assert [type(value) for value in dataclasses.astuple(again)] == [
        type(value) for value in dataclasses.astuple(message)
    ]
    assert type(message).decode(again.encode()) == again


@settings(max_examples=200)
@given(messages, st.data())
def test_a_message_with_flipped_bytes_is_refused_or_still_canonical(message: Any, data: st.DataObject) -> None:
    whole = bytearray(message.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        again = type(message).decode(bytes(whole))
    except BadMessage:
        return
    assert type(message).decode(again.encode()) == again


@pytest.mark.parametrize("kind", [Offer, Agreement, TaskOrder, Commitment, Receipt, Voucher])
@settings(max_examples=20)
@given(data=st.data())
def test_every_field_keeps_its_range(kind: type, data: st.DataObject) -> None:
    packed = wire.pack(data.draw(structs(kind)))
    for place, field in enumerate(fields_of(kind)):
        bad: list[object] = [None, True, [], {}]
        if field.struct is not None:
            bad += [packed[place][:-1], [*packed[place], 0], "text", 5]
        elif field.solidity == "address":
            bad += [b"\1" * 19, b"\1" * 21, "0x" + "11" * 20, 5]
        elif field.solidity == "bytes32":
            bad += [b"\1" * 31, b"\1" * 33, "1" * 32, 5]
        elif field.solidity == "string":
            bad += ["x" * 201, b"engine", 5]
        else:
            bad += [-1, 2 ** int(field.solidity[4:]), 2**256, "1", b"\1"]
        for value in bad:
            with pytest.raises(BadMessage):
                wire.unpack(kind, [*packed[:place], value, *packed[place + 1 :]])
    for values_ in (packed[:-1], [*packed, 0], "text", None, tuple(packed)):
        with pytest.raises(BadMessage):
            wire.unpack(kind, values_)


@given(vouchers, st.sampled_from((0, 2, -1, True, "1", None)))
def test_another_version_is_refused(voucher: SignedVoucher, version: object) -> None:
    body = cbor.loads(voucher.encode())
    with pytest.raises(BadMessage, match="another version"):
        SignedVoucher.decode(cbor.dumps([version, *body[1:]]))


@pytest.mark.parametrize(
    "value",
    ["", "x" * 41, "queued\n", "\x1b[31mred", 5, None, ["queued"], b"queued"],
)
def test_an_answer_is_one_short_word(value: object) -> None:
    with pytest.raises(BadMessage):
        wire.decode_word(cbor.dumps([1, value]))
    with pytest.raises(BadMessage):
        wire.decode_status(cbor.dumps([1, ["queued", value], []]), 2)


@pytest.mark.parametrize(
    "more",
    [
        [[2, 1, ""]],
        [[-1, 1, ""]],
        [["0", 1, ""]],
        [[0, -1, ""]],
        [[0, 2**40, ""]],
        [[0, 1]],
        [[0, 1, 2]],
        [None],
        {},
    ],
)
def test_what_is_said_of_an_order_is_how_long_it_stood_and_why(more: object) -> None:
    with pytest.raises(BadMessage):
        wire.decode_status(cbor.dumps([1, ["queued", "queued"], more]), 2)


@pytest.mark.parametrize("values_", [[b"\0" * 31], [b"\0" * 33], ["0" * 32], [None], [b"\0" * 32] * 4097])
def test_a_list_of_orders_is_short_and_of_digests(values_: list[object]) -> None:
    with pytest.raises(BadMessage):
        wire.decode_digests(cbor.dumps([1, values_]))


@given(structs(Receipt), st.text(max_size=2000), st.text(max_size=200))
def test_a_peers_words_are_fit_for_a_terminal(receipt: Receipt, detail: str, name: str) -> None:
    said = SignedReceipt.decode(SignedReceipt(receipt, b"", b"", {}, detail + "\x1b]0;owned\x07").encode()).detail
    assert said.isprintable() and len(said) <= 500
    offer = Offer(
        provider="0x" + "11" * 20, node=b"\0" * 32, resource_class=b"\0" * 32, multiplier=0, price=1, regions="",
        survival_10m=0, survival_1h=0, survival_2h=0, slots=1, memory=1, fuel_rate=1, engines="e", on_account=0,
        issued=1, expiry=2,
    )  # fmt: skip
    called = SignedOffer.decode(SignedOffer(offer, b"", name + "\r\n\x1b[2J").encode()).name
    assert called.isprintable() and len(called) <= 40


@pytest.mark.parametrize(
    "blobs", [{b"short": b""}, {"0" * 32: b""}, {b"\0" * 32: "text"}, {b"\0" * 32: None}, [b"\0" * 32, b""]]
)
def test_a_receipts_blobs_are_bytes_by_hash(blobs: object) -> None:
    packed = wire.pack(Receipt(b"\0" * 32, b"\0" * 32, 1, 0, 0, 0))
    with pytest.raises(BadMessage):
        SignedReceipt.decode(cbor.dumps([1, packed, b"", b"", blobs, "", {}, b""]))


def test_a_message_over_the_limit_is_refused_unread_and_small_ones_claim_no_memory() -> None:
    big = SignedOrder(
        TaskOrder("0x" + "11" * 20, "0x" + "22" * 20, *(b"\0" * 32,) * 2, 0, 0, b"\0" * 32, 1, "e", 1, 2, 0, TERMS),
        b"",
        b"x",
    )
    just = dataclasses.replace(big, spec=bytes(cbor.MAX_MESSAGE - len(big.encode()) - 3))
    assert SignedOrder.decode(just.encode()) == just
    with pytest.raises(BadMessage, match="over the limit"):
        SignedOrder.decode(dataclasses.replace(big, spec=bytes(cbor.MAX_MESSAGE)).encode())
    tracemalloc.start()
    try:
        for head in (0x5B, 0x7B, 0x9B, 0xBB):  # bytes, text, array, map of 2^56 elements
            with pytest.raises(BadMessage):
                cbor.loads(b"\x82\x01" + bytes([head]) + b"\0\xff" + b"\xff" * 6)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
