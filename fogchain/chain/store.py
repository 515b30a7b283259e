"""The event index on disk: events, what they come to, and how to go back when the chain does.

    checkpoint   blocks (number, hash) up to which everything is in
    event        each event, for who wants the history
    account, session, node    the book (`fogchain.chain.ledger`)
    undo         what a row of the book was before the batch that ended at checkpoint `block`

Going back to a checkpoint restores the rows of all later batches, newest first. Amounts are text: SQLite's integers end
at 63 bits.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from fogchain.chain.events import Event
from fogchain.chain.ledger import AccountRecord, NodeRecord, SessionRecord, apply
from fogchain.errors import CorruptData

KEPT_CHECKPOINTS = 256

_SCHEMA = """
CREATE TABLE IF NOT EXISTS index_owner (network TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS checkpoint (block INTEGER PRIMARY KEY, hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event (
    block INTEGER NOT NULL, log INTEGER NOT NULL, hash TEXT NOT NULL, kind TEXT NOT NULL, fields TEXT NOT NULL,
    PRIMARY KEY (block, log)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS account (
    address TEXT PRIMARY KEY, token TEXT, free TEXT, locked TEXT, earned TEXT, spent TEXT, bonded TEXT, unbonding TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (
    id BLOB PRIMARY KEY, buyer TEXT, provider TEXT, job BLOB, cap TEXT, claimed TEXT, expiry INTEGER, open INTEGER,
    opened INTEGER, closed INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_buyer ON session (buyer, opened);
CREATE INDEX IF NOT EXISTS session_provider ON session (provider, opened);
CREATE TABLE IF NOT EXISTS node (
    owner TEXT PRIMARY KEY, node_key BLOB, operator TEXT, resource_class BLOB, slots INTEGER, capacity TEXT,
    counted TEXT, endpoints TEXT, signature BLOB, block INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS undo (id INTEGER PRIMARY KEY, block INTEGER, place TEXT, key BLOB, row TEXT);
CREATE INDEX IF NOT EXISTS undo_block ON undo (block);
"""
_VERSION = 2  # of the schema; a file of another is built anew
_TABLES = ("checkpoint", "event", "account", "session", "node", "undo")

K = TypeVar("K", str, bytes)
V = TypeVar("V")
Row = tuple[Any, ...]


def _account(row: Row) -> AccountRecord:
    return AccountRecord(*(int(amount) for amount in row[1:]))


def _account_row(address: str, record: AccountRecord) -> Row:
    r = record
    return (
        address, str(r.token), str(r.free), str(r.locked), str(r.earned), str(r.spent), str(r.bonded), str(r.unbonding),
    )  # fmt: skip


def _session(row: Row) -> SessionRecord:
    number, buyer, provider, job, cap, claimed, expiry, is_open, opened, closed = row
    return SessionRecord(number, buyer, provider, job, int(cap), int(claimed), expiry, bool(is_open), opened, closed)


def _session_row(key: bytes, record: SessionRecord) -> Row:
    r = record
    return (
        key, r.buyer, r.provider, r.job, str(r.cap), str(r.claimed), r.expiry, int(r.open), r.opened, r.closed,
    )  # fmt: skip


def _node(row: Row) -> NodeRecord:
    owner, key, operator, kind, slots, capacity, counted, endpoints, signature, block = row
    return NodeRecord(owner, key, operator, kind, slots, int(capacity), int(counted), endpoints, signature, block)


def _node_row(owner: str, record: NodeRecord) -> Row:
    r = record
    return (
        owner, r.node_key, r.operator, r.resource_class, r.slots, str(r.capacity), str(r.counted), r.endpoints,
        r.signature, r.block,
    )  # fmt: skip


class _Table(MutableMapping[K, V], Generic[K, V]):
    """A table as a map: reads through, keeps what was changed until `flush`."""

    def __init__(
        self, db: sqlite3.Connection, name: str, key: str, load: Callable[[Row], V], store: Callable[[K, V], Row]
    ) -> None:
        self.name = name
        self._db = db
        self._load = load
        self._store: Callable[[K, V], Row] = store
        self._select = f"SELECT * FROM {name} WHERE {key} = ?"  # noqa: S608
        self._delete = f"DELETE FROM {name} WHERE {key} = ?"  # noqa: S608
        self._cache: dict[K, V | None] = {}
        self._before: dict[K, Row | None] = {}  # the rows on disk of keys that were changed

    def __getitem__(self, key: K) -> V:
        if key not in self._cache:
            row = self._row(key)
            self._cache[key] = self._load(row) if row else None
        found = self._cache[key]
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: K, value: V) -> None:
        self._touch(key)
        self._cache[key] = value

    def __delitem__(self, key: K) -> None:
        self[key]  # raises KeyError
        self._touch(key)
        self._cache[key] = None

    def __iter__(self) -> Iterator[K]:
        raise NotImplementedError("the book is read by key")

    def __len__(self) -> int:
        raise NotImplementedError("the book is read by key")

    def flush(self) -> dict[K, Row | None]:
        """Writes what changed; what was there before, None where nothing was."""
        before, self._before = self._before, {}
        rows = [self._store(key, value) for key in before if (value := self._cache[key]) is not None]
        gone = [(key,) for key in before if self._cache[key] is None]
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self._db.executemany(f"INSERT OR REPLACE INTO {self.name} VALUES ({marks})", rows)  # noqa: S608
        self._db.executemany(self._delete, gone)
        self._cache.clear()
        return before

    def restore(self, key: K, row: Row | None) -> None:
        if row is None:
            self._db.execute(self._delete, (key,))
        else:
            marks = ", ".join("?" * len(row))
            self._db.execute(f"INSERT OR REPLACE INTO {self.name} VALUES ({marks})", row)  # noqa: S608

    def forget(self) -> None:
        self._cache.clear()
        self._before.clear()

    def _row(self, key: K) -> Row | None:
        row: Row | None = self._db.execute(self._select, (key,)).fetchone()
        return row

    def _touch(self, key: K) -> None:
        if key not in self._before:
            self._before[key] = self._row(key)


class Store:
    """The book on disk, and the only one who writes it."""

    def __init__(self, path: Path, network: str) -> None:
        """`network`: chain id and market. Raises CorruptData for a file that is not a database."""
        self._db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")  # what a power cut loses is read again from the chain
            if self._db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                for name in ("index_owner", *_TABLES):
                    self._db.execute(f"DROP TABLE IF EXISTS {name}")
            self._db.executescript(f"{_SCHEMA} PRAGMA user_version = {_VERSION};")
            owner = self._db.execute("SELECT network FROM index_owner").fetchone()
            if owner is not None and owner[0] != network:
                self.wipe()
            if owner is None or owner[0] != network:
                with self._db:
                    self._db.execute("DELETE FROM index_owner")
                    self._db.execute("INSERT INTO index_owner VALUES (?)", (network,))
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise CorruptData(
                f"{path} can't be read: {error}", hint="restore it from a backup, or move it away: it is built anew"
            ) from error
        self.accounts: _Table[str, AccountRecord] = _Table(self._db, "account", "address", _account, _account_row)
        self.sessions: _Table[bytes, SessionRecord] = _Table(self._db, "session", "id", _session, _session_row)
        self.nodes: _Table[str, NodeRecord] = _Table(self._db, "node", "owner", _node, _node_row)

    def close(self) -> None:
        self._db.close()

    # ---- the book, changed by batches

    def checkpoints(self) -> list[tuple[int, str]]:
        """Block number and hash, newest first."""
        return self._db.execute("SELECT block, hash FROM checkpoint ORDER BY block DESC").fetchall()

    def add(self, events: Sequence[Event], block: int, hash: str, *, undoable: bool = True) -> None:
        """Applies a batch and makes (`block`, `hash`) the newest checkpoint. Without `undoable`, for blocks that are
        far behind the head, earlier checkpoints are given up. Raises CorruptData when the events do not add up; then
        nothing is changed."""
        tables = (self.accounts, self.sessions, self.nodes)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for event in events:
                apply(self, event)
            self._db.executemany(
                "INSERT INTO event VALUES (?, ?, ?, ?, ?)",
                [(e.at.block, e.at.index, e.at.transaction, type(e).__name__, _fields(e)) for e in events],
            )
            before = [(table.name, table.flush()) for table in tables]
            if undoable:
                self._db.executemany(
                    "INSERT INTO undo (block, place, key, row) VALUES (?, ?, ?, ?)",
                    [(block, name, key, _pack(row)) for name, rows in before for key, row in rows.items()],
                )
                self._db.execute("INSERT INTO checkpoint VALUES (?, ?)", (block, hash))
                self._prune()
            else:
                self._db.execute("DELETE FROM checkpoint")
                self._db.execute("DELETE FROM undo")
                self._db.execute("INSERT INTO checkpoint VALUES (?, ?)", (block, hash))
        except BaseException:
            self._db.execute("ROLLBACK")
            for table in tables:
                table.forget()
            raise
        self._db.execute("COMMIT")

    def go_back(self, block: int) -> None:
        """To the checkpoint at `block`, which must be one."""
        tables: dict[str, _Table[Any, Any]] = {t.name: t for t in (self.accounts, self.sessions, self.nodes)}
        self._db.execute("BEGIN IMMEDIATE")
        try:
            query = "SELECT place, key, row FROM undo WHERE block > ? ORDER BY id DESC"
            for place, key, row in self._db.execute(query, (block,)).fetchall():
                tables[place].restore(key, _unpack(row))
            for name in ("undo", "event", "checkpoint"):
                self._db.execute(f"DELETE FROM {name} WHERE block > ?", (block,))  # noqa: S608
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def wipe(self) -> None:
        """Everything is built anew from the chain."""
        self._db.execute("BEGIN IMMEDIATE")
        for name in _TABLES:
            self._db.execute(f"DELETE FROM {name}")  # noqa: S608
        self._db.execute("COMMIT")

    def _prune(self) -> None:
        query = "SELECT block FROM checkpoint ORDER BY block DESC LIMIT 1 OFFSET ?"
        oldest = self._db.execute(query, (KEPT_CHECKPOINTS,)).fetchone()
        if oldest is not None:
            self._db.execute("DELETE FROM checkpoint WHERE block <= ?", oldest)
            kept = self._db.execute("SELECT min(block) FROM checkpoint").fetchone()
            self._db.execute("DELETE FROM undo WHERE block <= ?", kept)

    # ---- questions

    def account(self, address: str) -> AccountRecord:
        row = self._db.execute("SELECT * FROM account WHERE address = ?", (address.lower(),)).fetchone()
        return _account(row) if row else AccountRecord()

    def session(self, session: bytes) -> SessionRecord | None:
        row = self._db.execute("SELECT * FROM session WHERE id = ?", (session,)).fetchone()
        return _session(row) if row else None

    def sessions_of(self, buyer: str | None, provider: str | None) -> list[SessionRecord]:
        """Newest first; None means any."""
        clauses = {"buyer": buyer, "provider": provider}
        wanted = {name: value.lower() for name, value in clauses.items() if value is not None}
        where = " AND ".join(f"{name} = ?" for name in wanted) or "1"
        query = f"SELECT * FROM session WHERE {where} ORDER BY opened DESC, id"  # noqa: S608
        return [_session(row) for row in self._db.execute(query, tuple(wanted.values())).fetchall()]

    def all_nodes(self) -> list[NodeRecord]:
        return [_node(row) for row in self._db.execute("SELECT * FROM node ORDER BY block, owner").fetchall()]

    def event_count(self) -> int:
        (count,) = self._db.execute("SELECT count(*) FROM event").fetchone()
        return int(count)


def _fields(event: Event) -> str:
    names = [field.name for field in fields(event) if field.name != "at"]
    values = {name: getattr(event, name) for name in names}
    return json.dumps({n: "0x" + v.hex() if isinstance(v, bytes) else v for n, v in values.items()})


def _pack(row: Row | None) -> str | None:
    """A row as JSON; bytes as {"hex": …}."""
    if row is None:
        return None
    return json.dumps([{"hex": value.hex()} if isinstance(value, bytes) else value for value in row])


def _unpack(text: str | None) -> Row | None:
    if text is None:
        return None
    return tuple(bytes.fromhex(value["hex"]) if isinstance(value, dict) else value for value in json.loads(text))
