"""Names that a task gives its files: they will be names on somebody's disk."""

from __future__ import annotations

MAX_NAME = 100  # characters of one file or folder


def is_plain_name(name: str) -> bool:
    """No path, nothing hidden, nothing a file system or terminal trips over."""
    return 0 < len(name) <= MAX_NAME and name[0] not in ".-" and all(c.isalnum() or c in "._- " for c in name)
