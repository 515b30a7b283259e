"""The harvester's own record: what happened to the device machine, what that made of it, and what the sensors said.

Events are the source: folded through `device.step` they give the transitions again, which are kept beside them to be
read quickly. Readings are kept as changes, a row in so many seconds, so that a policy can be tried on past days.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Engine, Float, Integer, MetaData, String, Table, delete, func, insert, select

from fogchain.database import transaction
from node.harvest import device
from node.harvest.device import Actor, Device, Event, Intended, State, Transition
from node.harvest.policy import Action, Scope
from node.harvest.sensors import SENSORS, Snapshot, Value

MEMORY = 30 * 86_400.0  # seconds that are kept
MOST_TRANSITIONS = 1000  # of one answer

tables = MetaData()
_events = Table(
    "harvest_events",
    tables,
    Column("id", Integer, primary_key=True),
    Column("start", Integer, nullable=False),  # which start of the node: its clock begins anew
    Column("clock", Float, nullable=False),  # seconds of a clock that never goes back
    Column("at", Float, nullable=False),  # Unix seconds
    Column("kind", String, nullable=False),
    Column("body", String, nullable=False),  # JSON
)
_transitions = Table(
    "harvest_transitions",
    tables,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("before", String, nullable=False),
    Column("after", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("actor", String, nullable=False),
)
_readings = Table(
    "harvest_readings",
    tables,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("changes", String, nullable=False),  # JSON, sensor to value
)

_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        device.Started, device.Stopped, device.Weighed, device.Claimed, device.Began, device.Ended, device.Measured,
        device.Done, device.Intended, device.Faulted, device.Cleared, device.Ticked,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Happened:
    """An event, by both clocks, and what it made of the device."""

    event: Event
    clock: float
    at: float
    transitions: tuple[Transition, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """A transition as it is read again. `at`: Unix seconds."""

    id: int
    at: float
    before: State
    after: State
    cause: str
    actor: Actor


class Journal:
    """One transaction a method; raises Unavailable when the disk takes no more."""

    def __init__(self, engine: Engine, now: float) -> None:
        """`now`: Unix seconds; what is older than MEMORY goes."""
        self._engine = engine
        self._seen: dict[str, Value | None] | None = None  # at the last row of readings
        with transaction(engine) as connection:
            for table in (_events, _transitions, _readings):
                connection.execute(delete(table).where(table.c.at < now - MEMORY))
            self._start = (connection.execute(select(func.max(_events.c.start))).scalar() or 0) + 1

    def write(self, happened: Sequence[Happened]) -> None:
        """Both, in the order in which they are given."""
        if not happened:
            return
        with transaction(self._engine) as connection:
            for one in happened:
                connection.execute(
                    insert(_events).values(
                        start=self._start, clock=one.clock, at=one.at, kind=type(one.event).__name__,
                        body=_packed(one.event),
                    )
                )  # fmt: skip
                for went in one.transitions:
                    connection.execute(
                        insert(_transitions).values(
                            at=one.at, before=went.before.value, after=went.after.value, cause=went.cause,
                            actor=went.actor,
                        )
                    )  # fmt: skip

    def read(self, snapshot: Snapshot, at: float) -> None:
        """Keep what changed since the last time, which may be nothing; all of it the first time."""
        before = self._seen
        changes = {
            name: _short(snapshot.get(name))
            for name in SENSORS
            if before is None or _short(snapshot.get(name)) != _short(before.get(name))
        }
        with transaction(self._engine) as connection:
            connection.execute(insert(_readings).values(at=at, changes=json.dumps(changes)))
        self._seen = dict(snapshot)

    # ---------------------------------------------------------------- reading it again

    def intent(self, now: float) -> Intended:
        """What the owner wanted last, for as long as he wanted it. Its `until` is in Unix seconds."""
        with self._engine.connect() as connection:
            row = connection.execute(
                select(_events).where(_events.c.kind == Intended.__name__).order_by(_events.c.id.desc()).limit(1)
            ).first()
        if row is None:
            return Intended("auto")
        said = _unpacked(row.kind, row.body)
        assert isinstance(said, Intended)
        if said.until is None:
            return said
        until = row.at + (said.until - row.clock)
        return Intended(said.intent, until) if until > now else Intended("auto")

    def in_quarantine(self) -> str:
        """Why the device is in quarantine, across restarts; empty when it is not."""
        names = (device.Faulted.__name__, device.Cleared.__name__)
        with self._engine.connect() as connection:
            row = connection.execute(
                select(_events).where(_events.c.kind.in_(names)).order_by(_events.c.id.desc()).limit(1)
            ).first()
        fault = _unpacked(row.kind, row.body) if row is not None else None
        return fault.cause if isinstance(fault, device.Faulted) else ""

    def transitions(self, limit: int = 100, before: int | None = None) -> list[Kept]:
        """The newest first; `before`: those with a smaller id."""
        wanted = select(_transitions).order_by(_transitions.c.id.desc()).limit(min(limit, MOST_TRANSITIONS))
        if before is not None:
            wanted = wanted.where(_transitions.c.id < before)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted).all()
        return [Kept(row.id, row.at, State(row.before), State(row.after), row.cause, row.actor) for row in rows]

    def count(self) -> int:
        """Of the transitions that are kept."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(_transitions)).scalar_one()

    def course(self, since: float) -> list[Transition]:
        """All transitions from then on, the oldest first; their times are Unix seconds."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(_transitions).where(_transitions.c.at >= since).order_by(_transitions.c.id)
            ).all()
        return [Transition(row.at, State(row.before), State(row.after), row.cause, row.actor) for row in rows]

    def folded(self) -> list[Transition]:
        """What the events come to, each start of the node from the beginning; times are by each start's clock."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_events).order_by(_events.c.id)).all()
        went, now, start = list[Transition](), Device(), None
        for row in rows:
            if row.start != start:
                start, now = row.start, Device()
            now, _, more = device.step(now, _unpacked(row.kind, row.body), row.clock)
            went += more
        return went

    def history(self, since: float) -> Iterator[tuple[float, Snapshot]]:
        """What the sensors said from then on: Unix seconds and the whole snapshot, with what was said before it."""
        known: dict[str, Value | None] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(select(_readings).order_by(_readings.c.id)):
                known = known | {name: value for name, value in json.loads(row.changes).items() if name in SENSORS}
                if row.at >= since:
                    yield row.at, known


def _short(value: Value | None) -> Value | None:
    return round(value, 2) if isinstance(value, float) else value


def _packed(event: Event) -> str:
    body = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return json.dumps(
        {name: int(value) if isinstance(value, Action | Scope) else value for name, value in body.items()}
    )


def _unpacked(kind: str, body: str) -> Event:
    fields = json.loads(body)
    if kind == device.Weighed.__name__:
        fields["action"] = Action(fields["action"]) if fields["action"] is not None else None
        fields["scope"] = Scope(fields["scope"])
    event: Event = _KINDS[kind](**fields)
    return event
