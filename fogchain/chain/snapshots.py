"""A local chain's saved states: the newest three, each whole or absent.

anvil's own `--state` file is written in place and unreadable after a kill at the wrong moment; these are dumped over
RPC, written beside and renamed. They are kept as anvil packs them, since they are written every second or so and read
at a start only: what a save costs decides how much a kill can undo.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from pathlib import Path
from typing import Any

import structlog

from fogchain.chain.deployment import write_atomically
from fogchain.errors import CorruptData

KEPT = 3

LOADED = "loaded.json"  # the state that anvil was started on, unpacked

_NAME = re.compile(r"(\d{10})\.(json\.gz|json)")  # older versions did not pack them
_log = structlog.get_logger(__name__)


class Snapshots:
    """Files `0000000001.json.gz`, … in one folder, numbered in the order in which they were taken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._source: Path | None = None  # of the state that was unpacked last

    def newest_first(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted((path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)

    def save(self, dump: str) -> Path:
        """`dump`: what `anvil_dumpState` answers, 0x hex of gzipped JSON. Flushed to disk before it gets its name."""
        present = self.newest_first()
        number = int(present[0].name[:10]) + 1 if present else 1
        path = self.folder / f"{number:010d}.json.gz"
        write_atomically(path, bytes.fromhex(dump[2:]))
        for old in [path, *present][KEPT:]:
            old.unlink(missing_ok=True)
        return path

    def usable(self) -> Path | None:
        """The newest that is whole, unpacked for anvil; None when there never was one. Raises CorruptData when all are
        broken."""
        present = self.newest_first()
        for path in present:
            if (state := _read(path)) is not None:
                self._source = path
                return self._unpack(state)
            self._set_aside(path)
        if present or any(self.folder.glob("*.unreadable")):
            raise CorruptData(
                f"no saved state of the local chain in {self.folder} can be read",
                hint="restore the folder from a backup, or delete the chain's folder to begin a new chain",
            )
        return None

    def discard(self) -> None:
        """anvil does not take what was unpacked last."""
        if self._source is not None:
            self._set_aside(self._source)

    def _unpack(self, state: dict[str, Any]) -> Path:
        """Without the first blocks that anvil has made up at earlier starts.

        It makes one at each start, before it loads a state, and dumps it along with the true one. Loaded with several,
        it takes any of them for block 0, by whose hash nodes know the chain. The true one was there at the first load.
        """
        known, found = self.folder / "genesis", _geneses(state)
        try:
            genesis = int(known.read_text())
        except (OSError, ValueError):
            genesis = min(found, default=0)
        if genesis not in found:
            genesis = min(found, default=0)
        write_atomically(known, f"{genesis}\n".encode())
        state["blocks"] = [
            block for block in state["blocks"] if _number(block, "number") or _number(block, "timestamp") == genesis
        ]
        loaded = self.folder / LOADED
        write_atomically(loaded, json.dumps(state, separators=(",", ":")).encode())
        return loaded

    def _set_aside(self, path: Path) -> None:
        """For whoever wants to look at it; it is never loaded again."""
        _log.warning("a saved state of the local chain is unreadable, the one before is used", path=str(path))
        path.replace(path.with_name(path.name[:10] + ".unreadable"))


def _geneses(state: dict[str, Any]) -> list[int]:
    """The timestamps of its blocks numbered 0."""
    return [_number(block, "timestamp") for block in state["blocks"] if _number(block, "number") == 0]


def _number(block: dict[str, Any], name: str) -> int:
    value = block["header"][name]
    return int(value, 16) if isinstance(value, str) else int(value)


def _read(path: Path) -> dict[str, Any] | None:
    """The state, or None when the file does not hold a whole one."""
    try:
        data = path.read_bytes()
        state = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    except (OSError, ValueError, EOFError, zlib.error):
        return None
    return state if isinstance(state, dict) and {"block", "accounts", "blocks"} <= state.keys() else None
