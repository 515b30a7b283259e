"""A blob's owner lets a peer fetch it from others that hold it.

    grant  = deterministic CBOR of [body, signature]
    body   = CBOR of ["fogchain/blob-grant/1", owner's node key (32 bytes), reader's peer id, sha256 (32 bytes), expiry]

The owner signs `body` with its node key (Ed25519). A grant is of use to its reader alone: peers prove who they are when
they connect. Whoever holds the blob honours it for blobs that it has of this very owner.
"""

from __future__ import annotations

import time
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from fogchain import cbor
from fogchain.errors import BadMessage
from node.p2p.address import peer_id_of

_KIND = "fogchain/blob-grant/1"
MAX_GRANT = 400
VALIDITY = 900  # seconds


def make_grant(key: Ed25519PrivateKey, reader: str, sha256: str, now: float | None = None) -> bytes:
    expiry = int(time.time() if now is None else now) + VALIDITY
    owner = key.public_key().public_bytes_raw()
    body = cbor.dumps([_KIND, owner, reader, bytes.fromhex(sha256), expiry])
    return cbor.dumps([body, key.sign(body)])


def owner_of(grant: bytes, reader: str, sha256: str, now: float | None = None) -> str:
    """The peer id of the owner who lets `reader` have the blob. Raises BadMessage for any grant that says otherwise."""
    parts: Any = cbor.loads(grant, MAX_GRANT)
    if not isinstance(parts, list) or [type(part) for part in parts] != [bytes, bytes]:
        raise BadMessage("a grant that does not hold together")
    fields: Any = cbor.loads(parts[0], MAX_GRANT)
    if not isinstance(fields, list) or [type(part) for part in fields] != [str, bytes, str, bytes, int]:
        raise BadMessage("a grant that does not hold together")
    kind, owner, named, blob, expiry = fields
    if kind != _KIND or named != reader or blob.hex() != sha256:
        raise BadMessage("a grant for another peer or another blob")
    if expiry < (time.time() if now is None else now):
        raise BadMessage("a grant that has expired")
    try:
        Ed25519PublicKey.from_public_bytes(owner).verify(parts[1], parts[0])
    except (InvalidSignature, ValueError) as error:
        raise BadMessage("a grant that its owner has not signed") from error
    return peer_id_of(owner)
