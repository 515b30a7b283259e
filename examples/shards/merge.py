"""Puts the answers of all shards together by a second query: `python examples/shards/merge.py results/ [CSV]`."""

from __future__ import annotations

import argparse
import csv
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

MERGE = Path(__file__).with_name("merge.sql")


def merge(results: Path, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Names and rows of `query` over a table `rows` of what all shards answered.

    `results` holds one `rows.jsonl` for every shard, in any folders. Raises ValueError for what is no such file, and
    sqlite3.Error for a query that is none.
    """
    files = sorted(results.rglob("rows.jsonl"))
    if not files:
        raise ValueError(f"there are no answers of shards in {results}")
    with closing(sqlite3.connect(":memory:")) as db:
        columns: list[str] = []
        for file in files:
            try:
                names, *rows = [json.loads(line) for line in file.read_text().splitlines()]
            except ValueError:
                raise ValueError(f"{file} is not the answer of a shard") from None
            if not columns:
                columns = names
                quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
                db.execute(f"CREATE TABLE rows ({quoted})")
            if names != columns:
                raise ValueError(f"{file} has the columns {', '.join(names)}, others {', '.join(columns)}")
            db.executemany(f"INSERT INTO rows VALUES ({', '.join('?' * len(columns))})", rows)  # noqa: S608
        answer = db.execute(query)
        return [column[0] for column in answer.description or ()], answer.fetchall()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="the folder `fogchain job results` wrote")
    parser.add_argument("csv", type=Path, nargs="?", help="the CSV to write; without it a table is printed")
    parser.add_argument("--query", type=Path, default=MERGE, help="the second query (merge.sql)")
    arguments = parser.parse_args()
    try:
        names, rows = merge(arguments.results, arguments.query.read_text())
        if arguments.csv:
            with arguments.csv.open("w", newline="") as text:
                csv.writer(text).writerows([names, *rows])
    except (ValueError, OSError, sqlite3.Error) as error:
        print(f"no answer: {error}", file=sys.stderr)
        return 1
    if arguments.csv:
        print(f"{arguments.csv}: {len(rows):,} rows")
        return 0
    cells = [names, *(["" if cell is None else str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
