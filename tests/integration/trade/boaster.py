"""A node that boasts: its offer claims a thousand times the speed that was measured. Started like `python -m node`."""

from __future__ import annotations

import sys

from node import __main__
from node.executor.pool import Executor

measure = Executor.measure_rate


async def boast(self: Executor) -> int:
    return 1000 * await measure(self)


if __name__ == "__main__":
    Executor.measure_rate = boast  # type: ignore[method-assign]
    sys.exit(__main__.main())
