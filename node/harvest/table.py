"""What is known of many machines at once: a column for each sensor, with a mask of where it is known. Pure.

A flag is a column of booleans, a number one of floats in its sensor's unit, a choice one of the words' places in
alphabetical order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fogchain.errors import BadInput
from node.harvest.sensors import SENSORS, Choice, Flag, Number, Snapshot, Value

Mask: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]


_UNKNOWN = -1
_FLAGS: Mapping[Value | None, int] = {False: 0, True: 1}


@dataclass(frozen=True, slots=True)
class Column:
    """Of one sensor; what `values` has where it is not `known` is of no account."""

    values: NDArray[Any]
    known: Mask

    @classmethod
    def unknown(cls, sensor: str, size: int) -> Column:
        return cls(np.zeros(size, _dtype(sensor)), np.zeros(size, np.bool_))


class Table:
    """`size` machines, a row each. A sensor that has no column is unknown of all of them."""

    def __init__(self, size: int, columns: Mapping[str, Column] | None = None) -> None:
        """Raises BadInput for a column that is no sensor's, or of another length or type."""
        self.size = size
        self.columns = dict(columns or {})
        for sensor, column in self.columns.items():
            if sensor not in SENSORS:
                raise BadInput(f"there is no sensor {sensor!r}")
            if column.values.shape != (size,) or column.known.shape != (size,):
                raise BadInput(f"the column {sensor} has not {size} rows")
            if column.values.dtype != _dtype(sensor) or column.known.dtype != np.bool_:
                raise BadInput(f"the column {sensor} is of {column.values.dtype}, not of {_dtype(sensor)}")

    @classmethod
    def of(cls, snapshots: Sequence[Snapshot], wanted: Collection[str] = SENSORS.keys()) -> Table:
        """A row for each snapshot, with columns for the sensors that are wanted."""
        columns = {name: column_of(name, [snapshot.get(name) for snapshot in snapshots]) for name in wanted}
        return cls(len(snapshots), columns)

    def put(self, row: int, snapshot: Snapshot) -> None:
        """What is known of one machine now, in place of what was."""
        for column in self.columns.values():
            column.known[row] = False
        for sensor, value in snapshot.items():
            if value is None or sensor not in SENSORS:
                continue
            column = self.columns.setdefault(sensor, Column.unknown(sensor, self.size))
            column.values[row], column.known[row] = code(sensor, value), True

    def snapshot(self, row: int) -> Snapshot:
        """What is known of one machine, unknowns left out."""
        return {
            sensor: _value(sensor, column.values[row]) for sensor, column in self.columns.items() if column.known[row]
        }


def column_of(sensor: str, values: Sequence[Value | None]) -> Column:
    """A column of readings; None is unknown, and so is what the sensor can't say."""
    if isinstance(SENSORS[sensor], Number):
        numbers = np.array(values, np.float64)  # NaN for None
        return Column(numbers, ~np.isnan(numbers))
    codes = _FLAGS if isinstance(SENSORS[sensor], Flag) else word_codes(sensor)
    found = np.array([codes.get(value, _UNKNOWN) for value in values], np.int8)
    return Column(found.astype(_dtype(sensor)), found != _UNKNOWN)


@cache
def word_codes(sensor: str) -> Mapping[Value | None, int]:
    """By which number a choice's words stand in its column."""
    kind = SENSORS[sensor]
    return {word: place for place, word in enumerate(sorted(kind.words))} if isinstance(kind, Choice) else {}


def code(sensor: str, value: Value) -> float | bool | int:
    """A reading as its column holds it. Raises KeyError for a word that the sensor never says."""
    match SENSORS[sensor]:
        case Flag():
            return bool(value)
        case Choice():
            return word_codes(sensor)[value]
        case Number():
            return float(value)


def _value(sensor: str, coded: Any) -> Value:
    match SENSORS[sensor]:
        case Flag():
            return bool(coded)
        case Choice(words):
            return sorted(words)[int(coded)]
        case Number():
            return float(coded)


def _dtype(sensor: str) -> np.dtype[Any]:
    match SENSORS[sensor]:
        case Flag():
            return np.dtype(np.bool_)
        case Choice():
            return np.dtype(np.int8)
        case Number():
            return np.dtype(np.float64)
