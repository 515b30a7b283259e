"""What docs/sensors.md says is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from node.harvest import profile
from node.harvest.probes.lane import Health
from node.harvest.sensors import SENSORS

GUIDE = (Path(__file__).parents[3] / "docs" / "sensors.md").read_text()


def test_every_sensor_is_explained() -> None:
    named = set()
    for row in re.findall(r"^\| (`[^|]+) \|", GUIDE, re.M):
        group = ""
        for name in re.findall(r"`([a-z.]+)`", row):
            group = name.split(".")[0] if not name.startswith(".") else group
            named.add(group + name if name.startswith(".") else name)
    assert set(SENSORS) <= named
    assert set(get_args(Health)) <= named


def test_the_policy_for_a_phone_can_be_used() -> None:
    text = re.search(r"```toml\n(.*?)```", GUIDE, re.S)
    assert text is not None
    policy = profile.read(text[1], "the guide")
    assert "screen" not in {guard.name for guard in policy.guards}
