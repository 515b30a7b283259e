"""The buyer pays what was done on account: many bills, of several jobs and providers, in one transaction.

A bill has a number that is given out once, ever, and that the market contract pays once, ever. Bills are on disk before
a payment is signed, a payment's bills are fixed before it is sent, and it is sent under one tag: a node killed at any
moment goes on with the same payment, and nothing is paid twice, not even by a node that has lost its outbox.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog
from sqlalchemy import Boolean, Column, Engine, Integer, MetaData, String, Table, func, insert, select, update

from fogchain.chain.calls import BatchItem, Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.index import EventIndex
from fogchain.chain.reverts import Reverted
from fogchain.chain.sender import Sender
from fogchain.database import transaction
from fogchain.errors import FogchainError
from fogchain.units import format_fog

log = structlog.get_logger(__name__)

GATHER = 1.0  # seconds in which bills of other jobs that end now come along
MOST_AT_ONCE = 1000  # bills in one payment
RETRY = 3.0
NEWEST = 20  # payments behind which the chain may still go back
CONFIRMATIONS = 4  # blocks on top of a payment before it counts

tables = MetaData()
_bills = Table(
    "bills",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=False),  # the market pays each once
    Column("job", String, nullable=False, index=True),
    Column("payee", String, nullable=False),
    Column("amount", String, nullable=False),  # decimal, over 64 bits wide
    Column("payment", Integer, index=True),  # None: in none yet
)
_payments = Table(
    "payments",
    tables,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("tries", Integer, nullable=False),  # transactions that the market has refused
    Column("paid", Boolean, nullable=False),
)


class Settlement:
    """`run` it. All methods are one transaction each and return once it is on disk."""

    def __init__(
        self, *, engine: Engine, address: str, client: ChainClient, index: EventIndex, sender: Sender, calls: Calls
    ) -> None:
        self._engine, self._address = engine, address
        self._client, self._index, self._sender, self._calls = client, index, sender, calls
        self._wake = asyncio.Event()

    def owe(self, job: str, payee: str, total: int) -> None:
        """What the job owes this payee in all; what no bill is for yet gets one."""
        with transaction(self._engine) as connection:
            mine = (_bills.c.job == job) & (_bills.c.payee == payee)
            rows = connection.execute(select(_bills.c.amount).where(mine)).all()
            more = total - sum(int(row.amount) for row in rows)
            if more <= 0:
                return
            number = connection.execute(select(func.max(_bills.c.number))).scalar()
            number = 0 if number is None else number + 1
            while self._index.is_settled(self._address, number):  # by a node of this wallet that had another disk
                number += 1
            connection.execute(insert(_bills).values(number=number, job=job, payee=payee, amount=str(more)))
        self._wake.set()

    def is_paid(self, job: str) -> bool:
        """Whether every bill of the job is paid on the chain, deep enough to stay so."""
        head = self._index.head
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(_bills.c.number, _payments.c.id, _payments.c.tries, _payments.c.paid)
                .select_from(_bills.outerjoin(_payments, _bills.c.payment == _payments.c.id))
                .where(_bills.c.job == job)
            ).all()
        for row in rows:
            if not row.paid or not self._index.is_settled(self._address, row.number):
                return False
            with suppress(FogchainError):
                done = self._sender.result(_tag(row.id, row.tries))
                if done is not None and (head is None or head.number < done.block + CONFIRMATIONS):
                    return False
        return True

    def is_on_its_way(self, job: str) -> bool:
        """Whether a bill of the job is not paid yet."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_bills.c.number).where(_bills.c.job == job)).all()
        return any(not self._index.is_settled(self._address, row.number) for row in rows)

    def paid(self, job: str) -> dict[str, int]:
        """What each payee of the job was paid so far, fee included."""
        found: dict[str, int] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(select(_bills).where(_bills.c.job == job)).all():
                if self._index.is_settled(self._address, row.number):
                    found[row.payee] = found.get(row.payee, 0) + int(row.amount)
        return found

    async def run(self) -> None:
        """Pay until cancelled."""
        while True:
            try:
                self._take_up_undone()
                for payment, tries in self._open():
                    await self._pay(payment, tries)
                if not self._open():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), RETRY)
                    if self._wake.is_set():
                        await asyncio.sleep(GATHER)
                    self._wake.clear()
                    self._gather()
            except Exception as error:  # a full disk, say: what is written is right
                log.error("payments stand still", exc_info=error)
                await asyncio.sleep(RETRY)

    def _take_up_undone(self) -> None:
        """The chain may go back behind a payment, and refuse it when it comes again before what it is paid from."""
        with self._engine.connect() as connection:
            done = select(_payments).where(_payments.c.paid).order_by(_payments.c.id.desc()).limit(NEWEST)
            rows = connection.execute(done).all()
        for row in rows:
            try:
                self._sender.result(_tag(row.id, row.tries))
            except Reverted as error:
                log.warning("a batch that was paid is refused now: the chain went back", why=error.message)
                self._note(row.id, paid=False, tries=row.tries + 1)

    def _open(self) -> list[tuple[int, int]]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(_payments).where(~_payments.c.paid).order_by(_payments.c.id)).all()
        return [(row.id, row.tries) for row in rows]

    def _gather(self) -> None:
        """Fix which bills the next payment is for."""
        with transaction(self._engine) as connection:
            unpaid = select(_bills.c.number).where(_bills.c.payment.is_(None)).order_by(_bills.c.number)
            numbers = [row.number for row in connection.execute(unpaid.limit(MOST_AT_ONCE))]
            if not numbers:
                return
            newest = connection.execute(select(func.max(_payments.c.id))).scalar()
            payment = 0 if newest is None else newest + 1
            connection.execute(insert(_payments).values(id=payment, tries=0, paid=False))
            connection.execute(update(_bills).where(_bills.c.number.in_(numbers)).values(payment=payment))

    def _items(self, payment: int, tries: int) -> list[BatchItem]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(_bills).where(_bills.c.payment == payment).order_by(_bills.c.number)).all()
        items = [BatchItem(row.payee, row.number, int(row.amount)) for row in rows]
        if tries:  # refused once: some of it may have been paid by a transaction that this outbox does not know
            items = [item for item in items if not self._index.is_settled(self._address, item.number)]
        return items

    async def _pay(self, payment: int, tries: int) -> None:
        items, tag = self._items(payment, tries), _tag(payment, tries)
        total = sum(item.amount for item in items)
        try:
            if items:
                done = await self._sender.send(self._calls.settle_batch(items), tag=tag)
                last = items[-1].number
                await self._index.wait_for(lambda: self._index.is_settled(self._address, last), 30)
                log.info(
                    "batch paid", bills=len(items), payees=len({item.payee for item in items}),
                    amount=format_fog(total), gas=done.gas_used, gas_each=done.gas_used // len(items),
                    transaction=done.hash,
                )  # fmt: skip
            self._note(payment, paid=True)
        except Reverted as error:
            log.warning("a batch was refused", bills=len(items), why=error.message)
            # Mined and refused, the tag is used up; refused before, nothing was sent. Either way the next try begins
            # with what the chain has not settled.
            self._note(payment, tries=tries + 1)
            await asyncio.sleep(RETRY)
        except FogchainError as error:
            log.warning("a batch can't be paid yet", bills=len(items), amount=format_fog(total), why=error.message)
            await asyncio.sleep(RETRY)

    def _note(self, payment: int, **values: int | bool) -> None:
        with transaction(self._engine) as connection:
            connection.execute(update(_payments).where(_payments.c.id == payment).values(**values))


def _tag(payment: int, tries: int) -> str:
    return f"batch-{payment}-{tries}"
