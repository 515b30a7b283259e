"""Forecasts, on a trace of real phones and on machines that keep their hours."""

from __future__ import annotations

import ast
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.harvest.forecast import Forecast, Moment, brier, calibration_error

TRACE = Path(__file__).parents[4] / "shared" / "data" / "flash_phone_availability_241x723.npy"
STEP = 1800.0  # seconds
DAY = 48
AHEAD = 4  # steps: 2 h


def read(path: Path) -> list[list[float]]:
    """Rows of time, columns of phones: 1 free, 0 not, NaN unknown."""
    data = path.read_bytes()
    (length,) = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10 : 10 + length].decode())
    rows, columns = header["shape"]
    assert header["descr"] == "<f8"
    values = struct.unpack(f"<{rows * columns}d", data[10 + length :])
    if header["fortran_order"]:
        return [[values[column * rows + row] for column in range(columns)] for row in range(rows)]
    return [list(values[row * columns : (row + 1) * columns]) for row in range(rows)]


def moments(trace: list[list[float]], first: int, last: int) -> Iterator[tuple[Moment, bool]]:
    """Every phone that is free at a step from `first` to before `last`, and whether it stays; where that is known."""
    for phone in range(len(trace[0])):
        elapsed = 0
        for step in range(min(last, len(trace) - AHEAD)):
            elapsed = elapsed + 1 if trace[step][phone] == 1 else 0
            ahead = [trace[step + k][phone] for k in range(1, AHEAD + 1)]
            if elapsed and step >= first and all(value in (0, 1) for value in ahead):
                yield Moment(step % DAY // 2, elapsed * STEP, str(phone)), all(value == 1 for value in ahead)


@pytest.mark.skipif(not TRACE.exists(), reason=f"{TRACE.name} is not here")
def test_two_hours_ahead_on_the_held_out_day_of_real_phones() -> None:
    trace, forecast = read(TRACE), Forecast()
    for moment, stayed in moments(trace, 0, 4 * DAY - AHEAD):
        forecast.observe(moment, stayed)
    pairs = [(forecast.chance(moment), stayed) for moment, stayed in moments(trace, 4 * DAY, len(trace))]
    assert len(pairs) > 1500
    base = sum(stayed for _, stayed in pairs) / len(pairs)
    assert brier(pairs) <= 0.185 < brier([(base, stayed) for _, stayed in pairs])
    assert calibration_error(pairs) <= 0.05


def test_a_device_that_keeps_its_hours_is_known_by_them() -> None:
    dice, forecast = random.Random(7), Forecast()
    for _ in range(2000):
        hour = dice.randrange(24)
        forecast.observe(Moment(hour, 3600.0, "steady"), hour < 6)
        forecast.observe(Moment(hour, 3600.0, "fickle"), False)
    assert forecast.chance(Moment(3, 3600.0, "steady")) > 0.6
    assert forecast.chance(Moment(3, 3600.0, "fickle")) < 0.1
    assert forecast.chance(Moment(12, 3600.0, "steady")) < 0.15
    assert forecast.chance(Moment(3, 3600.0, "another")) == pytest.approx(0.5, abs=0.1)


def test_who_knows_nothing_says_so() -> None:
    assert Forecast().chance(Moment(3, 60.0)) == 0.5
    assert brier([(0.5, True), (0.5, False)]) == 0.25
    assert calibration_error([(0.5, True), (0.5, False)]) == 0.0
