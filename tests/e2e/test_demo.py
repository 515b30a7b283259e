"""`fogchain demo --once`, the whole of it, held to what it says."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from fogchain.jobs.blobname import name_of
from fogchain.jobs.file import load_job_file
from fogchain.units import cost, parse_fog, parse_fuel, parse_price
from node.executor.pool import Executor, RunRequest

pytestmark = [pytest.mark.slow, pytest.mark.chain]

EXAMPLES = Path(__file__).parents[2] / "examples"
OFFLINE = Path(__file__).with_name("offline.py")
PRICE = parse_price("0.5 FOG/Gfuel")


def demo(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fogchain.cli.main", "demo", "--once", "--json", "--data", str(data), *options]
    if may_leave_the_network():
        command = [sys.executable, str(OFFLINE), *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)


@cache
def may_leave_the_network() -> bool:
    try_it = [sys.executable, str(OFFLINE), "true"]
    return subprocess.run(try_it, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    data = tmp_path_factory.mktemp("demo") / "data"
    result = demo(data)
    assert result.returncode == 0, result.stderr[-3000:]
    report: dict[str, Any] = json.loads(result.stdout)
    report["folder"], report["said"] = data, result.stderr
    return report


@pytest.mark.complaint(13)
def test_no_other_machine_is_needed(shown: dict[str, Any]) -> None:
    if not may_leave_the_network():
        pytest.skip("a network of one's own takes root, and Linux")
    look = [sys.executable, str(OFFLINE), sys.executable, "-c", "import psutil; print(*psutil.net_if_addrs())"]
    assert subprocess.run(look, capture_output=True, text=True, check=True).stdout.split() == ["lo"]
    assert shown["state"] == "done" and all(parse_fog(provider["paid"]) for provider in shown["providers"])


def test_every_task_is_done_checked_and_paid(shown: dict[str, Any]) -> None:
    tasks = len(load_job_file(EXAMPLES / "poster" / "job.toml").spec.tasks)
    assert shown["state"] == "done" and shown["tasks"] == tasks
    assert shown["checks"] >= 1
    assert len(shown["providers"]) == 3
    assert sum(provider["tasks"] for provider in shown["providers"]) == tasks
    for provider in shown["providers"]:
        gross, fuel, runs = (
            parse_fog(provider["paid"]) + parse_fog(provider["fee"]),
            parse_fuel(provider["fuel"]),
            provider["tasks"] + provider["checks"],
        )
        assert provider["tasks"] > 0
        assert 0 <= gross - cost(fuel, PRICE) <= runs  # each run's cost is rounded up by less than a base unit


def test_the_balances_add_up(shown: dict[str, Any]) -> None:
    assert shown["adds_up"] is True
    before = {row["party"]: parse_fog(row["before"]) for row in shown["balances"]}
    after = {row["party"]: parse_fog(row["after"]) for row in shown["balances"]}
    paid = {provider["name"]: parse_fog(provider["paid"]) for provider in shown["providers"]}
    fees = {provider["name"]: parse_fog(provider["fee"]) for provider in shown["providers"]}
    assert {name: after[name] - before[name] for name in paid} == paid
    assert before["buyer"] - after["buyer"] == sum(paid.values()) + sum(fees.values())
    assert parse_fog(shown["fees"]["after"]) - parse_fog(shown["fees"]["before"]) == sum(fees.values())


def test_one_percent_of_the_pay_is_kept_back(shown: dict[str, Any]) -> None:
    for provider in shown["providers"]:
        paid, fee = parse_fog(provider["paid"]), parse_fog(provider["fee"])
        assert 0 <= (paid + fee) - 100 * fee < 100  # cut to whole base units once, in one claim


def test_the_picture_is_a_picture(shown: dict[str, Any]) -> None:
    with Image.open(shown["picture"]) as picture:
        picture.load()
        assert picture.format == "PNG" and picture.width >= 640 and picture.height >= 400
        colours = picture.convert("RGB").getcolors(maxcolors=1 << 24)
        assert colours is not None and len(colours) > 1000  # neither blank nor noise of a few


async def test_the_results_are_those_of_the_sandbox_alone(shown: dict[str, Any], tmp_path: Path) -> None:
    """A tile run here, with no market around it, has the same bytes and the same fuel."""
    resolved = load_job_file(EXAMPLES / "poster" / "job.toml")
    manifest = json.loads((Path(shown["results"]) / "manifest.json").read_text())
    executor = Executor(tmp_path / "work", 1, memory_cap=1 << 30)
    await executor.start()
    try:
        for index in (0, len(resolved.spec.tasks) - 1):
            spec = resolved.spec.run_spec(index)
            module = resolved.blobs[spec.module.sha256]
            assert isinstance(module, Path)
            outcome = await executor.run(RunRequest(f"tile-{index}", spec, module, None, {}, spec.digest))
            entry = manifest["tasks"][index]
            assert outcome.manifest.digest.hex() == entry["result"]
            assert outcome.fuel == parse_fuel(entry["fuel"])
            for file in outcome.manifest.files:
                kept = Path(shown["results"]) / str(index) / file.name
                assert name_of(kept.read_bytes()) == file.sha256
    finally:
        await executor.stop()


def test_nothing_keeps_running(shown: dict[str, Any]) -> None:
    folder = str(shown["folder"])
    left = [
        process for process in psutil.process_iter(["cmdline"]) if folder in " ".join(process.info["cmdline"] or ())
    ]
    assert left == []


def test_it_says_what_it_does(shown: dict[str, Any]) -> None:
    for word in ("chain", "providers", "panel", "submitted", "add up", str(shown["picture"]), str(shown["panel"])):
        assert word in shown["said"]


async def test_killed_outright_and_started_again_it_finishes_the_same_job(tmp_path: Path) -> None:
    """`kill -9` of the demo itself takes everything down; the next run on the folder goes on."""
    data = tmp_path / "data"
    job = EXAMPLES / "options" / "job.toml"
    command = [sys.executable, "-m", "fogchain.cli.main", "demo", "--data", str(data), "--job", str(job)]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, "COLUMNS": "100"})
    try:
        deadline = time.monotonic() + 100
        while "submitted" not in (tmp_path / "said").read_text():
            assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "said").read_text()
            await asyncio.sleep(0.2)
        await asyncio.sleep(2)  # into the job; whenever it hits, the end must be the same
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 30
    while any(str(data) in " ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])):
        assert time.monotonic() < deadline, "processes outlive the demo that started them"
        await asyncio.sleep(0.2)
    result = demo(data, "--job", str(job))
    assert result.returncode == 0, result.stderr[-3000:]
    report = json.loads(result.stdout)
    assert "goes on where it was left" in result.stderr
    assert report["state"] == "done" and report["adds_up"] is True
