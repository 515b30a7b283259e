"""Adds up the ranges of a prime count: `python examples/primes/total.py results/`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Total:
    """`gap`: the widest between two neighbouring primes, the first of which is `before`."""

    count: int
    gap: int
    before: int


def add_up(results: Path) -> Total:
    """`results` holds a folder for each range, named by its number. Raises ValueError for what is no answer."""
    folders = sorted((path for path in results.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))
    if [int(path.name) for path in folders] != list(range(len(folders))) or not folders:
        raise ValueError(f"{results} does not hold every range from 0 on")
    count = gap = before = last = 0
    for folder in folders:
        fields = (folder / "stdout").read_text().split()
        if len(fields) != 5 or not all(field.isdecimal() for field in fields):
            raise ValueError(f"{folder}/stdout is not the answer of a range")
        primes, first, newest, widest, at = map(int, fields)
        if primes and last and first - last > gap:  # the gap between two ranges
            gap, before = first - last, last
        if widest > gap:
            gap, before = widest, at
        count, last = count + primes, newest or last
    return Total(count, gap, before)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="the folder `fogchain job results` wrote")
    try:
        total = add_up(parser.parse_args().results)
    except (ValueError, OSError) as error:
        print(f"no total: {error}", file=sys.stderr)
        return 1
    print(f"{total.count:,} primes; the widest gap, {total.gap}, is behind {total.before:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
