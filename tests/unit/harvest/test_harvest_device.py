"""The device machine: its turns one by one, and every state it can come to."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

import pytest

from node.harvest.device import (
    HARD_KILL,
    MOST_STANDING,
    Began,
    Claimed,
    Cleared,
    Device,
    Done,
    Effect,
    Ended,
    Event,
    Faulted,
    Intended,
    Measured,
    Started,
    State,
    Stopped,
    Ticked,
    Transition,
    Weighed,
    step,
)
from node.harvest.policy import Action, Scope

CLEAR = Weighed(None)
WARMING = Weighed(Action.FREEZE, 0.0, warming=True, cause="dwell")
KEY = Weighed(Action.FREEZE, 0.0, 0.25, Scope.OWNER, cause="user.idle < 2 s")
UNPLUGGED = Weighed(Action.FREEZE, 0.0, 2.0, Scope.SAFETY, cause="power.source == battery")
SLOW = Weighed(Action.THROTTLE, 0.5, 5.0, Scope.OWNER, cause="day")
FULL = Weighed(Action.CHECKPOINT, 0.0, 5.0, Scope.PLATFORM, cause="memory.free < 512 MB")
NIGHT_IS_OVER = Weighed(Action.VACATE, 0.0, 5.0, Scope.OWNER, cause="night")
FIRE = Weighed(Action.KILL, 0.0, 0.0, Scope.SAFETY, cause="heat")


class Play:
    """Events a second apart, unless said otherwise."""

    def __init__(self, *events: Event) -> None:
        self.device, self.now = Device(), 0.0
        self.effects: list[Effect] = []
        self.went: list[Transition] = []
        for event in events:
            self(event)

    def __call__(self, event: Event, after: float = 1.0) -> Play:
        self.now += after
        self.device, effects, went = step(self.device, event, self.now)
        self.effects, self.went = effects, self.went + went
        return self

    @property
    def state(self) -> State:
        return self.device.state


def working(*events: Event) -> Play:
    return Play(Started(), CLEAR, Claimed(), Began(), *events)


def test_it_warms_works_and_is_idle_again() -> None:
    play = Play(Started(), WARMING, CLEAR, Claimed(), Began(), Ended(0))
    assert [went.after for went in play.went] == [
        State.BLOCKED, State.WARMING, State.IDLE, State.CLAIMED, State.RUNNING, State.IDLE,
    ]  # fmt: skip
    assert play.device.takes_work


def test_a_key_freezes_and_its_owners_leaving_thaws() -> None:
    play = working(KEY)
    assert (play.state, play.effects, play.device.duty) == (State.FROZEN, ["freeze"], 0.0)
    assert play.device.by == pytest.approx(play.now + 0.25)
    play(Done("freeze"), 0.1)
    assert play(CLEAR, 600).effects == ["thaw"]
    assert play.state is State.RUNNING


def test_what_cannot_be_frozen_in_time_is_killed() -> None:
    play = working(UNPLUGGED)
    assert play(Ticked(), 1.9).state is State.FROZEN
    assert play(Ticked(), 0.2).effects == ["kill"]
    assert play.state is State.BLOCKED and play.device.tasks == 0


def test_the_ladder_from_a_checkpoint_to_the_kill_takes_ten_seconds_at_most() -> None:
    play = working(NIGHT_IS_OVER)
    began = play.now
    assert (play.state, play.effects) == (State.CHECKPOINTING, ["checkpoint"])
    assert play(Ticked(), 5).effects == ["vacate"]
    assert play.state is State.VACATING
    assert play(Ticked(), 5).effects == ["kill"]
    assert play.now - began == HARD_KILL


def test_after_a_checkpoint_it_vacates_or_waits_as_the_guard_says() -> None:
    assert working(NIGHT_IS_OVER, Done("checkpoint")).effects == ["vacate"]
    waiting = working(FULL, Done("checkpoint"))
    assert waiting.state is State.CHECKPOINTING and waiting.device.kill_at is None
    gone = working(NIGHT_IS_OVER, Done("checkpoint"), Done("vacate"))
    assert gone.state is State.BLOCKED and gone.device.tasks == 0


def test_throttling_slows_and_stops_nothing() -> None:
    play = working(SLOW)
    assert (play.state, play.device.duty, play.effects) == (State.RUNNING, 0.5, [])


def test_a_boost_passes_the_owners_guards_and_never_safety_and_it_ends() -> None:
    """BOINC 1255: "run always" silently overrode the battery rule."""
    play = working(Intended("boost", until=100.0), KEY)
    assert play.state is State.RUNNING
    assert play(UNPLUGGED).state is State.FROZEN
    play = working(Intended("boost", until=100.0), KEY)
    assert play(Ticked(), 200).state is State.FROZEN
    assert play.device.intent == "auto"


def test_a_task_that_ends_as_it_is_frozen_leaves_nothing_standing() -> None:
    play = working(KEY, Done("freeze"))
    assert play(Ended(0)).effects == ["thaw"]
    assert play.state is State.BLOCKED


def test_tasks_that_stand_still_for_long_are_handed_back() -> None:
    play = working(KEY, Done("freeze"))
    assert play(Ticked(), MOST_STANDING - 2).state is State.FROZEN
    assert play(Ticked(), 2).effects == ["vacate"]
    assert play.state is State.VACATING
    assert play(Done("vacate")).state is State.BLOCKED
    waiting = working(FULL, Done("checkpoint"))
    assert waiting(Ticked(), MOST_STANDING).state is State.VACATING


def test_intent_and_vetoes_are_apart() -> None:
    """Folding@home 83: "finishing" was lost when the machine paused for a moment."""
    play = working(Intended("finish"), KEY, Done("freeze"), CLEAR)
    assert play.state is State.DRAINING and not play.device.takes_work
    assert play(Ended(0)).state is State.BLOCKED
    assert play(Intended("auto")).state is State.IDLE


def test_a_pause_until_a_time_ends_then() -> None:
    play = working(Intended("pause", until=60.0))
    assert play.state is State.FROZEN
    play(Done("freeze"))
    assert play(Ticked(), 60).state is State.RUNNING


def test_a_task_that_comes_too_late_is_not_left_running() -> None:
    play = Play(Started(), CLEAR, KEY)
    assert play(Claimed()).effects == ["vacate"]
    frozen = working(KEY)
    assert frozen(Claimed()).effects == ["freeze"]


def test_a_fault_ends_everything_until_its_owner_has_looked() -> None:
    play = working(Faulted("the sandbox was left"))
    assert (play.state, play.effects, play.device.tasks) == (State.QUARANTINE, ["kill"], 0)
    assert play(CLEAR).state is State.QUARANTINE
    assert play(Cleared()).state is State.BLOCKED
    assert play(CLEAR).state is State.IDLE


def test_every_change_has_a_cause_and_is_kept_by_replay() -> None:
    play = working(KEY, Done("freeze"), CLEAR, Ended(0))
    assert [(went.cause, went.actor) for went in play.went][-3:] == [
        ("user.idle < 2 s", "policy"), ("all guards are clear", "policy"), ("all its tasks have ended", "executor"),
    ]  # fmt: skip
    events: list[Event] = [Started(), CLEAR, Claimed(), Began(), KEY, Done("freeze"), CLEAR, Ended(0)]
    again, went = Device(), list[Transition]()
    for at, event in enumerate(events, 1):
        again, _, more = step(again, event, float(at))
        went += more
    assert (again, went) == (play.device, play.went)


# -------------------------------------------------------------------- every state there is

EVENTS: tuple[Event, ...] = (
    Started(), Stopped(), CLEAR, WARMING, KEY, UNPLUGGED, SLOW, FULL, NIGHT_IS_OVER, FIRE, Claimed(), Began(), Ended(0),
    Measured(True), Measured(False), Done("freeze"), Done("checkpoint"), Done("vacate"), Intended("auto"),
    Intended("pause"), Intended("finish"), Intended("boost"), Faulted("fault"), Cleared(), Ticked(),
)  # fmt: skip
ALPHABET: list[tuple[Event, float]] = [*((event, 1.0) for event in EVENTS), (Ticked(), 20.0), (Ticked(), MOST_STANDING)]
GOOD: tuple[tuple[Event, float], ...] = (
    (Started(), 1.0), (Cleared(), 1.0), (Intended("auto"), 1.0), (CLEAR, 1.0), (Ticked(), 20.0), (Ended(0), 1.0),
    (Measured(False), 1.0),
)  # fmt: skip
MOST_TASKS = 2


def _key(device: Device, now: float) -> Any:
    """The device as seen from now: times become differences, and long ones are as good as each other."""

    def ahead(at: float | None) -> float | None:
        return None if at is None else min(max(at - now, -1.0), 30.0)

    return replace(
        device, until=ahead(device.until), by=ahead(device.by), kill_at=ahead(device.kill_at),
        stood_since=None if device.stood_since is None else 0.0,
    )  # fmt: skip


def _explore() -> dict[Any, Device]:
    """Every device that can be come to, at time 0."""
    start = Device()
    found, todo = {_key(start, 0.0): start}, deque([start])
    while todo:
        device = todo.popleft()
        for event, after in ALPHABET:
            if isinstance(event, Claimed) and device.tasks >= MOST_TASKS:
                continue
            later, effects, went = step(device, event, after)
            _check(device, event, later, effects, went, after)
            key = _key(later, after)
            if key not in found:
                found[key] = key
                todo.append(key)
    return found


def _check(
    device: Device, event: Event, later: Device, effects: list[Effect], went: list[Transition], now: float
) -> None:
    states = [device.state, *(one.after for one in went)]
    assert [one.before for one in went] == states[:-1] and states[-1] is later.state  # none is lost
    assert all(one.cause for one in went)
    if later.state in (State.RUNNING, State.DRAINING, State.CLAIMED):
        wanted = later.weighed
        assert wanted.action in (None, Action.THROTTLE) or (later.intent == "boost" and wanted.scope <= Scope.OWNER)
        assert later.intent != "pause"
    if later.state in (State.OFFLINE, State.QUARANTINE):
        assert later.tasks == 0
    if later.state in (State.IDLE, State.BENCHMARK):
        assert not later.tasks
    if later.by is not None:
        assert later.kill_at is not None and later.by <= later.kill_at <= now + HARD_KILL
    standing = (State.FROZEN, State.CHECKPOINTING, State.VACATING)
    if device.state in standing and later.state not in standing and later.state is not State.OFFLINE:
        assert {"thaw", "kill"} & set(effects)  # both let go on whatever comes next
    if later.stood_since is None:
        assert later.state not in (State.FROZEN, State.CHECKPOINTING, State.VACATING)
    assert effects.count("kill") <= 1


def test_every_state_can_be_come_to_and_left_and_none_runs_against_a_veto() -> None:
    found = _explore()
    assert {device.state for device in found.values()} == set(State)
    for device in found.values():
        now = 0.0
        for event, after in GOOD:  # whatever it is at: what is well again brings it back to work
            now += after
            device, _, _ = step(device, event, now)
        assert device.state is State.IDLE and device.takes_work
