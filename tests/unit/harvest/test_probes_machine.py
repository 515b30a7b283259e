"""The machine's size, its load and memory, its network, its screens: each from files that are made for the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machine_tree import laptop, press, stat_lines, write

from node.harvest.probes.calendar import read_time
from node.harvest.probes.evdev import Evdev
from node.harvest.probes.heat import Heat
from node.harvest.probes.network import read_network
from node.harvest.probes.power import Power
from node.harvest.probes.probe import Absent, Failed, Root
from node.harvest.probes.processor import Load, Memory, Use, foreign
from node.harvest.probes.seat import Screen, present, terminals
from node.harvest.sensors import plausible
from node.harvest.size import machine_size, parse_list

FOUR = stat_lines(*[(0, 0)] * 4)
MEMORY = "MemTotal: 16000000 kB\nMemAvailable: 12000000 kB"
V2 = {"proc/self/cgroup": "0::/box/inner", "proc/stat": FOUR, "proc/meminfo": MEMORY}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


# ------------------------------------------------------------ size


def test_without_limits_the_machine_is_the_host(tmp_path: Path) -> None:
    write(tmp_path, V2)
    size = machine_size(Root.below(tmp_path))
    assert (size.cores, size.memory, size.contained) == (4, 16_000_000 * 1024, False)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"box/inner/cpu.max": "150000 100000"}, 1.5),
        ({"box/inner/cpu.max": "max 100000", "box/cpu.max": "50000 100000"}, 0.5),
        ({"box/inner/cpu.max": "300000 100000", "box/cpu.max": "200000 100000"}, 2),
        ({"box/inner/cpu.max": "900000 100000"}, 4),
        ({"box/inner/cpu.max": "garbage"}, 4),
        ({"box/inner/cpu.max": "1 0"}, 4),
        ({"box/inner/cpuset.cpus.effective": "1-2"}, 2),
        ({"box/inner/cpuset.cpus.effective": "1-2", "box/inner/cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "100000 100000"}, 1),
    ],
)
def test_cores_of_a_container(tmp_path: Path, files: dict[str, str], cores: float) -> None:
    """HTCondor 2317, and containers whose neighbours' load is none of theirs."""
    write(tmp_path, V2 | {"sys/fs/cgroup/box/inner/cgroup.procs": "1"})
    write(tmp_path / "sys" / "fs" / "cgroup", files)
    assert machine_size(Root.below(tmp_path)).cores == cores


def test_version_1(tmp_path: Path) -> None:
    write(
        tmp_path,
        V2
        | {
            "proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:cpuset:/",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "1000000000",
            "sys/fs/cgroup/cpuset/cpuset.cpus": "0-3",
        },
    )
    size = machine_size(Root.below(tmp_path))
    assert (size.cores, size.memory) == (2.5, 1_000_000_000)
    write(tmp_path / "sys/fs/cgroup", {"memory/memory.limit_in_bytes": "9223372036854771712"})
    write(tmp_path / "sys/fs/cgroup", {"cpu,cpuacct/cpu.cfs_quota_us": "-1"})
    size = machine_size(Root.below(tmp_path))
    assert (size.cores, size.memory, size.contained) == (4, 16_000_000 * 1024, False)


def test_this_machine_has_a_size() -> None:
    size = machine_size(Root())
    assert 0 < size.cores <= (os.cpu_count() or 1)
    assert size.memory > 0


@given(st.text(max_size=40))
def test_lists_of_processors_may_be_garbage(listed: str) -> None:
    assert all(0 <= number < 1 << 16 for number in parse_list(listed))


def test_lists_of_processors() -> None:
    assert parse_list("0-3,8\n") == {0, 1, 2, 3, 8}
    assert parse_list("0-99999999999") == set()


# ------------------------------------------------------------ load and memory


def test_load_is_of_all_cores_and_without_ours(tmp_path: Path) -> None:
    ours = 0.0
    root = Root.below(tmp_path)
    load = Load(root, lambda: ours)
    write(tmp_path, {"proc/stat": stat_lines(*[(0, 1000)] * 4)})
    assert load.read() == {"cpu.foreign": None}
    ours = 2.0  # seconds: two cores of four, of which three are busy
    write(tmp_path, {"proc/stat": stat_lines((100, 1000), (100, 1000), (100, 1000), (0, 1100))})
    assert load.read()["cpu.foreign"] == pytest.approx(25)
    assert load.read()["cpu.foreign"] == pytest.approx(25), "no time has passed"


def test_in_a_container_the_neighbours_do_not_count(tmp_path: Path) -> None:
    clock = Clock()
    box = tmp_path / "sys/fs/cgroup/box/inner"
    write(tmp_path, V2)
    write(box, {"cpu.max": "200000 100000", "cpu.stat": "usage_usec 5000000\nuser_usec 1"})
    load = Load(Root.below(tmp_path), lambda: clock.now / 2, clock)
    load.read()
    write(tmp_path, {"proc/stat": stat_lines(*[(100000, 0)] * 4)})
    write(box, {"cpu.stat": "usage_usec 20000000\nuser_usec 1"})
    clock.now += 10  # of 20 seconds that it could have had, 15 were used, 5 of them by us
    assert load.read()["cpu.foreign"] == pytest.approx(50)


def test_only_the_processors_that_we_may_use_count(tmp_path: Path) -> None:
    write(tmp_path, V2 | {"sys/fs/cgroup/box/inner/cpuset.cpus.effective": "0-1"})
    load = Load(Root.below(tmp_path), lambda: 0.0)
    load.read()
    write(tmp_path, {"proc/stat": stat_lines((50, 50), (0, 100), (100, 0), (100, 0))})
    assert load.read()["cpu.foreign"] == pytest.approx(25)


@pytest.mark.parametrize("text", ["", "cpu0 1 2", "cpu0 a b c d e f g h", "cpuX 1 2 3 4", "cpu0 -1 0 0 0 0 0 0 0"])
def test_load_that_makes_no_sense(tmp_path: Path, text: str) -> None:
    write(tmp_path, V2 | {"proc/stat": text})
    with pytest.raises(Failed):
        Load(Root.below(tmp_path), lambda: 0.0).read()


USES = st.builds(Use, *[st.floats(0, 1e9)] * 3)


@given(USES, USES)
def test_load_is_a_percentage_whatever_the_counters_do(before: Use, now: Use) -> None:
    value = foreign(before, now)
    assert value is None or plausible("cpu.foreign", value) == value


def test_memory(tmp_path: Path) -> None:
    write(tmp_path, V2)
    assert Memory(Root.below(tmp_path)).read() == {"memory.free": 12_288, "memory.used": pytest.approx(25)}


def test_memory_of_a_container(tmp_path: Path) -> None:
    write(tmp_path, V2)
    box = tmp_path / "sys/fs/cgroup/box/inner"
    write(box, {"memory.max": "1000000000", "memory.current": "900000000"})
    write(box, {"memory.stat": "anon 100\ninactive_file 500000000"})
    assert Memory(Root.below(tmp_path)).read() == {"memory.free": 600, "memory.used": pytest.approx(40)}
    (box / "memory.current").unlink()
    with pytest.raises(Failed):
        Memory(Root.below(tmp_path)).read()


@pytest.mark.parametrize("text", ["", "MemTotal: 100 kB", "MemTotal: x kB\nMemAvailable: 3 kB", "\x00\x01"])
def test_memory_that_makes_no_sense(tmp_path: Path, text: str) -> None:
    write(tmp_path, V2 | {"proc/meminfo": text})
    with pytest.raises(Failed):
        Memory(Root.below(tmp_path)).read()


# ------------------------------------------------------------ power and heat that go


def test_a_battery_that_is_taken_out_leaves_a_machine_on_mains(tmp_path: Path) -> None:
    root = laptop(tmp_path)
    power = Power(root.sys)
    assert power.read()["battery.present"] is True
    (root.sys / "class/power_supply/BAT0").rename(tmp_path / "taken-out")
    assert power.read() == {
        "battery.present": False, "battery.charge": None, "battery.charging": None, "battery.temperature": None,
        "battery.thermometer": False, "power.source": "mains",
    }  # fmt: skip


def test_a_battery_without_a_thermometer_is_not_asked_and_one_that_lost_it_is(tmp_path: Path) -> None:
    root = laptop(tmp_path)
    temperature = root.sys / "class/power_supply/BAT0/temp"
    power = Power(root.sys)
    assert power.read()["battery.thermometer"] is True
    temperature.unlink()
    said = power.read()
    assert (said["battery.thermometer"], said["battery.temperature"]) == (True, None)
    assert Power(root.sys).read()["battery.thermometer"] is False


def test_heat_that_was_there_is_missed(tmp_path: Path) -> None:
    root = laptop(tmp_path)
    heat = Heat(root.sys)
    assert heat.read() == {"thermal.present": True, "thermal.cpu": 45}
    (root.sys / "class/thermal").rename(tmp_path / "gone")
    with pytest.raises(Failed):
        heat.read()
    assert Heat(root.sys).read()["thermal.present"] is False


# ------------------------------------------------------------ input and seats


def test_input_is_seen_and_not_kept(tmp_path: Path) -> None:
    clock = Clock()
    root = laptop(tmp_path)
    evdev = Evdev(root, clock)
    evdev.read()
    clock.now += 30
    assert evdev.read() == {"user.idle": 30}, "nothing was seen before it looked"
    press(root, b"the password")
    clock.now += 1
    assert evdev.read() == {"user.idle": 0}
    clock.now += 7
    assert evdev.read() == {"user.idle": 7}
    press(root)
    assert evdev.read() == {"user.idle": 0}, "it listens again, though who wrote before is gone"
    assert "password" not in repr(vars(evdev))
    evdev.close()
    assert evdev.files() == ()


def test_a_keyboard_that_comes_and_goes(tmp_path: Path) -> None:
    root = laptop(tmp_path)
    evdev = Evdev(root)
    evdev.read()
    os.mkfifo(root.dev / "input/event7")
    evdev.read()
    assert len(evdev.files()) == 2
    (root.dev / "input/event0").unlink()
    evdev.read()
    assert len(evdev.files()) == 1
    (root.dev / "input/event7").unlink()
    with pytest.raises(Absent):
        evdev.read()
    evdev.close()


def test_switches_and_accelerometers_are_no_users(tmp_path: Path) -> None:
    root = laptop(tmp_path)
    about = {"event0": ("21", "0"), "event1": ("20", "0"), "event2": ("b", "40")}  # lid, sensor that shakes
    for name, (kinds, properties) in about.items():
        if name != "event0":
            os.mkfifo(root.dev / "input" / name)
        write(root.sys / "class/input" / name / "device", {"capabilities/ev": kinds, "properties": properties})
    evdev = Evdev(root)
    with pytest.raises(Absent):
        evdev.read()
    write(root.sys / "class/input/event0/device", {"capabilities/ev": "120013"})
    evdev.read()
    assert len(evdev.files()) == 1
    evdev.close()


def test_input_that_may_not_be_read_is_said() -> None:
    """By a process of another user, since root may read everything."""
    folder = Path(tempfile.mkdtemp(prefix="fogchain-input-"))
    try:
        folder.chmod(0o755)
        root = laptop(folder)
        (root.dev / "input/event0").chmod(0)
        reads = (
            "import os, sys; sys.path[:] = sys.argv[2:]\n"
            "from pathlib import Path\n"
            "from node.harvest.probes.evdev import Evdev\n"
            "from node.harvest.probes.probe import Absent, Root\n"
            "if os.geteuid() == 0: os.setuid(65534)\n"
            "try: print(Evdev(Root.below(Path(sys.argv[1]))).read())\n"
            "except Absent as error: print(error)\n"
        )
        found = subprocess.run([sys.executable, "-c", reads, folder, *sys.path], capture_output=True, text=True)
        assert "group input" in found.stdout, found.stderr
    finally:
        shutil.rmtree(folder)


def test_who_may_sit_here(tmp_path: Path) -> None:
    assert present(Root.below(tmp_path)) == {"user.present": False}
    root = laptop(tmp_path)
    assert present(root) == {"user.present": True}
    write(root.sys, {"class/input/event0/device/capabilities/ev": "3"})
    assert present(root) == {"user.present": False}, "a power button"
    write(root.sys, {"class/drm/card0-eDP-1/status": "connected"})
    assert present(root) == {"user.present": True}


def test_terminals(tmp_path: Path) -> None:
    root = Root.below(tmp_path)
    with pytest.raises(Absent):
        terminals(root)
    write(root.dev, {"pts/0": "", "pts/1": "", "tty1": "", "tty": ""})
    for name, at in (("pts/0", 5000), ("pts/1", 5900), ("tty1", 100), ("tty", 6000)):
        os.utime(root.dev / name, (at, at))
    assert terminals(root, lambda: 6000.0) == {"user.idle": 100}
    assert terminals(root, lambda: 5899.0) == {"user.idle": 0}
    assert terminals(root, lambda: 5500.0) == {"user.idle": 500}, "one used in the future tells of a clock that was set"


def test_screens(tmp_path: Path) -> None:
    clock = Clock()
    root = Root.below(tmp_path)
    screen = Screen(root, clock)
    with pytest.raises(Absent):
        screen.read()
    cards = root.sys / "class/drm"
    write(cards, {"card0-eDP-1/status": "connected", "card0-eDP-1/dpms": "On", "card0-DP-1/status": "disconnected"})
    assert screen.read() == {"screen.off": 0}
    write(cards, {"card0-eDP-1/dpms": "Off"})
    assert screen.read() == {"screen.off": 0}
    clock.now += 90
    assert screen.read() == {"screen.off": 90}
    write(cards, {"card0-DP-1/status": "connected", "card0-DP-1/dpms": "On"})
    assert screen.read() == {"screen.off": 0}


def test_the_light_of_a_phone(tmp_path: Path) -> None:
    clock = Clock()
    root = Root.below(tmp_path)
    screen = Screen(root, clock)
    write(root.sys / "class/backlight/panel0", {"bl_power": "0", "actual_brightness": "90"})
    assert screen.read() == {"screen.off": 0}
    write(root.sys / "class/backlight/panel0", {"actual_brightness": "0"})
    screen.read()
    clock.now += 5
    assert screen.read() == {"screen.off": 5}


# ------------------------------------------------------------ network and time

HEAD = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ("", {"network.kind": "none", "network.metered": None}),
        ("wlan0 00000000 0 0003 0 0 600 00000000 0 0 0", {"network.kind": "wifi", "network.metered": None}),
        (
            "wlan0 00000000 0 0003 0 0 600 00000000 0 0 0\neth0 00000000 0 0003 0 0 100 00000000 0 0 0",
            {"network.kind": "ethernet", "network.metered": False},
        ),
        ("wwan0 00000000 0 0001 0 0 0 00000000 0 0 0", {"network.kind": "cellular", "network.metered": True}),
        ("usb0 00000000 0 0001 0 0 0 00000000 0 0 0", {"network.kind": "other", "network.metered": None}),
        ("br0 00000000 0 0001 0 0 0 00000000 0 0 0", {"network.kind": "ethernet", "network.metered": False}),
        ("eth0 00000000 0 0002 0 0 0 00000000 0 0 0", {"network.kind": "none", "network.metered": None}),
        ("eth0 000200C0 0 0001 0 0 0 00FFFFFF 0 0 0", {"network.kind": "none", "network.metered": None}),
        ("\x00 garbage", {"network.kind": "none", "network.metered": None}),
    ],
)
def test_networks(tmp_path: Path, routes: str, said: dict[str, object]) -> None:
    net = {"eth0/type": "1", "wlan0/type": "1", "wlan0/wireless/status": "0", "usb0/type": "1", "br0/type": "1"}
    write(tmp_path / "sys/class/net", net | {"br0/brif/eth0/port_no": "1", "wwan0/type": "65534"})
    write(tmp_path, {"proc/net/route": HEAD + routes})
    found = read_network(Root.below(tmp_path))
    assert {name: found.get(name) for name in said} == said


def test_ipv6_alone(tmp_path: Path) -> None:
    zero = "0" * 32
    write(tmp_path, {"proc/net/ipv6_route": f"{zero} 00 {zero} 00 {'f' * 32} 00000400 1 0 00000003 eth0"})
    write(tmp_path / "sys/class/net", {"eth0/type": "1"})
    assert read_network(Root.below(tmp_path))["network.kind"] == "ethernet"


def test_the_time_of_day() -> None:
    at = time.strptime("2026-11-28 22:30", "%Y-%m-%d %H:%M")
    assert read_time(at) == {"time.clock": 22 * 60 + 30, "time.weekend": True}
