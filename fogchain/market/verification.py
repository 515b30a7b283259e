"""When a result is checked, and what disagreeing results mean. Pure.

Level L1 (audited): after delivery a draw decides whether another provider runs the task again. The chance falls with
the provider's record, p = max(2 %, 2/(n+1)) for n accepted tasks; a newcomer's first two results are always checked.
A mismatch alone proves nothing about who is wrong: it escalates to further providers, and the result on which a strict
majority agrees stands. Fuel is part of what is compared, so the bill is checked with the answer.

Source: Sarmenta's spot-checking; the audit rule's simulated error and cost are in `fogchain bench e2e` terms
`audit_wrong_accepted` and `audit_overhead`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fogchain.market.messages import Exit

AUDIT_FLOOR = 200  # basis points
AUDIT_FACTOR = 2
MAX_JURY = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What one provider says of one task."""

    provider: str
    result: bytes
    fuel: int
    exit: int

    @property
    def claim(self) -> tuple[bytes, int, int]:
        return self.result, self.fuel, self.exit


@dataclass(frozen=True, slots=True)
class Verdict:
    """`agreed`: these providers' claim stands, the `wrong` ones' does not. `more`: ask another provider.
    `hung`: as many as may be asked were asked, and no majority agrees."""

    kind: Literal["agreed", "more", "hung"]
    right: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


def check_chance(level: str, sample: int | None, accepted: int, end: int) -> int:
    """The chance in basis points that a delivered result is checked.

    `accepted` is how many of the provider's results this buyer has accepted; a program that did not end well is
    always checked, since saying so is the cheapest lie.
    """
    if level == "L0":
        return 0
    if end != Exit.OK:
        return 10_000
    if sample is not None:
        return sample
    return min(10_000, max(AUDIT_FLOOR, AUDIT_FACTOR * 10_000 // (accepted + 1)))


def judge(answers: Sequence[Answer]) -> Verdict:
    """The verdict over all answers to one task that is being checked; a provider has one vote, its first answer."""
    answers = list({answer.provider: answer for answer in reversed(answers)}.values())
    if not answers:
        return Verdict("more")
    [(claim, votes)] = Counter(answer.claim for answer in answers).most_common(1)
    if votes >= 2 and votes * 2 > len(answers):
        return Verdict(
            "agreed",
            right=tuple(a.provider for a in answers if a.claim == claim),
            wrong=tuple(a.provider for a in answers if a.claim != claim),
        )
    return Verdict("hung" if len(answers) >= MAX_JURY else "more")
