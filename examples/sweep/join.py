"""Joins the rows of a parameter sweep to one CSV: `python examples/sweep/join.py results/ grid.csv`."""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import astuple, dataclass, fields
from pathlib import Path


@dataclass(frozen=True, order=True)
class Point:
    """One combination: shares are of all people, days since the beginning."""

    reproduction: float
    immune: float
    peak_share: float
    peak_day: float
    infected: float


COLUMNS = [field.name for field in fields(Point)]


def join(results: Path) -> list[Point]:
    """`results` holds one `grid.csv` for every row of the grid, in any folders.

    Raises ValueError for what is no such file, and when the rows do not make a whole grid.
    """
    points = []
    for file in sorted(results.rglob("grid.csv")):
        with file.open(newline="") as text:
            rows = csv.reader(text)
            if next(rows, None) != COLUMNS:
                raise ValueError(f"{file} is not of a sweep: its first line is not {','.join(COLUMNS)}")
            try:
                points += [Point(*map(float, row)) for row in rows]
            except (ValueError, TypeError):
                raise ValueError(f"{file}: line {rows.line_num} is not {len(COLUMNS)} numbers") from None
    if not points:
        raise ValueError(f"there are no results of a sweep in {results}")
    whole = len({point.reproduction for point in points}) * len({point.immune for point in points})
    different = len({(point.reproduction, point.immune) for point in points})
    if not whole == different == len(points):
        raise ValueError(f"{len(points)} of {whole} combinations: some are missing or there twice")
    return sorted(points)


def needed(points: list[Point], most: float) -> dict[float, float | None]:
    """For each reproduction number the least share of immune people with which at most the share `most` falls ill."""
    found: dict[float, float | None] = {}
    for point in points:
        if found.setdefault(point.reproduction, None) is None and point.infected <= most:
            found[point.reproduction] = point.immune
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="the folder `fogchain job results` wrote")
    parser.add_argument("csv", type=Path, help="the CSV to write")
    parser.add_argument("--most", type=float, default=0.01, help="the share of people that may fall ill (0.01)")
    arguments = parser.parse_args()
    try:
        points = join(arguments.results)
        with arguments.csv.open("w", newline="") as text:
            csv.writer(text).writerows([COLUMNS, *map(astuple, points)])
    except (ValueError, OSError) as error:
        print(f"no grid: {error}", file=sys.stderr)
        return 1
    print(f"{arguments.csv}: {len(points):,} combinations")
    print(f"reproduction number   immune so that at most {arguments.most:.1%} fall ill")
    for reproduction, immune in needed(points, arguments.most).items():
        print(f"{reproduction:>19.2f}   {'more than any here' if immune is None else f'{immune:.1%}'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
