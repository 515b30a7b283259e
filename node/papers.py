"""Sessions and receipts of both roles, in pages: the buyer's first, newest first, then the provider's.

A cursor names where a page begins: `b3.20` is the 20th receipt of the job with number 3, `p7` the order with number 7.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from fogchain.api.models import Page, ReceiptProof, ReceiptView, SessionView
from fogchain.chain.index import EventIndex
from fogchain.chain.records import SessionRecord
from fogchain.errors import BadInput, NotFound
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.store import JobStore
from fogchain.market.messages import Receipt
from fogchain.wallet.eip712 import Domain
from node import views
from node.api.services import Role
from node.proofs import proof
from node.trade.ledger import HeldVoucher, Ledger
from node.trade.wire import SignedOrder

_CURSOR = re.compile(r"b(\d{1,12})\.(\d{1,12})|p(\d{1,12})")
_AT_ONCE = 50

Placed = tuple[str, ReceiptView]  # a receipt, and the cursor of the page that begins with it


class Papers:
    """What this node has signed and been given as buyer and as provider."""

    def __init__(
        self,
        address: str,
        domain: Domain,
        store: JobStore,
        ledger: Ledger,
        index: EventIndex,
        machine: Callable[[str], JobMachine],
        unpaid: Callable[[], list[JobMachine]],
    ) -> None:
        """`machine` gives a job by its id, `unpaid` those whose payment is not over."""
        self._address, self._domain, self._machine, self._unpaid = address, domain, machine, unpaid
        self._store, self._ledger, self._index = store, ledger, index

    # ---------------------------------------------------------------- receipts

    def receipts(self, role: Role | None, job: str | None, limit: int, cursor: str | None) -> Page[ReceiptView]:
        """Of one job, by its id or first digits, or of all. Raises NotFound for a job that is not here, BadInput."""
        bought = role != "provider"
        if job is not None and bought:
            try:
                job = self._store.resolve(job)
            except NotFound:
                if role == "buyer" or len(job) < 64:
                    raise
                bought = False  # it may be one that this node works for
        first_job, skip, order = _place(cursor)
        total, found = 0, []
        for placed in self._both(bought and order is None, role != "buyer", job, first_job, skip, order):
            found.append(placed)
            if len(found) > limit:
                break
        if bought:
            total += self._store.receipts(job)
        if role != "buyer":
            total += self._ledger.page(1, None, job)[1]
        more = found[limit][0] if len(found) > limit else None
        return Page(items=[view for _, view in found[:limit]], next_cursor=more, total=total)

    def receipt(self, order: str, job: str) -> ReceiptProof:
        """Of an order by its digest, with what is signed under it. Raises NotFound."""
        with contextlib.suppress(NotFound):
            machine = self._machine(self._store.resolve(job))
            for run in machine.runs.values():
                signed = SignedOrder.decode(bytes.fromhex(run.order))
                if (run.receipt or run.filed) and self._domain.digest(signed.order).hex() == order:
                    paper = run.filed
                    figures = (
                        (bytes.fromhex(paper.result), paper.fuel, paper.exit, paper.started, paper.finished)
                        if paper is not None
                        else (bytes.fromhex(run.result), run.fuel, run.exit, run.started, run.dated)
                    )
                    return proof(
                        self._domain,
                        views.buyer_receipt(machine, run, order, signed.order.terms.fee),
                        signed.order,
                        Receipt(bytes.fromhex(order), *figures),
                        order_signature=signed.signature,
                        promise=bytes.fromhex(run.promise),
                        receipt_signature=bytes.fromhex(paper.receipt if paper is not None else run.receipt),
                    )
        known = self._ledger.get(bytes.fromhex(order))
        if known is None or known.receipt is None or known.order.job.hex() != job:
            raise NotFound(f"there is no receipt of order {order[:12]}", hint="GET /receipts lists them")
        session = self._index.session(known.order.session)
        over = session is not None and not session.open
        return proof(
            self._domain,
            views.provider_receipt(known, known.order.terms.fee, session_over=over),
            known.order,
            known.receipt.receipt,
            order_signature=known.signed.signature,
            promise=known.promise,
            receipt_signature=known.receipt.signature,
        )

    def _both(
        self, bought: bool, sold: bool, job: str | None, first_job: int | None, skip: int, order: int | None
    ) -> Iterator[Placed]:
        if bought:
            yield from self._bought(job, first_job, skip)
        if sold:
            yield from self._sold(job, order)

    def _bought(self, job: str | None, number: int | None, skip: int) -> Iterator[Placed]:
        if job is not None:
            yield from self._of(job, 0, skip)
            return
        before = None if number is None else number + 1
        while page := self._store.page(_AT_ONCE, before)[0]:
            for id, place in page:
                yield from self._of(id, place, skip)
                before, skip = place, 0

    def _of(self, job: str, number: int, skip: int) -> Iterator[Placed]:
        machine = self._machine(job)
        runs = [run for run in machine.runs.values() if run.receipt or run.filed]
        runs.sort(key=lambda run: (run.finished, run.attempt), reverse=True)
        for place, run in enumerate(runs[skip:], skip):
            order = SignedOrder.decode(bytes.fromhex(run.order)).order
            digest = self._domain.digest(order).hex()
            yield f"b{number}.{place}", views.buyer_receipt(machine, run, digest, order.terms.fee)

    def _sold(self, job: str | None, number: int | None) -> Iterator[Placed]:
        before = None if number is None else number + 1
        while page := self._ledger.page(_AT_ONCE, before, job)[0]:
            for known in page:
                session = self._index.session(known.order.session)
                over = session is not None and not session.open
                yield f"p{known.number}", views.provider_receipt(known, known.order.terms.fee, session_over=over)
                before = known.number

    # ---------------------------------------------------------------- sessions

    def sessions(self, role: Role | None, limit: int, cursor: str | None) -> Page[SessionView]:
        """Those on the chain, and those on their way there."""
        if cursor is not None and (not cursor.isdecimal() or len(cursor) > 15):
            raise BadInput(f"{cursor[:40]!r} is not a cursor", hint="use the next_cursor of the page before")
        first = int(cursor or 0)
        makers = [*(self._opened() if role != "provider" else ()), *(self._given() if role != "buyer" else ())]
        more = views.cursor_of(first + limit) if first + limit < len(makers) else None
        items = [make() for make in makers[first : first + limit]]
        return Page(items=items, next_cursor=more, total=len(makers))

    def _opened(self) -> Sequence[Callable[[], SessionView]]:
        known = self._index.sessions(buyer=self._address)
        there = {record.id for record in known}
        coming = [
            (machine, share)
            for machine in self._unpaid()
            if machine.spec.pay == "session"
            for share in machine.shares.values()
            if bytes.fromhex(share.session[2:]) not in there
        ]
        return [partial(views.buyer_session, machine, share, None) for machine, share in coming] + [
            partial(self._bought_session, record) for record in known
        ]

    def _bought_session(self, record: SessionRecord) -> SessionView:
        with contextlib.suppress(NotFound):
            machine = self._machine(record.job.hex())
            for share in machine.shares.values():
                if share.session == "0x" + record.id.hex():
                    return views.buyer_session(machine, share, record)
        return views.session_without_job(record)

    def _given(self) -> Sequence[Callable[[], SessionView]]:
        return [partial(self._sold_session, held) for held in reversed(self._ledger.sessions()) if not held.on_account]

    def _sold_session(self, held: HeldVoucher) -> SessionView:
        record, job = self._index.session(held.session), self._ledger.job_of(held.session)
        return views.provider_session(held, record, job, self._ledger.penalties(held.session))


def _place(cursor: str | None) -> tuple[int | None, int, int | None]:
    """Number of the job and receipts to pass over in it, or number of the order. Raises BadInput."""
    if cursor is None:
        return None, 0, None
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BadInput(f"{cursor[:40]!r} is not a cursor", hint="use the next_cursor of the page before")
    job, skip, order = found.groups()
    return (None, 0, int(order)) if order is not None else (int(job), int(skip), None)
