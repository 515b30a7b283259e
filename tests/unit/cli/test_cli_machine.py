"""By which profile a new node works: what kind of machine this is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fogchain.cli.machine import PROFILES, kind_of_machine
from node.harvest.profile import PROFILES as KNOWN

SCREEN = {"DISPLAY": ":0"}


def battery(folder: Path, scope: str = "") -> Path:
    supply = folder / "class" / "power_supply" / "BAT0"
    supply.mkdir(parents=True)
    (supply / "type").write_text("Battery\n")
    if scope:
        (supply / "scope").write_text(scope + "\n")
    return folder


def test_the_names_are_those_of_the_profiles() -> None:
    assert PROFILES == KNOWN


@pytest.mark.skipif(sys.platform != "linux", reason="the battery is looked for in /sys")
def test_it_goes_by_battery_and_screen(tmp_path: Path) -> None:
    assert kind_of_machine("linux", SCREEN, battery(tmp_path / "a")) == "laptop"
    assert kind_of_machine("linux", SCREEN, battery(tmp_path / "b", "Device")) == "desktop"
    assert kind_of_machine("linux", SCREEN, tmp_path / "none") == "desktop"
    assert kind_of_machine("linux", {}, tmp_path / "none") == "server"
    assert kind_of_machine("win32", {}, tmp_path / "none") == "desktop"
    assert kind_of_machine("linux", {"TERMUX_VERSION": "0.118"}, tmp_path / "none") == "phone"
