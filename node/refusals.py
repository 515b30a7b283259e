"""Refusals, counted: what this node refused (messages of peers, offers, receipts, requests at its API), and what its
peers refused of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fogchain.errors import FogchainError


@dataclass(frozen=True, slots=True)
class Refused:
    """All of one kind since the node started."""

    subject: str  # what was refused: "order", "voucher", "hello", "api", …
    reason: str  # the error's code
    count: int
    words: str  # of the newest
    at: float  # Unix seconds, of the newest


class Refusals:
    """Bounded by construction: subjects are the node's own words, reasons the codes of `fogchain.errors`."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], Refused] = {}

    def note(self, subject: str, error: FogchainError) -> None:
        key = subject, error.code
        known = self._kinds.get(key)
        count = known.count + 1 if known else 1
        self._kinds[key] = Refused(subject, error.code, count, error.message[:300], time.time())

    def all(self) -> list[Refused]:
        """Most frequent first."""
        return sorted(self._kinds.values(), key=lambda refused: (-refused.count, refused.subject, refused.reason))
