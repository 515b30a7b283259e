"""Puzzles whose answer the asker knows at once, and what becomes of measurements."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fogchain.market.capability import (
    BYTES,
    ENOUGH,
    FUEL_SQUARING,
    PuzzleMaker,
    _is_prime,
    benchmark,
    score,
    squarings_for,
)

R = 1 << (8 * BYTES)
MAKER = PuzzleMaker(random.Random(3))
rates = st.floats(1e6, 1e11)


@settings(max_examples=25)
@given(st.integers(1, 300), st.integers(0, 2**32))
def test_the_answer_is_what_squaring_after_squaring_comes_to(squarings: int, seed: int) -> None:
    puzzle = PuzzleMaker(random.Random(seed)).make(squarings) if seed % 5 == 0 else MAKER.make(squarings)
    value, inverse = puzzle.base, pow(R, -1, puzzle.modulus)
    for _ in range(squarings):
        value = value * value * inverse % puzzle.modulus
    assert puzzle.answer == value.to_bytes(BYTES, "big")
    assert len(puzzle.stdin) == 2 * BYTES and puzzle.modulus % 2 == 1 and puzzle.modulus.bit_length() == 8 * BYTES


def test_no_two_puzzles_are_alike() -> None:
    assert len({MAKER.make(100).stdin for _ in range(50)}) == 50
    assert len({MAKER.make(100).answer for _ in range(50)}) == 50


@given(st.integers(2, 5000))
def test_primes_are_told_apart(number: int) -> None:
    odd = 2 * number + 1
    assert _is_prime(random.Random(1), odd) == all(odd % each for each in range(3, int(odd**0.5) + 1, 2))


@given(rates, st.floats(0, 5))
def test_what_both_round_trips_have_in_common_falls_out(rate: float, overhead: float) -> None:
    small, large = MAKER.make(100), MAKER.make(squarings_for(int(min(rate, 2e9))) + 1000)
    found = benchmark(small, overhead + small.fuel / rate, large, overhead + large.fuel / rate)
    assert found <= rate * 1.01 and (found > rate * 0.9 or (large.fuel - small.fuel) / rate < 2e-3)


@given(st.none() | rates, st.lists(rates, max_size=40))
def test_a_score_is_never_more_than_the_measurement_nor_than_three_quarters_of_the_tasks_reached(
    measured: float | None, observed: list[float]
) -> None:
    found = score(measured, observed)
    if len(observed) < ENOUGH:
        assert found == measured
        return
    assert found is not None and (measured is None or found <= measured)
    assert sum(rate >= found for rate in observed) * 4 >= 3 * len(observed)


@given(st.integers(1, 2 * 10**9))
def test_a_puzzle_burns_about_what_was_asked_for(fuel: int) -> None:
    assert abs(squarings_for(fuel) * FUEL_SQUARING - fuel) <= max(fuel, FUEL_SQUARING)
