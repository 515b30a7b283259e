"""Readings of a `/sys` tree that is made for the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from node.harvest.probes.heat import read_heat
from node.harvest.probes.power import read_power
from node.harvest.sensors import plausible


def write(root: Path, **files: str) -> None:
    """`supply__BAT0__capacity="80"` is the file `class/power_supply/BAT0/capacity`."""
    places = {"supply": "class/power_supply", "zone": "class/thermal", "hwmon": "class/hwmon"}
    for name, text in files.items():
        place, folder, file = name.split("__")
        path = root / places[place] / folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


LAPTOP = {
    "supply__BAT0__type": "Battery", "supply__BAT0__capacity": "81", "supply__BAT0__status": "Charging",
    "supply__BAT0__temp": "312", "supply__AC__type": "Mains", "supply__AC__online": "1",
}  # fmt: skip


def test_a_laptop_on_its_charger(tmp_path: Path) -> None:
    write(tmp_path, **LAPTOP)
    assert read_power(tmp_path) == {
        "battery.present": True, "battery.charge": 81.0, "battery.charging": True, "battery.temperature": 31.2,
        "battery.thermometer": True,
        "power.source": "mains",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({"supply__AC__online": "0", "supply__BAT0__status": "Discharging"}, "battery"),
        ({"supply__AC__online": "0", "supply__BAT0__status": "Unknown"}, "battery"),
        ({"supply__AC__online": "?", "supply__BAT0__status": "Unknown"}, None),
        ({"supply__AC__type": "USB"}, "usb"),
        ({"supply__UPS__type": "UPS", "supply__UPS__status": "Charging"}, "ups"),
        ({"supply__UPS__type": "UPS", "supply__UPS__status": "Discharging"}, "ups-battery"),
        ({"supply__UPS__type": "UPS"}, None),
    ],
)
def test_where_the_power_comes_from(tmp_path: Path, changes: dict[str, str], source: str | None) -> None:
    write(tmp_path, **LAPTOP | changes)
    assert read_power(tmp_path)["power.source"] == source


def test_a_machine_without_battery_is_on_mains_and_a_mouse_is_no_battery_of_it(tmp_path: Path) -> None:
    """BOINC 6468, 1283."""
    assert read_power(tmp_path)["power.source"] == "mains"
    write(
        tmp_path, supply__mouse__type="Battery", supply__mouse__scope="Device", supply__mouse__capacity="3",
        supply__mouse__status="Discharging",
    )  # fmt: skip
    found = read_power(tmp_path)
    assert (found["battery.present"], found["power.source"]) == (False, "mains")


def test_a_battery_without_a_charger_to_be_seen_says_itself_how_it_is(tmp_path: Path) -> None:
    write(tmp_path, supply__BAT0__type="Battery", supply__BAT0__status="Full", supply__BAT0__capacity="100")
    assert read_power(tmp_path)["power.source"] == "mains"
    write(tmp_path, supply__BAT0__status="Unknown")
    assert read_power(tmp_path)["power.source"] is None


@pytest.mark.parametrize("garbage", ["", "eighty", "\0\0", "é", "8" * 5000])
def test_garbage_is_unknown(tmp_path: Path, garbage: str) -> None:
    write(tmp_path, **LAPTOP | {"supply__BAT0__capacity": garbage, "supply__BAT0__temp": garbage})
    found = read_power(tmp_path)
    assert plausible("battery.charge", found["battery.charge"]) is None
    assert plausible("battery.temperature", found["battery.temperature"]) is None


def test_one_of_two_batteries_that_says_nothing_leaves_the_charge_unknown(tmp_path: Path) -> None:
    write(tmp_path, **LAPTOP, supply__BAT1__type="Battery", supply__BAT1__status="Full")
    assert read_power(tmp_path)["battery.charge"] is None
    write(tmp_path, supply__BAT1__capacity="40")
    assert read_power(tmp_path)["battery.charge"] == 40.0


@pytest.mark.parametrize(
    ("files", "hottest"),
    [
        ({}, (False, None)),
        ({"zone__thermal_zone0__type": "acpitz", "zone__thermal_zone0__temp": "41000"}, (True, 41.0)),
        (
            {
                "zone__thermal_zone0__type": "acpitz", "zone__thermal_zone0__temp": "90000",
                "zone__thermal_zone1__type": "x86_pkg_temp", "zone__thermal_zone1__temp": "55500",
            },
            (True, 55.5),
        ),
        (
            {
                "hwmon__hwmon0__name": "nvme", "hwmon__hwmon0__temp1_input": "70000",
                "hwmon__hwmon1__name": "coretemp", "hwmon__hwmon1__temp1_input": "48000",
                "hwmon__hwmon1__temp2_input": "52000",
            },
            (True, 52.0),
        ),
        ({"zone__thermal_zone0__type": "cpu-thermal", "zone__thermal_zone0__temp": "hot"}, (True, None)),
    ],
)  # fmt: skip
def test_the_hottest_of_the_processor(tmp_path: Path, files: dict[str, str], hottest: Any) -> None:
    write(tmp_path, **files)
    found = read_heat(tmp_path)
    assert (found["thermal.present"], found["thermal.cpu"]) == hottest
