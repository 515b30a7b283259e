"""Where a buyer's jobs live: each job's resolved spec and its log of events, in one database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields

from sqlalchemy import (
    Column,
    ColumnElement,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from fogchain.database import transaction
from fogchain.errors import BadInput, Conflict, CorruptData, NotFound
from fogchain.jobs.events import Delivered, Filed, JobEvent, from_record, to_record
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.spec import JobSpec
from fogchain.market.reputation import Outcomes

tables = MetaData()
_jobs = Table(
    "jobs",
    tables,
    Column("id", String, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),  # order of submission
    Column("key", String, unique=True),  # the submitter's idempotency key
    Column("created", Float, nullable=False),
    Column("open", Integer, nullable=False),  # 1 until paid
    Column("spec", LargeBinary, nullable=False),  # JSON
)
_events = Table(
    "job_events",
    tables,
    Column("job", String, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("body", String, nullable=False),  # JSON
)
_outcomes = Table(
    "provider_outcomes",
    tables,
    Column("provider", String, primary_key=True),
    *(Column(field.name, Integer, nullable=False) for field in fields(Outcomes)),
)


class JobStore:
    """All methods are one transaction each and return once it is on disk."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._records: dict[str, Outcomes] = {}

    def add(self, job_id: str, spec: JobSpec, created: float, key: str | None) -> None:
        """Raises Conflict when the key was used for another spec (see `by_key` for the same one)."""
        with transaction(self._engine) as connection:
            if key is not None and connection.execute(select(_jobs.c.id).where(_jobs.c.key == key)).first():
                raise Conflict("that idempotency key was used already", hint="use a new key for a new job")
            number = (connection.execute(select(func.max(_jobs.c.number))).scalar() or 0) + 1
            body = spec.model_dump_json().encode()
            connection.execute(
                insert(_jobs).values(id=job_id, number=number, key=key, created=created, open=1, spec=body)
            )

    def by_key(self, key: str) -> str | None:
        """The job submitted under this idempotency key."""
        with self._engine.connect() as connection:
            return connection.execute(select(_jobs.c.id).where(_jobs.c.key == key)).scalar()

    def append(self, job_id: str, first: int, events: Iterable[JobEvent]) -> None:
        """Write events as numbers `first`, `first`+1, … of the job's log. Raises Conflict on a taken number."""
        rows = []
        for seq, event in enumerate(events, first):
            kind, body = to_record(event)
            rows.append({"job": job_id, "seq": seq, "kind": kind, "body": json.dumps(body)})
        if rows:
            with transaction(self._engine) as connection:
                connection.execute(insert(_events), rows)

    def delete(self, job_id: str) -> None:
        """Forget a job and its log."""
        with transaction(self._engine) as connection:
            connection.execute(delete(_events).where(_events.c.job == job_id))
            connection.execute(delete(_jobs).where(_jobs.c.id == job_id))

    def close(self, job_id: str, outcomes: Mapping[str, Outcomes]) -> None:
        """The job is paid: it need not be taken up again at start, and adds to its providers' records, once."""
        with transaction(self._engine) as connection:
            closed = connection.execute(update(_jobs).where(_jobs.c.id == job_id, _jobs.c.open == 1).values(open=0))
            if not closed.rowcount:
                return
            for provider, seen in outcomes.items():
                row = connection.execute(select(_outcomes).where(_outcomes.c.provider == provider)).first()
                new = (Outcomes(*row[1:]) if row else Outcomes()) + seen
                connection.execute(delete(_outcomes).where(_outcomes.c.provider == provider))
                connection.execute(insert(_outcomes).values(provider=provider, **asdict(new)))
        for provider in outcomes:
            self._records.pop(provider, None)

    def load(self, job_id: str) -> tuple[JobMachine, int]:
        """The job as its log tells it, and the number of events. Raises NotFound, CorruptData."""
        with self._engine.connect() as connection:
            row = connection.execute(select(_jobs.c.spec, _jobs.c.created).where(_jobs.c.id == job_id)).first()
            if row is None:
                raise NotFound(f"there is no job {job_id}")
            records = connection.execute(
                select(_events.c.seq, _events.c.kind, _events.c.body)
                .where(_events.c.job == job_id)
                .order_by(_events.c.seq)
            ).all()
        try:
            machine = JobMachine(job_id, JobSpec.model_validate_json(row.spec), row.created)
            for place, (seq, kind, body) in enumerate(records):
                if seq != place:
                    raise CorruptData(f"event {place} of job {job_id[:12]} is missing")
                machine.apply(from_record(kind, json.loads(body)))
        except (ValueError, TypeError, KeyError, AttributeError) as error:  # a body that JSON or the types refuse
            raise CorruptData(f"job {job_id[:12]} can't be read: {str(error)[:300]}") from error
        return machine, len(records)

    def open_jobs(self) -> list[str]:
        """Ids of jobs that are not paid yet, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_jobs.c.id).where(_jobs.c.open == 1).order_by(_jobs.c.number))
            return [row.id for row in rows]

    def page(self, limit: int, before: int | None) -> tuple[list[tuple[str, int]], int]:
        """(id, number) of up to `limit` jobs, newest first, older than number `before`; and how many there are."""
        with self._engine.connect() as connection:
            query = select(_jobs.c.id, _jobs.c.number).order_by(_jobs.c.number.desc()).limit(limit)
            if before is not None:
                query = query.where(_jobs.c.number < before)
            total = connection.execute(select(func.count()).select_from(_jobs)).scalar() or 0
            return [(row.id, row.number) for row in connection.execute(query)], total

    def receipts(self, job_id: str | None = None) -> int:
        """How many signed receipts came, for one job or for all."""
        wanted: ColumnElement[bool] = _events.c.kind.in_((Delivered.__name__, Filed.__name__))
        if job_id is not None:
            wanted &= _events.c.job == job_id
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(_events).where(wanted)).scalar() or 0

    def resolve(self, prefix: str) -> str:
        """The one job whose id begins with `prefix`. Raises NotFound, or BadInput when several do."""
        if not prefix or len(prefix) > 64 or not all(c in "0123456789abcdef" for c in prefix):
            raise NotFound(f"there is no job {prefix[:64]!r}", hint="`fogchain job list` shows the ids")
        with self._engine.connect() as connection:
            rows = connection.execute(select(_jobs.c.id).where(_jobs.c.id.startswith(prefix)).limit(2)).all()
        if not rows:
            raise NotFound(f"there is no job {prefix}", hint="`fogchain job list` shows the ids")
        if len(rows) > 1:
            raise BadInput(f"several jobs begin with {prefix}", hint="give more digits of the id")
        return str(rows[0].id)

    def record(self, provider: str) -> Outcomes:
        """What this buyer has seen of a provider, over all its paid jobs. Asked for with every look at the offers, so
        it is read once."""
        if provider not in self._records:
            with self._engine.connect() as connection:
                row = connection.execute(select(_outcomes).where(_outcomes.c.provider == provider)).first()
            self._records[provider] = Outcomes(*row[1:]) if row else Outcomes()
        return self._records[provider]
