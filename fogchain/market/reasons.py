"""Why a run is paid or not, in one word that both sides' receipts carry. Pure.

Each side derives it from what it knows by itself: the buyer from its job's log, the provider from the receipt it
signed, from the word with which the buyer took it, and from what the chain paid. The buyer's word comes in the answer
to the receipt, and again when it changes: a result under check is `pending` until others have confirmed it.
"""

from __future__ import annotations

from enum import StrEnum

from fogchain.market.messages import Exit


class Reason(StrEnum):
    OK = "ok"
    CHECKED_OK = "checked_ok"
    LATE = "late"
    OUT_OF_FUEL = "out_of_fuel"
    PROGRAM_FAILED = "program_failed"
    PENDING = "pending"
    WRONG_RESULT = "wrong_result"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    PENALTY = "penalty"
    NOT_RUN = "not_run"
    UNPAID_LOST = "unpaid_lost"

    @property
    def paid(self) -> bool:
        """Whether what the run earns is owed, or may still be."""
        return self in _PAID

    @property
    def words(self) -> str:
        return _WORDS[self]


_PAID = frozenset(
    (Reason.OK, Reason.CHECKED_OK, Reason.LATE, Reason.OUT_OF_FUEL, Reason.PROGRAM_FAILED, Reason.PENDING)
)
_WORDS = {
    Reason.OK: "accepted",
    Reason.CHECKED_OK: "accepted: other providers got the same",
    Reason.LATE: "accepted, and delivered after its deadline: paid less",
    Reason.OUT_OF_FUEL: "the program used up its fuel, which is paid for",
    Reason.PROGRAM_FAILED: "the program itself ended badly, as it would have anywhere: it is paid for",
    Reason.PENDING: "waits for its check",
    Reason.WRONG_RESULT: "a majority of providers got another result: not paid",
    Reason.SUPERSEDED: "came when it was no longer needed, or no majority was found: not paid",
    Reason.CANCELLED: "came after its job had ended: not paid",
    Reason.PENALTY: "was promised and not delivered in time: not paid, and its penalty kept",
    Reason.NOT_RUN: "the provider could not run it: not paid",
    Reason.UNPAID_LOST: "the buyer never said a word, and its session ended without pay",
}


def of_accepted(end: int, *, confirmed: bool, late: bool) -> Reason:
    """Of a run that is paid for. `confirmed`: others got the same; `late`: it came after its deadline."""
    if end == Exit.OUT_OF_FUEL:
        return Reason.OUT_OF_FUEL
    if end != Exit.OK:
        return Reason.PROGRAM_FAILED
    if late:
        return Reason.LATE
    return Reason.CHECKED_OK if confirmed else Reason.OK


def of_delivered(end: int, said: str, *, session_over: bool) -> Reason:
    """The provider's: of a run it delivered, by the receipt's ending and by the buyer's last word, empty for none.

    A word that is no reason, or one that denies what the receipt shows, counts as a refusal.
    """
    if end >= Exit.TIMEOUT:
        return Reason.NOT_RUN
    if not said:
        return Reason.UNPAID_LOST if session_over else Reason.PENDING
    try:
        reason = Reason(said)
    except ValueError:
        return Reason.SUPERSEDED
    return Reason.SUPERSEDED if reason is Reason.NOT_RUN else reason
