"""A gateway's devices and codes on disk, in `node.db`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from fogchain.database import transaction
from fogchain.errors import Conflict, NotFound
from node.fleet.codes import MOST_OPEN, VALID, Issued, open_codes
from node.fleet.roster import Intent

KEEP_CODES = 86_400.0  # seconds for which it is known that a code was used or has expired
MOST_DEVICES = 1024
MOST_REMOVED = 4096  # of which it is known that they were

tables = MetaData()
_devices = Table(
    "fleet_devices",
    tables,
    Column("peer_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("joined", Float, nullable=False),  # Unix seconds
    Column("code", LargeBinary, nullable=False),  # digest of the one it came with
    Column("intent", String, nullable=False),
    Column("revision", Integer, nullable=False),  # of the intent
    Column("policy", String),  # TOML that the gateway wants there
    Column("last_seen", Float),  # Unix seconds
    Column("removed", Float),
)
_codes = Table(
    "fleet_codes",
    tables,
    Column("digest", LargeBinary, primary_key=True),
    Column("issued", Float, nullable=False),
    Column("name", String, nullable=False),
    Column("used_by", String, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Stored:
    peer_id: str
    name: str
    joined: float
    code: bytes
    intent: Intent
    revision: int
    policy: str | None
    last_seen: float | None
    removed: float | None


class FleetStore:
    """Every change is on disk when its method returns. Raises Unavailable when the disk takes no more."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def devices(self) -> list[Stored]:
        with self._engine.connect() as connection:
            return [Stored(*row) for row in connection.execute(select(_devices).order_by(_devices.c.joined))]

    def codes(self) -> list[Issued]:
        with self._engine.connect() as connection:
            return [Issued(*row) for row in connection.execute(select(_codes))]

    def issue(self, code: Issued) -> None:
        """Raises Conflict when too many can be used already."""
        if open_codes(self.codes(), code.issued) >= MOST_OPEN:
            raise Conflict(f"{MOST_OPEN} codes can be used already", hint=f"each is good for {VALID / 60:g} minutes")
        with transaction(self._engine) as connection:
            connection.execute(delete(_codes).where(_codes.c.issued < code.issued - KEEP_CODES))
            connection.execute(
                insert(_codes).values(digest=code.digest, issued=code.issued, name=code.name, used_by="")
            )

    def admit(self, peer_id: str, name: str, code: bytes, now: float) -> Stored:
        """Use up the code for this device, in one transaction. Raises Conflict when another was quicker, or for too
        many devices."""
        here = [device for device in self.devices() if device.removed is None and device.peer_id != peer_id]
        if len(here) >= MOST_DEVICES:
            raise Conflict(f"the fleet has {MOST_DEVICES} devices, no more fit", hint="remove some")
        names = {device.name for device in here}
        free = next(
            each for each in (name, *(f"{name[:34]}-{n}" for n in range(2, MOST_DEVICES + 2))) if each not in names
        )
        device = Stored(peer_id, free, now, code, "auto", 0, None, None, None)
        with transaction(self._engine) as connection:
            used = connection.execute(
                update(_codes).where(_codes.c.digest == code, _codes.c.used_by == "").values(used_by=peer_id)
            )
            if used.rowcount != 1:
                raise Conflict("another device has joined with that code", hint="make a new one for this device")
            connection.execute(delete(_devices).where(_devices.c.peer_id == peer_id))
            connection.execute(insert(_devices).values(**{name: getattr(device, name) for name in _COLUMNS}))
        return device

    def tell(self, peer_id: str, intent: Intent) -> int:
        """Keep the owner's word; its revision."""
        with transaction(self._engine) as connection:
            revision = connection.execute(select(_devices.c.revision).where(_devices.c.peer_id == peer_id)).scalar()
            if revision is None:
                raise NotFound("that device is not in the fleet")
            connection.execute(
                update(_devices).where(_devices.c.peer_id == peer_id).values(intent=intent, revision=revision + 1)
            )
            return int(revision) + 1

    def wish(self, peer_id: str, policy: str | None) -> None:
        self._set(peer_id, policy=policy)

    def seen(self, peer_id: str, at: float) -> None:
        self._set(peer_id, last_seen=at)

    def remove(self, peer_id: str, at: float) -> None:
        self._set(peer_id, removed=at)
        with transaction(self._engine) as connection:
            oldest = select(_devices.c.peer_id).where(_devices.c.removed.is_not(None))
            gone = oldest.order_by(_devices.c.removed.desc()).offset(MOST_REMOVED)
            connection.execute(delete(_devices).where(_devices.c.peer_id.in_(gone)))

    def _set(self, peer_id: str, **values: object) -> None:
        with transaction(self._engine) as connection:
            connection.execute(update(_devices).where(_devices.c.peer_id == peer_id).values(**values))


_COLUMNS = tuple(column.name for column in _devices.columns)
