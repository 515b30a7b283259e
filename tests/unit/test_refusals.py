"""Refusals are counted by what was refused and why, and stay few whatever peers send."""

from __future__ import annotations

from fogchain.errors import BadMessage, BadSignature
from node.refusals import Refusals


def test_they_are_counted_by_subject_and_reason_and_the_newest_words_are_kept() -> None:
    refusals = Refusals()
    for number in range(3):
        refusals.note("order", BadMessage(f"message {number}"))
    refusals.note("order", BadSignature("signed by another"))
    refusals.note("voucher", BadMessage("not a voucher"))
    found = [(one.subject, one.reason, one.count, one.words) for one in refusals.all()]
    assert found == [
        ("order", "bad-message", 3, "message 2"),
        ("order", "bad-signature", 1, "signed by another"),
        ("voucher", "bad-message", 1, "not a voucher"),
    ]


def test_a_flood_of_different_words_is_one_line() -> None:
    refusals = Refusals()
    for number in range(10_000):
        refusals.note("hello", BadMessage("x" * 1000 + str(number)))
    (one,) = refusals.all()
    assert one.count == 10_000 and len(one.words) <= 300
