"""Deterministic CBOR (RFC 8949 §4.2), bounded: the encoding of everything that is hashed or sent.

Only plain values: integers of at most 256 bits, bytes, text, booleans, null, arrays and maps with text or byte keys.
Tags (dates, regular expressions, shared references, …) are refused before anything is built of them.
"""

from __future__ import annotations

from typing import Any, NoReturn

import cbor2

from fogchain.errors import BadMessage

MAX_MESSAGE = 1 << 20
MAX_DEPTH = 16
MAX_BITS = 256

# The tags for which cbor2 has decoders of its own, but the two for integers over 64 bits.
_BUILT_IN = (
    0, 1, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799,
)  # fmt: skip


def _refuse(*_: Any) -> NoReturn:
    raise ValueError("tags are not used here")


_DECODERS = dict.fromkeys(_BUILT_IN, _refuse)


def dumps(value: Any) -> bytes:
    """Shortest-form CBOR with sorted keys: equal values give equal bytes."""
    return cbor2.dumps(value, canonical=True)


def loads(data: bytes, limit: int = MAX_MESSAGE) -> Any:
    """Decode one value that fills `data`. Raises BadMessage for anything else, also for more than `limit` bytes."""
    if len(data) > limit:
        raise BadMessage(f"a message of {len(data)} bytes is over the limit of {limit}")
    try:
        value = cbor2.loads(
            data,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
            tag_hook=_refuse,
            semantic_decoders=_DECODERS,
        )
    except (cbor2.CBORDecodeError, ValueError, RecursionError, MemoryError, ArithmeticError, TypeError) as error:
        raise BadMessage(f"not CBOR: {error}") from error
    _check(value)
    if dumps_safe(value) != data:
        raise BadMessage("CBOR that is not in its deterministic form, or trailing bytes")
    return value


def dumps_safe(value: Any) -> bytes | None:
    try:
        return dumps(value)
    except (cbor2.CBOREncodeError, TypeError, ValueError, RecursionError):
        return None


def _check(value: Any) -> None:
    """Raises BadMessage for a value of another kind than the module names; the decoder bounds its depth."""
    if isinstance(value, list):
        for item in value:
            _check(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str | bytes):
                raise BadMessage("a map's keys are text or bytes")
            _check(item)
    elif isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise BadMessage(f"an integer of {value.bit_length()} bits is over the limit of {MAX_BITS}")
    elif not isinstance(value, str | bytes) and value is not None:
        raise BadMessage(f"{type(value).__name__} is not used here")
