"""Our EIP-712 against eth_account's, and what a signature does not survive."""

from __future__ import annotations

import dataclasses

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from fogchain.errors import BadMessage, BadSignature
from fogchain.market.messages import (
    Acceptance,
    Agreement,
    Commitment,
    Offer,
    Receipt,
    Replica,
    TaskOrder,
    Terms,
    Voucher,
    Work,
)  # fmt: skip
from fogchain.wallet.eip712 import Domain, fields_of, recover_digest, sign, verify
from fogchain.wallet.permit import Permit, ReceiveWithAuthorization

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
MESSAGES = [
    Offer, Agreement, TaskOrder, Commitment, Receipt, Voucher, Work, Acceptance, Replica, Permit,
    ReceiveWithAuthorization,
]  # fmt: skip

VALUES = {
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "bytes32": st.binary(min_size=32, max_size=32),
    "string": st.text(max_size=60),
}
VALUES["address[]"] = st.lists(VALUES["address"], max_size=16).map(tuple)
DOMAINS = st.builds(Domain, st.integers(1, 2**64), VALUES["address"])
KEYS = st.integers(1, ORDER - 1).map(lambda number: PrivateKey(number.to_bytes(32, "big")))


def messages(kind: type) -> st.SearchStrategy:
    def values(solidity: str) -> st.SearchStrategy:
        if solidity in VALUES:
            return VALUES[solidity]
        return st.integers(0, 2 ** int(solidity.removeprefix("uint")) - 1)

    return st.builds(
        kind, *(messages(field.struct) if field.struct else values(field.solidity) for field in fields_of(kind))
    )


def reference(domain: Domain, message: object, **structs: object):
    """The same message, as eth_account encodes it; `structs` in place of the members that are given by their hash."""
    whole = [value for value in vars_of(message) if dataclasses.is_dataclass(value)]
    types = {
        type(one).__name__: [{"name": field.name, "type": field.solidity} for field in fields_of(type(one))]
        for one in (message, *whole, *structs.values())
    }
    return encode_typed_data(
        {"name": "fogchain", "version": "1", "chainId": domain.chain_id, "verifyingContract": domain.market},
        types,
        {**members(message), **{name: members(struct) for name, struct in structs.items()}},
    )


def vars_of(message: object) -> list[object]:
    return [getattr(message, field.name) for field in dataclasses.fields(message)]  # type: ignore[arg-type]


def members(message: object) -> dict[str, object]:
    names = [field.name for field in fields_of(type(message))]
    return {name: plain(value) for name, value in zip(names, vars_of(message), strict=True)}


def plain(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return members(value)
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("kind", MESSAGES)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_hash_and_signature_are_those_of_eth_account(kind: type, data: st.DataObject) -> None:
    domain, message, key = data.draw(DOMAINS), data.draw(messages(kind)), data.draw(KEYS)
    theirs = Account.sign_message(reference(domain, message), key.secret)
    assert bytes(theirs.message_hash) == domain.digest(message)
    ours = sign(key, domain, message)
    assert bytes(theirs.signature) == ours
    signer = Account.recover_message(reference(domain, message), signature=ours)
    verify(domain, message, ours, signer)


@given(domain=DOMAINS, work=messages(Work), data=st.data())
@settings(max_examples=50, deadline=None)
def test_terms_that_hold_the_hash_of_their_work_are_hashed_as_those_that_hold_the_work(
    domain: Domain, work: Work, data: st.DataObject
) -> None:
    values = {
        field.name: data.draw(VALUES["address"] if spec.solidity == "address" else st.integers(0, 2**40 - 1))
        for field, spec in zip(dataclasses.fields(Terms), fields_of(Terms), strict=True)
        if spec.struct is None
    }
    terms = Terms(**values, work=work.hash)
    theirs = Account.sign_message(reference(domain, terms, work=work), b"\x01" * 32)
    assert bytes(theirs.message_hash) == domain.digest(terms)


@given(domain=DOMAINS, message=messages(Voucher), key=KEYS, place=st.integers(0, 64), flip=st.integers(1, 255))
@settings(deadline=None)
def test_no_altered_signature_is_accepted(
    domain: Domain, message: Voucher, key: PrivateKey, place: int, flip: int
) -> None:
    signature = bytearray(sign(key, domain, message))
    signer = recover_digest(domain.digest(message), bytes(signature))
    signature[place] ^= flip
    with pytest.raises(BadSignature):
        verify(domain, message, bytes(signature), signer)


@given(domain=DOMAINS, message=messages(Voucher), key=KEYS)
@settings(deadline=None)
def test_the_malleated_copy_with_high_s_is_refused(domain: Domain, message: Voucher, key: PrivateKey) -> None:
    signature = sign(key, domain, message)
    s = int.from_bytes(signature[32:64], "big")
    copy = signature[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - signature[64]])
    with pytest.raises(BadSignature, match="high"):
        recover_digest(domain.digest(message), copy)


@given(message=messages(Voucher), key=KEYS, chain=st.integers(1, 2**64))
@settings(deadline=None)
def test_a_signature_is_for_one_chain_and_one_market(message: Voucher, key: PrivateKey, chain: int) -> None:
    here = Domain(chain, "0x" + "11" * 20)
    signature = sign(key, here, message)
    signer = recover_digest(here.digest(message), signature)
    for other in (Domain(chain + 1, here.market), Domain(chain, "0x" + "22" * 20)):
        with pytest.raises(BadSignature, match="signed by"):
            verify(other, message, signature, signer)


@given(signature=st.binary(max_size=80))
def test_any_bytes_recover_or_raise_bad_signature(signature: bytes) -> None:
    try:
        recover_digest(b"\x01" * 32, signature)
    except BadSignature:
        pass
    else:
        assert len(signature) == 65


@pytest.mark.parametrize(
    "message",
    [
        Voucher(b"\0" * 31, 1),
        Voucher(b"\0" * 32, -1),
        Voucher(b"\0" * 32, 2**96),
        Voucher(b"\0" * 32, True),
        Voucher(b"\0" * 32, 1.0),  # type: ignore[arg-type]
        Voucher("00" * 32, 1),  # type: ignore[arg-type]
    ],
)
def test_a_value_that_does_not_fit_its_type_is_refused(message: Voucher) -> None:
    with pytest.raises(BadMessage, match="Voucher"):
        Domain(1, "0x" + "11" * 20).digest(message)
