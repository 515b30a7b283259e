"""This node's own record of how long it stays and how its runs end: what its survival forecast is made of."""

from __future__ import annotations

from itertools import pairwise

from sqlalchemy import Column, Engine, Float, Integer, MetaData, Table, delete, insert, select, update

from fogchain.database import transaction
from fogchain.market.survival import Record

MEMORY = 30 * 86_400.0  # seconds that count
OUTAGE = 60.0  # seconds away below which nobody's tasks were lost: a restart takes them up again

tables = MetaData()
_stretches = Table(
    "uptime",
    tables,
    Column("began", Float, primary_key=True),
    Column("seen", Float, nullable=False),  # the last sign of life
)
_runs = Table(
    "runs_ended",
    tables,
    Column("day", Integer, primary_key=True),  # since the epoch
    Column("sound", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
)


class Uptime:
    """Times are Unix seconds and come from the caller. All methods are one transaction each."""

    def __init__(self, engine: Engine, now: float) -> None:
        self._engine, self._began = engine, now
        with transaction(engine) as connection:
            connection.execute(
                delete(_stretches).where((_stretches.c.seen < now - MEMORY) | (_stretches.c.began >= now))
            )
            connection.execute(delete(_runs).where(_runs.c.day < (now - MEMORY) // 86_400))
            connection.execute(insert(_stretches).values(began=now, seen=now))

    def beat(self, now: float) -> None:
        """The node is still there."""
        with transaction(self._engine) as connection:
            connection.execute(
                update(_stretches).where(_stretches.c.began == self._began, _stretches.c.seen < now).values(seen=now)
            )

    def ended(self, *, sound: bool, now: float) -> None:
        """A run ended by itself, or failed through this node's fault."""
        day = int(now // 86_400)
        with transaction(self._engine) as connection:
            row = connection.execute(select(_runs).where(_runs.c.day == day)).first()
            good, bad = (row.sound, row.failed) if row else (0, 0)
            values = {"sound": good + sound, "failed": bad + (not sound)}
            if row:
                connection.execute(update(_runs).where(_runs.c.day == day).values(**values))
            else:
                connection.execute(insert(_runs).values(day=day, **values))

    def record(self) -> Record:
        with self._engine.connect() as connection:
            stretches = connection.execute(select(_stretches).order_by(_stretches.c.began)).all()
            runs = connection.execute(select(_runs)).all()
        gaps = [after.began - before.seen for before, after in pairwise(stretches)]
        return Record(
            up=sum(stretch.seen - stretch.began for stretch in stretches),
            outages=sum(gap > OUTAGE for gap in gaps),
            sound=sum(row.sound for row in runs),
            failed=sum(row.failed for row in runs),
        )
