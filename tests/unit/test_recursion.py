"""Libraries that raise Python's recursion limit don't do so in our processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("module", ["node.daemon", "fogchain.cli.main", "fogchain.client"])
def test_our_programs_leave_the_recursion_limit_where_it_was(module: str, tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; before = sys.getrecursionlimit()\n"
        f"import {module}\n"
        "from fogchain.wallet.keystore import create\n"
        "create(pathlib.Path(sys.argv[1]), 'secret', light=True)\n"
        "assert 'py_ecc' in sys.modules  # which is the one that raises it\n"
        "print(before == sys.getrecursionlimit())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "key.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "True"
