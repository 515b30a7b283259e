"""A worker process as the daemon sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from fogchain.errors import Unavailable
from node.executor import frames
from node.executor.cgroup import Cgroup
from node.executor.child import command
from node.executor.clock import StoodClock
from node.executor.version import ENGINE

log = structlog.get_logger(__name__)

_START_SECONDS = 60.0  # generous: the machine may be busy, and a first start compiles Python files
_LOG_TAIL = 2000


class WorkerDied(Exception):
    """The process ended while it was asked something; the text says how."""


class WorkerProcess:
    """One worker. Ask it one thing at a time; one that is `busy` after an ask was cut short is to be killed."""

    def __init__(self, process: Process, cgroup: Cgroup | None, log_file: Path, clock: StoodClock) -> None:
        self.clock = clock
        self.ended: Callable[[], None] = lambda: None  # its process is gone, its group still there
        self.walled = False  # it is in its group
        self.asked = 0
        self.busy = False  # it was asked something and has not answered
        self._process = process
        self._cgroup = cgroup
        self._log_file = log_file

    @classmethod
    async def spawn(
        cls, cache: Path, log_file: Path, cgroup: Cgroup | None, python: Path | None = None
    ) -> WorkerProcess:
        """Start a worker and wait until it is ready. Raises Unavailable."""
        clock_file = log_file.with_suffix(".clock")
        clock = StoodClock(clock_file, make=True)
        arguments = [str(cache), str(os.getpid()), str(clock_file), *([str(python)] if python else [])]
        with log_file.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *command("node.executor.worker", *arguments),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors,
                start_new_session=True, env={"PATH": os.defpath}, cwd=log_file.parent, limit=frames.MAX_FRAME,
            )  # fmt: skip
        worker = cls(process, cgroup, log_file, clock)
        try:
            worker.walled = cgroup is not None and cgroup.add(process.pid)
            if cgroup is not None and not worker.walled:
                log.warning("worker.outside_cgroup", pid=process.pid)
            async with asyncio.timeout(_START_SECONDS):
                ready = await worker._receive()
            if ready.get("ready") != ENGINE:
                raise WorkerDied(f"it is {ready.get('ready')!r}, not {ENGINE!r}")
        except (WorkerDied, TimeoutError) as error:
            await worker.kill()
            raise Unavailable(f"the sandbox's worker does not start: {error}", hint=f"see {log_file}") from error
        except BaseException:
            await worker.kill()
            raise
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def group(self) -> Cgroup | None:
        """What it is in."""
        return self._cgroup if self.walled else None

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises WorkerDied."""
        self.asked += 1
        self.busy = True
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(frames.pack(request))
            await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            pass  # it is dead, or dying with an answer under way; reading tells
        answer = await self._receive()
        self.busy = False
        return answer

    async def kill(self) -> None:
        """End it now, whatever it does, and wait until it is gone."""
        self.strike()
        waiting = asyncio.ensure_future(self._process.wait())
        try:
            await asyncio.shield(waiting)
        finally:
            if waiting.done():
                self._close()
            else:  # cancelled while waiting: the process is dying all the same
                waiting.add_done_callback(lambda _: self._close())

    def strike(self) -> None:
        """Kill its processes, also those that stand. From any thread."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            if self.group is not None:
                self.group.kill()

    def _close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self.ended()
        if self._cgroup is not None:
            self._cgroup.remove()

    async def _receive(self) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout is not None
        try:
            (size,) = frames.LENGTH.unpack(await stdout.readexactly(frames.LENGTH.size))
            if size > frames.MAX_FRAME:
                raise WorkerDied(f"it sent a frame of {size} bytes")
            return frames.unpack(await stdout.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionResetError) as error:
            raise WorkerDied(await self._obituary()) from error

    async def _obituary(self) -> str:
        code = await self._process.wait()
        if code < 0:
            cause = f"killed by {signal.Signals(-code).name}"
            if self._cgroup is not None and self._cgroup.out_of_memory():
                cause = "killed by the kernel for using too much memory"
        else:
            cause = f"exit code {code}"
        with contextlib.suppress(OSError), self._log_file.open("rb") as file:
            file.seek(max(0, self._log_file.stat().st_size - _LOG_TAIL))
            last = file.read().decode(errors="replace").strip().splitlines()
            if last:
                cause += f": {last[-1]}"
        return cause
