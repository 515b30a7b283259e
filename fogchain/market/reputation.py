"""What a buyer makes of how a provider's runs ended. Pure.

A run's outcome is one of: accepted unchecked, found right by a check, found wrong, lost (the provider went silent with
it or failed it), late. From these come the score that placement weighs, the chance of a check (`verification`), how
many tasks a provider gets at once, and whether it gets any. What does not count is what came to nothing for other
reasons: called back, superseded, the program's own failure.

Source: BOINC's daily quota (grows with valid results, falls with invalid ones); Sarmenta's credibility; spec: a single
honest fault must not eject, a repeated one does, in proportion to all that was right.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_QUOTA = 4  # tasks at once of a provider that is new to this buyer
MAX_QUOTA = 256
MAX_RECORD = 2**40
EJECT_CASES = 2  # proven wrong that often,
EJECT_SHARE = 200  # and in more than one of so many results: it gets no more work
WRONG_WEIGHT = 20  # results that a wrong one outweighs
BPS = 10_000


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How a provider's runs for this buyer ended, over all jobs."""

    accepted: int = 0  # work, and not found wrong
    checks: int = 0  # runs that checked others, and were right
    right: int = 0  # of both, those on which providers agreed
    wrong: int = 0  # runs that were taken back, since their provider was proven wrong
    cases: int = 0  # times that it was proven wrong
    lost: int = 0  # outages: times that it went silent or failed with orders out
    late: int = 0  # of all that was accepted, runs after their deadline
    clean: int = 0  # since it was last proven wrong: results that passed a check drawn after they were delivered

    def __add__(self, more: Outcomes) -> Outcomes:
        """The record with those of a later job."""
        return Outcomes(
            self.accepted + more.accepted,
            self.checks + more.checks,
            self.right + more.right,
            self.wrong + more.wrong,
            self.cases + more.cases,
            self.lost + more.lost,
            self.late + more.late,
            more.clean if more.cases else self.clean + more.clean,
        )

    @property
    def ejected(self) -> bool:
        """It is given no more work: proven wrong again and again, in relation to what it did right."""
        good = self.accepted + self.checks
        return self.cases >= EJECT_CASES and self.cases * EJECT_SHARE > good

    @property
    def score(self) -> int:
        """How much of its promised speed placement counts on, in basis points: the share of good outcomes after the
        rule of succession, where a wrong one outweighs WRONG_WEIGHT right ones and a late one is half a good one."""
        good = max(0, 2 * (self.accepted + self.checks) - self.late)  # late ones may have been taken back since
        bad = 2 * (self.lost + WRONG_WEIGHT * self.cases)
        return BPS * (good + 2) // (good + bad + 2)

    @property
    def rating(self) -> int | None:
        """What a buyer publishes of these outcomes: the score, out of 100. None where they say nothing."""
        if not self.accepted + self.checks + self.wrong + self.cases + self.lost:
            return None
        return self.score * 100 // BPS

    def quota(self, first: int = FIRST_QUOTA) -> int:
        """How many tasks at once it gets at the beginning of a job; `first`: when it is new to the buyer."""
        quota = first + self.accepted + self.checks
        return max(1, min(MAX_QUOTA, quota) >> min(8, self.cases))


def grown(quota: int) -> int:
    """After a result was accepted."""
    return min(MAX_QUOTA, quota + 1)


def halved(quota: int) -> int:
    """After a fault."""
    return max(1, quota // 2)
