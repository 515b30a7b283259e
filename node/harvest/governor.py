"""How much of the time work runs: slices that come out at a duty, and the duty that keeps a machine cool. Pure.

A machine that throttles by whole seconds is heard in its fan and felt in its pointer; slices of a tenth are not. What a
slice took too long or too short is made good by the next ones, so that a few seconds come out right whatever the
scheduler of the operating system does.
"""

from __future__ import annotations

from dataclasses import dataclass

PERIOD = 0.1  # seconds of one slice on and off
LEAST_SLICE = 0.005  # seconds below which a switch costs more than it brings
MOST_DEBT = 5 * PERIOD  # seconds of run time that are made good at most

HORIZON = 20.0  # seconds ahead in which the heat that comes is looked at
SMOOTHING = 10.0  # seconds, of the slope
GAIN = 0.03  # duty per degree
INTEGRAL = 0.00015  # duty per degree and second
MARGIN = 2.5  # degrees below the limit that are aimed at: sensors speak in whole ones
BEGIN = 0.5  # duty at which work begins, since nobody knows yet how it heats
RISE = 0.02  # duty a second by which it grows at most
FLOOR = 0.05


@dataclass(slots=True)
class DutyCycle:
    """Asks for a slice of running and one of standing in turn; told how long each really took."""

    _debt: float = 0.0  # seconds of run time that are owed

    def next(self, duty: float) -> tuple[float, float]:
        """Seconds to run and then to stand, at most PERIOD together."""
        if duty >= 1.0:
            return PERIOD, 0.0
        if duty <= 0.0:
            return 0.0, PERIOD
        run = min(PERIOD, max(0.0, duty * PERIOD + self._debt))
        if run < LEAST_SLICE:
            run = 0.0
        elif PERIOD - run < LEAST_SLICE:
            run = PERIOD
        return run, PERIOD - run

    def took(self, duty: float, ran: float, stood: float) -> None:
        """What came of the last two slices, in seconds by the clock."""
        debt = self._debt + duty * (ran + stood) - ran
        self._debt = min(MOST_DEBT, max(-MOST_DEBT, debt)) if 0.0 < duty < 1.0 else 0.0


@dataclass(slots=True)
class HeatGovernor:
    """Proportional and integral control of the heat that is to be expected, not of the one that is there already: by
    the time a sensor shows the limit, what was put in before is still on its way. Åström and Hägglund, Advanced PID
    Control, 2006, §3.5 for the integral that stands still while the duty is at a bound."""

    limit: float  # C
    _sum: float = BEGIN  # the integral part, as a duty
    _duty: float = BEGIN
    _smooth: float | None = None  # C; what the sensor said, SMOOTHING seconds late

    def step(self, heat: float | None, seconds: float) -> float:
        """The duty from now on. `heat` in C, None while it is unknown; `seconds` since the last step."""
        if heat is None:
            self.rest()
            return 0.0
        error = self.limit - MARGIN - heat - self._slope(heat, seconds) * HORIZON
        wanted = self._sum + GAIN * error
        duty = max(FLOOR, min(1.0, self._duty + RISE * seconds, wanted))
        if duty == wanted or (wanted > duty) != (error > 0):
            self._sum = min(1.0, max(0.0, self._sum + INTEGRAL * error * seconds))
        self._duty = duty
        return 0.0 if heat > self.limit else duty

    def rest(self) -> None:
        """No work runs: what it will be like when some does has to be seen again."""
        self._sum = self._duty = BEGIN
        self._smooth = None

    def _slope(self, heat: float, seconds: float) -> float:
        """C a second."""
        before = heat if self._smooth is None else self._smooth
        self._smooth = before + (heat - before) * min(1.0, seconds / SMOOTHING)
        return (heat - self._smooth) / SMOOTHING
