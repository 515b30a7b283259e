"""Adds up the parts of a word count."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path


def merge(results: Path) -> Counter[str]:
    """`results` holds one `counts.tsv` for every part, in any folders. Raises ValueError for what is no such file."""
    total: Counter[str] = Counter()
    files = sorted(results.rglob("counts.tsv"))
    if not files:
        raise ValueError(f"there are no results of a word count in {results}")
    for file in files:
        for line in file.read_bytes().splitlines():
            word, _, count = line.rpartition(b"\t")
            if not word or not count.isdigit():
                raise ValueError(f"{file}: {line[:80]!r} is not a word and its count")
            total[word.decode(errors="replace")] += int(count)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="the folder `fogchain job results` wrote")
    parser.add_argument("--top", type=int, default=20, help="how many words to show")
    arguments = parser.parse_args()
    counts = merge(arguments.results)
    print(f"{counts.total():,} words, {len(counts):,} different")
    for word, count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[: arguments.top]:
        print(f"{count:>8,}  {word}")


if __name__ == "__main__":
    main()
