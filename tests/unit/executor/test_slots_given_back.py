"""A slot that comes just as its run is called back, or evicted, is not lost: the next run has it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from node.executor.pool import Evicted, Executor, _Turn


@pytest.mark.parametrize("end", ["cancel", "evict"])
@pytest.mark.parametrize("steps", range(10))
async def test_whenever_a_run_is_called_back(tmp_path: Path, steps: int, end: str) -> None:
    executor = Executor(tmp_path, 1, memory_cap=1 << 24)
    executor._stopped = False
    (slot,) = executor._slots
    turn = _Turn(0.0)
    waiting = asyncio.create_task(executor._turn_of(turn))
    for step in range(10):
        if step == 2:
            executor._free.put_nowait(slot)
        if step == steps:
            if end == "cancel":
                waiting.cancel()
            else:
                turn.evict("its owner is back")
        await asyncio.sleep(0)
    try:
        executor._give_back(await waiting, kill=False)
    except (asyncio.CancelledError, Evicted):
        pass
    for _ in range(5):
        await asyncio.sleep(0)
    assert executor._free.qsize() == 1 and executor.running == 0
