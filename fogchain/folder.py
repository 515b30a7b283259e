"""The data folder of one node: each path stands once, here.

DIR/config.toml     fogchain.config's models   DIR/chain/      a local chain, if one was started here
DIR/keystore.json   the wallet, encrypted      DIR/password    its password, 0600 (or $FOGCHAIN_PASSWORD)
DIR/node.seed       the node's seed, 0600      DIR/api.token   the API's token, 0600
DIR/node.db         jobs, orders, receipts     DIR/chain.db    event index and outgoing transactions
DIR/blobs/          content by hash            DIR/work/       running tasks' folders
DIR/policy.toml     when it works for others
DIR/run/api.json    where the API listens, while the node runs
DIR/run/p2p.json    the port that peers know   DIR/logs/
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

    @property
    def config(self) -> Path:
        return self.root / "config.toml"

    @property
    def keystore(self) -> Path:
        return self.root / "keystore.json"

    @property
    def password(self) -> Path:
        return self.root / "password"

    @property
    def seed(self) -> Path:
        return self.root / "node.seed"

    @property
    def token(self) -> Path:
        return self.root / "api.token"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def database(self) -> Path:
        return self.root / "node.db"

    @property
    def chain_database(self) -> Path:
        return self.root / "chain.db"

    @property
    def policy(self) -> Path:
        return self.root / "policy.toml"

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def api_file(self) -> Path:
        return self.root / "run" / "api.json"

    @property
    def p2p_file(self) -> Path:
        return self.root / "run" / "p2p.json"

    @property
    def chain(self) -> Path:
        return self.root / "chain"

    @property
    def logs(self) -> Path:
        return self.root / "logs"
