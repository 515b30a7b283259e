"""A node's keys: kept private, derived apart, and bound to one wallet on one network."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain.errors import BadSignature, CorruptData
from fogchain.identity import NodeIdentity, check_binding
from fogchain.wallet.eip712 import Domain

OWNER, STRANGER = "0x" + "Ab" * 20, "0x" + "cd" * 20
HERE = Domain(31337, "0x" + "77" * 20)


def test_a_seed_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = NodeIdentity.create(tmp_path / "node.seed")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "node.seed").stat().st_mode) == 0o600
    assert (tmp_path / "node.seed").stat().st_size == 32
    assert NodeIdentity.load(tmp_path / "node.seed").node_key == made.node_key


def test_a_seed_is_never_written_over(tmp_path: Path) -> None:
    NodeIdentity.create(tmp_path / "node.seed")
    before = (tmp_path / "node.seed").read_bytes()
    with pytest.raises(FileExistsError):
        NodeIdentity.create(tmp_path / "node.seed")
    assert (tmp_path / "node.seed").read_bytes() == before


def test_a_missing_or_cut_seed_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(CorruptData, match=r"node\.seed is missing") as caught:
        NodeIdentity.load(tmp_path / "node.seed")
    assert "backup" in caught.value.hint
    for content in (b"", b"\1" * 31, b"\1" * 33):
        (tmp_path / "node.seed").write_bytes(content)
        with pytest.raises(CorruptData, match=f"not {len(content)}"):
            NodeIdentity.load(tmp_path / "node.seed")


def test_two_nodes_share_no_key(tmp_path: Path) -> None:
    one, two = NodeIdentity.create(tmp_path / "one"), NodeIdentity.create(tmp_path / "two")
    assert one.node_key != two.node_key


@given(st.binary(min_size=32, max_size=32), st.text(max_size=30), st.text(max_size=30))
def test_labels_give_independent_keys_as_rfc_5869_has_it(seed: bytes, label: str, other: str) -> None:
    if not (label.isascii() and other.isascii()):
        return
    identity = NodeIdentity(seed)
    extracted = hmac.digest(b"fogchain/node/1", seed, hashlib.sha256)
    expected = hmac.digest(extracted, label.encode() + b"\x01", hashlib.sha256)
    assert identity.derive(label) == expected
    assert (identity.derive(label) == identity.derive(other)) == (label == other)
    assert seed not in (identity.derive(label), identity.libp2p_seed, identity.node_key)


def test_the_seed_shows_in_no_print() -> None:
    identity = NodeIdentity(b"S" * 32)
    assert "SSSS" not in repr(identity) and "SSSS" not in str(identity)


def test_a_binding_holds_for_its_owner_and_network_only() -> None:
    identity, other = NodeIdentity(b"\1" * 32), NodeIdentity(b"\2" * 32)
    signature = identity.bind(OWNER, HERE)
    assert len(signature) == 64
    check_binding(identity.node_key, signature, OWNER, HERE)
    check_binding(identity.node_key, signature, OWNER.lower(), Domain(31337, HERE.market.upper().replace("X", "x")))
    wrong = [
        (identity.node_key, signature, STRANGER, HERE),
        (identity.node_key, signature, OWNER, Domain(1, HERE.market)),
        (identity.node_key, signature, OWNER, Domain(31337, "0x" + "78" * 20)),
        (other.node_key, signature, OWNER, HERE),
        (identity.node_key, other.bind(OWNER, HERE), OWNER, HERE),
        (identity.node_key, bytes(64), OWNER, HERE),
        (identity.node_key, signature[:-1], OWNER, HERE),
        (identity.node_key, b"", OWNER, HERE),
        (identity.node_key[:-1], signature, OWNER, HERE),
        (b"", signature, OWNER, HERE),
    ]
    for node_key, signed, owner, domain in wrong:
        with pytest.raises(BadSignature):
            check_binding(node_key, signed, owner, domain)


@given(st.integers(0, 511))
def test_a_binding_with_one_bit_changed_is_refused(bit: int) -> None:
    identity = NodeIdentity(b"\1" * 32)
    signature = bytearray(identity.bind(OWNER, HERE))
    signature[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadSignature):
        check_binding(identity.node_key, bytes(signature), OWNER, HERE)
