"""What running tasks print, asked of their providers while somebody looks. Nobody has checked any of it.

subject   from → to          request                                        answer
printed   buyer → provider   [1, order digest, [stdout from, stderr from]]  [1, [[size, begin, data], …]] or [1, []]

`data` is the newest of a stream, from byte `begin` to its end at `size`, at most 32 KiB: what a task prints faster than
it is asked for is left out here, and is in the result. The list is empty when the order does not run. What a provider
says is kept in memory alone, the end of each stream, for the runs that were looked at last.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from fogchain import cbor
from fogchain.errors import BadMessage, FogchainError
from fogchain.jobs.logs import STREAMS, LiveLog, Log
from node.trade.ports import Network

log = structlog.get_logger(__name__)

SUBJECT = "printed"
MAX_PART = 32 << 10  # bytes of a stream in one answer
PAUSE = 0.5  # seconds between two questions about one run
PATIENCE = 3.0  # seconds for an answer
DISTRUST = 60.0  # seconds for which a provider that answers nonsense is not asked about a run
KEPT = 64  # runs

Key = tuple[str, int]  # job and attempt


def encode_request(digest: bytes, since: tuple[int, int]) -> bytes:
    return cbor.dumps([1, digest, list(since)])


def decode_request(data: bytes) -> tuple[bytes, tuple[int, int]]:
    """Raises BadMessage."""
    value: Any = cbor.loads(data, 128)
    if not isinstance(value, list) or len(value) != 3 or value[0] != 1:
        raise BadMessage("a question for what a task prints that is not of version 1")
    _, digest, since = value
    if not isinstance(digest, bytes) or len(digest) != 32 or not isinstance(since, list) or len(since) != 2:
        raise BadMessage("a question for what a task prints that names no order")
    if not all(type(place) is int and 0 <= place < 2**48 for place in since):
        raise BadMessage("a place in a stream that is none")
    return digest, (since[0], since[1])


def read_printed(places: Mapping[str, Path], since: tuple[int, int]) -> bytes:
    """The answer of a provider whose task writes into `places`, while it does."""
    parts = []
    for name, begin in zip(STREAMS, since, strict=True):
        size, data = 0, b""
        if name in places:
            try:
                with places[name].open("rb") as file:
                    size = file.seek(0, 2)
                    begin = max(begin, size - MAX_PART)
                    file.seek(min(begin, size))
                    data = file.read(size - file.tell())
            except OSError:  # the task has just ended
                size, data = 0, b""
        parts.append([size, size - len(data), data])
    return cbor.dumps([1, parts])


NOTHING = cbor.dumps([1, []])


def decode_answer(data: bytes) -> list[tuple[int, int, bytes]]:
    """Size, begin and data of each stream; none when the order does not run there. Raises BadMessage."""
    value: Any = cbor.loads(data, 2 * MAX_PART + 128)
    if not isinstance(value, list) or len(value) != 2 or value[0] != 1 or not isinstance(value[1], list):
        raise BadMessage("an answer that is nothing a task prints")
    parts = value[1]
    if parts and len(parts) != len(STREAMS):
        raise BadMessage("an answer that is not for both streams")
    found = []
    for part in parts:
        if not isinstance(part, list) or [type(each) for each in part] != [int, int, bytes]:
            raise BadMessage("a piece of a stream that does not hold together")
        size, begin, piece = part
        if len(piece) > MAX_PART or not 0 <= begin <= size < 2**48 or begin + len(piece) != size:
            raise BadMessage("a piece of a stream that is not its end")
        found.append((size, begin, bytes(piece)))
    return found


@dataclass(slots=True)
class _Seen:
    streams: dict[str, LiveLog] = field(default_factory=lambda: {name: LiveLog() for name in STREAMS})
    next_look: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Printing:
    """A buyer's view of what its running tasks print."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._seen: OrderedDict[Key, _Seen] = OrderedDict()

    async def look(self, key: Key, peer: str, digest: bytes) -> None:
        """Ask the provider `peer` what is new, unless it was asked just now; silence is no error."""
        seen = self._seen.setdefault(key, _Seen())
        self._seen.move_to_end(key)
        while len(self._seen) > KEPT:
            self._seen.popitem(last=False)
        async with seen.turn:
            if time.monotonic() < seen.next_look:
                return
            pause = PAUSE
            try:
                since = seen.streams["stdout"].size, seen.streams["stderr"].size
                asked = encode_request(digest, since)
                answer = await self._network.request(peer, SUBJECT, asked, timeout=PATIENCE)
                for name, part in zip(STREAMS, decode_answer(answer), strict=False):
                    seen.streams[name].feed(*part)
            except BadMessage as error:
                pause = DISTRUST
                log.warning("a provider does not say what its task prints", peer=peer, why=error.message)
            except FogchainError as error:
                log.debug("not known what a task prints", peer=peer, why=error.message)
            seen.next_look = time.monotonic() + pause

    def logs(self, key: Key) -> dict[str, Log]:
        """By stream, what is known of a run; empty when nobody has looked."""
        seen = self._seen.get(key)
        return {name: live.log for name, live in seen.streams.items()} if seen else {}
