"""The whole API, as /openapi.json describes it, under schemathesis: a real node over real HTTP, on a throw-away chain.

Money is spent here at random. The node must answer everything with a documented status, media type and shape, refuse
what the description does not allow, and be as well afterwards as before.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from live_market import LiveMarket

from fogchain.api.client import Client
from fogchain.bench.e2e import spin_job
from fogchain.jobs.file import load_job_file

pytestmark = [pytest.mark.slow, pytest.mark.chain]

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "negative_data_rejection", "unsupported_method", "ignored_auth",
)  # fmt: skip
EXAMPLES = 4  # random requests for each operation, beside those that cover its description systematically
SECONDS = 180  # it takes a quarter of that where nothing else runs


def finished_job(market: LiveMarket, folder: Path) -> str:
    """So that there is something to look at."""
    resolved = load_job_file(spin_job(folder / "spin", 2, 1000, '[verify]\nlevel = "L0"\n'))
    with Client(market.url, market.token) as client:
        for sha256, source in resolved.blobs.items():
            client.put_blob(source, sha256)
        job = client.submit(resolved.spec)
        with client.events() as events:
            while client.job(job.id).state != "done":
                events.receive(1.0)
    return job.id


@pytest.mark.timeout(300)
def test_every_operation_keeps_to_its_description(start_market: Callable[..., LiveMarket], tmp_path: Path) -> None:
    market = start_market(providers=1)
    kept, job = (finished_job(market, tmp_path / name) for name in ("kept", "used"))
    with Client(market.url, market.token) as client:
        module = client.job(job).spec.module.sha256
        before = client.status()
    config = tmp_path / "schemathesis.toml"
    known = {"path.job_id": job, "path.task": 0, "path.name": "stdout", "path.sha256": module}
    lines = ["[parameters]", *(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in known.items())]
    # What is too long for its field may be too long for the node first.
    lines += [
        "[checks.negative_data_rejection]",
        'expected-statuses = ["400", "401", "403", "404", "405", "409", "413", "415"]',
    ]
    config.write_text("\n".join(lines) + "\n")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", f"{market.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {market.token}", "--checks", ",".join(CHECKS), "--seed", "1"),
        *("--max-examples", str(EXAMPLES), "--request-timeout", "30", "--continue-on-failure", "--no-color"),
        *("--phases", "examples,coverage,fuzzing"),
    ]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    with Client(market.url, market.token) as client:
        after = client.status()
        assert (after.pid, after.chain.healthy) == (before.pid, True)
        assert client.job(kept).paid  # the other may have been deleted
        total = json.loads(client.rest.raw("GET", "/openapi.json"))["paths"]
    operations = sum(len(methods) for methods in total.values())
    assert f"Tested: {operations}" in run.stdout, run.stdout[-3000:]
