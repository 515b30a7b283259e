"""A real sandbox of one worker. What is compiled for one test is there for the next."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.executor.pool import Executor


@pytest.fixture(scope="session")
def executor_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("executor")


@pytest.fixture
async def executor(executor_folder: Path) -> AsyncIterator[Executor]:
    executor = Executor(executor_folder, 1, memory_cap=256 << 20)
    await executor.start()
    yield executor
    await executor.stop()
