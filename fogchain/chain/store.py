"""The event index on disk: events, what they come to, and how to go back when the chain does.

    checkpoint   blocks (number, hash) up to which everything is in
    event        each event, for who wants the history
    account, session, job …   the book (`fogchain.chain.ledger`), a table for each kind of record
    undo         what a row of the book was before the batch that ended at checkpoint `block`

Going back to a checkpoint restores the rows of all later batches, newest first. Amounts are text: SQLite's integers end
at 63 bits.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar, get_type_hints

from fogchain.chain.events import At, Event
from fogchain.chain.ledger import LATEST, apply
from fogchain.chain.records import (
    AccountRecord,
    BatchRecord,
    CaseRecord,
    JobRecord,
    NodeRecord,
    NumbersRecord,
    ParametersRecord,
    RatingRecord,
    SessionRecord,
    SlashRecord,
)
from fogchain.chain.rows import Layout, Row
from fogchain.errors import CorruptData, NotFound

KEPT_CHECKPOINTS = 256

_ACCOUNT = Layout("account", AccountRecord, key="address")
_SESSION = Layout("session", SessionRecord)
_JOB = Layout("job", JobRecord)
_CASE = Layout("court_case", CaseRecord)
_SLASH = Layout("slash", SlashRecord)
_NODE = Layout("node", NodeRecord)
_PARAMETERS = Layout("parameters", ParametersRecord, key="place")
_NUMBERS = Layout("numbers", NumbersRecord, key="place")
_BATCHES = Layout("batch", BatchRecord, key="place")
_RATINGS = Layout("rating", RatingRecord, key="place")
_LAYOUTS = (_ACCOUNT, _SESSION, _JOB, _CASE, _SLASH, _NODE, _PARAMETERS, _NUMBERS, _BATCHES, _RATINGS)

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS index_owner (network TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS checkpoint (block INTEGER PRIMARY KEY, hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event (
    block INTEGER NOT NULL, log INTEGER NOT NULL, hash TEXT NOT NULL, time INTEGER NOT NULL, kind TEXT NOT NULL,
    fields TEXT NOT NULL, PRIMARY KEY (block, log)
) WITHOUT ROWID;
{"".join(layout.schema for layout in _LAYOUTS)}
CREATE INDEX IF NOT EXISTS session_buyer ON session (buyer, opened);
CREATE INDEX IF NOT EXISTS session_provider ON session (provider, opened);
CREATE INDEX IF NOT EXISTS session_unrated ON session (buyer) WHERE closed IS NOT NULL AND rating IS NULL;
CREATE INDEX IF NOT EXISTS job_buyer ON job (buyer, opened);
CREATE INDEX IF NOT EXISTS job_provider ON job (provider, opened);
CREATE INDEX IF NOT EXISTS job_deadline ON job (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX IF NOT EXISTS rating_provider ON rating (provider);
CREATE TABLE IF NOT EXISTS undo (id INTEGER PRIMARY KEY, block INTEGER, place TEXT, key BLOB, row TEXT);
CREATE INDEX IF NOT EXISTS undo_block ON undo (block);
"""
_VERSION = 6  # of the schema; a file of another is built anew
_TABLES = ("checkpoint", "event", "undo", *(layout.name for layout in _LAYOUTS))
_KINDS = {kind.__name__: kind for kind in Event.__subclasses__()}

K = TypeVar("K", str, bytes)
V = TypeVar("V")


class _Table(MutableMapping[K, V], Generic[K, V]):
    """A table as a map: reads through, keeps what was changed until `flush`."""

    def __init__(self, db: sqlite3.Connection, layout: Layout[V]) -> None:
        self.layout = layout
        self._db = db
        self._select = f'{layout.select} WHERE "{layout.key}" = ?'
        self._cache: dict[K, V | None] = {}
        self._before: dict[K, Row | None] = {}  # the rows on disk of keys that were changed

    def __getitem__(self, key: K) -> V:
        if key not in self._cache:
            row = self._row(key)
            self._cache[key] = self.layout.load(row) if row else None
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
        rows = [self.layout.store(key, value) for key in before if (value := self._cache[key]) is not None]
        self._db.executemany(self.layout.insert, rows)
        self._db.executemany(self.layout.delete, [(key,) for key in before if self._cache[key] is None])
        self._cache.clear()
        return before

    def restore(self, key: K, row: Row | None) -> None:
        if row is None:
            self._db.execute(self.layout.delete, (key,))
        else:
            self._db.execute(self.layout.insert, row)

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
        self._book: tuple[_Table[Any, Any], ...] = ()
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
        self.accounts: _Table[str, AccountRecord] = _Table(self._db, _ACCOUNT)
        self.sessions: _Table[bytes, SessionRecord] = _Table(self._db, _SESSION)
        self.jobs: _Table[bytes, JobRecord] = _Table(self._db, _JOB)
        self.cases: _Table[bytes, CaseRecord] = _Table(self._db, _CASE)
        self.slashes: _Table[bytes, SlashRecord] = _Table(self._db, _SLASH)
        self.nodes: _Table[str, NodeRecord] = _Table(self._db, _NODE)
        self.parameters: _Table[str, ParametersRecord] = _Table(self._db, _PARAMETERS)
        self.numbers: _Table[str, NumbersRecord] = _Table(self._db, _NUMBERS)
        self.batches: _Table[str, BatchRecord] = _Table(self._db, _BATCHES)
        self.ratings: _Table[str, RatingRecord] = _Table(self._db, _RATINGS)
        self._book = (
            *(self.accounts, self.sessions, self.jobs, self.cases),
            *(self.slashes, self.nodes, self.parameters, self.numbers, self.batches, self.ratings),
        )

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
        with self._transaction():
            for event in events:
                apply(self, event)
            self._db.executemany(
                "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
                [(e.at.block, e.at.index, e.at.transaction, e.at.time, type(e).__name__, _fields(e)) for e in events],
            )
            before = [(table.layout.name, table.flush()) for table in self._book]
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

    def go_back(self, block: int) -> None:
        """To the checkpoint at `block`, which must be one."""
        tables = {table.layout.name: table for table in self._book}
        with self._transaction():
            query = "SELECT place, key, row FROM undo WHERE block > ? ORDER BY id DESC"
            for place, key, row in self._db.execute(query, (block,)).fetchall():
                tables[place].restore(key, _unpack(row))
            for name in ("undo", "event", "checkpoint"):
                self._db.execute(f"DELETE FROM {name} WHERE block > ?", (block,))  # noqa: S608

    def wipe(self) -> None:
        """Everything is built anew from the chain."""
        with self._transaction():
            for name in _TABLES:
                self._db.execute(f"DELETE FROM {name}")  # noqa: S608

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, in memory too. Raises sqlite3.OperationalError when the disk takes no more."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk may have ended it
                self._db.execute("ROLLBACK")
            for table in self._book:
                table.forget()
            raise

    def _prune(self) -> None:
        query = "SELECT block FROM checkpoint ORDER BY block DESC LIMIT 1 OFFSET ?"
        oldest = self._db.execute(query, (KEPT_CHECKPOINTS,)).fetchone()
        if oldest is not None:
            self._db.execute("DELETE FROM checkpoint WHERE block <= ?", oldest)
            kept = self._db.execute("SELECT min(block) FROM checkpoint").fetchone()
            self._db.execute("DELETE FROM undo WHERE block <= ?", kept)

    # ---- questions

    def account(self, address: str) -> AccountRecord:
        return self._one(_ACCOUNT, address.lower()) or AccountRecord()

    def session(self, session: bytes) -> SessionRecord | None:
        return self._one(_SESSION, session)

    def sessions_of(self, buyer: str | None, provider: str | None) -> list[SessionRecord]:
        """Newest first; None means any."""
        return self._of_parties(_SESSION, buyer, provider)

    def open_sessions_of(self, provider: str) -> list[SessionRecord]:
        return self._many(_SESSION, "WHERE provider = ? AND open ORDER BY opened, id", provider.lower())

    def unrated_sessions(self, buyer: str) -> list[SessionRecord]:
        """The buyer's that are closed and of which he has published nothing."""
        query = "WHERE buyer = ? AND closed IS NOT NULL AND rating IS NULL ORDER BY closed, id"
        return self._many(_SESSION, query, buyer.lower())

    def ratings_of(self, provider: str) -> list[RatingRecord]:
        """By buyer."""
        return self._many(_RATINGS, "WHERE provider = ? ORDER BY buyer", provider.lower())

    def job(self, job: bytes) -> JobRecord | None:
        return self._one(_JOB, job)

    def jobs_of(self, buyer: str | None, provider: str | None) -> list[JobRecord]:
        """Newest first; None means any."""
        return self._of_parties(_JOB, buyer, provider)

    def jobs_due(self, now: int) -> list[JobRecord]:
        """Those that anyone may end now, longest due first."""
        return self._many(_JOB, "WHERE deadline <= ? ORDER BY deadline, id", now)

    def case(self, job: bytes) -> CaseRecord | None:
        return self._one(_CASE, job)

    def cases_page(self, first: int, limit: int) -> tuple[list[CaseRecord], int]:
        """Newest first, from the `first` on; and how many there are."""
        (count,) = self._db.execute(f"SELECT count(*) FROM {_CASE.name}").fetchone()  # noqa: S608
        return self._many(_CASE, "ORDER BY opened DESC, job LIMIT ? OFFSET ?", limit, first), int(count)

    def slash(self, job: bytes) -> SlashRecord | None:
        return self._one(_SLASH, job)

    def all_slashes(self) -> list[SlashRecord]:
        """Newest first."""
        return self._many(_SLASH, "ORDER BY at DESC, job")

    def all_nodes(self) -> list[NodeRecord]:
        return self._many(_NODE, "ORDER BY block, owner")

    def newest_parameters(self) -> ParametersRecord | None:
        return self._one(_PARAMETERS, LATEST)

    def parameters_of(self, version: int) -> ParametersRecord:
        """Raises NotFound for a version that never was."""
        found = self._one(_PARAMETERS, str(version))
        if found is None:
            raise NotFound(f"there are no parameters of version {version}")
        return found

    def all_parameters(self) -> list[ParametersRecord]:
        """By version."""
        return self._many(_PARAMETERS, "WHERE place != ? ORDER BY version", LATEST)

    def is_settled(self, buyer: str, number: int) -> bool:
        """Whether the buyer paid his job `number` in a batch."""
        record = self._one(_NUMBERS, f"{buyer.lower()}/{number >> 8}")
        return record is not None and bool(record.bits >> (number & 255) & 1)

    def batches_between(self, buyer: str, payee: str) -> BatchRecord:
        """What the one has paid the other in batches; zeros when nothing."""
        buyer, payee = buyer.lower(), payee.lower()
        return self._one(_BATCHES, f"{buyer}/{payee}") or BatchRecord(buyer, payee, 0, 0, 0)

    def after(self, place: tuple[int, int], limit: int) -> list[Event]:
        """Events in the chain's order that come after the one at (block, log), the last of them a whole block's."""
        query = "SELECT block, log, hash, time, kind, fields FROM event WHERE (block, log) > (?, ?) ORDER BY block, log"
        rows = self._db.execute(f"{query} LIMIT ?", (*place, limit)).fetchall()
        if len(rows) == limit:
            rest = "SELECT block, log, hash, time, kind, fields FROM event WHERE block = ? AND log > ? ORDER BY log"
            rows += self._db.execute(rest, rows[-1][:2]).fetchall()
        return [_event(*row) for row in rows]

    def history(self, kinds: Sequence[type[Event]], limit: int, before: At | None = None) -> list[Event]:
        """The newest events of these kinds, newest first; of an earlier time than `before`."""
        marks = ", ".join("?" * len(kinds))
        block, log = (before.block, before.index) if before else (1 << 62, 0)
        query = (
            f"SELECT block, log, hash, time, kind, fields FROM event WHERE kind IN ({marks})"  # noqa: S608
            " AND (block, log) < (?, ?) ORDER BY block DESC, log DESC LIMIT ?"
        )
        names = [kind.__name__ for kind in kinds]
        return [_event(*row) for row in self._db.execute(query, (*names, block, log, limit)).fetchall()]

    def event_count(self) -> int:
        (count,) = self._db.execute("SELECT count(*) FROM event").fetchone()
        return int(count)

    def _one(self, layout: Layout[V], key: object) -> V | None:
        row = self._db.execute(f'{layout.select} WHERE "{layout.key}" = ?', (key,)).fetchone()
        return layout.load(row) if row else None

    def _many(self, layout: Layout[V], rest: str, *values: object) -> list[V]:
        return [layout.load(row) for row in self._db.execute(f"{layout.select} {rest}", values).fetchall()]

    def _of_parties(self, layout: Layout[V], buyer: str | None, provider: str | None) -> list[V]:
        clauses = {"buyer": buyer, "provider": provider}
        wanted = {name: value.lower() for name, value in clauses.items() if value is not None}
        where = " AND ".join(f"{name} = ?" for name in wanted) or "1"
        return self._many(layout, f"WHERE {where} ORDER BY opened DESC, id", *wanted.values())


def _fields(event: Event) -> str:
    names = [field.name for field in fields(event) if field.name != "at"]
    values = {name: getattr(event, name) for name in names}
    return json.dumps({n: "0x" + v.hex() if isinstance(v, bytes) else v for n, v in values.items()})


def _event(block: int, log: int, transaction: str, time: int, name: str, text: str) -> Event:
    kind = _KINDS[name]
    values = {
        key: bytes.fromhex(value[2:]) if key in _bytes_in(name) else tuple(value) if isinstance(value, list) else value
        for key, value in json.loads(text).items()
    }
    return kind(At(block, log, transaction, time), **values)


@cache
def _bytes_in(kind: str) -> frozenset[str]:
    return frozenset(name for name, hint in get_type_hints(_KINDS[kind]).items() if hint is bytes)


def _pack(row: Row | None) -> str | None:
    """A row as JSON; bytes as {"hex": …}."""
    if row is None:
        return None
    return json.dumps([{"hex": value.hex()} if isinstance(value, bytes) else value for value in row])


def _unpack(text: str | None) -> Row | None:
    if text is None:
        return None
    return tuple(bytes.fromhex(value["hex"]) if isinstance(value, dict) else value for value in json.loads(text))
