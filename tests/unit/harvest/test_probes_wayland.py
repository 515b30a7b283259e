"""A real compositor without a screen, where there is one, and one of the test's own that keeps to the protocol."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.harvest.probes import wayland
from node.harvest.probes.probe import Absent, Failed, Probe
from node.harvest.probes.watch import Watch
from node.harvest.probes.wayland import QUIET, Wayland, parse_global

PATIENCE = 60.0


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wayland, "TIMEOUT", PATIENCE)


class Compositor:
    """Offers idle notices by one of the two protocols, to one client at a time; raises what that one does wrong."""

    def __init__(self, folder: Path, offers: str) -> None:
        self.environment = {"XDG_RUNTIME_DIR": str(folder), "WAYLAND_DISPLAY": "wayland-7"}
        self.notices: list[int] = []
        self.wrong: list[str] = []
        self._offers = ["wl_shm", offers, "wl_seat", "wl_seat"]
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / "wayland-7"))
        self._listener.listen()
        self._client: socket.socket | None = None
        self._bound: dict[int, str] = {1: "wl_display"}
        threading.Thread(target=self._serve, daemon=True).start()

    def tell(self, notice: int, opcode: int) -> None:
        assert self._client is not None
        self._client.sendall(struct.pack("=II", notice, 8 << 16 | opcode))

    def close(self) -> None:
        self._listener.close()
        if self._client is not None:
            self._client.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            self._client, _ = self._listener.accept()
            stream = self._client.makefile("rb")
            while len(head := stream.read(8)) == 8:
                target, word = struct.unpack("=II", head)
                self._take(target, word & 0xFFFF, stream.read((word >> 16) - 8))

    def _new(self, number: int, what: str) -> None:
        if number != max(self._bound) + 1:
            self.wrong.append(f"{what} is number {number} after {max(self._bound)}")
        self._bound[number] = what

    def _take(self, target: int, opcode: int, body: bytes) -> None:
        assert self._client is not None
        match self._bound.get(target), opcode:
            case "wl_display", 0:
                number = struct.unpack("=I", body)[0]
                self._new(number, "wl_callback")
                self._client.sendall(struct.pack("=III", number, 12 << 16, 0))
            case "wl_display", 1:
                self._new(struct.unpack("=I", body)[0], "wl_registry")
                for name, interface in enumerate(self._offers, 50):
                    text = interface.encode() + b"\0"
                    told = struct.pack("=II", name, len(text)) + text + bytes(-len(text) % 4) + struct.pack("=I", 1)
                    self._client.sendall(struct.pack("=II", 2, (8 + len(told)) << 16) + told)
            case "wl_registry", 0:
                name, length = struct.unpack_from("=II", body)
                if body[8 : 8 + length - 1].decode() != self._offers[name - 50]:
                    self.wrong.append("bound what was not offered")
                self._new(struct.unpack("=I", body[-4:])[0], self._offers[name - 50])
            case "ext_idle_notifier_v1", 1:
                self._notice(*struct.unpack("=III", body))
            case "org_kde_kwin_idle", 0:
                number, seat, milliseconds = struct.unpack("=III", body)
                self._notice(number, milliseconds, seat)
            case what, _:
                self.wrong.append(f"{what} was asked for {opcode}")

    def _notice(self, number: int, milliseconds: int, seat: int) -> None:
        if milliseconds != 1000 * QUIET or self._bound.get(seat) != "wl_seat":
            self.wrong.append("a notice of no seat")
        self._new(number, "notice")
        self.notices.append(number)


@pytest.fixture(params=["ext_idle_notifier_v1", "org_kde_kwin_idle"])
def compositor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Compositor]:
    made = Compositor(tmp_path, request.param)
    yield made
    made.close()
    assert made.wrong == []


def test_the_seat_that_was_used_last_counts(compositor: Compositor) -> None:
    now = [100.0]
    display = Wayland(compositor.environment, lambda: now[0])
    assert display.read() == {"user.present": True, "user.idle": 0.0}, "nothing is known of the time before"
    for notice in compositor.notices:
        compositor.tell(notice, 0)
        now[0] += 10
        display.read()
    assert display.read() == {"user.present": True, "user.idle": QUIET}
    now[0] += 20
    assert display.read()["user.idle"] == 20 + QUIET
    compositor.tell(compositor.notices[0], 1)
    assert display.read()["user.idle"] == 0.0
    display.close()


def test_a_key_wakes_the_watch(compositor: Compositor) -> None:
    woken = threading.Event()
    probe = Probe("wayland", wayland.SENSORS, lambda: Wayland(compositor.environment), 3600.0, 3600.0, timeout=PATIENCE)
    watch = Watch([probe], changed=woken.set)
    watch.start()
    try:
        until(lambda: watch.snapshot()["user.idle"] == 0.0)
        for notice in compositor.notices:
            compositor.tell(notice, 0)
        until(lambda: (watch.snapshot()["user.idle"] or 0.0) >= QUIET)  # type: ignore[operator]
        woken.clear()
        compositor.tell(compositor.notices[1], 1)
        assert woken.wait(PATIENCE)
        until(lambda: watch.snapshot()["user.idle"] == 0.0)
    finally:
        watch.stop()


def test_a_compositor_that_does_not_tell(tmp_path: Path) -> None:
    made = Compositor(tmp_path, "wl_output")
    with pytest.raises(Absent):
        Wayland(made.environment)
    made.close()
    with pytest.raises(Absent):
        Wayland({"XDG_RUNTIME_DIR": str(tmp_path), "WAYLAND_DISPLAY": "wayland-9"})


@pytest.mark.parametrize("says", [b"", b"\xff" * 64, bytes(64), struct.pack("=IIIII", 1, 20 << 16, 1, 2, 0), None])
def test_a_compositor_that_makes_no_sense(says: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if says is None:
        monkeypatch.setattr(wayland, "TIMEOUT", 0.2)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "wayland-0"))
        listener.listen()
        done = threading.Event()

        def serve() -> None:
            client, _ = listener.accept()
            with client, contextlib.suppress(OSError):
                client.recv(4096)
                client.sendall(says or b"")
                if says is None:
                    done.wait(PATIENCE)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises((Failed, OSError)):
            Wayland({"XDG_RUNTIME_DIR": str(tmp_path)})
        done.set()
        thread.join(PATIENCE)


@pytest.mark.parametrize("body", [b"", bytes(11), struct.pack("=III", 1, 0, 0), struct.pack("=III", 1, 1 << 31, 0)])
def test_offers_that_make_no_sense(body: bytes) -> None:
    with pytest.raises(Failed):
        parse_global(body)


def test_a_real_compositor() -> None:
    program = shutil.which("sway")
    if program is None:
        pytest.skip("there is no sway on this machine")
    folder = Path(tempfile.mkdtemp(prefix="fogchain-wayland-"))
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    if nobody:  # it refuses to run as root
        os.chown(folder, 65534, 65534)
    environment = {
        "PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(folder), "WLR_BACKENDS": "headless",
        "WLR_LIBINPUT_NO_DEVICES": "1", "WLR_RENDERER": "pixman",
    }  # fmt: skip
    log = folder / "log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [program, "-c", "/dev/null"],
            env=environment,
            stdout=said,
            stderr=said,
            **nobody,  # type: ignore[call-overload]
        ) as process,
    ):
        try:
            until(lambda: process.poll() is not None or list(folder.glob("sway-ipc*.sock")))
            if process.poll() is not None:
                pytest.skip(f"sway does not run here: {log.read_text()[-300:]}")
            name = next(path.name for path in folder.glob("wayland-*") if not path.name.endswith(".lock"))
            display = Wayland({"XDG_RUNTIME_DIR": str(folder), "WAYLAND_DISPLAY": name})
            until(lambda: display.read()["user.idle"] > 2 * QUIET)  # type: ignore[operator]
            ipc = next(folder.glob("sway-ipc*.sock"))
            move = ["swaymsg", "-s", str(ipc), "seat", "seat0", "cursor", "move", "5", "5"]
            until(lambda: not subprocess.run(move, capture_output=True).returncode and not display.read()["user.idle"])
            display.close()
        finally:
            process.kill()
    shutil.rmtree(folder)
