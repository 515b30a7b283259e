"""The measurement behind `fogchain bench sandbox` gives real figures, and says in words when it can't."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[3] / "examples"


def _measure(request: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "node.executor.measure"],
        input=json.dumps(request), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_starts_and_programs_are_timed(tmp_path: Path) -> None:
    wordcount = {
        "name": "wordcount", "module": str(EXAMPLES / "wordcount" / "wordcount.wasm"), "args": [],
        "inputs": {"part": str(EXAMPLES / "wordcount" / "texts" / "0.txt")},
    }  # fmt: skip
    done = _measure({"folder": str(tmp_path), "starts": 3, "repeats": 2, "runs": [wordcount]})
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert len(answer["start_warm_ms"]) == 3
    assert all(0 < time < 10_000 for time in answer["start_warm_ms"])
    assert len(answer["runs"]["wordcount"]["cpu_s"]) == 2
    assert all(0 < time < 10 for time in answer["runs"]["wordcount"]["cpu_s"])
    assert answer["runs"]["wordcount"]["fuel"] > 10**5


def test_a_program_that_fails_is_named(tmp_path: Path) -> None:
    poster = {"name": "poster", "module": str(EXAMPLES / "poster" / "poster.wasm"), "args": ["x"], "inputs": {}}
    done = _measure({"folder": str(tmp_path), "starts": 1, "repeats": 1, "runs": [poster]})
    assert done.returncode == 1
    assert "poster: NONZERO" in done.stderr
    assert "Traceback" not in done.stderr
