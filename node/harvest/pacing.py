"""How much of the time work may run beyond what guards say: kept cool, and on a charger that fills the battery. Pure.

The heat is aimed below the limit at which a guard would freeze everything; the charge at not falling while plugged in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from node.harvest.expression import Compared, all_leaves
from node.harvest.governor import FLOOR, HeatGovernor
from node.harvest.policy import Action, Policy
from node.harvest.sensors import Snapshot

FALL = 0.005  # duty a second, for each %/h by which the charge falls
MOST_FALL = 0.02  # duty a second
RISE = 0.002  # duty a second, while the charge does not fall


@dataclass(frozen=True, slots=True)
class Pace:
    """`duty`: share of the time; `cause`: in words, empty at full speed."""

    duty: float = 1.0
    cause: str = ""


@dataclass(slots=True)
class ChargeGovernor:
    """A charger that is weaker than the work: less work, until the battery does not fall."""

    _duty: float = 1.0

    def step(self, snapshot: Snapshot, seconds: float) -> float:
        """The duty from now on. `seconds` since the last step."""
        slope = snapshot.get("battery.slope")
        plugged = snapshot.get("power.source") in ("mains", "usb", "ups")
        if snapshot.get("battery.present") is not True or not plugged or not isinstance(slope, float):
            self._duty = 1.0
        elif slope < 0:
            self._duty = max(FLOOR, self._duty - min(MOST_FALL, -slope * FALL) * seconds)
        else:
            self._duty = min(1.0, self._duty + RISE * seconds)
        return self._duty


@dataclass(slots=True)
class Pacer:
    """For one policy: its lowest limit of heat is the one that is kept."""

    policy: Policy
    _heat: HeatGovernor | None = field(init=False)
    _charge: ChargeGovernor = field(init=False, default_factory=ChargeGovernor)
    _last: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        limit = heat_limit(self.policy)
        self._heat = HeatGovernor(limit) if limit is not None else None

    def step(self, snapshot: Snapshot, now: float, working: bool = True) -> Pace:
        """`now`: seconds that never go back; `working`: whether work runs, as far as guards let it."""
        seconds = min(10.0, now - self._last) if self._last is not None else 0.0
        self._last = now
        charge = self._charge.step(snapshot, seconds)
        heat = self._heat_duty(snapshot, seconds, working)
        if heat <= charge:
            return Pace(heat, f"kept below {self._heat.limit:g} C" if self._heat and heat < 1.0 else "")
        return Pace(charge, "the charger is weaker than the work")

    def _heat_duty(self, snapshot: Snapshot, seconds: float, working: bool) -> float:
        if self._heat is None or snapshot.get("thermal.present") is not True:
            return 1.0
        if not working:
            self._heat.rest()
        heat = snapshot.get("thermal.cpu")
        return self._heat.step(heat if isinstance(heat, float) else None, seconds)


def heat_limit(policy: Policy) -> float | None:
    """The lowest temperature, in C, at which a guard stops work; None when none does."""
    limits = [
        leaf.limit
        for guard in policy.guards
        if guard.action is not Action.THROTTLE
        for leaf in all_leaves((guard.leave,))
        if isinstance(leaf, Compared) and leaf.sensor == "thermal.cpu" and leaf.order in (">", ">=")
    ]
    return min(limits, default=None)
