"""Python's recursion limit, kept: a library below eth_keyfile and web3 raises it to 100,000 for the whole process.

Under the usual limit a stranger's data that is nested too deeply is an error; under that one it overflows the stack,
and ends the process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def limit_kept() -> Iterator[None]:
    """What is imported in this block leaves the limit as it was."""
    limit = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
