"""Deterministic CBOR (RFC 8949 §4.2), bounded: the encoding of everything that is hashed or sent."""

from __future__ import annotations

from typing import Any

import cbor2

from fogchain.errors import BadMessage

MAX_MESSAGE = 1 << 20


def dumps(value: Any) -> bytes:
    """Shortest-form CBOR with sorted keys: equal values give equal bytes."""
    return cbor2.dumps(value, canonical=True)


def loads(data: bytes, limit: int = MAX_MESSAGE) -> Any:
    """Decode one value that fills `data`. Raises BadMessage for anything else, also for more than `limit` bytes."""
    if len(data) > limit:
        raise BadMessage(f"a message of {len(data)} bytes is over the limit of {limit}")
    try:
        value = cbor2.loads(data)
    except (cbor2.CBORDecodeError, ValueError, RecursionError, MemoryError, OverflowError, TypeError) as error:
        raise BadMessage(f"not CBOR: {error}") from error
    if dumps_safe(value) != data:
        raise BadMessage("CBOR that is not in its deterministic form, or trailing bytes")
    return value


def dumps_safe(value: Any) -> bytes | None:
    try:
        return dumps(value)
    except (cbor2.CBOREncodeError, TypeError, ValueError, RecursionError):
        return None
