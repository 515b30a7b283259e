"""Opening a database: SQLite by default, with the settings that make a commit survive `kill -9` and a power cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from fogchain.errors import Conflict, CorruptData, Unavailable

BUSY_TIMEOUT_MS = 10_000


def open_database(path: Path, tables: MetaData, version: int) -> Engine:
    """An engine over `path` with `tables` made where absent. `version` is the layout's, kept in the file.

    Raises CorruptData when the file is no database, is damaged, or was written by another layout.
    """
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare)
    try:
        with engine.begin() as connection:
            if (state := connection.execute(text("PRAGMA quick_check(1)")).scalar()) != "ok":
                raise CorruptData(f"{path} is damaged: {state}", hint=_ADVICE)
            found = connection.execute(text("PRAGMA user_version")).scalar() or 0
            if found > version:
                raise CorruptData(
                    f"{path} has layout {found}, this version knows layouts up to {version}",
                    hint="run the newer version that wrote it",
                )
            if found < version and inspect(connection).get_table_names():
                raise CorruptData(
                    f"{path} has layout {found}, this version works with layout {version}",
                    hint="finish what is open with the version that wrote it, then move the file away; "
                    "keys, money and blobs are kept elsewhere and stay",
                )
            tables.create_all(connection)
            connection.execute(text(f"PRAGMA user_version = {version}"))
    except DatabaseError as error:
        engine.dispose()
        raise CorruptData(f"{path} can't be used: {error.orig}", hint=_ADVICE) from error
    except CorruptData:
        engine.dispose()
        raise
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, on disk when the block is left, undone when it raises.

    Raises Conflict when a key is taken, Unavailable when the disk takes no more or the file is locked too long,
    CorruptData when it is damaged.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except IntegrityError as error:
        raise Conflict(f"the database has that entry already: {error.orig}") from error
    except OperationalError as error:
        raise Unavailable(f"the database took no more: {error.orig}", hint="free some space on the disk") from error
    except DatabaseError as error:
        raise CorruptData(f"the database can't be used: {error.orig}", hint=_ADVICE) from error


_ADVICE = "nothing was changed; move the file away to start afresh, or restore it from a backup"


def _prepare(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
