"""Runs a program for what it prints: for a short time, for a few bytes, and with nobody to answer its questions."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

from node.harvest.probes.probe import Absent, Failed

MOST_BYTES = 256 * 1024


def output(command: Sequence[str], timeout: float = 0.9, most: int = MOST_BYTES) -> str:
    """What it printed. Raises Absent where there is no such program; Failed where it took longer, printed more, or
    ended otherwise than well: then it is killed, with all that it started in its session."""
    program = shutil.which(command[0])
    if program is None:
        raise Absent(f"there is no program {command[0]}")
    try:
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C", "LANG": "C"},
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise Failed(f"{command[0]} can't be started: {error.strerror}") from error
    slow = threading.Event()

    def end() -> None:
        slow.set()
        _kill(process)

    timer = threading.Timer(timeout, end)
    timer.daemon = True
    timer.start()
    try:
        assert process.stdout is not None
        with process.stdout as pipe:
            printed = pipe.read(most + 1)
        if len(printed) > most:
            _kill(process)
            raise Failed(f"{command[0]} printed more than {most} bytes")
        status = process.wait(2 * timeout)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{command[0]} can't be ended") from error
    finally:
        timer.cancel()
    if slow.is_set():
        raise Failed(f"{command[0]} did not end within {timeout:g} s")
    if status:
        raise Failed(f"{command[0]} ended with status {status}")
    return printed.decode("utf-8", "replace")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Nobody has waited for it, so the number is still its own."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.1)
