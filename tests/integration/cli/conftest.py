from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_node import ServedNode


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedNode]:
    node = ServedNode(tmp_path / "data")
    yield node
    node.end()
