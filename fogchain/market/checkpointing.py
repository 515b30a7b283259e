"""How often a running task's checkpoint is copied to where it survives. Pure.

Copying too often costs time, too seldom costs work when the machine is taken away. For copies that cost C seconds and
evictions that come M seconds apart on average, the loss is least with one copy in sqrt(2 C M) seconds: Young, "A first
order approximation to the optimum checkpoint interval", 1974; Daly 2006 adds terms that don't matter while C is small
beside M, as it is here.
"""

from __future__ import annotations

import math

from fogchain.market.offers import BPS, HORIZONS

LEAST_STAY, MOST_STAY = 60.0, 30 * 86_400.0  # seconds; no forecast is trusted beyond


def copy_interval(cost: float, stay: float) -> float:
    """Seconds from one copy to the next; `cost`: seconds that a copy takes, `stay`: mean seconds to an eviction."""
    return math.sqrt(2 * cost * stay)


def mean_stay(survival: int) -> float:
    """Mean seconds to an eviction, for a chance in basis points to be there at the last of an offer's horizons, if
    evictions come at a constant rate."""
    if survival <= 0:
        return LEAST_STAY
    if survival >= BPS:
        return MOST_STAY
    return min(MOST_STAY, max(LEAST_STAY, -HORIZONS[-1] / math.log(survival / BPS)))


def mean_copy(before: float | None, seconds: float) -> float:
    """What a copy costs, once one more took so long: later ones count more, since files grow."""
    return seconds if before is None else (before + seconds) / 2
