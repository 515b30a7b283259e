"""The example jobs, small, in the real sandbox: they give what is right, and their modules are their sources'."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from fogchain.jobs.file import ResolvedJob, load_job_file
from fogchain.jobs.source import chunks
from fogchain.jobs.spec import JobSpec
from fogchain.market.messages import Exit
from node.executor.pool import Executor, RunOutcome, RunRequest

EXAMPLES = Path(__file__).parents[3] / "examples"


def script(path: str) -> ModuleType:
    name = "example_" + path.removesuffix(".py").replace("/", "_")
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def executor(tmp_path: Path) -> AsyncIterator[Executor]:
    executor = Executor(tmp_path / "executor", 1, memory_cap=256 << 20)
    await executor.start()
    yield executor
    await executor.stop()


async def run_all(executor: Executor, job: ResolvedJob, folder: Path, spec: JobSpec | None = None) -> list[RunOutcome]:
    """Every task of the job, its results written to `folder/<task>/…` as the command line does."""
    spec = spec or job.spec
    blobs = folder.with_name("blobs")
    blobs.mkdir()
    for sha256, source in job.blobs.items():
        (blobs / sha256).write_bytes(b"".join(chunks(source)))
    outcomes = []
    for index, task in enumerate(spec.tasks):
        outcome = await executor.run(
            RunRequest(
                run_id=f"task-{index}",
                spec=spec.run_spec(index),
                module=blobs / spec.module.sha256,
                stdin=blobs / task.stdin.sha256 if task.stdin else None,
                inputs={name: blobs / ref.sha256 for name, ref in task.inputs.items()},
                seed=spec.run_spec(index).digest,
            )
        )
        assert outcome.exit is Exit.OK, (outcome.detail, outcome.files["stderr"].read_text())
        for name, path in outcome.files.items():
            target = folder / str(index) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        outcomes.append(outcome)
    return outcomes


def with_args(spec: JobSpec, count: int, *args: str) -> JobSpec:
    """The job with its first `count` tasks and other arguments behind the first."""
    tasks = tuple(task.model_copy(update={"args": (task.args[0], *args)}) for task in spec.tasks[:count])
    return spec.model_copy(update={"tasks": tasks})


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


async def test_word_counts_of_the_parts_add_up_to_the_books(executor: Executor, tmp_path: Path) -> None:
    merge = script("wordcount/merge.py").merge
    job = load_job_file(EXAMPLES / "wordcount" / "job.toml")
    outcomes = await run_all(executor, job, tmp_path / "results")
    text = (EXAMPLES / "wordcount" / "book.txt").read_text().lower()
    expected = Counter(re.findall(r"[a-z0-9]+(?:'[a-z0-9]+)*", text))
    assert merge(tmp_path / "results") == expected
    assert len(outcomes) == 6
    assert expected["alice"] > 5


async def test_word_count_keeps_words_beyond_ascii_and_overlong_ones(executor: Executor, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(f"Zürich zürich don't 'quoted' {'x' * 600} a''b\n")
    (tmp_path / "wordcount.wasm").write_bytes((EXAMPLES / "wordcount" / "wordcount.wasm").read_bytes())
    job_file = (EXAMPLES / "wordcount" / "job.toml").read_text()
    (tmp_path / "job.toml").write_text(job_file.replace("book.txt", "text.txt").replace("count = 6", "count = 1"))
    await run_all(executor, load_job_file(tmp_path / "job.toml"), tmp_path / "results")
    counts = script("wordcount/merge.py").merge(tmp_path / "results")
    assert counts["zürich"] == 2
    assert counts["don't"] == counts["quoted"] == counts["a"] == counts["b"] == 1
    assert sum(len(word) * count for word, count in counts.items() if set(word) == {"x"}) == 600


def test_job_files_leave_room_in_their_limits(tmp_path: Path) -> None:
    for name in ("poster", "options", "wordcount"):
        spec = load_job_file(EXAMPLES / name / "job.toml").spec
        assert spec.limits.memory <= 64 << 20
        assert spec.max_price is not None
        assert json.loads(spec.model_dump_json())["name"] == name


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_modules_are_what_their_sources_compile_to(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.getbasetemp()
    cache = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "zig"
    done = subprocess.run(
        [sys.executable, EXAMPLES / "build.py", "--check", "--cache", cache],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""  # no compiler warning
