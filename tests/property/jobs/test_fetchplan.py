"""Chunks over sources: everything comes while one honest source is left, whatever the others do."""

from __future__ import annotations

import heapq
import random

from hypothesis import given
from hypothesis import strategies as st

from fogchain.jobs.fetchplan import MAX_WINDOW, FetchPlan

kinds = st.sampled_from(["honest", "slow", "silent", "flaky", "liar"])


@given(st.integers(0, 120), st.lists(kinds, max_size=5), st.integers(0, 2**32))
def test_every_chunk_comes_once_from_somebody(count: int, others: list[str], chance: int) -> None:
    rng, plan = random.Random(chance), FetchPlan(range(count))
    sources = {f"{number} {kind}": kind for number, kind in enumerate(["honest", *others])}
    for name in sources:
        plan.add(name)
    now, got, banned = 0.0, set[int](), set[str]()
    coming: list[tuple[float, int, str, int]] = []
    for _ in range(100_000):
        if plan.done:
            break
        while (step := plan.next(now)) is not None:
            name, chunk = step
            assert name not in banned and 0 <= chunk < count and chunk not in got
            took = {"honest": 0.01, "slow": 5.0, "silent": 60.0}.get(sources[name], 0.02) * rng.uniform(0.5, 2)
            heapq.heappush(coming, (now + took, rng.getrandbits(30), name, chunk))
        assert max((sum(name == n for *_, n, _ in coming) for name in sources), default=0) <= MAX_WINDOW + 12
        assert plan.hopeful()
        if not coming:
            now += plan.wake(now)
            continue
        at, _, name, chunk = coming[0]
        if at > now + plan.wake(now):
            now += plan.wake(now)
            continue
        heapq.heappop(coming)
        now = max(now, at)
        if name in banned:
            continue
        if sources[name] == "liar":
            plan.ban(name)
            banned.add(name)
        elif sources[name] == "silent" or (sources[name] == "flaky" and rng.random() < 0.5):
            plan.failed(name, chunk, now)
        else:
            assert plan.got(name, chunk, now) == (chunk not in got)
            got.add(chunk)
    assert plan.done and got == set(range(count))
    assert now < 30 + count  # no slow or silent source has held the honest one up
    assert sum(plan.given.values()) == count


@given(st.integers(1, 50))
def test_without_a_source_that_answers_there_is_no_hope(count: int) -> None:
    plan = FetchPlan(range(count))
    plan.add("dead")
    asked = []
    while (step := plan.next(0.0)) is not None:
        asked.append(step)
    for name, chunk in asked:
        assert plan.hopeful()
        plan.failed(name, chunk, 1.0)
    assert not plan.hopeful() and plan.next(1.0) is None
    assert plan.next(100.0) is not None  # later it is tried again


def test_a_fast_source_carries_more_than_a_slow_one() -> None:
    plan, now, coming = FetchPlan(range(400)), 0.0, list[tuple[float, str, int]]()
    plan.add("fast")
    plan.add("slow")
    while not plan.done:
        while (step := plan.next(now)) is not None:
            heapq.heappush(coming, (now + (0.01 if step[0] == "fast" else 0.08), *step))
        now, name, chunk = heapq.heappop(coming)
        plan.got(name, chunk, now)
    assert plan.given["fast"] > 5 * plan.given["slow"] > 0


@given(st.integers(1, 60), st.integers(0, 2**32))
def test_of_sources_that_have_a_part_only_that_is_asked_and_what_comes_later_too(count: int, chance: int) -> None:
    rng, plan = random.Random(chance), FetchPlan(range(count))
    has: dict[str, set[int]] = {"a": set(), "b": set()}  # together they come to have all
    for name in has:
        plan.add(name)
        plan.holds(name, ())
    assert plan.next(0.0) is None and not plan.hopeful() and plan.partial() == ["a", "b"]
    now, got, flight = 0.0, set[int](), list[tuple[str, int]]()
    left = list(range(count))
    rng.shuffle(left)
    while not plan.done:
        for name in has:
            has[name] |= {left.pop() for _ in range(min(len(left), rng.randrange(3)))}
            plan.holds(name, has[name])
        while (step := plan.next(now)) is not None:
            name, chunk = step
            assert chunk in has[name] and chunk not in got
            flight.append(step)
        while flight and rng.random() < 0.7:
            name, chunk = flight.pop(rng.randrange(len(flight)))
            if rng.random() < 0.2:
                plan.failed(name, chunk, now)
            else:
                plan.got(name, chunk, now)
                got.add(chunk)
        now += 20.0
    assert got == set(range(count))


def test_a_source_that_comes_to_have_all_is_asked_for_all() -> None:
    plan = FetchPlan(range(20))
    plan.add("part")
    plan.holds("part", [3])
    assert plan.next(0.0) == ("part", 3) and plan.next(0.0) is None
    plan.failed("part", 3, 0.0)
    plan.holds("part", None)
    assert not plan.partial()
    asked = {step[1] for step in iter(lambda: plan.next(10.0), None)}
    assert 3 in asked and len(asked) == 6
