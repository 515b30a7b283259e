"""Prices that follow a base price, regions, and forecasts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fogchain.errors import BadMessage
from fogchain.market.messages import Offer
from fogchain.market.offers import (
    BPS,
    HORIZONS,
    MAX_MULTIPLIER,
    MIN_MULTIPLIER,
    check,
    class_id,
    class_name,
    lies_in,
    price_at,
    survival,
)
from fogchain.market.survival import Record, forecast

OFFER = Offer(
    provider="0x" + "11" * 20, node=b"\1" * 32, resource_class=class_id("cpu"), multiplier=12_000, price=120,
    regions="",
    survival_10m=9_000, survival_1h=6_000, survival_2h=4_000, slots=1, memory=1 << 30, fuel_rate=10**9, engines="e",
    on_account=0, issued=1, expiry=2,
)  # fmt: skip

chances = st.lists(st.integers(0, BPS), min_size=3, max_size=3).map(lambda found: sorted(found, reverse=True))
records = st.builds(
    Record,
    up=st.floats(0, 1e8),
    outages=st.integers(0, 10_000),
    sound=st.integers(0, 10**6),
    failed=st.integers(0, 10**6),
)


def with_chances(found: list[int]) -> Offer:
    return replace(OFFER, survival_10m=found[0], survival_1h=found[1], survival_2h=found[2])


@given(st.integers(0, 2**96 - 1), st.integers(MIN_MULTIPLIER, MAX_MULTIPLIER))
def test_a_price_is_the_base_price_times_the_multiplier_rounded_down(base: int, multiplier: int) -> None:
    price = price_at(base, multiplier)
    assert price * BPS <= base * multiplier < (price + 1) * BPS


@given(chances)
def test_survival_is_the_forecast_at_its_horizons_and_never_rises(found: list[int]) -> None:
    offer = with_chances(found)
    check(offer)
    for horizon, chance in zip(HORIZONS, found, strict=True):
        assert abs(survival(offer, horizon) - chance) <= 1
    over_time = [survival(offer, seconds) for seconds in range(0, 20_000, 100)]
    assert over_time[0] == BPS and over_time == sorted(over_time, reverse=True)
    assert all(0 <= chance <= BPS for chance in over_time)


@given(records)
def test_a_forecast_is_one_an_offer_may_carry(record: Record) -> None:
    check(with_chances(list(forecast(record))))


@given(records, st.floats(1, 1e6))
def test_time_without_an_outage_raises_a_forecast_and_an_outage_or_a_failed_run_lowers_it(
    record: Record, more: float
) -> None:
    now = forecast(record)
    assert all(
        after >= before for after, before in zip(forecast(replace(record, up=record.up + more)), now, strict=True)
    )
    worse = (replace(record, outages=record.outages + 1), replace(record, failed=record.failed + 1))
    for other in worse:
        assert all(after <= before for after, before in zip(forecast(other), now, strict=True))


def test_a_new_node_promises_little_and_one_that_stayed_a_month_much() -> None:
    assert forecast(Record()) == (9200, 6065, 3678)
    soon, later, last = forecast(Record(up=30 * 86_400.0, sound=1000))
    assert soon > 9990 and later > 9990 and last > 9980
    assert forecast(Record(up=86_400.0, outages=24))[1] < 4000


@pytest.mark.parametrize(
    "change",
    [
        {"multiplier": 4_999},
        {"multiplier": 30_001},
        {"survival_10m": 10_001},
        {"survival_1h": 9_001},
        {"survival_2h": 6_001},
        {"regions": "EU"},
        {"regions": "eu,,us"},
        {"regions": ",".join(["eu"] * 9)},
        {"regions": "\x1b[2J"},
        {"slots": 0},
        {"expiry": 1},
    ],
)
def test_an_offer_that_contradicts_itself_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadMessage):
        check(replace(OFFER, **change))  # type: ignore[arg-type]


def test_a_fixed_price_needs_no_multiplier() -> None:
    check(replace(OFFER, multiplier=0))


def test_a_region_within_a_wanted_one_will_do_but_not_one_around_it() -> None:
    assert lies_in(("eu-de",), ("eu",)) and lies_in(("eu",), ("us", "eu")) and lies_in((), ())
    assert not lies_in(("eu",), ("eu-de",)) and not lies_in(("euro",), ("eu",)) and not lies_in((), ("eu",))


@given(st.text(st.sampled_from("abcxyz09-"), min_size=1, max_size=31))
def test_a_class_is_known_by_its_name(name: str) -> None:
    assume(name.isprintable())
    assert class_name(class_id(name)) == name


@pytest.mark.parametrize("name", ["", "x" * 32, "é"])
def test_a_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(BadMessage):
        class_id(name)
