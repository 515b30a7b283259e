"""Reads the kernel's small files. What is gone, too long or no text is None."""

from __future__ import annotations

from pathlib import Path

_MOST_BYTES = 4096
_MOST_OF_A_TABLE = 1 << 20  # /proc/stat of a machine with very many cores


def text(path: Path, most: int = _MOST_BYTES) -> str | None:
    """Of a file of at most `most` bytes; a longer one is cut."""
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(most).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def number(path: Path) -> float | None:
    try:
        return float(text(path) or "")
    except ValueError:
        return None


def table(path: Path) -> list[list[str]]:
    """The lines of a file of many, split at blanks; none when it can't be read."""
    return [line.split() for line in (text(path, _MOST_OF_A_TABLE) or "").splitlines()]


def folders(path: Path) -> list[Path]:
    """What is in a folder, in order; nothing when it can't be read."""
    try:
        return sorted(path.iterdir())
    except OSError:
        return []
