"""How likely a node stays, from its own record.

Outages come at a constant rate, which is estimated from those that were and the time in which they were: half an outage
in one hour is assumed of a node that has no record yet, and weighs the less the longer the record is. A run can also
fail while the node stays: the share of runs that did not is a factor, after the rule of succession.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fogchain.market.offers import BPS, HORIZONS

PRIOR_OUTAGES, PRIOR_SECONDS = 0.5, 3600.0


@dataclass(frozen=True, slots=True)
class Record:
    """What a node knows of itself."""

    up: float = 0.0  # seconds
    outages: int = 0
    sound: int = 0  # runs that ended by themselves, whatever their program's exit
    failed: int = 0  # runs that this node is to blame for: crashes, timeouts, refusals after the order was taken


def soundness(record: Record) -> float:
    """The share of runs that don't fail while the node stays."""
    return (record.sound + 1) / (record.sound + record.failed + 1)


def forecast(record: Record) -> tuple[int, int, int]:
    """The chances, in basis points, for the three horizons of an offer. Never certain, never without hope."""
    rate = (record.outages + PRIOR_OUTAGES) / (record.up + PRIOR_SECONDS)
    first, second, third = (math.floor(BPS * soundness(record) * math.exp(-rate * seconds)) for seconds in HORIZONS)
    return first, second, third
