"""docs/client.md is right: its programs run, in its order, as one script, against a real market."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from live_market import LiveMarket

pytestmark = [pytest.mark.slow, pytest.mark.chain]

GUIDE = Path(__file__).parents[3] / "docs" / "client.md"


@pytest.mark.timeout(300)
def test_every_program_of_the_guide_runs(start_market: Callable[..., LiveMarket], tmp_path: Path) -> None:
    market = start_market(providers=2)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)
    assert len(blocks) == 6
    script = tmp_path / "guide.py"
    script.write_text("\nprint('--')\n".join(blocks))
    run = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "FOGCHAIN_HOME": str(market.folder.root)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    first, steps, errors, shouted, job, last = run.stdout.split("--\n")
    assert first.split()[0] in ("ready", "working")
    assert "2 match" in steps and "\n[0, 1, 7, 2, 5, 8, 16," in steps
    assert errors.split() == ["2.0", "ZeroDivisionError"]
    assert "0 ONE" in shouted and "1 TWO" in shouted
    assert "JobEnded" in job and "TaskChanged" in job and int(job.split()[-1]) >= 3
    assert last.strip() == "[2, 3]"
    assert (tmp_path / "results" / "2" / "stdout").read_text().strip() == "IMPORT SYS; PRINT(SYS.STDIN.READ().UPPER())"
