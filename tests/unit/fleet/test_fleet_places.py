"""Where a run goes, and what all places come to."""

from __future__ import annotations

from node.fleet.places import HERE, Capacity, Place, capacity, choose

ENGINE = "wasmtime-1/fog-1"


def place(key: str, **more: object) -> Place:
    values: dict[str, object] = {"slots": 2, "used": 0, "memory": 1 << 30, "rate": 100, "engines": (ENGINE,)}
    return Place(key, **(values | more))  # type: ignore[arg-type]


def test_the_quickest_free_place_that_can_have_it() -> None:
    here, quick, full = place(HERE), place("quick", rate=300), place("full", rate=900, used=2)
    small, other = place("small", rate=900, memory=1 << 20), place("other", rate=900, engines=("cpython-3",))
    assert choose([here, quick, full, small, other], ENGINE, 1 << 29) == quick
    assert choose([here, quick], ENGINE, 1 << 29, avoid={"quick"}) == here
    assert choose([quick], ENGINE, 1 << 29, avoid={"quick"}) == quick, "better there again than nowhere"
    assert choose([full, small, other], ENGINE, 1 << 29) is None


def test_of_equals_the_one_with_most_room() -> None:
    assert choose([place("a", used=1), place("b")], ENGINE, 1) == place("b")


def test_capacity_adds_slots_and_rates_and_says_the_most_memory_of_one_run() -> None:
    found = capacity([place("a", slots=3, used=1, rate=50), place("b", slots=1, rate=90, memory=1 << 31)])
    assert found == Capacity(slots=4, free=3, memory=1 << 31, rate=240, engines=(ENGINE,))
    assert found.rate_of_slot == 60
    assert capacity([]).rate_of_slot == 0
