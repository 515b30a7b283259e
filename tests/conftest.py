"""What holds for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Examples have no deadline: on a busy machine a slow one shows nothing but that.
settings.register_profile("fogchain", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("fogchain")
