"""Probes in threads of their own, of which some hang, lie or die. Nothing here counts on how quick the machine is."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from machine_tree import laptop, press, stat_lines, write

from node.harvest.probes.choice import probes_for
from node.harvest.probes.lane import MOST_LEFT_BEHIND, Health, ProbeState
from node.harvest.probes.probe import Absent, Asked, Probe, Root, Source, asks
from node.harvest.probes.watch import Watch
from node.harvest.sensors import Value

PATIENCE = 60.0
SENSOR = ("power.source",)
MAINS: Mapping[str, Value | None] = {"power.source": "mains"}


@contextmanager
def watched(*probes: Probe, clock: Callable[[], float] = time.monotonic) -> Iterator[tuple[Watch, threading.Event]]:
    woken = threading.Event()
    watch = Watch(probes, clock=clock, changed=woken.set)
    watch.start()
    try:
        yield watch, woken
    finally:
        watch.stop()


def until(holds: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.005)
    return found


def state(watch: Watch, name: str) -> ProbeState:
    return next(one for one in watch.states() if one.name == name)


def is_(watch: Watch, name: str, health: Health) -> bool:
    return state(watch, name).health == health


def quick(name: str, read: Callable[[], Any], sensors: tuple[str, ...] = SENSOR, **more: Any) -> Probe:
    return asks(name, sensors, read, **{"busy": 0.01, "idle": 0.01, "timeout": 5.0} | more)


def test_what_a_probe_says_is_known() -> None:
    with watched(quick("power", lambda: MAINS)) as (watch, woken):
        assert woken.wait(PATIENCE)
        assert watch.snapshot()["power.source"] == "mains"
        said = state(watch, "power")
        assert (said.health, said.detail) == ("ok", "")
        assert said.age is not None and said.took is not None


def _exit() -> Any:
    raise SystemExit("out of here")


@pytest.mark.parametrize(
    ("read", "detail"),
    [
        (_exit, "SystemExit: out of here"),
        (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda: [("power.source", "mains")], "it gave a list in place of readings"),
        (lambda: None, "it gave a NoneType in place of readings"),
        (lambda: {"power.source": b"mains"}, "what it says of power.source makes no sense"),
        (lambda: {"power.source": float("nan")}, "what it says of power.source makes no sense"),
        (lambda: {"power.source": "x" * 10_000_000}, "what it says of power.source makes no sense"),
    ],
)
def test_nonsense_is_unknown_and_said(read: Callable[[], Any], detail: str) -> None:
    other = quick("other", lambda: {"user.present": False}, ("user.present",))
    with watched(quick("power", read), other) as (watch, _):
        until(lambda: is_(watch, "power", "failed") and is_(watch, "other", "ok"))
        assert watch.snapshot()["power.source"] is None
        assert state(watch, "power").detail == detail
        assert watch.snapshot()["user.present"] is False


def test_a_message_fits_in_a_line() -> None:
    def read() -> Any:
        raise OSError("line one\nline\x1b[31m two " + "long " * 1_000_000)

    with watched(quick("power", read)) as (watch, _):
        until(lambda: is_(watch, "power", "failed"))
        detail = state(watch, "power").detail
        assert len(detail) <= 200 and detail.isprintable()


def test_what_does_not_come_back_in_time_is_unknown_until_it_comes_back() -> None:
    gate, hang = threading.Event(), threading.Event()

    def read() -> Mapping[str, Value | None]:
        if hang.is_set():
            gate.wait(PATIENCE)
        return MAINS

    with watched(quick("power", read, timeout=0.3)) as (watch, woken):
        until(lambda: watch.snapshot()["power.source"] == "mains")
        hang.set()
        woken.clear()
        assert woken.wait(PATIENCE)
        until(lambda: is_(watch, "power", "late"))
        assert watch.snapshot()["power.source"] is None
        assert "no answer within 0.3 s" in state(watch, "power").detail
        hang.clear()
        gate.set()
        until(lambda: is_(watch, "power", "ok") and watch.snapshot()["power.source"] == "mains")


def test_threads_that_hang_are_left_behind_and_not_too_many() -> None:
    gate, asked = threading.Event(), []

    def read() -> Mapping[str, Value | None]:
        asked.append(threading.current_thread())
        gate.wait(PATIENCE * 4)
        return MAINS

    with watched(quick("power", read, timeout=0.05)) as (watch, _):
        until(lambda: "readings hang" in state(watch, "power").detail)
        until(lambda: len(asked) == MOST_LEFT_BEHIND + 1)
        hanging = list(asked)
        assert len(set(hanging)) == MOST_LEFT_BEHIND + 1
        assert all(thread.daemon for thread in hanging)
        gate.set()
        until(lambda: is_(watch, "power", "ok"))
        until(lambda: sum(thread.is_alive() for thread in hanging) <= 1)


def test_a_thread_that_was_left_behind_has_no_say_any_more() -> None:
    gate, first = threading.Event(), threading.Event()

    def read() -> Mapping[str, Value | None]:
        if not first.is_set():
            first.set()
            gate.wait(PATIENCE)
            return {"power.source": "battery"}
        return MAINS

    with watched(quick("power", read, timeout=0.5)) as (watch, _):
        until(lambda: watch.snapshot()["power.source"] == "mains")
        gate.set()
        until(lambda: sum(thread.name == "probe power" for thread in threading.enumerate()) <= 1)
        assert watch.snapshot()["power.source"] != "battery"
        until(lambda: watch.snapshot()["power.source"] == "mains")


def test_a_source_is_opened_in_the_thread_that_uses_it_and_closed_when_it_failed() -> None:
    happened: list[str] = []

    class One:
        def __init__(self) -> None:
            happened.append(f"opened by {threading.current_thread().name}")

        def read(self) -> Mapping[str, Value | None]:
            raise OSError("no")

        def files(self) -> tuple[int, ...]:
            return ()

        def close(self) -> None:
            happened.append("closed")

    def open_one() -> Source:
        return One()

    with watched(Probe("power", SENSOR, open_one, 0.01, 0.01)):
        until(lambda: len(happened) > 3)
    assert happened[:4] == ["opened by probe power", "closed"] * 2


def test_what_a_machine_does_not_have_is_absent() -> None:
    def read() -> Any:
        raise Absent("there is none here")

    with watched(
        quick("screen", read, ("screen.off",)), quick("other", lambda: {"screen.off": 3.0}, ("screen.off",))
    ) as (
        watch,
        _,
    ):
        until(lambda: is_(watch, "screen", "absent") and is_(watch, "other", "ok"))
        assert state(watch, "screen").detail == "there is none here"
        assert watch.snapshot()["screen.off"] == 3.0


def test_it_looks_more_often_while_tasks_run_and_at_once_when_they_begin() -> None:
    count: list[None] = []

    def read() -> Mapping[str, Value | None]:
        count.append(None)
        return MAINS

    with watched(quick("power", read, busy=0.01, idle=3600.0)) as (watch, _):
        until(lambda: len(count) == 1 and is_(watch, "power", "ok"))
        watch.pace(True)
        until(lambda: len(count) > 5)


def test_a_file_that_can_be_read_wakes_it_up() -> None:
    out, into = os.pipe()

    class Piped(Asked):
        def files(self) -> tuple[int, ...]:
            return (out,)

    def read() -> Mapping[str, Value | None]:
        os.set_blocking(out, False)
        with suppress(BlockingIOError):
            return {"power.source": os.read(out, 100).decode()}
        return MAINS

    with watched(Probe("power", SENSOR, lambda: Piped(read), 3600.0, 3600.0)) as (watch, woken):
        until(lambda: watch.snapshot()["power.source"] == "mains")
        woken.clear()
        os.write(into, b"battery")
        assert woken.wait(PATIENCE)
        until(lambda: watch.snapshot()["power.source"] == "battery")
    os.close(out)
    os.close(into)


def test_a_clock_that_goes_back_undoes_nothing() -> None:
    times = iter([100.0, 101.0])
    with watched(quick("power", lambda: MAINS), clock=lambda: next(times, 5.0)) as (watch, _):
        until(lambda: watch.snapshot()["power.source"] == "mains")
        age = state(watch, "power").age
        assert age is not None and age >= 0


def test_a_loop_that_is_closed_is_no_reason_to_stop() -> None:
    def closed() -> None:
        raise RuntimeError("Event loop is closed")

    watch = Watch([quick("power", lambda: MAINS)], changed=closed)
    watch.start()
    until(lambda: watch.snapshot()["power.source"] == "mains")
    watch.stop()


def test_it_stops_though_a_probe_hangs() -> None:
    gate = threading.Event()
    watch = Watch([quick("a", lambda: gate.wait(PATIENCE)), quick("b", lambda: MAINS)], changed=lambda: None)
    watch.start()
    until(lambda: is_(watch, "b", "ok"))
    watch.stop()
    until(lambda: not any(thread.name == "probe b" for thread in threading.enumerate()))
    gate.set()
    until(lambda: not any(thread.name == "probe a" for thread in threading.enumerate()))


# ------------------------------------------------------------ a whole machine of files


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[tuple[Root, Watch, threading.Event]]:
    root = laptop(tmp_path)
    with watched(*probes_for(folder=tmp_path, ours=lambda: 0.0, root=root)) as (watch, woken):
        watch.pace(True)
        until(lambda: watch.snapshot()["power.source"] == "mains" and watch.snapshot()["user.idle"] is not None)
        yield root, watch, woken


def test_a_machine_of_files(machine: tuple[Root, Watch, threading.Event]) -> None:
    root, watch, _ = machine
    write(root.proc, {"stat": stat_lines((150, 950), (150, 950))})
    until(lambda: watch.snapshot()["cpu.foreign"] is not None and watch.snapshot()["network.kind"] is not None)
    said = watch.snapshot()
    assert said["battery.charge"] == 93 and said["battery.charging"] is True and said["thermal.cpu"] == 45
    assert said["user.present"] is True and said["network.kind"] == "wifi" and said["network.metered"] is None
    assert said["memory.free"] == 6144 and said["memory.used"] == pytest.approx(25)


def test_unplugged(machine: tuple[Root, Watch, threading.Event]) -> None:
    root, watch, woken = machine
    woken.clear()
    write(root.sys, {"class/power_supply/AC/online": "0", "class/power_supply/BAT0/status": "Discharging"})
    assert woken.wait(PATIENCE)
    until(lambda: watch.snapshot()["power.source"] == "battery")
    write(root.sys, {"class/power_supply/AC/online": "1", "class/power_supply/BAT0/status": "Charging"})
    until(lambda: watch.snapshot()["power.source"] == "mains")


def test_hot(machine: tuple[Root, Watch, threading.Event]) -> None:
    root, watch, woken = machine
    woken.clear()
    write(root.sys, {"class/thermal/thermal_zone0/temp": "95000"})
    assert woken.wait(PATIENCE)
    until(lambda: watch.snapshot()["thermal.cpu"] == 95)


def test_a_key_is_noticed_though_nothing_is_due(machine: tuple[Root, Watch, threading.Event]) -> None:
    root, watch, woken = machine
    until(lambda: (watch.snapshot()["user.idle"] or 0) > 0.5)  # type: ignore[operator]
    woken.clear()
    before = watch.snapshot()["user.idle"]
    press(root)
    until(lambda: woken.is_set() and (watch.snapshot()["user.idle"] or 0) < before)  # type: ignore[operator]


def test_a_key_that_sends_a_flood_changes_nothing_else(machine: tuple[Root, Watch, threading.Event]) -> None:
    root, watch, _ = machine
    for _ in range(50):
        with suppress(BlockingIOError, OSError):
            press(root, b"\xff" * 60_000)
    until(lambda: is_(watch, "input", "ok") and is_(watch, "power", "ok"))


def test_a_driver_that_never_answers(machine: tuple[Root, Watch, threading.Event]) -> None:
    """A pipe that nobody writes into can't even be opened: as a process that waits for a broken device."""
    root, watch, woken = machine
    woken.clear()
    zone = root.sys / "class" / "thermal" / "thermal_zone0" / "temp"
    made = zone.with_name("hangs")
    os.mkfifo(made)
    made.replace(zone)
    assert woken.wait(PATIENCE)
    until(lambda: is_(watch, "heat", "late") and watch.snapshot()["thermal.cpu"] is None)
    assert watch.snapshot()["thermal.present"] is None
    assert watch.snapshot()["power.source"] == "mains"
    zone.unlink()
    write(root.sys, {"class/thermal/thermal_zone0/temp": "50000"})
    until(lambda: watch.snapshot()["thermal.cpu"] == 50)


@pytest.mark.parametrize("gone", ["sys", "sys/class", "sys/class/power_supply", "sys/class/power_supply/AC"])
def test_what_disappears_is_never_taken_for_mains(machine: tuple[Root, Watch, threading.Event], gone: str) -> None:
    """BOINC 6468 the other way round: without a battery a machine is on mains, but not because its folder is gone."""
    root, watch, woken = machine
    if gone.endswith("AC"):
        write(root.sys, {"class/power_supply/BAT0/status": "Discharging"})
    woken.clear()
    shutil.rmtree(root.sys.parent / gone)
    until(lambda: watch.snapshot()["power.source"] != "mains")
    assert woken.wait(PATIENCE)
    if not gone.endswith("AC"):
        until(lambda: is_(watch, "power", "failed") and "gone" in state(watch, "power").detail)


def test_a_file_without_end_is_not_read_to_its_end(machine: tuple[Root, Watch, threading.Event]) -> None:
    root, watch, _ = machine
    with (root.sys / "class/thermal/thermal_zone0/temp").open("wb") as file:
        file.truncate(1 << 40)
    with (root.proc / "meminfo").open("wb") as file:
        file.truncate(1 << 40)
    until(lambda: is_(watch, "memory", "failed") and watch.snapshot()["thermal.cpu"] is None)
    assert is_(watch, "heat", "ok") and watch.snapshot()["thermal.present"] is True


def test_garbage_in_every_file(machine: tuple[Root, Watch, threading.Event]) -> None:
    root, watch, _ = machine
    for folder in (root.sys, root.proc):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                path.write_bytes(b"\xff\x00 9e999 -1 garbage\n" * 1000)
    until(lambda: not {watch.snapshot()[name] for name in ("thermal.cpu", "battery.charge", "memory.free")} - {None})
    until(lambda: is_(watch, "memory", "failed") and is_(watch, "load", "failed"))
    assert watch.snapshot()["power.source"] != "battery"
