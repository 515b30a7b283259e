"""Where a running node's API listens: `run/api.json` in its data folder, written by the daemon."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from fogchain.errors import Unavailable
from fogchain.folder import DataFolder


@dataclass(frozen=True, slots=True)
class ApiAddress:
    url: str
    pid: int

    def save(self, folder: DataFolder) -> None:
        """Atomically: a reader finds the old address or the whole new one."""
        path: Path = folder.api_file
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        scratch.write_text(json.dumps(asdict(self)) + "\n")
        scratch.replace(path)

    @classmethod
    def load(cls, folder: DataFolder) -> ApiAddress:
        """Raises Unavailable when no node has said where it listens. It may have been killed since."""
        try:
            raw = json.loads(folder.api_file.read_text())
            return cls(url=str(raw["url"]), pid=int(raw["pid"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"no node is running in {folder.root}", hint=start_hint(folder)) from error


def read_token(folder: DataFolder) -> str:
    """The API's token. Raises Unavailable."""
    try:
        token = str(folder.token.read_text()).strip()
    except OSError as error:
        hint = f"make a node with `fogchain node init --data {folder.root}`, or name another folder with --data"
        raise Unavailable(f"the API's token {folder.token} can't be read", hint=hint) from error
    if not token:
        raise Unavailable(f"the API's token {folder.token} is empty", hint="restart the node: it makes a new one")
    return token


def start_hint(folder: DataFolder) -> str:
    if not folder.config.exists():
        return f"make a node with `fogchain node init --data {folder.root}`, or name another folder with --data"
    return f"start it with `fogchain node run --data {folder.root}`"
