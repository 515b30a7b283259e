#!/usr/bin/env python3
"""Say how much of each contract the tests reach, and what they do not.

    scripts/coverage.py lcov.info

Reads what `forge coverage --report lcov` wrote, and of that only our contracts. Exit code 1 when all of them together
are below 98 % of lines or 95 % of branches. Needs nothing but the standard library.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

LEAST_LINES = 98.0
LEAST_BRANCHES = 95.0


@dataclass
class Reached:
    """How often each line and each branch of a file was run. A branch is its line, block and path."""

    lines: dict[int, int] = field(default_factory=dict)
    branches: dict[tuple[int, str, str], int] = field(default_factory=dict)

    def missed(self) -> list[int]:
        lines = {line for line, count in self.lines.items() if not count}
        return sorted(lines | {at[0] for at, count in self.branches.items() if not count})


def read(report: str) -> dict[str, Reached]:
    """The files of an lcov report that are ours, by path."""
    files: dict[str, Reached] = {}
    file = Reached()
    for line in report.splitlines():
        kind, _, rest = line.partition(":")
        if kind == "SF":
            file = Reached()
            if rest.startswith("contracts/"):
                files[rest] = file
        elif kind == "DA":
            number, count = rest.split(",")[:2]
            file.lines[int(number)] = int(count)
        elif kind == "BRDA":
            number, block, path, count = rest.split(",")
            file.branches[int(number), block, path] = 0 if count == "-" else int(count)
    return files


def share(counts: list[int]) -> float:
    """Per cent of `counts` that are not zero."""
    return 100.0 * sum(count > 0 for count in counts) / len(counts) if counts else 100.0


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit("usage: scripts/coverage.py lcov.info")
    files = read(Path(sys.argv[1]).read_text())
    if not files:
        sys.exit(f"{sys.argv[1]} tells of no contract")
    width = max(len(name) for name in files)
    print(f"{'':{width}}  lines %  branches %  not reached: lines")
    lines: list[int] = []
    branches: list[int] = []
    for name, file in sorted(files.items()):
        lines += file.lines.values()
        branches += file.branches.values()
        row = f"{name:{width}}  {share([*file.lines.values()]):7.1f}  {share([*file.branches.values()]):10.1f}"
        print(f"{row}  {' '.join(map(str, file.missed()))}".rstrip())
    print(f"{'all':{width}}  {share(lines):7.1f}  {share(branches):10.1f}")
    if share(lines) < LEAST_LINES or share(branches) < LEAST_BRANCHES:
        print(f"below {LEAST_LINES:g} % of lines or {LEAST_BRANCHES:g} % of branches", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
