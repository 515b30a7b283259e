"""What a provider must never lose: orders it took, receipts it owes, vouchers it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    bindparam,
    func,
    insert,
    select,
    update,
)  # fmt: skip

from fogchain.chain.calls import session_id
from fogchain.database import transaction
from fogchain.market.messages import ON_ACCOUNT, Exit, TaskOrder
from fogchain.units import cost
from node.trade.wire import ACCEPTED, BREACHED, DELIVERED, DROPPED, QUEUED, SignedOrder, SignedReceipt

tables = MetaData()
_orders = Table(
    "orders",
    tables,
    Column("digest", LargeBinary, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),  # order of arrival
    Column("peer", String, nullable=False),
    Column("session", LargeBinary, nullable=False, index=True),
    Column("state", String, nullable=False, index=True),  # queued, delivered, dropped; running is not kept
    Column("order", LargeBinary, nullable=False),  # the signed order's wire form
    Column("promise", LargeBinary, nullable=False),  # this node's signature over the same order
    Column("receipt", LargeBinary),  # the signed receipt's wire form
    Column("cost", String, nullable=False),  # of the finished run, else of the fuel limit; decimal, over 64 bits wide
    Column("handed", Boolean, nullable=False),  # the buyer has the receipt
    Column("verdict", String, nullable=False),  # what the buyer said of it, or why this node dropped it
    Column("penalty", String, nullable=False),  # owed for a promise not kept, decimal
    Column("reason", String, nullable=False),  # its last word on whether it pays: `fogchain.market.reasons`
    Column("finished", Float),
)
_sessions = Table(
    "sessions_held",
    tables,
    Column("session", LargeBinary, primary_key=True),
    Column("buyer", String, nullable=False),
    Column("peer", String, nullable=False),
    Column("amount", String, nullable=False),  # the newest voucher, decimal
    Column("signature", LargeBinary, nullable=False),
    Column("last", Boolean, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("on_account", Boolean, nullable=False),  # no session: it is paid in batches
)


@dataclass(frozen=True, slots=True)
class LedgerOrder:
    digest: bytes
    number: int
    peer: str
    state: str
    signed: SignedOrder
    promise: bytes
    receipt: SignedReceipt | None
    handed: bool
    verdict: str
    reason: str = ""

    @property
    def order(self) -> TaskOrder:
        return self.signed.order


@dataclass(frozen=True, slots=True)
class HeldVoucher:
    """The newest voucher of a session, 0 with no signature before the first."""

    session: bytes
    buyer: str
    peer: str
    amount: int
    signature: bytes
    last: bool
    closed: bool
    on_account: bool = False


@dataclass(frozen=True, slots=True)
class OrderState:
    """As much of an order as says how it stands."""

    digest: bytes
    peer: str
    state: str
    verdict: str
    handed: bool


# Asked for with every run: the statements are made once.
_ORDER = select(_orders).where(_orders.c.digest == bindparam("digest"))
_SESSION = select(_sessions).where(_sessions.c.session == bindparam("session"))
_STATES = select(_orders.c.digest, _orders.c.peer, _orders.c.state, _orders.c.verdict, _orders.c.handed).where(
    _orders.c.digest.in_(bindparam("digests", expanding=True))
)


def account_of(order: TaskOrder) -> bytes:
    """Where an order is booked: its session, or for one on account the id that a session of its job would have."""
    return session_id(order.buyer, order.provider, order.job) if order.session == ON_ACCOUNT else order.session


class Ledger:
    """All methods are one transaction each and return once it is on disk."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._prices: dict[bytes, int] = {}  # by session
        self._closed_work: dict[bytes, int] = {}  # by session: what was delivered in it, which is final
        self._standings: dict[str, list[int]] = {}  # by buyer: delivered and signed, both in all

    def take(self, digest: bytes, peer: str, signed: SignedOrder, promise: bytes) -> None:
        """Accept an order, by this node's signature over it. A known digest only learns its buyer's present peer."""
        order, account = signed.order, account_of(signed.order)
        with transaction(self._engine) as connection:
            known = connection.execute(select(_orders.c.number).where(_orders.c.digest == digest)).first()
            if known:
                connection.execute(update(_orders).where(_orders.c.digest == digest).values(peer=peer))
                return
            number = (connection.execute(select(func.max(_orders.c.number))).scalar() or 0) + 1
            connection.execute(
                insert(_orders).values(
                    digest=digest,
                    number=number,
                    peer=peer,
                    session=account,
                    state=QUEUED,
                    order=signed.encode(),
                    promise=promise,
                    cost=str(cost(order.fuel_limit, order.price)),
                    handed=False,
                    verdict="",
                    penalty="0",
                    reason="",
                )
            )
            if not connection.execute(select(_sessions.c.session).where(_sessions.c.session == account)).first():
                connection.execute(
                    insert(_sessions).values(
                        session=account,
                        buyer=order.buyer,
                        peer=peer,
                        amount="0",
                        signature=b"",
                        last=False,
                        closed=False,
                        on_account=order.session == ON_ACCOUNT,
                    )
                )
            else:
                again = {"peer": peer, "closed": False} if order.session == ON_ACCOUNT else {"peer": peer}
                connection.execute(update(_sessions).where(_sessions.c.session == account).values(**again))
                self._closed_work.pop(account, None)

    def deliver(self, digest: bytes, receipt: SignedReceipt, at: float) -> None:
        """Keep a queued order's signed receipt; from here on the run is never repeated nor its receipt changed."""
        order = self.get(digest)
        if order is None:
            return
        paid = Exit(receipt.receipt.exit).deterministic
        bill = order.order.pay(receipt.receipt.fuel, receipt.receipt.finished) if paid else 0
        with transaction(self._engine) as connection:
            done = connection.execute(
                update(_orders)
                .where(_orders.c.digest == digest, _orders.c.state == QUEUED)
                .values(state=DELIVERED, receipt=receipt.encode(), cost=str(bill), finished=at)
            )
        on_account = order.order.session == ON_ACCOUNT
        if done.rowcount and not on_account and (known := self._standings.get(order.order.buyer)) is not None:
            known[0] += bill

    def handed(self, digest: bytes, verdict: str, reason: str = "") -> None:
        """The buyer has acknowledged the receipt with this word; what it does not accept it does not owe. One that is
        BREACHED came after the buyer had waited in vain: it owes the penalty."""
        mine = _orders.c.digest == digest
        known = self.get(digest) if verdict == BREACHED else None
        penalty = {"penalty": str(known.order.terms.penalty)} if known else {}
        with transaction(self._engine) as connection:
            connection.execute(update(_orders).where(mine).values(handed=True, verdict=verdict, **penalty))
            # A reason that was told already is a later one.
            connection.execute(update(_orders).where(mine & (_orders.c.reason == "")).values(reason=reason))

    def told(self, peer: str, reasons: Mapping[bytes, str]) -> None:
        """The buyer at this peer has said why it pays for delivered orders of its, or does not."""
        with transaction(self._engine) as connection:
            for digest, reason in reasons.items():
                mine = (_orders.c.digest == digest) & (_orders.c.peer == peer) & (_orders.c.state == DELIVERED)
                connection.execute(update(_orders).where(mine).values(reason=reason))

    def drop(self, digest: bytes, verdict: str = "") -> bool:
        """Forget an order that has not been run. False when it was delivered already or is not known.

        One that is dropped as BREACHED was promised and not delivered: the buyer is owed its penalty.
        """
        known = self.get(digest)
        penalty = known.order.terms.penalty if known and verdict == BREACHED else 0
        with transaction(self._engine) as connection:
            result = connection.execute(
                update(_orders)
                .where(_orders.c.digest == digest, _orders.c.state == QUEUED)
                .values(state=DROPPED, cost="0", verdict=verdict, penalty=str(penalty))
            )
            return result.rowcount > 0

    def penalties(self, session: bytes) -> int:
        """What this node owes in the session for promises it did not keep; never more than it earned there."""
        with self._engine.connect() as connection:
            return self._penalties(connection, session)

    @staticmethod
    def _penalties(connection: Connection, session: bytes) -> int:
        mine = _orders.c.session == session
        owed = sum(int(row.penalty) for row in connection.execute(select(_orders.c.penalty).where(mine)))
        good = mine & (_orders.c.state == DELIVERED) & _orders.c.verdict.in_(("", ACCEPTED))
        return min(owed, sum(int(row.cost) for row in connection.execute(select(_orders.c.cost).where(good))))

    def get(self, digest: bytes) -> LedgerOrder | None:
        with self._engine.connect() as connection:
            row = connection.execute(_ORDER, {"digest": digest}).first()
        return _order(row) if row else None

    def states(self, digests: Sequence[bytes]) -> dict[bytes, OrderState]:
        """How these orders stand, as far as they are known: buyers ask every second for all that they have here."""
        with self._engine.connect() as connection:
            rows = connection.execute(_STATES, {"digests": list(digests)}).all()
        return {row.digest: OrderState(row.digest, row.peer, row.state, row.verdict, row.handed) for row in rows}

    def queued(self) -> list[LedgerOrder]:
        """Orders to run, oldest first."""
        return self._select(_orders.c.state == QUEUED)

    def unhanded(self) -> list[LedgerOrder]:
        """Delivered orders whose receipt the buyer has not acknowledged, oldest first."""
        return self._select((_orders.c.state == DELIVERED) & ~_orders.c.handed)

    def page(self, limit: int, before: int | None, job: str | None = None) -> tuple[list[LedgerOrder], int]:
        """Delivered orders (of `job`, in hex), newest first, and how many there are."""
        wanted = _orders.c.state == DELIVERED
        if job is not None:  # a session belongs to one job
            wanted &= _orders.c.session.in_([s for s in self._order_sessions() if _hex(self.job_of(s)) == job])
        with self._engine.connect() as connection:
            total = connection.execute(select(func.count()).select_from(_orders).where(wanted)).scalar() or 0
            if before is not None:
                wanted &= _orders.c.number < before
            rows = connection.execute(select(_orders).where(wanted).order_by(_orders.c.number.desc()).limit(limit))
            return [_order(row) for row in rows], total

    def exposure(self, session: bytes) -> int:
        """What the session's orders cost in all: finished ones as run unless refused, others at their fuel limit."""
        owed = _orders.c.verdict.in_(("", ACCEPTED))
        with self._engine.connect() as connection:
            rows = connection.execute(select(_orders.c.cost).where((_orders.c.session == session) & owed))
            return sum(int(row.cost) for row in rows)

    def price_in(self, session: bytes) -> int | None:
        """The price at which the session's first order was taken; None before it."""
        if session not in self._prices:
            wanted = select(_orders.c.order).where(_orders.c.session == session).order_by(_orders.c.number).limit(1)
            with self._engine.connect() as connection:
                row = connection.execute(wanted).first()
            if row is None:
                return None
            self._prices[session] = SignedOrder.decode(row.order).order.price
        return self._prices[session]

    def loss_on(self, buyer: str) -> int:
        """What work for this buyer cost beyond what it ever paid or signed for: results it refused, and all that was
        delivered in sessions that are over. Negative while it is ahead."""
        lost = 0
        with self._engine.connect() as connection:
            for row in connection.execute(select(_sessions).where(_sessions.c.buyer == buyer)).all():
                work = self._closed_work.get(row.session)
                if work is None:
                    counted = (_orders.c.session == row.session) & (_orders.c.state == DELIVERED)
                    if not row.closed:
                        counted &= _orders.c.verdict.not_in(("", ACCEPTED))
                    work = sum(int(r.cost) for r in connection.execute(select(_orders.c.cost).where(counted)))
                    if row.closed:
                        work -= self._penalties(connection, row.session)
                    if row.closed:
                        self._closed_work[row.session] = work
                lost += work - int(row.amount)
        return lost

    def standing(self, buyer: str) -> tuple[int, int]:
        """(what all runs delivered to this buyer earn by their receipts, what it has signed for or paid in all)."""
        if buyer not in self._standings:
            with self._engine.connect() as connection:
                wanted = (_sessions.c.buyer == buyer) & ~_sessions.c.on_account
                held = connection.execute(select(_sessions).where(wanted)).all()
                mine = _orders.c.session.in_([row.session for row in held]) & (_orders.c.state == DELIVERED)
                done = connection.execute(select(_orders.c.cost).where(mine)).all()
            self._standings[buyer] = [sum(int(row.cost) for row in done), sum(int(row.amount) for row in held)]
        delivered, signed = self._standings[buyer]
        return delivered, signed

    def counts(self) -> tuple[int, int]:
        """(queued, delivered)."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_orders.c.state, func.count()).group_by(_orders.c.state)).all()
        found = {row[0]: int(row[1]) for row in rows}
        return found.get(QUEUED, 0), found.get(DELIVERED, 0)

    def hold(self, session: bytes, amount: int, signature: bytes, last: bool) -> None:
        """Keep a voucher if it is worth more than the one held, and the word that it is the last. One for a session
        that is closed is worth nothing."""
        with transaction(self._engine) as connection:
            row = connection.execute(select(_sessions).where(_sessions.c.session == session)).first()
            if row is None or row.closed:
                return
            if amount > int(row.amount):
                connection.execute(
                    update(_sessions)
                    .where(_sessions.c.session == session)
                    .values(amount=str(amount), signature=signature)
                )
                self._standings.pop(row.buyer, None)
            if last:
                connection.execute(update(_sessions).where(_sessions.c.session == session).values(last=True))

    def close(self, session: bytes, claimed: int) -> None:
        """The session is closed on the chain, with so much paid in all."""
        with transaction(self._engine) as connection:
            connection.execute(
                update(_sessions).where(_sessions.c.session == session).values(closed=True, amount=str(claimed))
            )
        self._standings.clear()

    def reopen(self, session: bytes) -> None:
        """The chain went back behind the session's end, and has it open."""
        with transaction(self._engine) as connection:
            connection.execute(update(_sessions).where(_sessions.c.session == session).values(closed=False))
        self._standings.clear()
        self._closed_work.pop(session, None)

    def held(self, session: bytes) -> HeldVoucher | None:
        with self._engine.connect() as connection:
            row = connection.execute(_SESSION, {"session": session}).first()
        return _voucher(row) if row else None

    def open_sessions(self) -> list[HeldVoucher]:
        wanted = ~_sessions.c.closed & ~_sessions.c.on_account
        with self._engine.connect() as connection:
            return [_voucher(row) for row in connection.execute(select(_sessions).where(wanted))]

    def open_accounts(self) -> list[HeldVoucher]:
        """Of jobs that are paid in batches, and are not."""
        wanted = ~_sessions.c.closed & _sessions.c.on_account
        with self._engine.connect() as connection:
            return [_voucher(row) for row in connection.execute(select(_sessions).where(wanted))]

    def delivered_on_account(self, buyer: str, *, accepted: bool) -> int:
        """What this buyer's runs on account earn by their receipts: all, or those that it has not refused, less what
        penalties keep of them. A buyer's word for a penalty earns it no more credit: all counts it for nothing."""
        with self._engine.connect() as connection:
            mine = (_sessions.c.buyer == buyer) & _sessions.c.on_account
            accounts = [row.session for row in connection.execute(select(_sessions.c.session).where(mine))]
            wanted = _orders.c.session.in_(accounts) & (_orders.c.state == DELIVERED)
            if accepted:
                wanted &= _orders.c.verdict.in_(("", ACCEPTED))
            earned = sum(int(row.cost) for row in connection.execute(select(_orders.c.cost).where(wanted)))
            if not accepted:
                return earned
            broken = _orders.c.session.in_(accounts) & (_orders.c.penalty != "0")
            found = connection.execute(select(_orders.c.session).where(broken).distinct()).all()
            return earned - sum(self._penalties(connection, row.session) for row in found)

    def close_accounts(self, buyer: str) -> None:
        """All that this buyer owes on account is paid: its accounts in which nothing is left to do are over."""
        for held in self.open_accounts():
            mine = _orders.c.session == held.session
            left = mine & ((_orders.c.state == QUEUED) | ((_orders.c.state == DELIVERED) & ~_orders.c.handed))
            paid = mine & (_orders.c.state == DELIVERED) & (_orders.c.verdict == ACCEPTED)
            with transaction(self._engine) as connection:
                if held.buyer != buyer or connection.execute(select(_orders.c.number).where(left)).first():
                    continue
                amount = sum(int(row.cost) for row in connection.execute(select(_orders.c.cost).where(paid)))
                amount -= self._penalties(connection, held.session)
                connection.execute(
                    update(_sessions).where(_sessions.c.session == held.session).values(closed=True, amount=str(amount))
                )

    def sessions(self) -> list[HeldVoucher]:
        with self._engine.connect() as connection:
            return [_voucher(row) for row in connection.execute(select(_sessions))]

    def job_of(self, session: bytes) -> bytes | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(_orders.c.order).where(_orders.c.session == session).limit(1)).first()
        return SignedOrder.decode(row.order).order.job if row else None

    def _order_sessions(self) -> list[bytes]:
        with self._engine.connect() as connection:
            return [bytes(row.session) for row in connection.execute(select(_orders.c.session).distinct())]

    def _select(self, condition: ColumnElement[bool]) -> list[LedgerOrder]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(_orders).where(condition).order_by(_orders.c.number))
            return [_order(row) for row in rows]


def _hex(value: bytes | None) -> str:
    return value.hex() if value is not None else ""


def _order(row: Row[Any]) -> LedgerOrder:
    return LedgerOrder(
        digest=row.digest,
        number=row.number,
        peer=row.peer,
        state=row.state,
        signed=SignedOrder.decode(row.order),
        promise=row.promise,
        receipt=SignedReceipt.decode(row.receipt) if row.receipt is not None else None,
        handed=row.handed,
        verdict=row.verdict,
        reason=row.reason,
    )


def _voucher(row: Row[Any]) -> HeldVoucher:
    return HeldVoucher(
        row.session, row.buyer, row.peer, int(row.amount), row.signature, row.last, row.closed, row.on_account
    )
