"""What votes can set, by the names the API gives: in words, and whether a new value can be one."""

from __future__ import annotations

import re
from collections.abc import Callable

from fogchain.errors import BadInput, FogchainError
from fogchain.units import parse_duration, parse_fog, parse_ratio

GROUPS = {
    "market": "Market: jobs and sessions opened later",
    "court": "Court: cases opened later",
    "pricing": "Base prices",
    "registry": "Registry",
    "governor": "Governance itself",
}
WORDS = {
    "market.court": "Court of new jobs",
    "market.challenge_window": "Time to challenge a delivery",
    "market.fee": "Fee of every payment",
    "market.bond_multiple": "Bond a job with a breach asks for, times its price",
    "court.commit_time": "Auditors\u2019 time to commit",
    "court.reveal_time": "Auditors\u2019 time to reveal",
    "court.audit_min": "Least part of deliveries that is audited",
    "court.audit_factor": "Audit factor of new providers",
    "court.slash_multiple": "Slash of a cheat, times the price",
    "court.seat_bond": "Bond of an auditor\u2019s seat",
    "pricing.step_cap": "Greatest step of a base price",
    "pricing.target_use": "Use at which base prices stay",
    "registry.bond_per_gfuel": "Bond that covers 1 Gfuel per epoch of capacity",
    "governor.voting_delay": "From a proposal to its vote",
    "governor.voting_period": "How long is voted",
    "governor.threshold": "Votes to propose, of all bonds",
    "governor.quorum": "Quorum, of all bonds",
}
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_TIMES = re.compile(r"\d{1,5}\s*x")


def words(name: str) -> str:
    return WORDS.get(name, name)


def wrong(now: str, new: str) -> str:
    """Why `new` can't replace `now`, a value with its unit; empty when it can. The node looks more closely."""
    try:
        _kind(now)(new)
    except FogchainError as error:
        return f"{error.message}; {error.hint}"
    return ""


def _kind(now: str) -> Callable[[str], object]:
    if now.endswith("%"):
        return parse_ratio
    if now.endswith("FOG"):
        return parse_fog
    if now.startswith("0x"):
        return lambda text: _match(_ADDRESS, text, "an address", "write 0x and 40 hex digits")
    if _TIMES.fullmatch(now):
        return lambda text: _match(_TIMES, text, "a multiple", "write it like '40 x'")
    return parse_duration


def _match(pattern: re.Pattern[str], text: str, what: str, hint: str) -> None:
    if not pattern.fullmatch(text.strip()):
        raise BadInput(f"{text[:60]!r} is not {what}", hint=hint)
