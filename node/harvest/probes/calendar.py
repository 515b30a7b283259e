"""The time of day where the machine stands."""

from __future__ import annotations

import time

from node.harvest.probes.probe import Readings

SENSORS = ("time.clock", "time.weekend")
_SATURDAY = 5


def read_time(at: time.struct_time | None = None) -> Readings:
    """Minutes since midnight, by the machine's own time zone and clock."""
    at = at or time.localtime()
    return {"time.clock": float(at.tm_hour * 60 + at.tm_min), "time.weekend": at.tm_wday >= _SATURDAY}
