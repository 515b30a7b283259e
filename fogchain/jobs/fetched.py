"""Which results their owner has fetched from this node: those may go when the disk gets tight."""

from __future__ import annotations

import time
from collections.abc import Iterable

from sqlalchemy import Column, Engine, Float, MetaData, String, Table, select
from sqlalchemy.dialects.sqlite import insert

from fogchain.database import transaction

tables = MetaData()
_fetched = Table(
    "fetched_blobs", tables, Column("name", String, primary_key=True), Column("at", Float, nullable=False)
)  # fmt: skip


class Fetched:
    """Names are gathered and written by `flush`; one that is lost with a killed process keeps its blob the longer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._fresh: set[str] = set()

    def add(self, name: str) -> None:
        self._fresh.add(name)

    def flush(self) -> None:
        """Raises Unavailable when the disk is full."""
        rows = [{"name": name, "at": time.time()} for name in self._fresh]
        if rows:
            with transaction(self._engine) as connection:
                connection.execute(insert(_fetched).on_conflict_do_nothing(), rows)
            self._fresh.clear()

    def among(self, names: Iterable[str]) -> set[str]:
        wanted = list(names)
        found = self._fresh & set(wanted)
        with self._engine.connect() as connection:
            for at in range(0, len(wanted), 500):
                query = select(_fetched.c.name).where(_fetched.c.name.in_(wanted[at : at + 500]))
                found |= {row.name for row in connection.execute(query)}
        return found
