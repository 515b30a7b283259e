"""What holds for all tests."""

from __future__ import annotations

import sys

from hypothesis import HealthCheck, settings

# Examples have no deadline: on a busy machine a slow one shows nothing but that.
settings.register_profile("fogchain", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("fogchain")

_DEEPEST = sys.getrecursionlimit()


def pytest_collection_finish() -> None:
    """Test modules that import eth_account raise Python's recursion limit; nothing of ours runs under that."""
    sys.setrecursionlimit(_DEEPEST)
