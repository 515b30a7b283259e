"""Every state a device of a fleet can be in, by every event: nothing is lost, and silence has an end."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import pairwise

import pytest

from node.fleet import roster
from node.fleet.roster import (
    Change,
    Ended,
    Event,
    Given,
    HandOn,
    Heard,
    Left,
    Member,
    Removed,
    Returned,
    Spans,
    State,
    Ticked,
    Told,
    step,
)

SPANS = Spans(offline=2.0, standing=2.0)
A, B = "a" * 16, "b" * 16
WILLING, UNWILLING = Heard(True, "x", {}), Heard(False, "x", {}, "its owner is there")


def events(now: float) -> list[Event]:
    return [
        WILLING,
        UNWILLING,
        Heard(True, "x", {A: "fetching"}),
        Heard(True, "x", {A: "running", B: "running"}),
        Heard(False, "x", {A: "standing"}),
        Left(),
        Told("auto"),
        Told("pause"),
        Told("drain", now + 1),
        Removed(),
        Given("one", A),
        Given("two", B),
        Ended(A),
        Returned(A, "vetoed"),
        Ticked(),
    ]


def aged(member: Member, now: float) -> tuple[object, ...]:
    """Members that only differ by when things happened long ago are the same."""

    def age(at: float | None) -> float | None:
        return None if at is None else max(-2.0, min(3.0, now - at))

    runs = tuple(replace(run, since=age(run.since) or 0.0, stood_since=age(run.stood_since)) for run in member.runs)
    known = (age(member.drain_by), age(member.heard), member.takes_work, bool(member.cause))
    return member.intent, member.state, *known, runs


def explore() -> tuple[int, set[State], set[tuple[State, State]]]:
    start = Member(SPANS)
    seen, waiting = {aged(start, 0.0)}, deque([(start, 0.0)])
    states, edges = {start.state}, set()
    while waiting:
        member, now = waiting.popleft()
        for pause in (0.0, 1.0):
            for event in events(now + pause):
                if isinstance(event, Given) and member.has(event.attempt) is not None:
                    continue  # each is given once
                after, handed, changes = step(member, event, now + pause)
                check(member, event, now + pause, after, handed, changes)
                states.add(after.state)
                edges |= {(change.before, change.after) for change in changes}
                if (key := aged(after, now + pause)) not in seen:
                    seen.add(key)
                    waiting.append((after, now + pause))
    return len(seen), states, edges


def check(before: Member, event: Event, now: float, after: Member, handed: list[HandOn], changes: list[Change]) -> None:
    had = {run.attempt for run in before.runs} | ({event.attempt} if isinstance(event, Given) else set())
    has = {run.attempt for run in after.runs}
    gone = [one.attempt for one in handed]
    ended = {event.attempt} if isinstance(event, Ended) else set()
    assert len(gone) == len(set(gone)) and not set(gone) & has, "handed on once, and not kept"
    assert had - ended - set(gone) == has - ended, "no run is lost, and none comes from nowhere"
    if after.state in (State.OFFLINE, State.REMOVED, State.DRAINED):
        assert not after.runs
    assert (after.heard is None) == (after.state in (State.OFFLINE, State.REMOVED))
    assert before.state is not State.REMOVED or after == before
    chain = [before.state, *(change.after for change in changes)]
    assert [change.before for change in changes] == chain[:-1] and chain[-1] is after.state
    assert all(one is not other for one, other in pairwise(chain))
    assert all(change.cause and change.at == now for change in changes)
    silent, lost, _ = step(after, Ticked(), now + SPANS.offline)
    assert silent.state in (State.OFFLINE, State.REMOVED)
    assert {one.attempt for one in lost} == has, "whoever is silent has no run"
    if after.state is not State.REMOVED:  # there is a way back to work from everywhere
        back, _, _ = step(step(after, Told("auto"), now)[0], WILLING, now)
        assert back.usable


def test_every_state_is_reached_has_a_way_out_and_loses_no_run() -> None:
    count, states, edges = explore()
    assert count > 200
    assert states == set(State)
    assert {before for before, _ in edges} == set(State) - {State.REMOVED}
    ways_in = {after for _, after in edges}
    assert ways_in == set(State)


def after(*happened: tuple[Event, float]) -> tuple[Member, list[HandOn]]:
    member, handed = Member(SPANS), list[HandOn]()
    for event, now in happened:
        member, more, _ = step(member, event, now)
        handed += more
    return member, handed


def test_a_run_of_a_device_that_falls_silent_is_handed_on_once() -> None:
    member, handed = after((WILLING, 0), (Given("one", A), 0), (Ticked(), 1.9), (Ticked(), 2), (Ticked(), 9))
    assert member.state is State.OFFLINE
    assert handed == [HandOn("one", A, "no heartbeat for 2 s")]


def test_a_heartbeat_after_the_span_finds_the_run_gone() -> None:
    """Nobody looked in between: the silence counts all the same."""
    member, handed = after((WILLING, 0), (Given("one", A), 0), (Heard(True, "x", {A: "running"}), 5))
    assert member.state is State.READY and not member.runs
    assert [one.attempt for one in handed] == [A]


@pytest.mark.parametrize(("intent", "state"), [("pause", State.PAUSED), ("drain", State.DRAINING)])
def test_the_gateways_word_hands_on_what_has_not_begun_and_keeps_what_runs(intent: roster.Intent, state: State) -> None:
    member, handed = after(
        (WILLING, 0),
        (Given("one", A), 0),
        (Given("two", B), 0),
        (Heard(True, "x", {A: "running", B: "fetching"}), 0),
        (Told(intent, 1.5), 0),
    )
    assert [one.run_id for one in handed] == ["two"]
    assert member.state is state and [run.run_id for run in member.runs] == ["one"]


def test_what_is_not_drained_in_time_is_handed_on() -> None:
    begun = ((WILLING, 0), (Given("one", A), 0), (Heard(True, "x", {A: "running"}), 0), (Told("drain", 1.5), 0))
    member, handed = after(*begun, (Ended(A), 1))  # type: ignore[arg-type]
    assert member.state is State.DRAINED and not handed
    member, handed = after(*begun, (Ticked(), 1.5))  # type: ignore[arg-type]
    assert member.state is State.DRAINED and [one.run_id for one in handed] == ["one"]


def test_what_stands_still_for_long_goes_elsewhere_and_what_went_on_in_between_does_not() -> None:
    stands, runs = Heard(False, "x", {A: "standing"}), Heard(True, "x", {A: "running"})
    begun = ((WILLING, 0.0), (Given("one", A), 0.0), (stands, 0.5))
    _, handed = after(*begun, (stands, 1.5), (Ticked(), 2.6))
    assert [one.run_id for one in handed] == ["one"]
    member, handed = after(*begun, (runs, 1.5), (stands, 2.0), (Ticked(), 3.0))
    assert not handed and member.has(A) is not None


def test_a_device_that_dies_of_a_run_gets_it_only_so_often() -> None:
    member, _ = after((WILLING, 0), (Given("one", A), 0))
    for life in range(roster.MOST_STARTS):
        member, more, _ = step(member, Heard(True, f"life {life}", {A: "running"}), 0.1)
        assert not more
    member, more, _ = step(member, Heard(True, "another", {A: "running"}), 0.2)
    assert [one.run_id for one in more] == ["one"] and not member.runs


def test_a_device_that_gives_a_run_back_gets_no_other_before_it_says_so() -> None:
    member, handed = after((WILLING, 0), (Given("one", A), 0), (Returned(A, "user: user.idle < 2 s"), 0))
    assert handed == [HandOn("one", A, "user: user.idle < 2 s")]
    assert member.state is State.RESTING and not member.usable
    assert step(member, WILLING, 1)[0].usable


def test_a_run_that_is_given_to_a_device_that_takes_none_comes_back_at_once() -> None:
    for event in (UNWILLING, Left(), Removed()):
        _, handed = after((WILLING, 0), (event, 0), (Given("one", A), 0))
        assert [one.run_id for one in handed] == ["one"]
