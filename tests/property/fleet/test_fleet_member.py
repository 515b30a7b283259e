"""A device of a fleet over any course of events: each run ends in one place."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from node.fleet.roster import (
    Ended,
    Event,
    Given,
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

NUMBERS = st.integers(0, 5).map(lambda number: f"{number:016x}")
STATES = st.sampled_from(("fetching", "running", "standing"))
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Heard, st.booleans(), st.sampled_from("xy"), st.dictionaries(NUMBERS, STATES), st.just("")),
    st.builds(Heard, st.just(True), st.just("x"), st.dictionaries(NUMBERS, STATES), st.just("")),
    st.just(Left()),
    st.builds(Told, st.sampled_from(("auto", "pause", "drain")), st.none() | st.floats(0, 200)),
    st.builds(lambda number: Given(f"run {number}", number), NUMBERS),
    st.builds(Ended, NUMBERS),
    st.builds(Returned, NUMBERS, st.just("vetoed")),
    st.just(Ticked()),
)


@settings(max_examples=300)
@given(st.lists(st.tuples(EVENTS, st.floats(0, 20)), max_size=60), st.booleans())
def test_every_run_that_was_given_is_there_ended_or_handed_on_and_only_one_of_these(
    course: list[tuple[Event, float]], removed: bool
) -> None:
    member, now = Member(Spans(offline=30.0, standing=60.0)), 0.0
    given_, over = Counter[str](), Counter[str]()
    heard = float("-inf")
    for event, pause in [*course, *([(Removed(), 0.0)] if removed else [])]:
        now += pause
        if isinstance(event, Given) and member.has(event.attempt):
            continue
        had = {run.attempt for run in member.runs}
        member, handed, _ = step(member, event, now)
        has = {run.attempt for run in member.runs}
        if isinstance(event, Given):
            given_[event.attempt] += 1
        over.update(one.attempt for one in handed)
        if isinstance(event, Ended) and event.attempt in had and event.attempt not in {h.attempt for h in handed}:
            over[event.attempt] += 1
        heard = now if isinstance(event, Heard) else heard
        assert given_ == over + Counter(has)
        if now - heard >= 30.0:
            assert member.state in (State.OFFLINE, State.REMOVED)
        if member.usable:
            assert now - heard < 30.0 and member.intent == "auto"
    if removed:
        assert member.state is State.REMOVED and not member.runs
