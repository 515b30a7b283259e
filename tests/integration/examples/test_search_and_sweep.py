"""The hash search finds what hashlib finds; the sweep's figures follow from its equations."""

from __future__ import annotations

import csv
import hashlib
import math
import subprocess
import sys
from pathlib import Path

import pytest
from running import EXAMPLES, run_all, script, with_args

from fogchain.jobs.file import load_job_file
from node.executor.pool import Executor


def _expected(text: str, numbers: range, bits: int) -> list[int]:
    found = []
    for number in numbers:
        digest = hashlib.sha256(f"{text}{number:016x}".encode()).digest()
        if int.from_bytes(digest[:8]) >> (64 - bits) == 0:
            found.append(number)
    return found


@pytest.mark.parametrize("length", [0, 1, 7, 38, 39, 46, 48, 54, 63, 64, 65, 130])  # around the edges of blocks
async def test_all_finds_and_no_others(executor: Executor, tmp_path: Path, length: int) -> None:
    job = load_job_file(EXAMPLES / "hashsearch" / "job.toml")
    text = "".join(chr(97 + n % 26) for n in range(length))
    await run_all(executor, job, tmp_path / "results", with_args(job.spec, 2, "3001", "8", text))
    finds = script("hashsearch/finds.py").gather(tmp_path / "results", text)
    assert sorted(find.number for find in finds) == _expected(text, range(6002), 8)
    assert all(find.zero_bits >= 8 for find in finds)
    assert finds[0].zero_bits == max(find.zero_bits for find in finds)


async def test_many_bits_are_all_looked_at(executor: Executor, tmp_path: Path) -> None:
    job = load_job_file(EXAMPLES / "hashsearch" / "job.toml")
    text = job.spec.tasks[0].args[3]
    for bits in (16, 33, 64):
        folder = tmp_path / str(bits) / "results"
        outcomes = await run_all(executor, job, folder, with_args(job.spec, 1, "100000", str(bits), text))
        assert sorted(find.number for find in script("hashsearch/finds.py").gather(folder, text)) == _expected(
            text, range(100_000), bits
        )
    per_number = outcomes[0].fuel / 100_000
    assert per_number * 4_194_304 < job.spec.limits.fuel / 1.5  # what the job file asks for fits


async def test_a_false_find_is_not_believed(executor: Executor, tmp_path: Path) -> None:
    job = load_job_file(EXAMPLES / "hashsearch" / "job.toml")
    text = job.spec.tasks[0].args[3]
    await run_all(executor, job, tmp_path / "results", with_args(job.spec, 1, "2000", "8", text))
    said = tmp_path / "results" / "0" / "stdout"
    number, _, sha256 = said.read_text().splitlines()[0].partition(" ")
    said.write_text(f"{int(number) + 1} {sha256}\n")
    finds = EXAMPLES / "hashsearch" / "finds.py"
    done = subprocess.run([sys.executable, finds, tmp_path / "results"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "the hash of" in done.stderr
    said.write_text("something else\n")
    with pytest.raises(ValueError, match="not a number and its hash"):
        script("hashsearch/finds.py").gather(tmp_path / "results", text)


def _epidemic(reproduction: float, immune: float, days: int) -> tuple[float, float, float]:
    """The highest share of infectious people, its day, and the share that fell ill: Euler's method, 400 steps a day."""
    s, e, i = 1 - immune - 1e-5, 0.0, 1e-5
    begun, peak, day, step = s + i, i, 0.0, 1 / 400
    for number in range(days * 400):
        caught, ill, well = reproduction / 7 * s * i, e / 5, i / 7
        s, e, i = s - caught * step, e + (caught - ill) * step, i + (ill - well) * step
        if i > peak:
            peak, day = i, (number + 1) * step
    return peak, day, begun - s


async def test_epidemics_go_as_their_equations_say(executor: Executor, tmp_path: Path) -> None:
    sweep = script("sweep/join.py")
    job = load_job_file(EXAMPLES / "sweep" / "job.toml")
    outcomes = await run_all(executor, job, tmp_path / "results", with_args(job.spec, 3, "3", "4", "730"))
    assert max(outcome.fuel for outcome in outcomes) * 96 // 4 < job.spec.limits.fuel // 2
    points = sweep.join(tmp_path / "results")
    assert [(point.reproduction, round(point.immune, 3)) for point in points] == [
        (reproduction, immune) for reproduction in (1.1, 3.55, 6.0) for immune in (0.0, 0.317, 0.633, 0.95)
    ]
    for point in points:
        # The final size of an epidemic, whatever happens on the way: log(s / s0) = -R (s0 + i0 - s).
        before = 1 - point.immune - 1e-5
        left = before + 1e-5 - point.infected
        if point.reproduction > 2:  # those near 1 are not over in two years
            assert math.log(left / before) == pytest.approx(-point.reproduction * point.infected, rel=2e-3, abs=1e-6)
    peak, day, infected = _epidemic(3.55, 0.0, 200)
    middle = next(point for point in points if point.reproduction == 3.55 and point.immune == 0)
    assert middle.peak_share == pytest.approx(peak, rel=2e-3)
    assert middle.peak_day == pytest.approx(day, abs=0.3)
    assert middle.infected == pytest.approx(infected, rel=2e-3)
    needed = sweep.needed(points, 0.01)
    assert needed[1.1] == pytest.approx(0.317, abs=1e-3) and needed[6.0] == pytest.approx(0.95)


async def test_a_sweep_is_joined_whole_or_not_at_all(executor: Executor, tmp_path: Path) -> None:
    job = load_job_file(EXAMPLES / "sweep" / "job.toml")
    results = tmp_path / "results"
    await run_all(executor, job, results, with_args(job.spec, 2, "2", "3", "30"))
    join, csv_file = EXAMPLES / "sweep" / "join.py", tmp_path / "grid.csv"

    def joined() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, join, results, csv_file], capture_output=True, text=True, check=False)

    done = joined()
    assert done.returncode == 0, done.stderr
    with csv_file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == 6 and rows[0].keys() == {"reproduction", "immune", "peak_share", "peak_day", "infected"}
    part = results / "1" / "out" / "grid.csv"
    whole = part.read_text()
    part.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    assert joined().returncode == 1 and "5 of 6 combinations" in joined().stderr
    part.write_text(whole + "1,2,x,4,5\n")
    assert "line 5 is not 5 numbers" in joined().stderr
    part.write_text("a,b\n")
    assert "its first line is not" in joined().stderr
