"""Takes a local chain away: ends the process that runs it, then deletes its data."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from fogchain.chain.deployment import write_atomically
from fogchain.errors import Conflict, NotFound, Unavailable

_ENDING = 15.0  # seconds: a last save and anvil's end take some


def runner(folder: Path) -> int | None:
    """The process that runs the chain in `folder`, None when none does. Raises NotFound without a chain."""
    try:
        lock = (folder / "lock").open("r")
    except OSError as error:
        raise NotFound(
            f"there is no local chain in {folder}", hint="its folder is the one `fogchain chain up` used"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(lock.read().strip() or 0)
        return None


def reset(folder: Path) -> None:
    """The next start makes a new chain, on the same port while that is free. Blocks for some seconds.

    Raises NotFound without a chain, Conflict when its process is another user's, Unavailable when it does not end.
    """
    if process := runner(folder):
        try:
            os.kill(process, signal.SIGTERM)
        except ProcessLookupError:
            pass
        except PermissionError as error:
            raise Conflict(f"process {process} runs this chain, and you may not end it", hint="ask its user") from error
        deadline = time.monotonic() + _ENDING
        while runner(folder) is not None:
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"process {process} does not end", hint="look at it, then try again: nothing is deleted"
                )
            time.sleep(0.05)
    with (folder / "lock").open("r") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # nobody starts it meanwhile
        port = _state(folder).get("port")
        for name in ("deployment.json", "deployment.json.part", "anvil.log"):
            (folder / name).unlink(missing_ok=True)
        for name in ("state", "home"):
            shutil.rmtree(folder / name, ignore_errors=True)
        write_atomically(folder / "chain.json", json.dumps({"port": port} if port else {}).encode())


def _state(folder: Path) -> dict[str, Any]:
    try:
        state = json.loads((folder / "chain.json").read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}
