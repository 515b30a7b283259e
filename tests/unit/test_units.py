"""Amounts: what is refused, and how what is taken is shown."""

from __future__ import annotations

import pytest

from fogchain import units
from fogchain.errors import BadInput
from fogchain.units import GFUEL, MAX_UINT96, WEI


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (units.parse_fog, "1.5 FOG", 3 * WEI // 2),
        (units.parse_fog, "0.000000000000000001 FOG", 1),
        (units.parse_fog, "1_000 FOG", 1000 * WEI),
        (units.parse_fog, "2FOG", 2 * WEI),
        (units.parse_eth, "3 gwei", 3 * 10**9),
        (units.parse_fuel, "3 Gfuel", 3 * GFUEL),
        (units.parse_fuel, "1.5 kfuel", 1500),
        (units.parse_price, "0.8 FOG/Gfuel", 8 * WEI // 10),
        (units.parse_size, "64 MiB", 64 << 20),
        (units.parse_duration, "5 min", 300_000),
        (units.parse_ratio, "2.5 %", 250),
    ],
)
def test_parses(parse, text: str, value: int) -> None:
    assert parse(text) == value


@pytest.mark.parametrize("text", ["1", "1.5", "0", "1000000000000000000"])
def test_a_bare_number_is_refused_and_told_how_to_write_it(text: str) -> None:
    with pytest.raises(BadInput, match="has no unit") as caught:
        units.parse_fog(text)
    assert "1.5 FOG" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    ["-1 FOG", "+1 FOG", "1e3 FOG", ".5 FOG", "1. FOG", "1,5 FOG", "NaN FOG", "inf FOG", "", " ", "FOG", "１ FOG FOG"],
)
def test_what_is_not_a_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        units.parse_fog(text)


@pytest.mark.parametrize("value", [1.5, 1, None, b"1 FOG", ["1 FOG"]])
def test_only_text_is_taken(value: object) -> None:
    with pytest.raises(BadInput):
        units.parse_fog(value)  # type: ignore[arg-type]


def test_finer_than_the_smallest_unit_is_refused() -> None:
    with pytest.raises(BadInput, match="finer"):
        units.parse_fuel("0.5 fuel")
    with pytest.raises(BadInput):
        units.parse_fog("0.0000000000000000001 FOG")


def test_more_than_the_contract_can_hold_is_refused() -> None:
    assert units.parse_fog(units.format_fog(MAX_UINT96)) == MAX_UINT96
    with pytest.raises(BadInput, match="more than can be stored"):
        units.parse_fog(units.format_fog(MAX_UINT96 + 1))
    with pytest.raises(BadInput):
        units.parse_ratio("100.01 %")


def test_a_wrong_unit_names_the_right_ones() -> None:
    with pytest.raises(BadInput) as caught:
        units.parse_fog("1 ETH")
    assert "FOG" in caught.value.hint


def test_an_absurdly_long_text_is_refused_and_not_repeated_whole() -> None:
    with pytest.raises(BadInput) as caught:
        units.parse_fog("9" * 10_000 + " FOG")
    assert len(caught.value.message) < 200


def test_cost_rounds_up() -> None:
    assert units.cost(1, 1) == 1
    assert units.cost(GFUEL, 7) == 7
    assert units.cost(GFUEL + 1, 7) == 8
    assert units.cost(0, WEI) == 0


def test_display_cuts_and_never_rounds_up() -> None:
    assert units.format_fog(1_999_999_999_999_999_999, digits=2) == "1.99 FOG"
    assert units.format_fog(-WEI // 2) == "-0.5 FOG"


def test_either_money_is_told_by_its_unit() -> None:
    for text, coin, shown in (
        ("1.5 FOG", units.Coin(3 * WEI // 2, "FOG"), "1.5 FOG"),
        ("2FOG", units.Coin(2 * WEI, "FOG"), "2 FOG"),
        ("0.1 ETH", units.Coin(WEI // 10, "ETH"), "0.1 ETH"),
        ("3 gwei", units.Coin(3 * 10**9, "ETH"), "0.000000003 ETH"),
    ):
        assert units.parse_coin(text) == coin and str(coin) == shown
    for wrong, words in (("1.5", "no unit"), ("1 BTC", "not a unit"), ("100000000000 FOG", "more than can be stored")):
        with pytest.raises(BadInput, match=words):
            units.parse_coin(wrong)
