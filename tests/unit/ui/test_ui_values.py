"""How the panel shows values: never nothing for something, never a figure that is not known."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain.errors import BadInput
from fogchain.units import WEI, parse_fog
from ui import show
from ui.rates import MinuteRate


@pytest.mark.parametrize(
    ("written", "value", "full"),
    [
        ("0 FOG", "0", "0 FOG"),
        ("1.5 FOG", "1.5", "1.5 FOG"),
        ("0.123456789 FOG", "0.1234", "0.123456789 FOG"),
        ("0.0000123456 FOG", "0.0000123", "0.0000123456 FOG"),
        ("0.000000000000000001 FOG", "<0.000000001", "0.000000000000000001 FOG"),
        ("1234567.891 FOG", "1\u202f234\u202f567.89", "1234567.891 FOG"),
    ],
)
def test_amounts_are_short_and_keep_the_exact_value(written: str, value: str, full: str) -> None:
    shown = show.fog(parse_fog(written))
    assert (shown.value, shown.unit, shown.full) == (value, "FOG", full)


@given(st.integers(min_value=1, max_value=10**9 * WEI))
def test_something_is_never_shown_as_nothing(amount: int) -> None:
    assert show.fog(amount).value.strip("0.") != ""


def test_unknown_is_a_dash() -> None:
    assert show.fog(None).text == show.fuel(None).text == show.number(None) == show.ago(None, 5.0) == "–"
    assert show.span(None) == show.moment(None) == show.short(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (1.24, "1.2 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90_061, "1 d 1 h")],
)
def test_spans_use_two_units(seconds: float, words: str) -> None:
    assert show.span(seconds) == words


def test_times_ago() -> None:
    now = 1_000_000.0
    assert [show.ago(now - past, now) for past in (0.5, 12, 200, 7300, 200_000)] == [
        "now", "12 s ago", "3 min ago", "2 h ago", "2 d ago",
    ]  # fmt: skip


def test_identifiers_keep_both_ends() -> None:
    assert show.short("0x" + "ab" * 20) == "0xababab…abab"
    assert show.short("short") == "short"


def test_the_rate_counts_the_last_minute_only() -> None:
    rate = MinuteRate(began=1000.0)
    assert rate.last_minute(1010.0) is None, "after 10 s without an event nothing can be said about a minute"
    rate.add(1010.0, 4)
    rate.add(1050.0)
    assert rate.last_minute(1055.0) == 5
    assert rate.last_minute(1069.9) == 5
    assert rate.last_minute(1070.0) == 1
    assert rate.last_minute(1200.0) == 0, "now a whole minute was watched, and it was empty"


def test_the_series_has_gaps_where_nobody_watched() -> None:
    rate = MinuteRate(began=1000.0)
    rate.add(1005.0, 3)
    series = dict(rate.series(1025.0))
    assert series[990.0] is None
    assert series[1000.0] == 0
    assert series[1010.0] == series[1020.0] == 3
    assert len(series) == 61


def test_full_moments_name_the_day() -> None:
    then = datetime(2026, 3, 4, 5, 6, 7).timestamp()
    assert show.full_moment(then).startswith("2026-03-04 05:06:07")


def test_an_error_stands_on_a_page_as_sentences() -> None:
    assert show.sentences(BadInput("it is late", hint="try again.")) == "It is late. Try again."
    assert show.sentences(BadInput("'5' has no unit")) == "'5' has no unit."
