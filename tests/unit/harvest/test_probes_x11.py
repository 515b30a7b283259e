"""A real X server without a screen of its own, where there is one; and servers that are none."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.harvest.probes import x11
from node.harvest.probes.probe import Absent, Failed
from node.harvest.probes.x11 import X11, cookies, display_number


def entry(number: bytes, cookie: bytes, name: bytes = b"MIT-MAGIC-COOKIE-1") -> bytes:
    fields = (b"host", number, name, cookie)
    return struct.pack(">H", 256) + b"".join(struct.pack(">H", len(field)) + field for field in fields)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The environment of those whom it lets in."""
    monkeypatch.setattr(x11, "TIMEOUT", 60.0)
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("there is no Xvfb on this machine")
    authority = tmp_path / "authority"
    authority.write_bytes(entry(b"", secrets.token_bytes(16)))
    out, into = os.pipe()
    command = [program, "-displayfd", str(into), "-auth", str(authority), "-nolisten", "tcp", "-screen", "0", "64x64x8"]
    with subprocess.Popen(command, pass_fds=(into,), stderr=subprocess.DEVNULL) as process:
        os.close(into)
        try:
            with os.fdopen(out) as told:
                number = told.readline().strip()
            assert number.isdecimal()
            yield {"DISPLAY": f":{number}", "XAUTHORITY": str(authority)}
        finally:
            process.terminate()


def test_a_real_server_tells_since_when_it_is_idle(server: dict[str, str]) -> None:
    display = X11(server)
    first = display.read()
    assert first["user.present"] is True and first.get("screen.off", 0.0) == 0.0
    assert isinstance(first["user.idle"], float) and 0 <= first["user.idle"] < 3600
    end = time.monotonic() + 60
    while display.read()["user.idle"] <= first["user.idle"]:  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)
    display.close()


def test_it_lets_nobody_in_without_the_cookie(server: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(entry(b"", secrets.token_bytes(16)))
    with pytest.raises(Absent, match="let us in"):
        X11(server | {"XAUTHORITY": str(tmp_path / "other")})


@pytest.mark.parametrize("display", ["", "elsewhere:0", ":0:0", ":", ":123456", "localhost:10.0", ":99999"])
def test_no_display(display: str) -> None:
    with pytest.raises(Absent):
        X11({"DISPLAY": display})


def test_displays() -> None:
    assert [display_number(name) for name in (":0", ":12.0", "unix:3")] == [0, 12, 3]


@given(st.binary(max_size=300))
def test_authority_may_be_garbage(stored: bytes) -> None:
    assert all(len(cookie) <= len(stored) for cookie in cookies(stored, 0))


def test_the_right_cookie() -> None:
    stored = entry(b"1", b"one") + entry(b"0", b"old", b"XDM") + entry(b"0", b"nil") + entry(b"", b"any")
    assert list(cookies(stored, 0)) == [b"nil", b"any"]
    assert list(cookies(stored + b"\x00", 7)) == [b"any"]


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (b"", (Failed, OSError)),
        (b"\x00\x03\x0b\x00\x00\x00\x01\x00no\n\x00", Absent),
        (b"\x01\x00\x0b\x00\x00\x00\xff\xff" + bytes(4 * 0xFFFF), Failed),
        (b"\x01\x00\x0b\x00\x00\x00\x00\x00", Failed),
        (b"\xff" * 4096, (Absent, Failed, OSError)),
    ],
)
def test_a_server_that_makes_no_sense(
    says: bytes, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(x11, "_SOCKETS", tmp_path)
    with _listening(tmp_path / "X4", says), pytest.raises(error):
        X11({"DISPLAY": ":4"})


def test_a_server_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BOINC 1187: XOpenDisplay hung."""
    monkeypatch.setattr(x11, "_SOCKETS", tmp_path)
    with _listening(tmp_path / "X4", None), pytest.raises(TimeoutError):
        X11({"DISPLAY": ":4"})


@contextlib.contextmanager
def _listening(path: Path, says: bytes | None) -> Iterator[None]:
    """Says that to one client, and leaves; None: stays and is silent."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        done = threading.Event()

        def serve() -> None:
            client, _ = listener.accept()
            with client, contextlib.suppress(OSError):
                client.recv(4096)
                if says is None:
                    done.wait(60)
                else:
                    client.sendall(says)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        done.set()
        thread.join(10)
