"""What macOS, Windows, Android and graphics cards print, and programs that do what they should not. The outputs are
written for these tests, in the shape of the real ones."""

from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machine_tree import laptop

from node.harvest.probes import anywhere, gpu, macos, termux, windows
from node.harvest.probes.choice import probes_for
from node.harvest.probes.command import output
from node.harvest.probes.probe import Absent, Failed, Root
from node.harvest.sensors import SENSORS, plausible

# ------------------------------------------------------------ macOS

LAPTOP = """Now drawing from 'AC Power'
 -InternalBattery-0 (id=1234567)\t95%; charging; 0:20 remaining present: true
"""


def test_power_of_a_mac() -> None:
    assert macos.parse_power(LAPTOP) == {
        "battery.present": True, "battery.charge": 95, "battery.charging": True, "power.source": "mains",
    }  # fmt: skip
    unplugged = LAPTOP.replace("AC Power", "Battery Power").replace("; charging", "; discharging")
    assert macos.parse_power(unplugged)["power.source"] == "battery"
    assert macos.parse_power(unplugged)["battery.charging"] is False


def test_a_mac_on_a_desk() -> None:
    """BOINC 6907, 6762: without a battery, and beside a UPS."""
    none = {"battery.present": False, "battery.charge": None, "battery.charging": None}
    assert macos.parse_power("Now drawing from 'AC Power'\n") == none | {"power.source": "mains"}
    ups = "Now drawing from '{}'\n -Back-UPS ES 700 (id=9)\t100%; charging present: true\n"
    assert macos.parse_power(ups.format("AC Power")) == none | {"power.source": "ups"}
    assert macos.parse_power(ups.format("UPS Power")) == none | {"power.source": "ups-battery"}


def test_the_rest_of_a_mac() -> None:
    assert macos.parse_battery('    "Temperature" = 3012\n    "VirtualTemperature" = 9\n') == {
        "battery.thermometer": True,
        "battery.temperature": 30.12,
    }
    assert macos.parse_battery("") == {"battery.thermometer": False}
    assert macos.parse_saver("Currently in use:\n lowpowermode         1\n sleep 0\n") == {"power.saver": True}
    assert macos.parse_saver(" powermode            0\n") == {"power.saver": False}
    assert macos.parse_saver(" sleep 1\n") == {}
    assert macos.parse_input('  |   "HIDIdleTime" = 12500000000\n')["user.idle"] == 12.5
    assert macos.parse_lock('  "IOConsoleLocked" = Yes\n') == {"screen.locked": True}
    assert macos.parse_lock("") == {}


PORTS = "\nHardware Port: Wi-Fi\nDevice: en0\nEthernet Address: 1\n\nHardware Port: USB 10/100 LAN\nDevice: en5\n"


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("en0", {"network.kind": "wifi"}),
        ("en5", {"network.kind": "ethernet", "network.metered": False}),
        ("utun3", {"network.kind": "other"}),
    ],
)
def test_the_network_of_a_mac(device: str, said: dict[str, object]) -> None:
    assert macos.parse_network(f"   route to: default\n  interface: {device}\n", PORTS) == said
    assert macos.parse_network("route: not in table", PORTS) == {"network.kind": "none"}


# ------------------------------------------------------------ Windows


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ((1, 128, 255, 0), {"battery.present": False, "power.source": "mains", "power.saver": False}),
        ((255, 128, 255, 0), {"battery.present": False, "power.source": "mains"}),
        ((1, 8, 90, 0), {"battery.charge": 90, "battery.charging": True, "power.source": "mains"}),
        ((0, 1, 80, 1), {"battery.charging": False, "power.source": "battery", "power.saver": True}),
        ((255, 255, 255, 0), {"battery.present": None, "battery.charge": None, "power.source": None}),
    ],
)
def test_power_of_windows(fields: tuple[int, int, int, int], said: dict[str, object]) -> None:
    found = windows.parse_power(*fields)
    assert {name: found[name] for name in said} == said


def test_idle_time_of_windows_past_the_end_of_its_counter() -> None:
    assert windows.parse_idle(5_000, 2_000)["user.idle"] == 3
    assert windows.parse_idle(1_000, (1 << 32) - 1_000)["user.idle"] == 2


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("", {"network.kind": "none"}),
        ("Unrestricted\r\nFalse\r\nFalse\r\n6\r\n", {"network.kind": "ethernet", "network.metered": False}),
        ("Fixed\nTrue\nFalse\n71\n", {"network.kind": "wifi", "network.metered": True}),
        ("Unknown\nFalse\nTrue\n243\n", {"network.kind": "cellular"}),
    ],
)
def test_the_network_of_windows(printed: str, said: dict[str, object]) -> None:
    assert windows.parse_network(printed) == said


# ------------------------------------------------------------ Android

PHONE = (
    '{"present": true, "health": "GOOD", "percentage": 83, "plugged": "PLUGGED_AC", "status": "CHARGING",'
    ' "temperature": 31.4, "current": 500000}'
)


def test_the_battery_of_a_phone() -> None:
    assert termux.parse_battery(PHONE) == {
        "battery.present": True, "battery.charge": 83, "battery.charging": True, "battery.temperature": 31.4,
        "battery.thermometer": True,
        "power.source": "mains",
    }  # fmt: skip
    assert termux.parse_battery(PHONE.replace("PLUGGED_AC", "UNPLUGGED"))["power.source"] == "battery"
    assert termux.parse_battery(PHONE.replace("PLUGGED_AC", "PLUGGED_MOON"))["power.source"] is None
    assert termux.parse_battery("{}")["battery.charge"] is None


def test_the_networks_of_a_phone() -> None:
    assert termux.parse_wifi('{"supplicant_state": "COMPLETED", "ip": "192.168.0.7"}') == {"network.kind": "wifi"}
    assert termux.parse_wifi('{"supplicant_state": "DISCONNECTED", "ip": "0.0.0.0"}') == {}
    assert termux.parse_telephone('{"data_state": "connected"}')["network.metered"] is True
    assert termux.parse_telephone('{"data_state": "disconnected"}') == {"network.kind": "none"}


@pytest.mark.parametrize("printed", ["", "null", "[1]", "{", "[" * 100_000, '{"API_ERROR": "not allowed"}'])
def test_what_termux_does_not_tell(printed: str) -> None:
    for parse in (termux.parse_battery, termux.parse_wifi, termux.parse_telephone):
        with pytest.raises(Failed):
            parse(printed)


# ------------------------------------------------------------ garbage for all

PARSERS = [
    macos.parse_power, macos.parse_battery, macos.parse_saver, macos.parse_input, macos.parse_lock,
    windows.parse_network, termux.parse_battery, termux.parse_wifi, termux.parse_telephone, gpu.parse_nvidia,
]  # fmt: skip
SAMPLES = [LAPTOP, PHONE, PORTS, '"HIDIdleTime" = 99999999999999999999', "37, 61\n", "Fixed\nTrue\nFalse\n71", "-1,nan"]


@given(st.sampled_from(PARSERS), st.one_of(st.text(), st.sampled_from(SAMPLES)), st.data())
def test_garbage_is_refused_or_unknown(parse: object, printed: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(printed)))
    try:
        said = parse(printed[:cut])  # type: ignore[operator]
    except Failed:
        return
    assert set(said) <= set(SENSORS)
    assert all(value is None or isinstance(value, bool | float | int | str) for value in said.values())


# ------------------------------------------------------------ graphics cards, and programs


def test_nvidia() -> None:
    assert gpu.parse_nvidia("37, 61\n5, 70\n") == {"gpu.load": 37, "gpu.temperature": 70}
    for printed in ("", "[N/A], 3", "3"):
        with pytest.raises(Failed):
            gpu.parse_nvidia(printed)


def test_amd(tmp_path: Path) -> None:
    with pytest.raises(Absent):
        gpu.amd(tmp_path)
    device = tmp_path / "class/drm/card0/device"
    (device / "hwmon/hwmon3").mkdir(parents=True)
    (device / "gpu_busy_percent").write_text("42\n")
    (device / "hwmon/hwmon3/temp1_input").write_text("55000\n")
    assert gpu.amd(tmp_path) == {"gpu.load": 42, "gpu.temperature": 55}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Makes a program of that name, in Python."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def make(name: str, code: str) -> str:
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\n{code}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return name

    return make


def test_what_a_program_prints(program: object) -> None:
    assert output((program("says", "print('hello')"),), 60) == "hello\n"  # type: ignore[operator]
    with pytest.raises(Absent):
        output(("fogchain-no-such-program",))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os\nwhile True: os.write(1, b'x' * 65536)", "more than"),
        ("import sys; sys.exit(3)", "status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "status -11"),
        ("raise SystemExit('bye')", "status 1"),
    ],
)
def test_programs_that_misbehave(program: object, code: str, reason: str) -> None:
    with pytest.raises(Failed, match=reason):
        output((program("bad", code),), 60)  # type: ignore[operator]


def test_a_program_that_does_not_end_is_killed_with_its_children(program: object, tmp_path: Path) -> None:
    """A child that has inherited the pipe holds it open for as long as it lives."""
    code = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"child = os.fork()\nif child: open({str(tmp_path / 'child')!r}, 'w').write(str(child))\ntime.sleep(300)"
    )
    with pytest.raises(Failed, match="did not end"):
        output((program("hangs", code),), 3)  # type: ignore[operator]
    child = int((tmp_path / "child").read_text())
    end = time.monotonic() + 60
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split(")")[1]:
        assert time.monotonic() < end
        time.sleep(0.01)


# ------------------------------------------------------------ which there are


@pytest.mark.parametrize("system", ["linux", "android", "darwin", "win32", "freebsd14"])
def test_every_system_has_its_probes(system: str, tmp_path: Path) -> None:
    probes = probes_for(folder=tmp_path, ours=lambda: 0.0, system=system)
    told = {sensor for probe in probes for sensor in probe.sensors}
    assert told <= set(SENSORS)
    assert {"power.source", "battery.present", "thermal.present", "user.present", "disk.free", "memory.free"} <= told
    assert len({probe.name for probe in probes}) == len(probes)
    assert all(probe.busy <= probe.idle for probe in probes)


def test_a_made_machine_hears_of_nothing_real(tmp_path: Path) -> None:
    root = laptop(tmp_path)
    probes = probes_for(folder=tmp_path, ours=lambda: 0.0, system="linux", root=root, environment={"DISPLAY": ":0"})
    assert not {"logind", "x11", "desktop", "metered", "nvidia"} & {probe.name for probe in probes}
    real = probes_for(folder=tmp_path, ours=lambda: 0.0, system="linux", environment={"DISPLAY": ":0"}, root=Root())
    assert {"logind", "x11"} <= {probe.name for probe in real}
    hidden = {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}
    wayland = probes_for(folder=tmp_path, ours=lambda: 0.0, system="linux", environment=hidden)
    assert "x11" not in {probe.name for probe in wayland} and "wayland" in {probe.name for probe in wayland}


def test_psutil_tells_of_any_system() -> None:
    said = anywhere.memory()
    assert all(plausible(name, value) is not None for name, value in said.items())
    load = anywhere.Load(lambda: 0.0)
    assert load.read() == {"cpu.foreign": None}
    end = time.monotonic() + 60
    while (value := load.read()["cpu.foreign"]) is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert plausible("cpu.foreign", value) is not None
