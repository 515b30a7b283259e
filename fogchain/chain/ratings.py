"""What buyers have published of a provider, in one figure. Pure.

It is for people to look at. Nothing is matched or placed by it: a buyer is an account, and accounts, with sessions
between them and reviews of those, cost little more than gas. Each buyer counts once, however many sessions it had, so
that at least the number of accounts must be faked; how much was paid in all of them stands beside it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fogchain.chain.records import RatingRecord


@dataclass(frozen=True, slots=True)
class Rating:
    """A provider's standing with those who have published something."""

    value: int  # out of 100: the mean of the buyers' means
    buyers: int
    sessions: int
    paid: int  # base units of FOG, in these sessions, fees included


def mean(record: RatingRecord) -> int:
    """What this buyer's sessions came to, out of 100."""
    return record.points // record.sessions


def summed(records: Collection[RatingRecord]) -> Rating | None:
    """None when nobody has published anything."""
    if not records:
        return None
    means = sum(100 * record.points // record.sessions for record in records)
    return Rating(
        means // (100 * len(records)),
        len(records),
        sum(record.sessions for record in records),
        sum(record.paid for record in records),
    )
