"""What the panel says of a fleet's devices."""

from __future__ import annotations

from typing import Any

from fogchain.api.fleet import CapacityView, DeviceRun, DeviceView
from ui import fleetwords as words


def device(**given: Any) -> DeviceView:
    plain: dict[str, Any] = {"name": "shed", "peer_id": "12D3", "state": "ready", "intent": "auto", "joined": 0.0}
    return DeviceView.model_validate(plain | given)


def test_when_it_was_heard_grows_between_two_answers() -> None:
    assert words.heard(device(), 5.0) == "not since the gateway's start"
    assert [words.heard(device(silent_ms=900), age) for age in (0.0, 1.0, 1.1, 60.0)] == [
        "now", "now", "2 s ago", "1 min ago",
    ]  # fmt: skip


def test_a_refused_policy_is_why() -> None:
    assert words.why(device(detail="no heartbeat for 30 s")) == "no heartbeat for 30 s"
    assert "line 3" in words.why(device(policy_error="line 3: it flaps"))


def test_a_policy_that_is_not_there_yet_is_on_its_way() -> None:
    assert words.policy(device(policy="profile phone", policy_hash="a", policy_wanted="a")) == "profile phone"
    assert words.policy(device(policy="profile phone", policy_hash="a", policy_wanted="b")).endswith("on its way")


def test_what_is_not_known_is_a_dash() -> None:
    assert (
        words.charge(device()) == words.temperature(device()) == words.slots(device()) == words.policy(device()) == "–"
    )


def test_tasks_that_stand_still_are_told_apart() -> None:
    runs = [DeviceRun(run="a", state="running", seconds=1), DeviceRun(run="b", state="standing", seconds=1)]
    busy = device(runs=runs, capacity=CapacityView(slots=2), sensors={"thermal.cpu": "61 C", "battery.charge": "80 %"})
    assert (words.tasks(busy), words.slots(busy)) == ("2 tasks, 1 of them held", "0 of 2 slots free")
    assert (words.temperature(busy), words.charge(busy)) == ("61 C", "80 %")
