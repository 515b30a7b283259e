#!/usr/bin/env python3
"""Compares gas snapshots: fails when a transaction costs over 2 % more than the committed figure.

    scripts/gas.py COMMITTED FRESH      two folders of forge's snapshots

`forge test` writes the fresh ones. A growth that is meant is committed with what costs it, and shows in review.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

TOLERANCE = 2  # percent


def grown(committed: Path, fresh: Path) -> list[str]:
    """What costs too much now, in words; also what is measured no more."""
    found = []
    for path in sorted(committed.glob("*.json")):
        after = json.loads((fresh / path.name).read_text()) if (fresh / path.name).exists() else {}
        for name, gas in json.loads(path.read_text()).items():
            now = after.get(name)
            if now is None:
                found.append(f"{path.stem}: {name} is measured no more")
            elif int(now) * 100 > int(gas) * (100 + TOLERANCE):
                found.append(f"{path.stem}: {name} took {int(gas):,} gas, and takes {int(now):,}")
    return found


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    complaints = grown(Path(sys.argv[1]), Path(sys.argv[2]))
    for line in complaints:
        print(line, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
