"""How long this machine stays free, learnt from its own transitions: chances for offers, a mean for checkpoints. Pure.

A stretch is a time in which work was let run. Every ten minutes of one are a moment at which one could have asked
whether the machine stays for ten minutes, one hour, two; where the answer is not known yet, nothing is learnt. One with
little record is promised to do what its uptime says (`fogchain.market.survival`), which counts for less with each
stretch that was seen to end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from fogchain.market.checkpointing import mean_stay
from fogchain.market.offers import BPS, HORIZONS
from fogchain.market.survival import Record, forecast, soundness
from node.harvest.device import State, Transition
from node.harvest.forecast import Forecast, Moment

FREE = frozenset((State.IDLE, State.BENCHMARK, State.CLAIMED, State.RUNNING, State.DRAINING))
STEP = 600.0  # seconds between the moments of a stretch
PRIOR_STRETCHES = 5  # ended stretches that the record of uptime counts for
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a machine was free; `ended` is False when it was still so at `end`, as far as is known."""

    begin: float  # Unix seconds
    end: float
    ended: bool
    device: str = ""


@dataclass(frozen=True, slots=True)
class Chances:
    """That a machine which is free now stays so for 10 min, 1 h, 2 h, in basis points; they fall with time."""

    soon: int
    later: int
    last: int

    @property
    def mean_stay(self) -> float:
        """Seconds until it leaves, on average, if it goes on as in the two hours ahead."""
        return mean_stay(self.last)


def utc_hour(at: float) -> int:
    """0 to 23, of Unix seconds."""
    return int(at // 3600) % 24


def stretches(transitions: Iterable[Transition], now: float, device: str = "") -> Iterator[Stretch]:
    """Of one machine; times are Unix seconds. What went on when a node was killed is known until its last transition
    before."""
    begin: float | None = None
    last = 0.0
    for went in transitions:
        if begin is not None and went.before is State.OFFLINE:
            yield Stretch(begin, last, False, device)
            begin = None
        if begin is None and went.after in FREE:
            begin = went.at
        elif begin is not None and went.after not in FREE:
            yield Stretch(begin, max(begin, went.at), True, device)
            begin = None
        last = went.at
    if begin is not None:
        yield Stretch(begin, max(begin, now), False, device)


def moments(
    stretch: Stretch,
    span: float,
    until: float,
    *,
    step: float = STEP,
    first: float = 0.0,
    hour: Callable[[float], int] = utc_hour,
) -> Iterator[tuple[float, Moment, bool]]:
    """When in it, from `first` seconds on, one could have asked whether the machine stays for `span` seconds, and
    whether it did. Left out are those of which that is not known, and all whose answer lies after `until`: else the
    stretches that ended soon would count for more. `hour`: of the machine's day."""
    elapsed = first
    while (at := stretch.begin + elapsed) <= min(stretch.end, until - span):
        stayed = at + span <= stretch.end
        if stayed or stretch.ended:
            yield at, Moment(hour(at), elapsed, stretch.device), stayed
        elapsed += step


class Stays:
    """What is known of how long a machine stays. Learn all stretches again when there are new ones: it is quick."""

    def __init__(self, known: Iterable[Stretch], now: float, hour: Callable[[float], int] = utc_hour) -> None:
        self._hour = hour
        self._forecasts = {span: Forecast() for span in HORIZONS}
        self._ends = 0
        for stretch in known:
            self._ends += stretch.ended
            for span, each in self._forecasts.items():
                for _, moment, stayed in moments(stretch, span, now, hour=hour):
                    each.observe(moment, stayed)

    def chances(self, now: float, free_since: float | None, uptime: Record = Record()) -> Chances:  # noqa: B008
        """Of the machine now. `free_since`: Unix seconds, None when it is not free; `uptime`: the node's own record of
        outages and of runs that failed."""
        elapsed = max(0.0, now - free_since) if free_since is not None else 0.0
        moment = Moment(self._hour(now), elapsed)
        found, least = list[int](), BPS
        for span, prior in zip(HORIZONS, forecast(uptime), strict=True):
            learnt = BPS * soundness(uptime) * self._forecasts[span].chance(moment)
            mixed = (self._ends * learnt + PRIOR_STRETCHES * prior) / (self._ends + PRIOR_STRETCHES)
            least = min(least, math.floor(mixed + _ROUNDING))
            found.append(least)
        return Chances(*found)
