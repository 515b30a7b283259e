"""The framed request protocol's messages, without I/O.

On a stream of `/fogchain/<subject>/1.0.0` both sides send frames, one after another:

    frame     = length (unsigned varint, at most 3 bytes) | envelope (length bytes)
    envelope  = deterministic CBOR of [1, id, kind, payload]

                84              array of 4
                01              version
                id              unsigned, counts up from 1 on this stream; an answer bears its request's
                kind            0 request, 1 answer, 2 error
                payload         byte string, at most 1 MiB: the subject's own message;
                                for an error the CBOR of [code, message, hint], texts

The side that opened the stream sends requests, the other answers them in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from fogchain import cbor, errors
from fogchain.errors import BadMessage, FogchainError

VERSION = 1
MAX_FRAME = cbor.MAX_MESSAGE + 32  # envelope head: at most 1 + 1 + 9 + 1 + 5 bytes
MAX_ID = 2**53 - 1  # what a JavaScript peer counts exactly
_MAX_VARINT = 3
_MAX_TEXT = 1000  # characters of a peer's error message that are kept
_MAX_ERROR = 16384


class Kind(IntEnum):
    REQUEST = 0
    ANSWER = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Envelope:
    id: int
    kind: Kind
    payload: bytes


def encode(envelope: Envelope) -> bytes:
    """An envelope with its length before it. Raises BadMessage when its payload is over the limit."""
    size = len(envelope.payload)
    if size > cbor.MAX_MESSAGE:
        raise BadMessage(f"a message of {size} bytes is over the limit of {cbor.MAX_MESSAGE}")
    head = b"\x84\x01" + _uint(0x00, envelope.id) + _uint(0x00, envelope.kind) + _uint(0x40, size)
    return b"".join((varint(len(head) + size), head, envelope.payload))


def decode(body: bytes) -> Envelope:
    """One envelope, without its length. Raises BadMessage for anything but the one right encoding."""
    if body[:2] != b"\x84\x01":
        raise BadMessage("a frame that is no envelope of version 1")
    number, at = _read_uint(body, 2, 0x00)
    kind, at = _read_uint(body, at, 0x00)
    size, at = _read_uint(body, at, 0x40)
    if not 1 <= number <= MAX_ID:
        raise BadMessage(f"an envelope with id {number}")
    if kind not in Kind.__members__.values():
        raise BadMessage(f"an envelope of unknown kind {kind}")
    if size > cbor.MAX_MESSAGE or at + size != len(body):
        raise BadMessage(f"an envelope that claims {size} bytes and has {len(body) - at}")
    return Envelope(number, Kind(kind), bytes(body[at:]))


class FrameReader:
    """Cuts a stream's bytes into envelopes. Never holds more than one frame and the bytes fed last."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Envelope]:
        """Envelopes that are whole now. Raises BadMessage; the stream is of no use after that."""
        self._buffer += data
        found: list[Envelope] = []
        at = 0
        while (head := _read_varint(self._buffer, at)) is not None:
            size, body = head
            if size > MAX_FRAME:
                raise BadMessage(f"a frame of {size} bytes is over the limit of {MAX_FRAME}")
            if len(self._buffer) < body + size:
                break
            found.append(decode(bytes(self._buffer[body : body + size])))
            at = body + size
        del self._buffer[:at]
        return found

    @property
    def pending(self) -> int:
        """Bytes of a frame that has not arrived whole."""
        return len(self._buffer)


def encode_error(error: FogchainError) -> bytes:
    """An error as payload: the nearest class of the family that every peer knows, message and hint."""
    code = next((kind.code for kind in type(error).__mro__ if kind in _CLASSES), FogchainError.code)
    texts = (text[:_MAX_TEXT].encode(errors="replace").decode() for text in (error.message, error.hint))
    return cbor.dumps([code, *texts])


def decode_error(payload: bytes) -> FogchainError:
    """The error a peer sent, to be raised. Raises BadMessage when it is none."""
    found = cbor.loads(payload, _MAX_ERROR)
    if not isinstance(found, list) or len(found) != 3 or not all(isinstance(text, str) for text in found):
        raise BadMessage("an error that does not hold together")
    code, message, hint = found
    kind = next((kind for kind in _CLASSES if kind.code == code), FogchainError)
    return kind(_clean(message), hint=_clean(hint))


_CLASSES: tuple[type[FogchainError], ...] = tuple(
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FogchainError)
)


def _clean(text: str) -> str:
    """A stranger's text, fit for a terminal and a log."""
    return "".join(character if character.isprintable() else " " for character in text[:_MAX_TEXT])


def varint(value: int) -> bytes:
    """Unsigned LEB128, as everywhere in libp2p."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(buffer: bytearray, at: int) -> tuple[int, int] | None:
    """The value at `at` and where it ends; None while it is incomplete."""
    value = 0
    for index in range(_MAX_VARINT):
        if at + index >= len(buffer):
            return None
        byte = buffer[at + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if byte == 0 and index:
                raise BadMessage("a frame length that is not in its shortest form")
            return value, at + index + 1
    raise BadMessage("a frame length of more than three bytes")


def _uint(major: int, value: int) -> bytes:
    if value < 24:
        return bytes((major | value,))
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << 8 * size:
            return bytes((major | extra,)) + value.to_bytes(size, "big")
    raise BadMessage(f"{value} does not fit an envelope")


def _read_uint(body: bytes, at: int, major: int) -> tuple[int, int]:
    """A shortest-form CBOR head of the given major type: its value and where it ends."""
    if at >= len(body) or body[at] & 0xE0 != major:
        raise BadMessage("an envelope whose fields are not what they should be")
    extra = body[at] & 0x1F
    if extra < 24:
        return extra, at + 1
    if extra > 27:
        raise BadMessage("an envelope with a length that is not allowed")
    size = 1 << (extra - 24)
    if at + 1 + size > len(body):
        raise BadMessage("an envelope that is cut short")
    value = int.from_bytes(body[at + 1 : at + 1 + size], "big")
    if _uint(major, value) != body[at : at + 1 + size]:
        raise BadMessage("an envelope that is not in its deterministic form")
    return value, at + 1 + size
