"""A node that breaks its word: the first orders it takes and signs, it never runs. Started like `python -m node`."""

from __future__ import annotations

import sys

from node import __main__
from node.trade import provider
from node.trade.runs import Runs

FORGOTTEN = 2  # orders
forgotten: set[bytes] = set()


class BreakingRuns(Runs):
    async def _execute(self, digest: bytes) -> None:
        if len(forgotten) < FORGOTTEN:
            forgotten.add(digest)
        if digest not in forgotten:
            await super()._execute(digest)


if __name__ == "__main__":
    provider.Runs = BreakingRuns  # type: ignore[misc]
    sys.exit(__main__.main())
