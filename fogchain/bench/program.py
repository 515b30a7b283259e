"""Programs of the node that measure in a process of their own: a request by standard input, an answer by standard
output, both JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from fogchain.errors import Unavailable


def ask_program(module: str, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """What `python -m module` answers within `timeout` seconds. Raises Unavailable with its last words."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", module],
            input=json.dumps(request), capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{module} did not answer in {timeout:g} s") from error
    if done.returncode:
        raise Unavailable(f"{module} could not measure: {done.stderr.strip()[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
