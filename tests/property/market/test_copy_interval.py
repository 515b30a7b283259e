"""The interval between copies: Young's, and no other costs less."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from fogchain.market.checkpointing import LEAST_STAY, MOST_STAY, copy_interval, mean_copy, mean_stay
from fogchain.market.offers import BPS, HORIZONS

costs = st.floats(1e-4, 10)
stays = st.floats(100, 1e7)


def loss(interval: float, cost: float, stay: float) -> float:
    """The share of time that copies take, and that is lost with what came after the last one: Young 1974."""
    return cost / interval + interval / (2 * stay)


@given(cost=costs, stay=stays, other=st.floats(0.1, 10))
def test_no_other_interval_loses_less(cost: float, stay: float, other: float) -> None:
    best = copy_interval(cost, stay)
    assert loss(best, cost, stay) <= loss(best * other, cost, stay) * (1 + 1e-9)


@given(cost=costs, stay=stays, times=st.floats(1.01, 100))
def test_dearer_copies_and_steadier_machines_make_it_longer(cost: float, stay: float, times: float) -> None:
    assert copy_interval(cost * times, stay) > copy_interval(cost, stay)
    assert copy_interval(cost, stay * times) > copy_interval(cost, stay)
    assert math.isclose(copy_interval(cost * times, stay), copy_interval(cost, stay * times))


@given(st.integers(-1, BPS + 1), st.integers(0, BPS))
def test_the_mean_stay_grows_with_the_chance_and_is_bounded(one: int, other: int) -> None:
    assert LEAST_STAY <= mean_stay(one) <= MOST_STAY
    assert (mean_stay(one) <= mean_stay(other)) or one > other


@given(st.floats(1800, 1e6))
def test_it_is_the_mean_of_what_the_forecast_says(stay: float) -> None:
    chance = round(BPS * math.exp(-HORIZONS[-1] / stay))
    if 100 < chance < BPS - 100:
        assert math.isclose(mean_stay(chance), stay, rel_tol=0.05)


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=20))
def test_what_a_copy_costs_stays_between_what_copies_took(seconds: list[float]) -> None:
    cost = None
    for each in seconds:
        cost = mean_copy(cost, each)
    assert cost is not None
    assert min(seconds) <= cost <= max(seconds) or math.isclose(cost, min(seconds)) or math.isclose(cost, max(seconds))
