"""The example jobs, small, in the real sandbox: they give what is right, and their modules are their sources'."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from running import EXAMPLES, NAMES, run_all, script, with_args

from fogchain.jobs.file import load_job_file
from node.executor.pool import Executor


async def test_poster_tiles_make_one_picture_with_sky_above_and_spheres_in_it(
    executor: Executor, tmp_path: Path
) -> None:
    job = load_job_file(EXAMPLES / "poster" / "job.toml")
    assert len(job.spec.tasks) == 48
    await run_all(executor, job, tmp_path / "results", with_args(job.spec, 6, "6", "96", "60", "4"))
    picture = tmp_path / "poster.png"
    done = subprocess.run(
        [sys.executable, EXAMPLES / "poster" / "assemble.py", tmp_path / "results", picture],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with Image.open(picture) as image:
        assert image.size == (96, 60)
        red, _, blue = image.convert("RGB").getpixel((50, 2))  # type: ignore[misc]
        assert blue > red  # the sky at the top is blue
        assert len(image.convert("RGB").getcolors(96 * 60) or []) > 1_000


async def test_a_poster_is_the_same_however_it_is_cut(executor: Executor, tmp_path: Path) -> None:
    job = load_job_file(EXAMPLES / "poster" / "job.toml")
    assemble = script("poster/assemble.py").assemble
    pictures = []
    for tiles in (1, 4):
        folder = tmp_path / str(tiles) / "results"
        folder.mkdir(parents=True)
        await run_all(executor, job, folder, with_args(job.spec, tiles, str(tiles), "40", "30", "2"))
        assemble(folder, tmp_path / f"{tiles}.png")
        with Image.open(tmp_path / f"{tiles}.png") as image:
            pictures.append(image.tobytes())
    assert pictures[0] == pictures[1]


async def test_a_poster_with_a_tile_missing_or_foreign_is_not_put_together(executor: Executor, tmp_path: Path) -> None:
    job = load_job_file(EXAMPLES / "poster" / "job.toml")
    assemble = script("poster/assemble.py").assemble
    results = tmp_path / "results"
    await run_all(executor, job, results, with_args(job.spec, 4, "4", "40", "30", "1"))
    tile = results / "2" / "out" / "tile.ppm"
    data = tile.read_bytes()
    tile.unlink()
    with pytest.raises(ValueError, match="75%"):
        assemble(results, tmp_path / "poster.png")
    tile.write_bytes(data.replace(b"of 40 30", b"of 80 60"))
    with pytest.raises(ValueError, match="another poster"):
        assemble(results, tmp_path / "poster.png")
    tile.write_bytes(b"P6 something")
    with pytest.raises(ValueError, match="not a tile"):
        assemble(results, tmp_path / "poster.png")
    with pytest.raises(ValueError, match="no tiles"):
        assemble(tmp_path / "blobs", tmp_path / "poster.png")
    assert not (tmp_path / "poster.png").exists()


async def test_bad_arguments_are_told_in_words(executor: Executor, tmp_path: Path) -> None:
    job = load_job_file(EXAMPLES / "poster" / "job.toml")
    with pytest.raises(AssertionError, match="SAMPLES is x; it has to be a number from 1 to 4096"):
        await run_all(executor, job, tmp_path / "results", with_args(job.spec, 1, "4", "40", "30", "x"))


async def test_option_prices_agree_with_the_closed_forms(executor: Executor, tmp_path: Path) -> None:
    summary = script("options/summary.py")
    job = load_job_file(EXAMPLES / "options" / "job.toml")
    args = job.spec.tasks[0].args
    spec = with_args(job.spec, 4, "10000", *args[2:])
    assert len({task.args[0] for task in spec.tasks}) == 4
    await run_all(executor, job, tmp_path / "results", spec)
    prices = {price.name: price for price in summary.summarise(tmp_path / "results", summary.Market.of_job())}
    assert prices.keys() == {"call", "put", "asian", "asian-geometric"}
    for price in prices.values():
        assert price.paths == 40_000
        if price.exact is not None:
            assert abs(price.deviation) < 4
            assert 0 < price.error < 0.1
    # The control variate has to make the arithmetic Asian option's error far smaller than its geometric sister's.
    assert prices["asian"].error < prices["asian-geometric"].error / 10
    assert prices["asian"].estimate > prices["asian-geometric"].exact


def test_the_closed_forms_are_the_books() -> None:
    summary = script("options/summary.py")
    market = summary.Market(steps=1, spot=42, strike=40, rate=0.10, volatility=0.20, years=0.5)
    assert summary.black_scholes(market, call=True) == pytest.approx(4.7594, abs=1e-4)  # Hull, 15.6
    assert summary.black_scholes(market, call=False) == pytest.approx(0.8086, abs=1e-4)
    assert summary.geometric_asian(market) == pytest.approx(summary.black_scholes(market, call=True))  # one step
    parity = market.spot - market.strike * math.exp(-market.rate * market.years)
    longer = replace(market, steps=250)
    assert summary.black_scholes(market, call=True) - summary.black_scholes(market, call=False) == pytest.approx(parity)
    assert summary.geometric_asian(longer) < summary.black_scholes(market, call=True)


async def test_word_counts_in_python_and_in_c_add_up_to_the_collections(tmp_path: Path) -> None:
    merge = script("wordcount/merge.py").merge
    texts = [file.read_text().lower() for file in (EXAMPLES / "wordcount" / "texts").glob("*.txt")]
    expected = Counter(word for text in texts for word in re.findall(r"[a-z0-9]+(?:'[a-z0-9]+)*", text))
    executor = Executor(tmp_path / "executor", 1, memory_cap=256 << 20, wanted=("wasm", "python"))
    await executor.start()
    try:
        await executor.prepared()
        for name in ("job", "in-c"):
            job = load_job_file(EXAMPLES / "wordcount" / f"{name}.toml")
            assert len(job.spec.tasks) == len(texts)
            outcomes = await run_all(executor, job, tmp_path / name / "results")
            assert merge(tmp_path / name / "results") == expected
            assert max(outcome.fuel for outcome in outcomes) < job.spec.limits.fuel // 2
    finally:
        await executor.stop()
    assert expected["queequeg"] > 50 and expected["whale"] > 20


async def test_word_count_keeps_words_beyond_ascii_and_overlong_ones(executor: Executor, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "0.txt").write_text(f"Zürich zürich don't 'quoted' {'x' * 600} a''b\n")
    (tmp_path / "wordcount.wasm").write_bytes((EXAMPLES / "wordcount" / "wordcount.wasm").read_bytes())
    job_file = (EXAMPLES / "wordcount" / "in-c.toml").read_text()
    (tmp_path / "job.toml").write_text(job_file.replace("count = 17", "count = 1"))
    await run_all(executor, load_job_file(tmp_path / "job.toml"), tmp_path / "results")
    counts = script("wordcount/merge.py").merge(tmp_path / "results")
    assert counts["zürich"] == 2
    assert counts["don't"] == counts["quoted"] == counts["a"] == counts["b"] == 1
    assert sum(len(word) * count for word, count in counts.items() if set(word) == {"x"}) == 600


def test_job_files_leave_room_in_their_limits() -> None:
    for name in NAMES:
        spec = load_job_file(EXAMPLES / name / "job.toml").spec
        assert spec.limits.memory <= 256 << 20
        assert spec.max_price is not None
        assert spec.limits.fuel * spec.max_price // 10**9 <= spec.budget
        assert json.loads(spec.model_dump_json())["name"] == name


def _build(tmp_path_factory: pytest.TempPathFactory, *names: str) -> subprocess.CompletedProcess[str]:
    base = tmp_path_factory.getbasetemp()
    cache = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "zig"
    command = [sys.executable, EXAMPLES / "build.py", "--check", "--cache", cache, *names]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_modules_are_those_whose_hashes_are_written_down() -> None:
    build = script("build.py")
    listed = dict(reversed(line.split()) for line in build.HASHES.read_text().splitlines())
    assert listed == {
        f"{name}/{name}.wasm": hashlib.sha256(build.module(name).read_bytes()).hexdigest() for name in build.EXAMPLES
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_modules_are_what_their_sources_compile_to(tmp_path_factory: pytest.TempPathFactory) -> None:
    build = script("build.py")
    names = [name for name, release in build.EXAMPLES.items() if release is None]
    done = _build(tmp_path_factory, *names, *build.KERNELS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""  # no compiler warning


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_so_are_those_with_foreign_sources(tmp_path_factory: pytest.TempPathFactory) -> None:
    examples = script("build.py").EXAMPLES
    done = _build(tmp_path_factory, *(name for name, release in examples.items() if release is not None))
    if done.returncode == 3:
        pytest.skip(done.stderr.strip())  # no npm, or no way to its registry
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
