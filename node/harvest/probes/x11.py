"""When an X server last saw input, and whether it has turned its screens off: asked by its own protocol, since Xlib
ends the whole process when the server goes away, and may wait for it without end.

X11R7.7 protocol, encoding appendix; MIT-SCREEN-SAVER 1.0; DPMS 1.1; the format of .Xauthority is Xau(3).
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from node.harvest.probes.probe import Absent, Failed, Readings

SENSORS = ("user.idle", "user.present", "screen.off")
TIMEOUT = 0.8  # seconds for one answer
_SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108 where X servers put them
_COOKIE = b"MIT-MAGIC-COOKIE-1"
_QUERY_EXTENSION, _SAVER_QUERY_INFO, _DPMS_INFO = 98, 1, 7
_REPLY_BYTES = 32
_MOST_BYTES = 1 << 20


class X11:
    def __init__(self, environment: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        """Raises Absent where there is no server on this machine that lets us in, Failed where it makes no sense."""
        self._clock = clock
        self._dark_since: float | None = None
        number = display_number(environment.get("DISPLAY", ""))
        authority = environment.get("XAUTHORITY") or str(Path(environment.get("HOME", "/")) / ".Xauthority")
        self._socket = _connected(number)
        try:
            self._root = self._introduce(_cookie(Path(authority), number))
            self._saver = self._extension(b"MIT-SCREEN-SAVER")
            self._dpms = self._extension(b"DPMS")
            if self._saver is None:
                raise Absent("the X server does not tell since when it is idle")
        except BaseException:
            self.close()
            raise

    def read(self) -> Readings:
        """Raises Failed, OSError."""
        answer = self._ask(struct.pack("<BBHI", self._saver, _SAVER_QUERY_INFO, 2, self._root))
        said: Readings = {"user.present": True, "user.idle": struct.unpack_from("<I", answer, 16)[0] / 1000}
        if self._dpms is not None:
            level, enabled = struct.unpack_from("<HB", self._ask(struct.pack("<BBH", self._dpms, _DPMS_INFO, 1)), 8)
            said["screen.off"] = self._dark(bool(enabled and level))
        return said

    def files(self) -> Sequence[int]:
        return ()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def _dark(self, dark: bool) -> float:
        now = self._clock()
        self._dark_since = (now if self._dark_since is None else self._dark_since) if dark else None
        return 0.0 if self._dark_since is None else now - self._dark_since

    def _introduce(self, cookie: bytes) -> int:
        """The first screen's root window."""
        name = _COOKIE if cookie else b""
        hello = struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(cookie))
        self._socket.sendall(hello + _padded(name) + _padded(cookie))
        head = self._receive(8)
        body = self._receive(4 * struct.unpack_from("<H", head, 6)[0])
        if head[0] != 1:
            raise Absent(f"the X server does not let us in: {body[: head[1]].decode('ascii', 'replace').strip()}")
        vendor, _, screens, formats = struct.unpack_from("<HHBB", body, 16) if len(body) >= 32 else (0, 0, 0, 0)
        at = 32 + (vendor + 3) // 4 * 4 + 8 * formats
        if not screens or len(body) < at + 4:
            raise Failed("the X server tells of no screen")
        return int(struct.unpack_from("<I", body, at)[0])

    def _extension(self, name: bytes) -> int | None:
        """Its opcode."""
        length = 2 + (len(name) + 3) // 4
        answer = self._ask(struct.pack("<BxHHxx", _QUERY_EXTENSION, length, len(name)) + _padded(name))
        return answer[9] if answer[8] else None

    def _ask(self, request: bytes) -> bytes:
        self._socket.sendall(request)
        for _ in range(100):  # events that nobody asked for go before
            answer = self._receive(_REPLY_BYTES)
            if answer[0] == 0:
                raise Failed(f"the X server answers with error {answer[1]}")
            if answer[0] == 1:
                self._receive(4 * struct.unpack_from("<I", answer, 4)[0])
                return answer
        raise Failed("the X server does not come to its answer")

    def _receive(self, count: int) -> bytes:
        if count > _MOST_BYTES:
            raise Failed("the X server announces more than anybody could want")
        got = b""
        while len(got) < count:
            if not (part := self._socket.recv(count - len(got))):
                raise Failed("the X server went away")
            got += part
        return got


def display_number(display: str) -> int:
    """Of a server on this machine. Raises Absent."""
    if not display:
        raise Absent("no DISPLAY is named in this process's environment")
    match = re.fullmatch(r"(?:unix)?:(\d{1,5})(?:\.\d{1,3})?", display)
    if match is None:
        raise Absent("DISPLAY names another machine's screen, or none")
    return int(match[1])


def cookies(stored: bytes, number: int) -> Iterator[bytes]:
    """Of an .Xauthority: what lets one in at that display. Garbage ends it. Pure."""
    at = 0
    while at + 2 <= len(stored):
        at += 2  # which family of addresses; we only look at this machine's
        fields = []
        for _ in range(4):
            if at + 2 > len(stored):
                return
            length = struct.unpack_from(">H", stored, at)[0]
            fields.append(stored[at + 2 : at + 2 + length])
            at += 2 + length
        if at <= len(stored) and fields[1] in (b"", str(number).encode()) and fields[2] == _COOKIE:
            yield fields[3]


def _cookie(path: Path, number: int) -> bytes:
    try:
        with path.open("rb") as file:
            return next(cookies(file.read(_MOST_BYTES), number), b"")
    except OSError:
        return b""


def _connected(number: int) -> socket.socket:
    path = str(_SOCKETS / f"X{number}")
    for address in (path, f"\0{path}"):  # the second without a file, as Linux also has them
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.settimeout(TIMEOUT)
        try:
            one.connect(address)
        except OSError:
            one.close()
            continue
        return one
    raise Absent(f"no X server answers at display :{number}")


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
