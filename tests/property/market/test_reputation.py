"""A provider's record: what it is worth, and what it takes to lose it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fogchain.market.reputation import BPS, FIRST_QUOTA, MAX_QUOTA, Outcomes, grown, halved

counts = st.integers(0, 10**6)
records = st.builds(
    Outcomes, counts, counts, counts, counts, st.integers(0, 50), counts, st.integers(0, 1000), counts
)  # fmt: skip


@given(records, records, records)
def test_jobs_add_up_in_any_grouping(one: Outcomes, two: Outcomes, three: Outcomes) -> None:
    assert (one + two) + three == one + (two + three)
    assert one + Outcomes() == one == Outcomes() + one


@given(st.integers(0, 10**6), st.integers(0, 100), st.integers(0, 100))
def test_the_score_falls_with_faults_and_rises_with_good_work(good: int, lost: int, cases: int) -> None:
    record = Outcomes(accepted=good, lost=lost, cases=cases)
    assert 0 < Outcomes().score == BPS
    assert 0 <= record.score <= BPS
    assert Outcomes(accepted=good, lost=lost + 1, cases=cases).score <= record.score
    assert Outcomes(accepted=good, lost=lost, cases=cases + 1).score <= record.score
    assert Outcomes(accepted=good + 1, lost=lost, cases=cases).score >= record.score
    assert Outcomes(accepted=good, cases=1).score <= Outcomes(accepted=good, lost=1).score


@given(records)
def test_what_is_published_is_out_of_100_and_nothing_is_said_of_nothing(record: Outcomes) -> None:
    assert record.rating is None or 0 <= record.rating <= 100
    assert Outcomes().rating is None


@given(st.integers(1, 10**6))
def test_who_did_all_right_has_100_and_who_was_proven_wrong_with_nothing_else_next_to_nothing(good: int) -> None:
    assert Outcomes(accepted=good).rating == Outcomes(checks=good).rating == 100
    liar = Outcomes(wrong=good, cases=1).rating
    assert liar is not None and liar < 10


def test_one_case_does_not_eject_two_do_unless_they_are_rare() -> None:
    assert not Outcomes(accepted=1, cases=1).ejected
    assert Outcomes(accepted=300, cases=2).ejected
    assert not Outcomes(accepted=100_000, cases=100).ejected, "a fault in a thousand, as honest machines have"
    assert Outcomes(accepted=1000, cases=100).ejected


def test_a_newcomer_begins_with_few_and_a_broken_host_never_swallows_a_batch() -> None:
    assert Outcomes().quota() == FIRST_QUOTA
    assert Outcomes(accepted=10**6).quota() == MAX_QUOTA
    assert Outcomes(accepted=20, cases=1).quota() == (FIRST_QUOTA + 20) // 2
    quota = FIRST_QUOTA
    for _ in range(20):
        quota = grown(quota)
    assert quota == FIRST_QUOTA + 20
    for _ in range(20):
        quota = halved(quota)
    assert quota == 1


def test_what_was_confirmed_before_a_case_no_longer_counts() -> None:
    assert (Outcomes(clean=500) + Outcomes(cases=1, clean=3)).clean == 3
    assert (Outcomes(clean=3, cases=1) + Outcomes(clean=4)).clean == 7
