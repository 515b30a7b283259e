"""The outgoing transactions on disk: what was asked for, what was signed for it, how it ended.

    asked ──▶ QUEUED ──signed, nonce──▶ SENT ──receipt──▶ MINED ──64 blocks──▶ FINAL
                 ▲                        │  ▲               │
                 └─nonce used by another──┘  └──receipt gone─┘

A signed transaction is here before any node sees it, so that after a crash the same bytes are sent again, never others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from fogchain.chain.calls import Call
from fogchain.chain.transaction import Fees
from fogchain.errors import CorruptData

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY,
    tag TEXT NOT NULL UNIQUE,
    recipient TEXT NOT NULL, data BLOB NOT NULL, gas INTEGER NOT NULL, value TEXT NOT NULL, what TEXT NOT NULL,
    state TEXT NOT NULL,
    nonce INTEGER,
    hash TEXT, block INTEGER, block_hash TEXT, gas_used INTEGER, gas_price TEXT,
    failure TEXT, failure_hint TEXT, failure_name TEXT
);
CREATE INDEX IF NOT EXISTS outbox_state ON outbox (state, nonce);
CREATE INDEX IF NOT EXISTS outbox_nonce ON outbox (nonce);
CREATE TABLE IF NOT EXISTS outbox_signed (
    entry INTEGER NOT NULL, hash TEXT NOT NULL, raw BLOB NOT NULL, most TEXT NOT NULL, tip TEXT NOT NULL,
    PRIMARY KEY (entry, hash)
);
CREATE TABLE IF NOT EXISTS outbox_owner (address TEXT NOT NULL, chain_id INTEGER NOT NULL, genesis TEXT);
"""
_COLUMNS = (
    "id, tag, recipient, data, gas, value, what, state, nonce, hash, block, block_hash, gas_used, gas_price, "
    "failure, failure_hint, failure_name"
)


class State(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Failure:
    """The contract refused what was mined."""

    message: str
    hint: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Mined:
    hash: str
    block: int
    block_hash: str
    gas_used: int
    gas_price: int  # wei per gas paid
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Copy:
    """One signed form of an entry; replacements under the same nonce follow each other."""

    hash: str
    raw: bytes
    fees: Fees


@dataclass(slots=True, eq=False)
class Entry:
    """One transaction on its way."""

    tag: str
    call: Call
    id: int | None = None  # once on disk
    state: State = State.QUEUED
    nonce: int | None = None
    copies: list[Copy] = field(default_factory=list)
    mined: Mined | None = None


class Outbox:
    """The table. Every method is one transaction on disk."""

    def __init__(self, path: Path) -> None:
        """Raises CorruptData for a file that is not a database."""
        self._path = path
        self._db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")  # a signed transaction must survive a power cut too
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise CorruptData(
                f"{path} can't be read: {error}", hint="restore it from a backup, or move it away: it is built anew"
            ) from error

    def claim(self, address: str, chain_id: int, genesis: str | None) -> None:
        """Binds the file to one account on one chain the first time; raises CorruptData when it is of another.

        `genesis`: hash of block 0, None from a node that has forgotten it; then the id has to do.
        """
        found = self._db.execute("SELECT address, chain_id, genesis FROM outbox_owner").fetchone()
        if found is None or (found[:2] == (address, chain_id) and found[2] is None):
            with self._transaction():
                self._db.execute("DELETE FROM outbox_owner")
                self._db.execute("INSERT INTO outbox_owner VALUES (?, ?, ?)", (address, chain_id, genesis))
        elif found[:2] != (address, chain_id) or (genesis is not None and found[2] != genesis):
            what = "wallet" if found[0] != address else "chain"
            raise CorruptData(
                f"{self._path} holds the transactions of another {what}",
                hint="use the node's own wallet and chain, or move the file away to begin anew",
            )

    def close(self) -> None:
        self._db.close()

    def unfinished(self) -> list[Entry]:
        """All that are not final, in the order in which they were asked for."""
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM outbox WHERE state != 'final' ORDER BY id")  # noqa: S608
        return [self._entry(row) for row in rows.fetchall()]

    def find(self, tag: str) -> Entry | None:
        row = self._db.execute(f"SELECT {_COLUMNS} FROM outbox WHERE tag = ?", (tag,)).fetchone()  # noqa: S608
        return self._entry(row) if row else None

    def top_nonce(self) -> int:
        """The highest nonce ever given out, -1 if none was."""
        (top,) = self._db.execute("SELECT max(nonce) FROM outbox").fetchone()
        return -1 if top is None else int(top)

    def add(self, entries: Iterable[Entry]) -> None:
        with self._transaction():
            for entry in entries:
                call = entry.call
                cursor = self._db.execute(
                    "INSERT INTO outbox (tag, recipient, data, gas, value, what, state) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (entry.tag, call.to, call.data, call.gas, str(call.value), call.what, entry.state),
                )
                entry.id = cursor.lastrowid

    def remove(self, entry: Entry) -> None:
        """Forget what never got a nonce; its tag may be used again."""
        with self._transaction():
            self._db.execute("DELETE FROM outbox WHERE id = ? AND nonce IS NULL", (entry.id,))

    def sign(self, entries: Iterable[Entry]) -> None:
        """Keeps each entry's nonce and newest copy."""
        with self._transaction():
            for entry in entries:
                self._update(entry)
                newest = entry.copies[-1]
                self._db.execute(
                    "INSERT OR REPLACE INTO outbox_signed VALUES (?, ?, ?, ?, ?)",
                    (entry.id, newest.hash, newest.raw, str(newest.fees.most), str(newest.fees.tip)),
                )

    def requeue(self, entry: Entry) -> None:
        """Another transaction used its nonce: its signed copies can never be mined."""
        with self._transaction():
            self._update(entry)
            self._db.execute("DELETE FROM outbox_signed WHERE entry = ?", (entry.id,))

    def update(self, entries: Iterable[Entry]) -> None:
        with self._transaction():
            for entry in entries:
                self._update(entry)

    def finished_from(self, nonce: int) -> list[Entry]:
        """The mined and final entries with this nonce or a higher one."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM outbox WHERE nonce >= ? AND state IN ('mined', 'final') ORDER BY nonce",  # noqa: S608
            (nonce,),
        )
        return [self._entry(row) for row in rows.fetchall()]

    def top_mined_nonce(self) -> int:
        query = "SELECT max(nonce) FROM outbox WHERE state IN ('mined', 'final')"
        (top,) = self._db.execute(query).fetchone()
        return -1 if top is None else int(top)

    # ----

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)

    def _update(self, entry: Entry) -> None:
        mined = entry.mined
        failure = mined.failure if mined else None
        self._db.execute(
            "UPDATE outbox SET state = ?, nonce = ?, hash = ?, block = ?, block_hash = ?, gas_used = ?, gas_price = ?, "
            "failure = ?, failure_hint = ?, failure_name = ? WHERE id = ?",
            (
                entry.state,
                entry.nonce,
                *(
                    (mined.hash, mined.block, mined.block_hash, mined.gas_used, str(mined.gas_price))
                    if mined
                    else [None] * 5
                ),
                *((failure.message, failure.hint, failure.name) if failure else [None] * 3),
                entry.id,
            ),
        )

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        (number, tag, to, data, gas, value, what, state, nonce, hash_, block, block_hash, used, price, *why) = row
        copies = self._db.execute(
            "SELECT hash, raw, most, tip FROM outbox_signed WHERE entry = ? ORDER BY length(most), most", (number,)
        )
        mined = None
        if hash_ is not None:
            failure = Failure(*(str(part) for part in why)) if why[0] is not None else None
            mined = Mined(str(hash_), int(block), str(block_hash), int(used), int(str(price)), failure)
        return Entry(
            tag=str(tag),
            call=Call(str(to), bytes(data), int(gas), int(str(value)), str(what)),
            id=number,
            state=State(str(state)),
            nonce=nonce,
            copies=[Copy(h, raw, Fees(int(most), int(tip))) for h, raw, most, tip in copies.fetchall()],
            mined=mined,
        )


class _Transaction:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK on an error."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:  # a full disk may have ended it
                self._db.execute("ROLLBACK")
