"""The prime count is right in every range, and the same when it goes on from a checkpoint."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from running import EXAMPLES, run_all, script, with_args

from fogchain.jobs.checkpoint import Checkpoint
from fogchain.jobs.file import load_job_file
from node.executor.pool import Executor


def _primes(end: int) -> list[int]:
    sieve = bytearray(b"\1") * end
    sieve[:2] = bytes(2)
    for n in range(2, int(end**0.5) + 1):
        if sieve[n]:
            sieve[n * n :: n] = bytes(len(range(n * n, end, n)))
    return [n for n in range(end) if sieve[n]]


@pytest.mark.parametrize("size", [2, 10, 262_144, 300_002])
async def test_counts_and_gaps_are_those_of_the_primes(executor: Executor, tmp_path: Path, size: int) -> None:
    job = load_job_file(EXAMPLES / "primes" / "job.toml")
    await run_all(executor, job, tmp_path / "results", with_args(job.spec, 5, str(size), "1"))
    primes = _primes(5 * size)
    gaps = [(after - before, -before) for before, after in itertools.pairwise(primes)]
    gap, before = max(gaps, default=(0, 0))
    total = script("primes/total.py").add_up(tmp_path / "results")
    assert (total.count, total.gap, total.before) == (len(primes), gap, -before)


async def test_its_job_file_asks_for_enough_and_its_checkpoint_is_small(executor: Executor, tmp_path: Path) -> None:
    job = load_job_file(EXAMPLES / "primes" / "job.toml")
    (outcome,) = await run_all(
        executor, job, tmp_path / "results", job.spec.model_copy(update={"tasks": job.spec.tasks[-1:]})
    )
    assert outcome.fuel < job.spec.limits.fuel / 2
    assert (tmp_path / "results" / "0" / "stdout").read_text() == "12119062 4026531853 4294967291 336 4275912661\n"
    place = executor.checkpoint("task-0")
    assert place is not None
    assert [len(content) for content in Checkpoint.decode(place.read_bytes(), 4096).files.values()] == [48]


async def test_what_is_no_answer_is_not_added_up(tmp_path: Path) -> None:
    results = tmp_path / "results"
    for number in (0, 2):
        (results / str(number)).mkdir(parents=True)
        (results / str(number) / "stdout").write_text("4 2 7 2 3\n")
    total = EXAMPLES / "primes" / "total.py"
    done = subprocess.run([sys.executable, total, results], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "does not hold every range" in done.stderr
    (results / "2").rename(results / "1")
    (results / "1" / "stdout").write_text("four\n")
    with pytest.raises(ValueError, match="not the answer of a range"):
        script("primes/total.py").add_up(results)
