"""Every amount survives being written and read again; no text does anything but parse or raise BadInput."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain import units
from fogchain.errors import BadInput
from fogchain.units import GFUEL, MAX_UINT64, MAX_UINT96

PAIRS = [
    (units.format_fog, units.parse_fog, MAX_UINT96),
    (units.format_price, units.parse_price, MAX_UINT96),
    (units.format_eth, units.parse_eth, 2**128),
    (units.format_fuel, units.parse_fuel, MAX_UINT64),
    (units.format_size, units.parse_size, 2**48),
    (units.format_duration, units.parse_duration, 2**48),
    (units.format_ratio, units.parse_ratio, 10_000),
]


@pytest.mark.parametrize(("show", "parse", "limit"), PAIRS)
@given(data=st.data())
def test_shown_and_read_again(show, parse, limit: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(0, limit))
    assert parse(show(value)) == value


@pytest.mark.parametrize("parse", [parse for _, parse, _ in PAIRS])
@given(
    text=st.one_of(
        st.text(max_size=40), st.from_regex(r"\s*-?[0-9_]{0,8}\.?[0-9]{0,20}\s*[A-Za-z%/]{0,9}", fullmatch=True)
    )
)
def test_any_text_parses_to_a_whole_number_or_is_refused(parse, text: str) -> None:
    try:
        value = parse(text)
    except BadInput as error:
        assert error.message
        assert error.hint
    else:
        assert isinstance(value, int)
        assert value >= 0


@given(fuel=st.integers(0, MAX_UINT64), price=st.integers(0, MAX_UINT96))
def test_cost_is_exact_to_the_next_base_unit(fuel: int, price: int) -> None:
    exact = Fraction(fuel * price, GFUEL)
    assert 0 <= units.cost(fuel, price) - exact < 1


@given(amount=st.integers(0, MAX_UINT96), digits=st.integers(0, 18))
def test_a_shortened_amount_is_never_more_than_there_is(amount: int, digits: int) -> None:
    shown = units.parse_fog(units.format_fog(amount, digits=digits))
    assert 0 <= amount - shown < 10 ** (18 - digits)
