"""What a run printed, kept when it has no result: the beginning and the end of stdout and stderr.

Wire form: `{name: [size, head, tail]}`; the text is `head` when it is whole, else what lies between was left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fogchain import cbor
from fogchain.errors import BadMessage
from fogchain.units import show_size

STREAMS = ("stdout", "stderr")
HEAD_BYTES, TAIL_BYTES = 16 << 10, 48 << 10


@dataclass(frozen=True, slots=True)
class Log:
    """One stream. `size`: bytes that were printed in all."""

    size: int
    head: bytes
    tail: bytes = b""

    @property
    def left_out(self) -> int:
        """Bytes missing between head and tail."""
        return self.size - len(self.head) - len(self.tail)

    @property
    def text(self) -> str:
        """For people: a mark where something is left out, and what is no UTF-8 replaced."""
        if not self.left_out:
            return (self.head + self.tail).decode(errors="replace")
        mark = f"\n[… {show_size(self.left_out)} left out …]\n"
        return self.head.decode(errors="replace") + mark + self.tail.decode(errors="replace")

    def after(self, place: int) -> tuple[int, bytes]:
        """What there is from byte `place` on, or after what is left out there, up to a gap: where it begins, and the
        bytes."""
        tail_at = self.size - len(self.tail)
        if place < len(self.head):
            return place, self.head[place:]
        place = max(place, tail_at)
        return place, self.tail[place - tail_at :]


@dataclass(slots=True)
class LiveLog:
    """The end of a stream that is still written, as it is heard of piece by piece."""

    size: int = 0
    tail: bytes = b""

    @property
    def log(self) -> Log:
        return Log(self.size, b"", self.tail)

    def feed(self, size: int, begin: int, data: bytes) -> None:
        """The stream has `size` bytes now, and these are the last, from `begin` on. One that is shorter than what is
        known comes of a run that was begun again, and says nothing new."""
        if size <= self.size:
            return
        known = self.tail if begin <= self.size else b""
        self.tail = (known + data[max(0, self.size - begin) :])[-TAIL_BYTES:]
        self.size = size


def contradicts(streamed: Log, recorded: Log) -> bool:
    """Whether what was heard of a stream while it was written can't be the one that was recorded."""
    begin = streamed.size - len(streamed.tail)
    for start, part in ((0, recorded.head), (recorded.size - len(recorded.tail), recorded.tail)):
        low, high = max(begin, start), min(streamed.size, start + len(part))
        if low < high and streamed.tail[low - begin : high - begin] != part[low - start : high - start]:
            return True
    return streamed.size > recorded.size


def read_log(path: Path, head: int = HEAD_BYTES, tail: int = TAIL_BYTES) -> Log:
    """Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        if size <= head + tail:
            first = file.read(size)
            return Log(len(first), first)
        first = file.read(head)
        file.seek(size - tail)
        last = file.read(tail)
        return Log(head + tail + max(0, size - head - tail), first, last) if len(last) == tail else Log(head, first)


def read_logs(paths: Mapping[str, Path]) -> dict[str, Log]:
    """The streams that can be read."""
    found = {}
    for name in STREAMS:
        if name in paths:
            try:
                found[name] = read_log(paths[name])
            except OSError:
                continue
    return found


def to_wire(logs: Mapping[str, Log]) -> dict[str, list[Any]]:
    return {name: [log.size, log.head, log.tail] for name, log in logs.items()}


def from_wire(value: Any) -> dict[str, Log]:
    """Raises BadMessage."""
    if not isinstance(value, dict) or not all(name in STREAMS for name in value):
        raise BadMessage("logs of streams that a run does not have")
    return {name: _log(parts) for name, parts in value.items()}


def encode(logs: Mapping[str, Log]) -> bytes:
    return cbor.dumps([1, to_wire(logs)])


def decode(data: bytes) -> dict[str, Log]:
    """Raises BadMessage."""
    value = cbor.loads(data)
    if not isinstance(value, list) or len(value) != 2 or value[0] != 1:
        raise BadMessage("logs of another version")
    return from_wire(value[1])


def _log(parts: Any) -> Log:
    if not isinstance(parts, list) or [type(part) for part in parts] != [int, bytes, bytes]:
        raise BadMessage("a log that does not hold together")
    size, head, tail = parts
    if len(head) > HEAD_BYTES + TAIL_BYTES or len(tail) > TAIL_BYTES or not len(head) + len(tail) <= size < 2**48:
        raise BadMessage("a log longer than it says, or longer than is kept")
    return Log(size, head, tail)
