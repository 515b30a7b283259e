"""One text file as many parts, cut at line ends."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from fogchain.errors import BadInput
from fogchain.jobs.source import FileSlice


def split_lines(path: Path, count: int) -> list[FileSlice]:
    """`count` parts of about the same size that give the file when joined; each ends at a line end or the file's.

    Raises BadInput when there are too few lines for every part to have one, OSError when the file can't be read.
    """
    size = path.stat().st_size
    cuts = [0]
    with path.open("rb") as file:
        for part in range(1, count):
            cuts.append(_line_end(file, max(size * part // count, cuts[-1] + 1), size))
    cuts.append(size)
    parts = [FileSlice(path, start, end - start) for start, end in pairwise(cuts)]
    empty = sum(1 for part in parts if part.length == 0)
    if empty:
        raise BadInput(
            f"{path} can't be cut at line ends into {count} parts of like size: {empty} would be empty",
            hint="use a smaller count; the file has few lines, or very long ones",
        )
    return parts


def _line_end(file: BinaryIO, target: int, size: int) -> int:
    """The first line end at or after `target`: the offset just behind a newline."""
    if target >= size:
        return size
    file.seek(target - 1)
    while line := file.readline(1 << 20):
        if line.endswith(b"\n"):
            return file.tell()
    return size
