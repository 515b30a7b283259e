"""The data folder of one node: each path stands once, here.

DIR/config.toml     fogchain.config's models   DIR/chain/      a local chain, if one was started here
DIR/keystore.json   the wallet, encrypted      DIR/password    its password, 0600 (or $FOGCHAIN_PASSWORD)
DIR/node.seed       the node's seed, 0600      DIR/api.token   the API's token, 0600
DIR/node.db         jobs, orders, receipts     DIR/chain.db    event index and outgoing transactions
DIR/blobs/          content by hash            DIR/work/       running tasks' folders
DIR/run/api.json    where the API listens, while the node runs      DIR/logs/
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "FOGCHAIN_HOME"
PASSWORD_VARIABLE = "FOGCHAIN_PASSWORD"  # noqa: S105  the name of a variable, not a password


@dataclass(frozen=True)
class DataFolder:
    """Where one node keeps everything."""

    root: Path

    @classmethod
    def default(cls) -> DataFolder:
        return cls(Path(os.environ.get(HOME_VARIABLE) or Path.home() / ".fogchain"))

    config = property(lambda self: self.root / "config.toml")
    keystore = property(lambda self: self.root / "keystore.json")
    password = property(lambda self: self.root / "password")
    seed = property(lambda self: self.root / "node.seed")
    token = property(lambda self: self.root / "api.token")
    lock = property(lambda self: self.root / "lock")
    database = property(lambda self: self.root / "node.db")
    chain_database = property(lambda self: self.root / "chain.db")
    blobs = property(lambda self: self.root / "blobs")
    work = property(lambda self: self.root / "work")
    api_file = property(lambda self: self.root / "run" / "api.json")
    chain = property(lambda self: self.root / "chain")
    logs = property(lambda self: self.root / "logs")
