"""What docs/harvesting.md shows is so."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from fogchain.config import FleetSection
from node.harvest.device import State
from node.harvest.expression import write
from node.harvest.profile import PROFILES, builtin, read
from node.harvest.reading import parse

GUIDE = (Path(__file__).parents[3] / "docs" / "harvesting.md").read_text()
BLOCKS = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("text", [text for text in BLOCKS if not text.startswith("[fleet]")])
def test_its_policies_are_policies(text: str) -> None:
    assert read(text, "the guide").guards


def test_its_fleet_is_as_by_default_but_for_being_one() -> None:
    (shown,) = [tomllib.loads(text)["fleet"] for text in BLOCKS if text.startswith("[fleet]")]
    assert FleetSection.model_validate_json(json.dumps(shown)) == FleetSection(enabled=True)
    assert set(shown) == set(FleetSection.model_fields)


def test_its_conditions_are_conditions() -> None:
    (line,) = [line for line in GUIDE.splitlines() if line.startswith("Conditions compare")]
    quoted = [text for text in re.findall(r"`([^`]+)`", line) if re.search(r"[<>=]| in |\.", text)]
    assert len(quoted) >= 6
    for text in quoted:
        parse(text)


def test_it_names_every_state_and_every_profile() -> None:
    assert all(f"`{state.value}`" in GUIDE for state in State)
    (header,) = [line for line in GUIDE.splitlines() if line.startswith("| guard |")]
    assert all(f" {name} " in header for name in PROFILES)


@pytest.mark.parametrize("name", PROFILES)
def test_its_table_has_each_profiles_heat(name: str) -> None:
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in GUIDE.splitlines() if line.startswith("|")]
    (header,) = [cells for cells in lines if cells[0] == "guard"]
    (heat,) = [cells for cells in lines if cells[0] == "processor"]
    cell = heat[header.index(name)]
    guard = next(guard for guard in builtin(name).guards if guard.name == "heat")
    limits = re.findall(r"thermal\.cpu (?:<=|>) (\d+)", f"{write(guard.enter)}, {write(guard.leave)}")
    assert len(limits) == 2 and all(f"{limit} C" in cell for limit in limits)
