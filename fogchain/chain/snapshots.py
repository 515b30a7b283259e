"""A local chain's saved states: the newest three, each whole or absent.

anvil's own `--state` file is written in place and unreadable after a kill at the wrong moment; these are dumped over
RPC, written beside and renamed.
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

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
        self._genesis: int | None = None  # its timestamp

    def newest_first(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted((path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)

    def save(self, dump: str) -> Path:
        """`dump`: what `anvil_dumpState` answers, 0x hex of gzipped JSON. Flushed to disk before it gets its name."""
        state = gzip.decompress(bytes.fromhex(dump[2:]))
        present = self.newest_first()
        state = self._with_one_genesis(json.loads(state), state, present)
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

    def _with_one_genesis(self, state: dict[str, Any], raw: bytes, present: list[Path]) -> bytes:
        """The state without the first blocks that anvil has made up at later starts.

        It makes one at each start, before it loads a state, and dumps it along with the true one. Loaded with several,
        it takes any of them for block 0, by whose hash nodes know the chain. The true one is that of the state before.
        """
        found = _geneses(state)
        if self._genesis not in found:
            before = [_geneses(json.loads(path.read_bytes())) for path in present[:1] if _whole(path)]
            self._genesis = before[0][0] if before and len(before[0]) == 1 else min(found, default=0)
        if len(found) < 2:
            return raw
        state["blocks"] = [
            block
            for block in state["blocks"]
            if _number(block, "number") or _number(block, "timestamp") == self._genesis
        ]
        return json.dumps(state, separators=(",", ":")).encode()

    def discard(self, path: Path) -> None:
        """Set aside, for whoever wants to look at it; it is never loaded again."""
        _log.warning("a saved state of the local chain is unreadable, the one before is used", path=str(path))
        path.replace(path.with_suffix(".unreadable"))


def _geneses(state: dict[str, Any]) -> list[int]:
    """The timestamps of its blocks numbered 0."""
    return [_number(block, "timestamp") for block in state["blocks"] if _number(block, "number") == 0]


def _number(block: dict[str, Any], name: str) -> int:
    value = block["header"][name]
    return int(value, 16) if isinstance(value, str) else int(value)


def _whole(path: Path) -> bool:
    try:
        state = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(state, dict) and {"block", "accounts", "blocks"} <= state.keys()
