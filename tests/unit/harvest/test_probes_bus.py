"""logind, desktops and services, on a bus of the test's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bus_services import Service, private_bus
from hypothesis import given
from hypothesis import strategies as st

from node.harvest.probes import bus as probes_bus
from node.harvest.probes.desktop import Desktop, Growth
from node.harvest.probes.logind import Logind, Session, told
from node.harvest.probes.probe import Absent, Failed, Probe
from node.harvest.probes.services import Metered, Saver, Ups, platform_saver, ups_source
from node.harvest.probes.watch import Watch

LOGIN = "org.freedesktop.login1"
NETWORK = "org.freedesktop.NetworkManager"
MUTTER = "org.gnome.Mutter.IdleMonitor"
FREE = "org.freedesktop.ScreenSaver"
UPOWER = "org.freedesktop.UPower"
PROFILES = "net.hadess.PowerProfiles"


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(probes_bus, "TIMEOUT", 60.0)
    with private_bus() as address:
        yield address


@pytest.fixture
def serve(bus: str) -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def start(*names: str) -> Service:
        started.append(Service(bus, names))
        return started[-1]

    yield start
    for one in started:
        one.close()


def signed_in(service: Service, *, idle: bool = False, since: float = 0.0, locked: bool = False) -> None:
    manager = f"{LOGIN}.Manager"
    service.methods["/org/freedesktop/login1", manager, "ListSeats"] = ("a(so)", ([("seat0", "/seat")],))
    rows = [("1", 1000, "ada", "seat0", "/one"), ("2", 1000, "ada", "", "/ssh")]
    service.methods["/org/freedesktop/login1", manager, "ListSessions"] = ("a(susso)", (rows,))
    service.has("/seat", f"{LOGIN}.Seat", CanGraphical=("b", True))
    service.has(
        "/one", f"{LOGIN}.Session", Class=("s", "user"), State=("s", "active"), IdleHint=("b", idle),
        LockedHint=("b", locked), IdleSinceHintMonotonic=("t", int(since * 1e6)),
    )  # fmt: skip


def test_a_seat_and_who_sits_there(bus: str, serve: Callable[..., Service]) -> None:
    service = serve(LOGIN)
    signed_in(service)
    logind = Logind(bus, lambda: 500.0)
    assert logind.read() == {"user.present": True, "screen.locked": False}
    signed_in(service, idle=True, since=200.0, locked=True)
    assert logind.read() == {"user.present": True, "screen.locked": True, "user.idle": 300}
    logind.close()


def test_a_server_has_no_seat(bus: str, serve: Callable[..., Service]) -> None:
    service = serve(LOGIN)
    signed_in(service)
    service.has("/seat", f"{LOGIN}.Seat", CanGraphical=("b", False))
    assert Logind(bus).read() == {"user.present": False}


def test_logind_that_makes_no_sense(bus: str, serve: Callable[..., Service]) -> None:
    service = serve(LOGIN)
    signed_in(service)
    service.has("/one", f"{LOGIN}.Session", IdleHint=("s", "perhaps"))
    with pytest.raises(Failed):
        Logind(bus).read()
    service.methods["/org/freedesktop/login1", f"{LOGIN}.Manager", "ListSeats"] = ("s", ("none",))
    with pytest.raises(Failed):
        Logind(bus).read()


@given(st.booleans(), st.lists(st.builds(Session, st.booleans(), st.floats(0, 1e6), st.booleans()), max_size=4))
def test_one_who_is_not_idle_is_enough(has_screen: bool, sessions: list[Session]) -> None:
    said = told(has_screen, sessions, 1e6)
    assert said["user.present"] is has_screen
    if "user.idle" in said:
        assert sessions and all(session.idle for session in sessions)
        assert said["user.idle"] == min(1e6 - session.idle_since for session in sessions)


def test_gnome_under_wayland(bus: str, serve: Callable[..., Service]) -> None:
    service = serve(MUTTER, "org.gnome.ScreenSaver")
    service.methods["/org/gnome/Mutter/IdleMonitor/Core", MUTTER, "GetIdletime"] = ("t", (4200,))
    service.methods["/org/gnome/ScreenSaver", "org.gnome.ScreenSaver", "GetActive"] = ("b", (True,))
    assert Desktop(bus).read() == {"user.idle": 4.2, "user.present": True, "screen.locked": True}


def test_kde(bus: str, serve: Callable[..., Service]) -> None:
    service = serve(FREE)
    service.methods["/org/freedesktop/ScreenSaver", FREE, "GetSessionIdleTime"] = ("u", (9000,))
    service.methods["/org/freedesktop/ScreenSaver", FREE, "GetActive"] = ("b", (False,))
    assert Desktop(bus).read() == {"user.idle": 9.0, "user.present": True, "screen.locked": False}
    service.methods["/org/freedesktop/ScreenSaver", FREE, "GetSessionIdleTime"] = ("u", (0,))
    assert Desktop(bus).read() == {"user.present": True, "screen.locked": False}, "it can't know"


@pytest.mark.parametrize(("unit", "found"), [(1, 60), (1000, 60)])
def test_seconds_or_milliseconds(unit: int, found: float) -> None:
    growth = Growth()
    for second in range(60):
        value = growth.seconds((second + 1) * unit, 100.0 + second)
        assert value is not None and value <= second + 1
    assert value == pytest.approx(found)


@given(st.lists(st.tuples(st.floats(0.05, 5), st.floats(0, 4)), min_size=1, max_size=60))
def test_milliseconds_are_never_taken_for_seconds(steps: list[tuple[float, float]]) -> None:
    """Of somebody who types now and then."""
    growth, now = Growth(), 0.0
    for passed, idle in steps:
        now += passed
        said = growth.seconds(int(1000 * min(idle, now)), now)
        assert said is None or said <= 5


def test_no_desktop(bus: str) -> None:
    with pytest.raises(Absent):
        Desktop(bus).read()
    with pytest.raises(Absent):
        Logind(bus).read()
    with pytest.raises(Absent):
        Saver(bus).read()


@pytest.mark.parametrize("address", ["unix:path=/nowhere/at/all", "garbage", "tcp:host=x", ""])
def test_no_bus(address: str) -> None:
    with pytest.raises(Absent):
        Logind(address)


@pytest.mark.parametrize(("said", "metered"), [(0, None), (1, True), (2, False), (3, True), (4, False), (99, None)])
def test_whether_the_network_costs_money(
    bus: str, serve: Callable[..., Service], said: int, metered: bool | None
) -> None:
    serve(NETWORK).has("/org/freedesktop/NetworkManager", NETWORK, Metered=("u", said))
    assert Metered(bus).read().get("network.metered") is metered


def test_power_saver(bus: str, serve: Callable[..., Service], tmp_path: Path) -> None:
    service = serve(PROFILES)
    service.has("/net/hadess/PowerProfiles", PROFILES, ActiveProfile=("s", "power-saver"))
    saver = Saver(bus)
    assert saver.read() == {"power.saver": True}
    service.has("/net/hadess/PowerProfiles", PROFILES, ActiveProfile=("s", "balanced"))
    assert saver.read() == {"power.saver": False}
    with pytest.raises(Absent):
        platform_saver(tmp_path)
    (tmp_path / "firmware/acpi").mkdir(parents=True)
    (tmp_path / "firmware/acpi/platform_profile").write_text("low-power\n")
    assert platform_saver(tmp_path) == {"power.saver": True}


def test_a_ups_on_a_cable(bus: str, serve: Callable[..., Service]) -> None:
    """BOINC 6907, 6762."""
    service = serve(UPOWER)
    service.methods["/org/freedesktop/UPower", UPOWER, "EnumerateDevices"] = ("ao", (["/bat", "/ups"],))
    service.has("/bat", f"{UPOWER}.Device", Type=("u", 2), State=("u", 2))
    service.has("/ups", f"{UPOWER}.Device", Type=("u", 3), State=("u", 4))
    ups = Ups(bus)
    assert ups.read() == {"power.source": "ups"}
    service.has("/ups", f"{UPOWER}.Device", State=("u", 2))
    assert ups.read() == {"power.source": "ups-battery"}
    assert ups_source(0) is None and ups_source("x") is None
    service.methods["/org/freedesktop/UPower", UPOWER, "EnumerateDevices"] = ("ao", (["/bat"],))
    with pytest.raises(Absent):
        ups.read()


def test_a_service_that_does_not_answer_is_unknown_and_comes_back(
    bus: str, serve: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    """BOINC 1187: the client hung in the call that asked for the idle time."""
    monkeypatch.setattr(probes_bus, "TIMEOUT", 0.8)
    service = serve(MUTTER)
    service.methods["/org/gnome/Mutter/IdleMonitor/Core", MUTTER, "GetIdletime"] = ("t", (900_000,))
    woken = threading.Event()
    probe = Probe("desktop", ("user.idle", "user.present"), lambda: Desktop(bus), 0.05, 0.05, timeout=30)
    watch = Watch([probe], changed=woken.set)
    watch.start()
    try:
        for silent, idle in ((False, 900.0), (True, None), (False, 900.0)):
            service.silent = silent
            end = time.monotonic() + 60
            while watch.snapshot()["user.idle"] != idle:
                assert time.monotonic() < end, watch.states()
                time.sleep(0.01)
        assert woken.is_set()
    finally:
        watch.stop()
