"""All examples as real jobs: chain, providers and buyer are processes, results come through the market and are paid."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running import EXAMPLES, NAMES, tiny

from fogchain.client.saving import save_results
from fogchain.jobs.file import load_job_file
from fogchain.localnet import LocalNetwork

pytestmark = [pytest.mark.slow, pytest.mark.chain, pytest.mark.timeout(300)]

# What turns results into what the person wanted, and a word it then says.
FINISH = {
    "poster": (("poster/assemble.py", "{results}", "{folder}/poster.png"), "poster.png"),
    "options": (("options/summary.py", "{results}"), "asian-geometric"),
    "wordcount": (("wordcount/merge.py", "{results}"), "different"),
    "resize": (("resize/album.py", "collect", "{results}", "{folder}/small"), "sheet.png"),
    "shards": (("shards/merge.py", "{results}"), "2025-12"),
    "hashsearch": (("hashsearch/finds.py", "{results}"), "zero bits"),
    "sweep": (("sweep/join.py", "{results}", "{folder}/grid.csv"), "15 combinations"),
    "primes": (("primes/total.py", "{results}"), "602,489 primes"),
}


async def test_every_example_ends_paid_and_gives_what_it_is_for(tmp_path: Path) -> None:
    network = LocalNetwork(tmp_path / "net", providers=2, supervised=False)
    await network.start()
    try:
        jobs = {}
        for name in NAMES:
            job = load_job_file(EXAMPLES / name / "job.toml")
            for sha256, source in job.blobs.items():
                await network.buyer.put_blob(source, sha256)
            jobs[name] = (await network.buyer.submit(tiny(name, job.spec))).id
        deadline = time.monotonic() + 200
        for name, job_id in jobs.items():
            while not (detail := await network.buyer.job(job_id)).paid:
                assert time.monotonic() < deadline, f"{name}: {detail.model_dump_json(exclude={'spec'})}"
                await asyncio.sleep(0.2)
            assert (detail.state, detail.tasks.failed) == ("done", 0), f"{name}: {detail.detail}"
            assert sum(share.claimed for share in detail.providers) > 0, name
            results = tmp_path / name / "results"
            await save_results(network.buyer, job_id, results)
            arguments, word = FINISH[name]
            path, *rest = [part.format(results=results, folder=tmp_path / name) for part in arguments]
            done = subprocess.run(
                [sys.executable, EXAMPLES / path, *rest], capture_output=True, text=True, check=False, timeout=60
            )
            assert done.returncode == 0, f"{name}: {done.stderr}"
            assert word in done.stdout
    finally:
        await network.stop()
