"""What the daemon needs of whatever runs its tasks: `pool.Executor` on this machine, `rayexecutor.RayExecutor` on a
cluster. Which one it is, `provider.executor` in config.toml says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Protocol

from fogchain.market.messages import Exit
from node.executor.pool import RunOutcome, RunRequest
from node.executor.runtimes import Offered


class Backend(Protocol):
    """For each method see `pool.Executor`."""

    ended: Counter[Exit]

    @property
    def runtimes(self) -> Offered: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def run(self, request: RunRequest) -> RunOutcome: ...
    async def measure_rate(self) -> int: ...
    def printed(self, run_id: str) -> dict[str, Path]: ...
    def discard(self, run_id: str) -> None: ...
