"""Placement against brute force, and what it may never do."""

from __future__ import annotations

import itertools
import time
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from fogchain.batch.placement import MAX_BACKLOG, Machine, Placement, depth, place

RATES = st.sampled_from((1e6, 3e6, 1e7, 2.5e7))


@st.composite
def machines(draw: st.DrawFn, *, most: int = 5, room: st.SearchStrategy[int] | None = None) -> list[Machine]:
    found = []
    for index in range(draw(st.integers(0, most))):
        in_flight = draw(st.integers(0, 3))
        found.append(
            Machine(
                id=f"m{index}",
                slots=draw(st.integers(1, 4)),
                rate=draw(RATES),
                in_flight=in_flight,
                backlog=in_flight * draw(st.sampled_from((1e5, 1e6, 1e7))),
                room=draw(room or st.integers(0, 8)),
            )
        )
    return found


exclusions = st.frozensets(st.tuples(st.integers(0, 11), st.integers(0, 4)), max_size=30)
fuels = st.sampled_from((1.0, 1e5, 1e6, 2e7, 1e9))


@given(st.integers(0, 12), machines(), exclusions, fuels, st.sampled_from((0.0, 0.3, 5.0)))
def test_it_respects_room_depth_and_exclusions_and_leaves_out_only_what_has_no_place(
    count: int, nodes: list[Machine], barred: frozenset[tuple[int, int]], fuel: float, lead: float
) -> None:
    def may(work: int, name: str) -> bool:
        return (work, int(name[1:])) not in barred

    placed = place(count, nodes, fuel=fuel, may=may, lead=lead)
    works = [placement.work for placement in placed]
    assert works == sorted(set(works)) and all(0 <= work < count for work in works)
    given_to = Counter(placement.machine for placement in placed)
    left = {
        node.id: min(node.room, max(0, depth(node, fuel, lead) - node.in_flight)) - given_to[node.id] for node in nodes
    }
    assert all(free >= 0 for free in left.values())
    assert all(may(placement.work, placement.machine) for placement in placed)
    for work in set(range(count)) - set(works):
        assert not any(free > 0 and may(work, name) for name, free in left.items()), "work left out for no reason"
    assert placed == place(count, nodes, fuel=fuel, may=may, lead=lead), "the same question, another answer"


def finishes(nodes: list[Machine], shares: tuple[int, ...], fuel: float) -> list[float]:
    """When each placed piece of work ends, machines working their backlog off with all slots."""
    ends = []
    for node, share in zip(nodes, shares, strict=True):
        ends += [(node.backlog + fuel * (place + 1)) / (node.rate * node.slots) for place in range(share)]
    return sorted(ends)


@settings(max_examples=60)
@given(st.integers(0, 7), machines(most=3), st.sampled_from((1e6, 2e7)))
def test_it_finishes_as_early_as_the_best_of_all_ways(count: int, nodes: list[Machine], fuel: float) -> None:
    placed = place(count, nodes, fuel=fuel, may=lambda _work, _name: True)
    given_to = Counter(placement.machine for placement in placed)
    free = [min(node.room, max(0, depth(node, fuel, 0.3) - node.in_flight)) for node in nodes]
    ways = [
        shares
        for shares in itertools.product(*(range(min(most, count) + 1) for most in free))
        if sum(shares) == min(count, sum(free))
    ]
    ours = finishes(nodes, tuple(given_to[node.id] for node in nodes), fuel)
    assert len(ours) == min(count, sum(free))
    for shares in ways:
        other = finishes(nodes, shares, fuel)
        assert max(ours, default=0) <= max(other, default=0) * (1 + 1e-9)
        assert sum(ours) <= sum(other) * (1 + 1e-9)


@given(machines(most=1), fuels, st.floats(0.0, 60.0))
def test_a_machine_is_kept_busy_but_not_buried(nodes: list[Machine], fuel: float, lead: float) -> None:
    for node in nodes:
        held = depth(node, fuel, lead)
        assert node.slots < held or held == MAX_BACKLOG
        assert held <= max(node.slots, MAX_BACKLOG)
        assert depth(node, fuel * 2, lead) <= held, "longer tasks need fewer of them ahead"
        if held < MAX_BACKLOG:  # what lies beyond the slots lasts at least until an answer comes
            assert (held - node.slots) * fuel / node.rate >= min(lead, fuel / node.rate) - 1e-6 * lead


def test_a_machine_of_many_slots_gets_them_filled() -> None:
    big = Machine("big", 1000, 1e7, 0, 0.0, 5000)
    assert depth(big, 1e9, 0.3) == 1000
    assert len(place(2000, [big], fuel=1e9, may=lambda _w, _n: True)) == 1000


def test_hostile_offers_neither_divide_by_zero_nor_hang() -> None:
    nodes = [
        Machine("still", 1, 0.0, 0, 0.0, 10),
        Machine("boasts", 2**32 - 1, float(2**64 - 1), 0, 0.0, 10),
        Machine("none", 0, 1e7, 0, 0.0, 10),
    ]
    placed = place(64, nodes, fuel=0.0, may=lambda _w, _n: True)
    assert Counter(placement.machine for placement in placed)["boasts"] == 10
    assert all(isinstance(placement, Placement) for placement in placed)


def _seconds(count: int, width: int) -> float:
    nodes = [Machine(f"m{index}", 64, 1e7 + index, 0, 0.0, 1 << 20) for index in range(width)]
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        assert len(place(count, nodes, fuel=1e9, may=lambda _w, _n: True)) == count
        best = min(best, time.process_time() - start)
    return best


def test_time_grows_with_the_work_not_with_the_machines() -> None:
    small, wide = _seconds(4000, 100), _seconds(4000, 3200)
    assert wide < small * 12 + 0.05, f"{small:.3f} s for 100 machines, {wide:.3f} s for 3,200"
    assert _seconds(16_000, 3200) < wide * 12 + 0.05
