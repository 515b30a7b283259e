"""Puts a poster's tiles together: `python examples/poster/assemble.py results/ poster.png`."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from PIL import Image

_PLACE = re.compile(rb"P6\n# tile (\d{1,5}) (\d{1,5}) of (\d{1,5}) (\d{1,5})\n")


def assemble(results_dir: Path, out_png: Path) -> None:
    """`results_dir` holds one `tile.ppm` for every tile, in any folders.

    Raises ValueError when tiles are missing, overlap or are of different posters.
    """
    poster: Image.Image | None = None
    covered = 0
    for file in sorted(results_dir.rglob("tile.ppm")):
        with file.open("rb") as head:
            place = _PLACE.match(head.read(80))
        if place is None:
            raise ValueError(f"{file} is not a tile of a poster")
        left, top, width, height = map(int, place.groups())
        if poster is None:
            poster = Image.new("RGB", (width, height))
        with Image.open(file) as tile:
            if poster.size != (width, height) or left + tile.width > width or top + tile.height > height:
                raise ValueError(f"{file} is a tile of another poster")
            poster.paste(tile, (left, top))
            covered += tile.width * tile.height
    if poster is None:
        raise ValueError(f"there are no tiles in {results_dir}")
    if covered != poster.width * poster.height:
        share = covered / (poster.width * poster.height)
        raise ValueError(f"the tiles in {results_dir} cover {share:.0%} of the poster: some are missing or there twice")
    poster.save(out_png)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="the folder `fogchain job results` wrote")
    parser.add_argument("picture", type=Path, help="the PNG to write")
    arguments = parser.parse_args()
    try:
        assemble(arguments.results, arguments.picture)
    except (ValueError, OSError) as error:
        print(f"no poster: {error}", file=sys.stderr)
        return 1
    print(arguments.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
