"""What the panel is started with: the nodes it watches and where it listens."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fogchain.api.address import ApiAddress
from fogchain.errors import BadInput, Unavailable
from fogchain.folder import DataFolder

DEFAULT_NAME = "node"


@dataclass(frozen=True)
class NodeAddress:
    """Where one node's API is and which file holds its token."""

    name: str
    url: str
    token_file: Path

    def token(self) -> str:
        """Read anew each time, because a node may get a new one. Raises Unavailable."""
        try:
            token = self.token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(
                f"the node's token file {self.token_file} can't be read", hint="start the node, or name another file"
            ) from error
        if not token:
            raise Unavailable(f"the node's token file {self.token_file} is empty", hint="start the node anew")
        return token

    def url_after(self, failed: str) -> str:
        """Where to try next: a node started again may listen on another port; its data folder tells."""
        try:
            told = ApiAddress.load(DataFolder(self.token_file.parent)).url.rstrip("/")
        except Unavailable:
            return self.url
        return told if told != failed else self.url

    def command(self, words: str) -> str:
        """A `fogchain` command for this node's data folder, ready to paste."""
        return f"fogchain {words} --data {shlex.quote(str(self.token_file.parent))}"

    @classmethod
    def parse(cls, text: str) -> NodeAddress:
        """`NAME=URL=TOKENFILE`. Raises BadInput."""
        parts = text.split("=", 2)
        if len(parts) != 3 or not all(parts):
            raise BadInput(f"{text!r} does not name a node", hint="write it NAME=URL=TOKENFILE")
        return cls(parts[0], check_url(parts[1]), Path(parts[2]))


@dataclass(frozen=True)
class Options:
    """`nodes[0]` is the node whose panel this is; the others are shown beside it."""

    nodes: tuple[NodeAddress, ...]
    host: str = "127.0.0.1"
    port: int = 0
    ready_file: Path | None = None


def check_url(url: str) -> str:
    """Raises BadInput unless it is an http(s) address without a path, user or query."""
    parts = urlsplit(url)
    plain = parts.path in {"", "/"} and not parts.query and not parts.fragment and "@" not in parts.netloc
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        raise BadInput(f"{url!r} is not a node's address", hint="write it like http://127.0.0.1:8600")
    return url.rstrip("/")
