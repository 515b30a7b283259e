"""Frames between the daemon and a worker: four bytes of length (big-endian), then CBOR.

    worker → daemon   {"ready": engine}                     once, at start
    daemon → worker   {"run": {…}} | {"measure": seconds}
    worker → daemon   {"exit": …, "code": …, "fuel": …, "files": [[name, sha256, size, path], …],
                       "detail": …, "cpu": seconds}
                      {"rate": fuel per second}

Both ends are ours; the bound on a frame only keeps a broken worker from filling the daemon's memory.
"""

from __future__ import annotations

import os
import struct
from typing import Any

import cbor2

LENGTH = struct.Struct(">I")
MAX_FRAME = 4 << 20


def pack(message: dict[str, Any]) -> bytes:
    body: bytes = cbor2.dumps(message)
    return LENGTH.pack(len(body)) + body


def unpack(body: bytes) -> dict[str, Any]:
    message: dict[str, Any] = cbor2.loads(body)
    return message


def read(descriptor: int) -> dict[str, Any] | None:
    """The next frame from a pipe, blocking; None at its end."""
    head = _exactly(descriptor, LENGTH.size)
    if head is None:
        return None
    body = _exactly(descriptor, LENGTH.unpack(head)[0])
    return None if body is None else unpack(body)


def write(descriptor: int, message: dict[str, Any]) -> None:
    data = memoryview(pack(message))
    while data:
        data = data[os.write(descriptor, data) :]


def _exactly(descriptor: int, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        chunk = os.read(descriptor, size - len(data))
        if not chunk:
            return None
        data += chunk
    return data
