"""When a result is checked, and what disagreeing results mean. Pure.

Level L1 (audited): after delivery a draw decides whether another provider runs the task again. The chance falls with
the provider's record, p = max(2 %, 2/(n+1)) for n such checks passed since it was last proven wrong; a newcomer's first
two results are always checked. L2, L3: two, three providers run every task from the start.

A mismatch alone proves nothing about who is wrong: it escalates to committees of three, five, seven. A claim stands
once it leads by two votes and has a strict majority; of seven, or when nobody else is there, the majority suffices.
An operator has one vote, however many nodes it has. Fuel is part of what is compared, so the bill is checked with the
answer; a runtime that has no fuel is compared without it.

A canary is a task whose result other operators have confirmed already, given to a provider that is new to the buyer
as an order like any other. It takes the place of a check that would have been certain, so it costs no more, and unlike
a check, which is sealed, it can't be told from work. The same rule decides: with three operators or more on the other
side a wrong answer is proven at once, and nobody is asked again.

Source: Sarmenta's spot-checking; the audit rule's error and cost, simulated in `market/simulation.py`, are the figures
`audit_wrong_accepted` and `audit_overhead` of `fogchain bench e2e`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fogchain.market.engines import Runtime
from fogchain.market.messages import Exit

AUDIT_FLOOR = 200  # basis points
AUDIT_FACTOR = 2
COMMITTEES = (3, 5, 7)  # answers after which a mismatch is looked at again
MAX_JURY = COMMITTEES[-1]
LEAD = 2  # votes

Claim = tuple[bytes, int, int]


def claim_of(runtime: Runtime, result: bytes, fuel: int, end: int) -> Claim:
    """What has to be equal for two runs to agree: result, fuel and ending; a native program's fuel is not measured."""
    return result, 0 if runtime == "native" else fuel, end


@dataclass(frozen=True, slots=True)
class Answer:
    """What one provider says of one task."""

    provider: str
    operator: str  # who runs it: has one vote
    claim: Claim


@dataclass(frozen=True, slots=True)
class Verdict:
    """`agreed`: these providers' claim stands, the `wrong` ones' does not. `more`: there should be `seats` answers in
    all. `hung`: as many as may be asked were asked, and no majority agrees."""

    kind: Literal["agreed", "more", "hung"]
    right: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    seats: int = 0


def check_chance(level: str, sample: int | None, clean: int, end: int) -> int:
    """The chance in basis points that a delivered result is checked after delivery.

    `clean` is how many such checks the provider has passed with this buyer since it was last proven wrong: what was
    accepted without a check says nothing, nor does what it delivered when it knew of one. A program that did not end
    well is always checked, since saying so is the cheapest lie. At L2 and L3 nothing is drawn: all is
    compared from the start.
    """
    if level != "L1":
        return 0
    if end != Exit.OK:
        return 10_000
    if sample is not None:
        return sample
    return min(10_000, max(AUDIT_FLOOR, AUDIT_FACTOR * 10_000 // (clean + 1)))


def canary_due(level: str, sample: int | None, clean: int) -> bool:
    """Whether one of a provider's first orders of a job should be a canary; `clean` as for `check_chance`.

    Only while its next result is certain to be checked, which this stands for: one that was right is a check passed.
    """
    return level == "L1" and sample is None and clean == 0


def judge(answers: Sequence[Answer], seats: int = 2, *, last: bool = False) -> Verdict:
    """The verdict over all answers to one task that is being checked; an operator has one vote, its first answer.

    `seats`: answers there must be at least. `last`: nobody else can be asked.
    """
    answers = list({answer.operator: answer for answer in reversed(answers)}.values())
    if len(answers) < seats:
        return Verdict("more", seats=seats)
    votes = Counter(answer.claim for answer in answers).most_common(2)
    most = votes[0][1] if votes else 0
    lead = most - votes[1][1] if len(votes) > 1 else most
    majority = most >= 2 and most * 2 > len(answers)
    if majority and (lead >= LEAD or last or len(answers) >= MAX_JURY):
        claim = votes[0][0]
        return Verdict(
            "agreed",
            right=tuple(a.provider for a in answers if a.claim == claim),
            wrong=tuple(a.provider for a in answers if a.claim != claim),
        )
    if len(answers) >= MAX_JURY:
        return Verdict("hung")
    return Verdict("more", seats=max(seats, next(size for size in COMMITTEES if size > len(answers))))
