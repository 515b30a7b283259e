"""Both sides' receipts say the same of every run, whatever order their words come in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fogchain.market.messages import Exit
from fogchain.market.reasons import Reason, of_accepted, of_delivered

ends = st.sampled_from(list(Exit))


def test_every_reason_has_words_that_say_whether_it_is_paid() -> None:
    for reason in Reason:
        assert reason.words
        assert reason.paid == ("not paid" not in reason.words and "without pay" not in reason.words)


@given(ends.filter(lambda end: end.deterministic), st.booleans(), st.booleans())
def test_what_the_buyer_accepts_is_paid_and_means_the_same_to_the_provider(
    end: Exit, confirmed: bool, late: bool
) -> None:
    reason = of_accepted(end, confirmed=confirmed, late=late)
    assert reason.paid and reason is not Reason.PENDING
    assert of_delivered(end, reason.value, session_over=True) is reason


@given(ends, st.one_of(st.just(""), st.sampled_from(list(Reason)), st.text(max_size=20)), st.booleans())
def test_no_word_of_the_buyer_makes_a_run_paid_that_was_not_run(end: Exit, said: str, over: bool) -> None:
    reason = of_delivered(end, said, session_over=over)
    assert not (reason.paid and not end.deterministic)
    if not said and end.deterministic:
        assert reason is (Reason.UNPAID_LOST if over else Reason.PENDING)
