"""From a folder of pictures to a resize job, and from its results to pictures again.

python examples/resize/album.py prepare FOLDER JOB_FOLDER      one task for each picture of any format
python examples/resize/album.py collect RESULTS FOLDER         PNGs, and all of them on one sheet
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

from PIL import Image, UnidentifiedImageError

HERE = Path(__file__).parent
_SHEET_COLUMNS, _GAP = 6, 8


def prepare(folder: Path, job_folder: Path) -> int:
    """Write a job for every picture in `folder` to `job_folder`; how many there are. Raises ValueError for none."""
    pictures = job_folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    names: list[str] = []
    for file in sorted(folder.iterdir()):
        try:
            with Image.open(file) as picture:
                alpha = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
                picture.convert("RGBA" if alpha else "RGB").save(pictures / f"{len(names)}.qoi")
        except (UnidentifiedImageError, IsADirectoryError):
            continue
        names.append(file.stem)
    if not names:
        raise ValueError(f"there are no pictures in {folder}")
    (job_folder / "names.json").write_text(json.dumps(names))
    shutil.copy(HERE / "resize.wasm", job_folder)
    job, found = re.subn(r"(?m)^count = \d+$", f"count = {len(names)}", (HERE / "job.toml").read_text())
    assert found == 1
    (job_folder / "job.toml").write_text(job)
    return len(names)


def collect(results: Path, folder: Path, names: list[str] | None = None) -> Image.Image:
    """Save each task's picture as a PNG, named by `names` or its number. Raises ValueError when one is missing."""
    files = {int(file.parent.parent.name): file for file in results.glob("*/out/picture.qoi")}
    if not files:
        raise ValueError(f"there are no results of a resize job in {results}")
    missing = sorted(set(range(len(names or range(max(files) + 1)))) - files.keys())
    if missing:
        raise ValueError(f"the pictures of tasks {', '.join(map(str, missing))} are missing")
    folder.mkdir(parents=True, exist_ok=True)
    small = []
    for number in sorted(files):
        with Image.open(files[number]) as picture:
            picture.save(folder / f"{number:04} {names[number]}.png" if names else folder / f"{number:04}.png")
            small.append(picture.convert("RGBA"))
    sheet = _sheet(small)
    sheet.save(folder / "sheet.png")
    return sheet


def _sheet(pictures: list[Image.Image]) -> Image.Image:
    width, height = max(p.width for p in pictures) + _GAP, max(p.height for p in pictures) + _GAP
    columns = min(_SHEET_COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        place = _GAP + column * width, _GAP + row * height
        sheet.paste(picture, place, picture)
    return sheet


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("prepare", "collect"))
    parser.add_argument("source", type=Path, help="the folder of pictures, or the one `fogchain job results` wrote")
    parser.add_argument("target", type=Path, help="the folder to write")
    parser.add_argument("--names", type=Path, help="names.json, which `prepare` left beside the job file")
    arguments = parser.parse_args()
    try:
        if arguments.step == "prepare":
            count = prepare(arguments.source, arguments.target)
            print(f"{arguments.target / 'job.toml'}: {count} pictures")
        else:
            names = json.loads(arguments.names.read_text()) if arguments.names else None
            collect(arguments.source, arguments.target, names)
            print(arguments.target / "sheet.png")
    except (ValueError, OSError) as error:
        print(f"no pictures: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
