"""When a Wayland compositor last saw input, asked by its own protocol: ext-idle-notify-v1, or org_kde_kwin_idle of
older ones. Each seat tells when there was no input for a second, and when there is some again.

wayland.xml, ext-idle-notify-v1.xml and idle.xml of the protocols. A message is the object's number, then size and
opcode in one word, then arguments, all in the machine's byte order.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.harvest.probes.probe import Absent, Failed, Readings

SENSORS = ("user.idle", "user.present")
TIMEOUT = 0.8  # seconds for one answer
QUIET = 1.0  # seconds without input, after which a seat says so
_DISPLAY, _REGISTRY = 1, 2
_SYNC, _GET_REGISTRY, _BIND = 0, 1, 0  # requests
_ERROR, _GLOBAL, _IDLED, _RESUMED = 0, 0, 0, 1  # events
_MOST_SEATS = 8
_MOST_BYTES = 1 << 20  # before an answer


@dataclass(frozen=True, slots=True)
class _Protocol:
    """`seat_first`: the order of the arguments that ask for notice."""

    interface: str
    ask: int
    seat_first: bool


_PROTOCOLS = (_Protocol("ext_idle_notifier_v1", 1, False), _Protocol("org_kde_kwin_idle", 0, True))


class Wayland:
    def __init__(self, environment: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        """Raises Absent where there is no compositor that tells, Failed where it makes no sense."""
        self._clock = clock
        self._read = b""
        self._next = _REGISTRY + 1  # the numbers of objects have no gaps
        self._quiet: dict[int, float | None] = {}  # by seat: when its last input was; None while there is some
        self._globals: list[tuple[str, int]] = []
        self._socket = _connected(environment)
        try:
            self._send(_DISPLAY, _GET_REGISTRY, struct.pack("=I", _REGISTRY))
            self._round()
            self._ask_for_notice()
        except BaseException:
            self.close()
            raise

    def read(self) -> Readings:
        """Raises Failed, OSError."""
        self._round()
        now = self._clock()
        idle = [0.0 if since is None else max(0.0, now - since) for since in self._quiet.values()]
        return {"user.present": True, "user.idle": min(idle)}

    def files(self) -> Sequence[int]:
        return (self._socket.fileno(),)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def _ask_for_notice(self) -> None:
        seats = [name for interface, name in self._globals if interface == "wl_seat"][:_MOST_SEATS]
        known = dict(self._globals)
        protocol = next((one for one in _PROTOCOLS if one.interface in known), None)
        if protocol is None or not seats:
            raise Absent("the compositor tells of no idle time")
        notifier = self._number()
        self._bind(known[protocol.interface], protocol.interface, notifier)
        for name in seats:
            seat = self._number()
            self._bind(name, "wl_seat", seat)
            notice = self._number()
            milliseconds = int(QUIET * 1000)
            rest = (seat, milliseconds) if protocol.seat_first else (milliseconds, seat)
            self._send(notifier, protocol.ask, struct.pack("=III", notice, *rest))
            self._quiet[notice] = None
        self._round()

    def _round(self) -> None:
        """Take all that the compositor has said, to its answer to a question asked now."""
        done = self._number()
        self._send(_DISPLAY, _SYNC, struct.pack("=I", done))
        until = time.monotonic() + TIMEOUT
        taken = 0
        while True:
            for target, opcode, body in self._messages():
                if target == done:
                    return
                self._take(target, opcode, body)
            if not select.select([self._socket], [], [], max(0.0, until - time.monotonic()))[0]:
                raise Failed(f"the compositor did not answer within {TIMEOUT:g} s")
            if not (part := self._socket.recv(65536)):
                raise Failed("the compositor went away")
            self._read += part
            taken += len(part)
            if taken > _MOST_BYTES:
                raise Failed("the compositor does not come to its answer")

    def _messages(self) -> Iterator[tuple[int, int, bytes]]:
        while len(self._read) >= 8:
            target, word = struct.unpack_from("=II", self._read)
            size = word >> 16
            if size < 8 or size % 4:
                raise Failed("the compositor sends what makes no sense")
            if len(self._read) < size:
                return
            body, self._read = self._read[8:size], self._read[size:]
            yield target, word & 0xFFFF, body

    def _take(self, target: int, opcode: int, body: bytes) -> None:
        if target == _DISPLAY and opcode == _ERROR:
            raise Failed(f"the compositor answers with an error: {body[12:].decode('ascii', 'replace')[:100]}")
        if target == _REGISTRY and opcode == _GLOBAL:
            self._globals.append(parse_global(body))
        elif target in self._quiet and opcode == _IDLED:
            self._quiet[target] = self._clock() - QUIET
        elif target in self._quiet and opcode == _RESUMED:
            self._quiet[target] = None

    def _bind(self, name: int, interface: str, number: int) -> None:
        text = interface.encode() + b"\0"
        padded = struct.pack("=I", len(text)) + text + bytes(-len(text) % 4)
        self._send(_REGISTRY, _BIND, struct.pack("=I", name) + padded + struct.pack("=II", 1, number))

    def _send(self, target: int, opcode: int, body: bytes) -> None:
        self._socket.sendall(struct.pack("=II", target, (8 + len(body)) << 16 | opcode) + body)

    def _number(self) -> int:
        self._next += 1
        return self._next - 1


def parse_global(body: bytes) -> tuple[str, int]:
    """The interface of something that the compositor offers, and the number it goes by. Raises Failed."""
    if len(body) >= 12:
        name, length = struct.unpack_from("=II", body)
        if 0 < length <= len(body) - 12:
            return body[8 : 8 + length - 1].decode("ascii", "replace"), name
    raise Failed("the compositor offers what makes no sense")


def _connected(environment: Mapping[str, str]) -> socket.socket:
    path = Path(environment.get("XDG_RUNTIME_DIR", "/nowhere")) / environment.get("WAYLAND_DISPLAY", "wayland-0")
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    one.settimeout(TIMEOUT)
    try:
        one.connect(str(path))
    except OSError as error:
        one.close()
        raise Absent(f"no Wayland compositor answers at {path}") from error
    return one
