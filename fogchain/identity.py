"""A node's keys: one seed, from which each protocol's key derives with labelled HKDF-SHA256 (RFC 5869)."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fogchain.errors import BadSignature, CorruptData
from fogchain.wallet.eip712 import Domain

SEED_BYTES = 32
_BINDING = b"fogchain/registry/1"


class NodeIdentity:
    """The node's keys. The seed never leaves this object; hand out derived keys only."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise CorruptData(f"a node seed has {SEED_BYTES} bytes, not {len(seed)}")
        self._seed = seed

    @classmethod
    def create(cls, path: Path) -> NodeIdentity:
        """Make a seed and keep it in `path`, readable by the owner alone. Raises FileExistsError."""
        seed = os.urandom(SEED_BYTES)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(seed)
            file.flush()
            os.fsync(file.fileno())
        return cls(seed)

    @classmethod
    def load(cls, path: Path) -> NodeIdentity:
        """Raises CorruptData when the file is absent or not a seed."""
        try:
            return cls(path.read_bytes())
        except FileNotFoundError as error:
            raise CorruptData(
                f"the node's seed {path} is missing",
                hint="restore it from a backup, or make a new node with `fogchain node init`",
            ) from error

    def derive(self, label: str) -> bytes:
        """32 bytes for the purpose `label`, independent of those of other labels."""
        return HKDF(algorithm=SHA256(), length=32, salt=b"fogchain/node/1", info=label.encode()).derive(self._seed)

    @cached_property
    def libp2p_seed(self) -> bytes:
        """The private half of the libp2p host's Ed25519 key."""
        return self.derive("libp2p/ed25519")

    @cached_property
    def node_key(self) -> bytes:
        """The libp2p host's Ed25519 public key, 32 bytes: what the registry binds to the wallet."""
        public = Ed25519PrivateKey.from_private_bytes(self.libp2p_seed).public_key()
        return public.public_bytes(Encoding.Raw, PublicFormat.Raw)

    def bind(self, owner: str, domain: Domain) -> bytes:
        """The node key's signature that it belongs to wallet `owner` on this network; 64 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.libp2p_seed).sign(_binding(owner, domain))


def check_binding(node_key: bytes, signature: bytes, owner: str, domain: Domain) -> None:
    """Raises BadSignature unless `node_key` agreed to belong to `owner`."""
    try:
        Ed25519PublicKey.from_public_bytes(node_key).verify(signature, _binding(owner, domain))
    except (InvalidSignature, ValueError) as error:
        raise BadSignature(f"the node key of {owner} does not sign its registry record") from error


def _binding(owner: str, domain: Domain) -> bytes:
    return b"\0".join((_BINDING, domain.network.encode(), owner.lower().encode()))
