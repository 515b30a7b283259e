"""A local chain's saved states: the newest three, each whole or absent.

anvil's own `--state` file is written in place and unreadable after a kill at the wrong moment; these are dumped over
RPC, written beside and renamed.
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import structlog

from fogchain.chain.deployment import write_atomically
from fogchain.errors import CorruptData

KEPT = 3

_NAME = re.compile(r"(\d{10})\.json")
_log = structlog.get_logger(__name__)


class Snapshots:
    """Files `0000000001.json`, … in one folder, numbered in the order in which they were taken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def newest_first(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted((path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)

    def save(self, dump: str) -> Path:
        """`dump`: what `anvil_dumpState` answers, 0x hex of gzipped JSON. Flushed to disk before it gets its name."""
        state = gzip.decompress(bytes.fromhex(dump[2:]))
        present = self.newest_first()
        number = int(present[0].stem) + 1 if present else 1
        path = self.folder / f"{number:010d}.json"
        write_atomically(path, state)
        for old in [path, *present][KEPT:]:
            old.unlink(missing_ok=True)
        return path

    def usable(self) -> Path | None:
        """The newest that is whole, None when there never was one. Raises CorruptData when all are broken."""
        present = self.newest_first()
        for path in present:
            if _whole(path):
                return path
            self.discard(path)
        if present or any(self.folder.glob("*.unreadable")):
            raise CorruptData(
                f"no saved state of the local chain in {self.folder} can be read",
                hint="restore the folder from a backup, or delete the chain's folder to begin a new chain",
            )
        return None

    def discard(self, path: Path) -> None:
        """Set aside, for whoever wants to look at it; it is never loaded again."""
        _log.warning("a saved state of the local chain is unreadable, the one before is used", path=str(path))
        path.replace(path.with_suffix(".unreadable"))


def _whole(path: Path) -> bool:
    try:
        state = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(state, dict) and {"block", "accounts", "blocks"} <= state.keys()
