"""What the panel says of a machine, in its owner's words."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fogchain.api.harvest import CauseView, HarvestView, ProbeView, VetoView
from ui import harvestwords as words

HOUR = 3_600_000


def view(**given: Any) -> HarvestView:
    plain: dict[str, Any] = {
        "state": "idle", "cause": "all clear", "since": 0.0, "takes_work": True, "why": "", "intent": "auto",
        "duty": "100 %", "running": 0, "policy": "profile laptop", "vetoes": [], "sensors": [], "probes": [],
        "survival": {},
    }  # fmt: skip
    return HarvestView.model_validate(plain | given)


def veto(sensor: str, condition: str, value: str, **given: Any) -> VetoView:
    plain: dict[str, Any] = {
        "guard": "user", "scope": "owner", "action": "freeze", "reason": "left",
        "causes": [CauseView(condition=condition, sensor=sensor, value=value)],
        "enter": "user.idle > 180 s", "dwell": 60.0, "clears_in": None, "text": "user: in use",
    }  # fmt: skip
    return VetoView.model_validate(plain | given)


IN_USE = veto("user.idle", "user.idle < 2 s", "0.1 s")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (view(), "Ready: waiting for work"),
        (view(state="running", running=1), "Working"),
        (view(state="running", running=1, duty="50 %"), "Working, slowed to 50 % of the time"),
        (view(state="frozen", running=1, vetoes=[IN_USE]), "Standing still: the machine is in use"),
        (view(state="blocked", vetoes=[IN_USE]), "Not working: the machine is in use"),
        (view(state="blocked", intent="pause", vetoes=[IN_USE]), "Paused by you"),
        (view(state="frozen", intent="pause", running=2), "Paused by you: what runs stands still"),
        (view(state="draining", intent="finish", running=1), "Finishing what runs, then it stops"),
        (view(state="blocked", intent="finish"), "Stopped, as you wanted: it takes no work"),
        (view(state="quarantine", vetoes=[IN_USE]), "In quarantine: it waits for you"),
        (
            view(state="blocked", vetoes=[veto("thermal.cpu", "?", "unknown", reason="unknown")]),
            "Not working: thermal.cpu can't be read",
        ),
        (
            view(state="warming", vetoes=[veto("user.idle", "", "", reason="waiting", clears_in=30.0)]),
            "Ready soon: it makes sure for another 30 s",
        ),
    ],
)
def test_the_headline_is_what_its_owner_would_say(given: HarvestView, said: str) -> None:
    assert words.headline(given) == said


def test_time_to_clear_counts_down_between_two_answers() -> None:
    waiting = veto("user.idle", "", "", reason="waiting", clears_in=30.0)
    assert [words.clears(waiting, age) for age in (0.0, 1.0, 29.5, 31.0)] == ["in 30 s", "in 29 s", "in 1 s", "now"]
    assert words.clears(IN_USE, 5.0) == "waits for"


def test_that_there_is_a_battery_is_no_reason() -> None:
    there = CauseView(condition="battery.present", sensor="battery.present", value="true")
    low = CauseView(condition="battery.charge < 70 %", sensor="battery.charge", value="64 %")
    charge = veto(
        "", "", "", guard="charge", causes=[there, low], enter="not battery.present or battery.charge >= 80 %"
    )
    assert words.telling(charge.causes) == low
    assert words.has_to_hold(charge) == "battery.charge >= 80 %, for 1 min"
    blocked = view(state="blocked", vetoes=[charge])
    assert words.headline(blocked) == "Not working: the battery is low"
    assert words.detail(blocked) == "charge: battery.charge < 70 %, now 64 %"


def test_a_kept_cause_is_told_without_what_the_machine_has() -> None:
    kept = "charge: battery.present: battery.present is true; battery.charge < 70 %: battery.charge is 66 %"
    assert words.cause(kept) == "charge: battery.charge < 70 %: battery.charge is 66 %"


def test_a_throttle_is_not_why_it_stands_still() -> None:
    slow = veto("battery.slope", "battery.slope < -2 %/h", "-3 %/h", action="throttle")
    assert words.headline(view(state="frozen", vetoes=[slow, IN_USE])) == "Standing still: the machine is in use"


def test_a_wish_says_until_when() -> None:
    assert words.wish(view(intent="pause")) == "Paused until you resume"
    soon = time.time() + 60
    assert (
        words.wish(view(intent="boost", until=soon))
        == f"Boosted until {time.strftime('%H:%M:%S', time.localtime(soon))}"
    )


@pytest.mark.parametrize("hour", [0, 6, 7, 13, 23])
def test_morning_is_the_next_seven_oclock(hour: int) -> None:
    now = time.mktime((2026, 7, 14, hour, 30, 0, 0, 0, -1))
    morning = time.localtime(now + words.until_morning(now) / 1000)
    assert (morning.tm_hour, morning.tm_min) == (7, 0)
    assert 0 < words.until_morning(now) <= 25 * HOUR


def test_a_probe_in_trouble_says_what_is_not_known_without_it() -> None:
    late = ProbeView(name="seat", sensors=["user.idle"], state="late", detail="12 s")
    assert words.trouble(late) == "The probe of seat does not answer: 12 s. Not known without it: user.idle."
    assert words.trouble(ProbeView(name="gpu", sensors=[], state="absent")) == ""


def test_words_are_of_sensors_that_there_are_and_others_keep_their_names() -> None:
    from node.harvest.sensors import SENSORS

    assert set(words.SENSORS) <= set(SENSORS)
    assert set(words.FORBIDS) <= set(SENSORS)
    assert {group for group, _ in words.SENSORS.values()} <= set(words.GROUPS)
    assert words.label("another.sensor") == "another.sensor"
