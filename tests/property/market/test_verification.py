"""Checking and judging: the table of chances, and what a verdict may depend on."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain.market.messages import Exit
from fogchain.market.verification import (
    AUDIT_FLOOR,
    COMMITTEES,
    LEAD,
    MAX_JURY,
    Answer,
    Verdict,
    check_chance,
    claim_of,
    judge,
)

answers = st.lists(
    st.tuples(st.sampled_from((b"x", b"y", b"z")), st.sampled_from((1, 2)), st.sampled_from((0, 2))), max_size=7
).map(lambda claims: [Answer(f"p{index}", f"p{index}", claim) for index, claim in enumerate(claims)])


@pytest.mark.parametrize(
    ("accepted", "basis_points"),
    [(0, 10_000), (1, 10_000), (2, 6_666), (3, 5_000), (9, 2_000), (19, 1_000), (98, 202), (99, 200), (10**9, 200)],
)
def test_the_chance_falls_with_the_record_to_a_floor(accepted: int, basis_points: int) -> None:
    assert check_chance("L1", None, accepted, Exit.OK) == basis_points


@pytest.mark.parametrize("end", [end for end in Exit if end.deterministic and end != Exit.OK])
@pytest.mark.parametrize("sample", [None, 0, 500])
def test_a_program_that_did_not_end_well_is_always_checked(end: Exit, sample: int | None) -> None:
    assert check_chance("L1", sample, 10**6, end) == 10_000


@given(st.none() | st.integers(0, 10_000), st.integers(0, 10**9), st.sampled_from(list(Exit)))
def test_level_l0_checks_nothing_and_a_given_sample_is_kept(sample: int | None, accepted: int, end: Exit) -> None:
    assert {check_chance(level, sample, accepted, end) for level in ("L0", "L2", "L3")} == {0}
    chance = check_chance("L1", sample, accepted, Exit.OK)
    assert chance == sample if sample is not None else AUDIT_FLOOR <= chance <= 10_000
    if sample is None:
        assert check_chance("L1", None, accepted + 1, Exit.OK) <= chance


def same(one: Verdict, other: Verdict) -> bool:
    first, second = ((v.kind, set(v.right), set(v.wrong), v.seats) for v in (one, other))
    return first == second


@given(answers, st.randoms(use_true_random=False))
def test_the_order_in_which_answers_come_decides_nothing(given_answers: list[Answer], random: object) -> None:
    shuffled = list(given_answers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert same(judge(given_answers), judge(shuffled))


@pytest.mark.complaint(29)
@given(answers, st.sampled_from((2, 3)), st.booleans())
def test_only_a_strict_majority_with_a_lead_stands_and_without_one_when_nobody_else_is_left(
    given_answers: list[Answer], seats: int, last: bool
) -> None:
    verdict = judge(given_answers, seats, last=last)
    count = len(given_answers)
    counts = Counter(answer.claim for answer in given_answers)
    major = [claim for claim, votes in counts.items() if votes >= 2 and votes * 2 > count]
    lead = [*(votes for _, votes in counts.most_common(2)), 0, 0]
    if count >= seats and major and (lead[0] - lead[1] >= LEAD or last or count == MAX_JURY):
        assert verdict.kind == "agreed"
        assert set(verdict.right) == {a.provider for a in given_answers if a.claim == major[0]}
        assert set(verdict.wrong) == {a.provider for a in given_answers if a.claim != major[0]}
    else:
        assert verdict.kind == ("hung" if count >= MAX_JURY else "more")
        assert not verdict.right and not verdict.wrong
        if verdict.kind == "more":
            assert verdict.seats > count and verdict.seats in (seats, *COMMITTEES)


@given(answers, st.integers(1, 4))
def test_a_provider_has_one_vote_however_often_it_says_the_same(given_answers: list[Answer], times: int) -> None:
    assert same(judge(given_answers), judge(given_answers + given_answers[:1] * times))


def test_a_different_bill_or_ending_is_a_different_answer() -> None:
    base = Answer("a", "a", claim_of("wasm", b"x", 10, 0))
    for result, fuel, end in ((b"y", 10, 0), (b"x", 11, 0), (b"x", 10, 1)):
        assert judge([base, Answer("b", "b", claim_of("wasm", result, fuel, end))]).kind == "more"
    assert judge([base, Answer("b", "b", claim_of("wasm", b"x", 10, 0))]).kind == "agreed"


def test_a_native_programs_fuel_is_not_compared_its_result_is() -> None:
    assert claim_of("native", b"x", 10, 0) == claim_of("native", b"x", 11, 0) != claim_of("native", b"y", 10, 0)
    assert claim_of("python", b"x", 10, 0) != claim_of("python", b"x", 11, 0)


def test_two_nodes_of_one_operator_do_not_confirm_each_other() -> None:
    claim = claim_of("wasm", b"lie", 10, 0)
    assert judge([Answer("a", "mallory", claim), Answer("b", "mallory", claim)]).kind == "more"
    assert judge([Answer("a", "mallory", claim), Answer("b", "bob", claim)]).kind == "agreed"


def test_a_colluding_pair_needs_more_than_the_third_to_prevail() -> None:
    lie, true = claim_of("wasm", b"lie", 1, 0), claim_of("wasm", b"true", 1, 0)
    asked = [Answer("a", "a", lie), Answer("b", "b", true), Answer("c", "c", lie)]
    assert judge(asked) == Verdict("more", seats=5)
    verdict = judge([*asked, Answer("d", "d", true), Answer("e", "e", true)])
    assert verdict == Verdict("more", seats=7)
    verdict = judge([*asked, *(Answer(name, name, true) for name in "defg")])
    assert verdict.kind == "agreed" and set(verdict.wrong) == {"a", "c"}


@given(st.integers(0, MAX_JURY // 2), st.integers(0, 1))
def test_an_honest_majority_of_those_asked_always_prevails(liars: int, extra: int) -> None:
    honest = max(2, liars + 1 + extra)
    jury = [Answer(f"honest{i}", f"honest{i}", (b"true", 1, 0)) for i in range(honest)]
    jury += [Answer(f"liar{i}", f"liar{i}", (b"lie", 1, 0)) for i in range(liars)]
    verdict = judge(jury, last=True)
    assert verdict.kind == "agreed"
    assert set(verdict.wrong) == {f"liar{i}" for i in range(liars)}
