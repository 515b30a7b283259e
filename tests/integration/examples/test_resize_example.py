"""Pictures come out as Pillow would make them smaller, and bad ones are refused in words."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat
from running import EXAMPLES, run_all, script, with_args

from fogchain.jobs.file import ResolvedJob, load_job_file
from node.executor.pool import Executor

RESIZE = EXAMPLES / "resize"


def _job(folder: Path, *pictures: bytes) -> ResolvedJob:
    """A job of one task for each picture."""
    (folder / "pictures").mkdir(parents=True)
    for number, data in enumerate(pictures):
        (folder / "pictures" / f"{number}.qoi").write_bytes(data)
    (folder / "resize.wasm").write_bytes((RESIZE / "resize.wasm").read_bytes())
    text = (RESIZE / "job.toml").read_text().replace("count = 6", f"count = {len(pictures)}")
    (folder / "job.toml").write_text(text)
    return load_job_file(folder / "job.toml")


async def test_pictures_are_pillows(executor: Executor, tmp_path: Path) -> None:
    job = load_job_file(RESIZE / "job.toml")
    outcomes = await run_all(executor, job, tmp_path / "results")
    assert max(outcome.fuel for outcome in outcomes) < job.spec.limits.fuel // 2
    modes = set()
    for number in range(6):
        small = tmp_path / "results" / str(number) / "out" / "picture.qoi"
        with Image.open(RESIZE / "pictures" / f"{number}.qoi") as old, Image.open(small) as new:
            assert max(new.size) == 160
            assert new.width / new.height == pytest.approx(old.width / old.height, abs=0.01)
            modes.add(new.mode)
            expected = old.resize(new.size, Image.Resampling.LANCZOS)
            white = [Image.new("RGBA", new.size, "white") for _ in range(2)]
            for sheet, picture in zip(white, (new, expected), strict=True):
                sheet.alpha_composite(picture.convert("RGBA"))
            off = ImageStat.Stat(ImageChops.difference(white[0], white[1]).convert("RGB"))
            # Pillow rounds and cuts off between its two passes, so a few pixels at edges differ by more than one.
            assert max(off.mean) < 0.5
            assert max(high for _, high in off.extrema) <= 24
    assert modes == {"RGB", "RGBA"}


async def test_the_codec_loses_nothing(executor: Executor, tmp_path: Path) -> None:
    """A picture that is small enough comes out with every pixel as it was, whatever pixels these are."""
    chance = random.Random(1)
    noise, walk, at = [], [], [128, 128, 128, 255]
    for _ in range(120 * 90):
        noise.append(tuple(chance.randrange(256) for _ in range(3)))
        if chance.random() < 0.7:  # runs, small and large steps: every kind of operation
            reach = chance.choice((1, 2, 8, 40))
            at = [(value + chance.randint(-reach, reach)) % 256 for value in at[:3]] + [255]
        walk.append(tuple(at))
    pictures = []
    for mode, pixels in (
        ("RGB", noise),
        ("RGBA", walk),
        ("RGBA", [(*p[:3], 255 * (i % 7 > 0)) for i, p in enumerate(walk)]),
    ):
        picture = Image.new(mode, (120, 90))
        picture.putdata([pixel if pixel[-1] or mode == "RGB" else (0, 0, 0, 0) for pixel in pixels])
        pictures.append(picture)
    for number, picture in enumerate(pictures):
        picture.save(tmp_path / f"{number}.qoi")
    job = _job(tmp_path / "job", *(path.read_bytes() for path in sorted(tmp_path.glob("*.qoi"))))
    await run_all(executor, job, tmp_path / "results")
    for number, picture in enumerate(pictures):
        with Image.open(tmp_path / "results" / str(number) / "out" / "picture.qoi") as new:
            assert new.mode == picture.mode
            assert new.tobytes() == picture.tobytes()


GOOD = (RESIZE / "pictures" / "0.qoi").read_bytes()
BAD = {
    "no picture": (b"GIF89a" + bytes(40), "is not a QOI picture"),
    "cut short": (GOOD[:2000], "is cut short"),
    "nothing behind its head": (GOOD[:14], "is not a QOI picture"),
    "too large": (GOOD[:4] + struct.pack(">II", 1 << 31, 1 << 31) + GOOD[12:], "too many"),
    "no pixels": (GOOD[:4] + bytes(8) + GOOD[12:], "no pixels"),
    "larger than the memory": (GOOD[:4] + struct.pack(">II", 8000, 8000) + GOOD[12:], "too large for this memory"),
}


@pytest.mark.parametrize("what", BAD)
async def test_bad_pictures_are_refused(executor: Executor, tmp_path: Path, what: str) -> None:
    data, why = BAD[what]
    with pytest.raises(AssertionError, match=why):
        await run_all(executor, _job(tmp_path / "job", data), tmp_path / "results")


async def test_a_size_that_is_none_is_told_in_words(executor: Executor, tmp_path: Path) -> None:
    job = load_job_file(RESIZE / "job.toml")
    with pytest.raises(AssertionError, match="HEIGHT is 0; it has to be a number of pixels"):
        await run_all(executor, job, tmp_path / "results", with_args(job.spec, 1, "0"))


async def test_a_folder_of_pictures_goes_in_and_small_pngs_come_out(executor: Executor, tmp_path: Path) -> None:
    album = script("resize/album.py")
    photos = tmp_path / "photos"
    photos.mkdir()
    with Image.open(RESIZE / "pictures" / "0.qoi") as picture:
        picture.save(photos / "a sunset.jpg", quality=95)
        picture.quantize(8).save(photos / "b.gif")
    (photos / "notes.txt").write_text("no picture")
    assert album.prepare(photos, tmp_path / "job") == 2
    job = load_job_file(tmp_path / "job" / "job.toml")
    results = tmp_path / "results"
    await run_all(executor, job, results)
    sheet = album.collect(results, tmp_path / "small", ["a sunset", "b"])
    with Image.open(tmp_path / "small" / "0000 a sunset.png") as small:
        assert small.size == (160, 107)
    assert sheet.width > 320 and sheet.getpixel((80, 60)) != (255, 255, 255)
    (results / "0" / "out" / "picture.qoi").unlink()
    with pytest.raises(ValueError, match="tasks 0 are missing"):
        album.collect(results, tmp_path / "small")
    with pytest.raises(ValueError, match="no pictures in"):
        album.prepare(tmp_path / "small" / "..", tmp_path / "none")


def test_the_pictures_are_what_the_script_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = script("resize/pictures.py")
    monkeypatch.setattr(pictures, "PICTURES", tmp_path)
    pictures.main()
    for number in range(6):
        with Image.open(tmp_path / f"{number}.qoi") as drawn, Image.open(RESIZE / "pictures" / f"{number}.qoi") as kept:
            assert drawn.tobytes() == kept.tobytes()
