"""How good the forecast is on a trace of many machines: learnt on its days but the last, tried on the last. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from node.harvest.forecast import Forecast, brier, calibration_error
from node.harvest.record import Stretch, moments


@dataclass(frozen=True, slots=True)
class Held:
    """Of `moments` on the last day at which a machine was free; `base` is the Brier score of who says the mean."""

    moments: int
    brier: float
    calibration_error: float
    base: float


def traced(trace: NDArray[np.float64], step: float) -> list[Stretch]:
    """Rows are times, `step` seconds apart, columns machines: 1 free, 0 not, NaN unknown. A machine that is free at a
    row was so for one step; a stretch with an unknown row after it is not known to have ended."""
    found = list[Stretch]()
    for device in range(trace.shape[1]):
        column = trace[:, device]
        edges = np.flatnonzero(np.diff(np.concatenate(([0], column == 1, [0]))))
        for first, after in edges.reshape(-1, 2):
            ended = after < len(column) and column[after] == 0
            found.append(Stretch((int(first) - 1) * step, (int(after) - 1) * step, bool(ended), str(device)))
    return found


def held_out(trace: NDArray[np.float64], step: float, span: float, day: float = 86_400.0) -> Held:
    """`step`, `span`, `day` in seconds. What is learnt is what was known when the last day began."""
    whole = traced(trace, step)
    until = (trace.shape[0] - 1) * step
    begin = (trace.shape[0] * step // day - 1) * day
    forecast = Forecast()
    for stretch in whole:
        for at, moment, stayed in moments(stretch, span, until, step=step, first=step):
            if at + span < begin:
                forecast.observe(moment, stayed)
    pairs = [
        (forecast.chance(moment), stayed)
        for stretch in whole
        for at, moment, stayed in moments(stretch, span, until, step=step, first=step)
        if at >= begin
    ]
    mean = sum(stayed for _, stayed in pairs) / len(pairs)
    return Held(len(pairs), brier(pairs), calibration_error(pairs), brier([(mean, stayed) for _, stayed in pairs]))
