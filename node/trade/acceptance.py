"""Which orders a provider takes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from fogchain.chain.index import EventIndex
from fogchain.chain.records import SessionRecord
from fogchain.config import ProviderSection
from fogchain.errors import BadMessage, Conflict, PaymentRequired, Unavailable
from fogchain.jobs.quota import Storage
from fogchain.jobs.spec import RunSpec
from fogchain.market.engines import join
from fogchain.market.messages import ON_ACCOUNT, SERVED_PRIVACY, TaskOrder
from fogchain.units import cost, format_fog, format_price
from fogchain.wallet.eip712 import Domain, verify
from node.trade.account import Accounts
from node.trade.auctionstore import Award
from node.trade.claims import CLAIM_MARGIN
from node.trade.credit import CreditLine
from node.trade.issuer import Issuer
from node.trade.ledger import Ledger, account_of
from node.trade.ports import Capacity, Sandbox
from node.trade.sources import blobs_of
from node.trade.wire import SignedOrder

CLOCK_SKEW = 120  # seconds by which two honest clocks may differ
MAX_LEVEL = 3  # of verification


class Acceptance:
    """Refuses orders that this node would not be paid for, or can't run."""

    def __init__(
        self,
        *,
        address: str,
        domain: Domain,
        config: ProviderSection,
        issuer: Issuer,
        sold_to: Callable[[str], Award | None],
        ledger: Ledger,
        storage: Storage,
        sandbox: Sandbox,
        capacity: Callable[[], Capacity],
        index: EventIndex,
        accounts: Accounts,
        credit: CreditLine,
    ) -> None:
        """`sold_to`: what an auction has sold to a buyer, by address."""
        self._address, self._domain, self._config = address, domain, config
        self._issuer, self._sold_to, self._ledger, self._storage = issuer, sold_to, ledger, storage
        self._sandbox, self._capacity = sandbox, capacity
        self._index, self._accounts, self._credit = index, accounts, credit

    def check(self, signed: SignedOrder) -> None:
        """Refuse an order we would not be paid for or can't run."""
        order = signed.order
        verify(self._domain, order, signed.signature, order.buyer)
        now = self._index.now()
        if order.provider != self._address:
            raise Conflict(f"that order is for {order.provider}, not for {self._address}")
        if order.price < (least := self._least(order)):
            raise Conflict(f"the order pays {format_price(order.price)}; this node asks {format_price(least)}")
        self._check_terms(order)
        if order.issued > now + CLOCK_SKEW:
            raise Conflict("the order is from the future", hint="one of the two clocks is wrong")
        if order.deadline < now:
            raise Conflict("the order's deadline has passed")
        if hashlib.sha256(signed.spec).digest() != order.spec:
            raise BadMessage("the run spec is not the one the order names")
        spec = RunSpec.decode(signed.spec)
        if spec.limits.fuel != order.fuel_limit:
            raise BadMessage("the run spec's fuel limit is not the order's")
        engine = self._sandbox.engine_for(spec.runtime)
        if engine is None:
            raise Conflict(f"this node does not run {spec.runtime}; it has {join(self._sandbox.engines)}")
        if order.engine != engine:
            raise Conflict(f"the order wants engine {order.engine}; this node has {engine}")
        capacity = self._capacity()
        if spec.limits.memory > capacity.memory:
            raise Conflict(f"the task may use {spec.limits.memory} bytes of memory; this node gives {capacity.memory}")
        waiting, _ = self._ledger.counts()
        missing = sum(size for sha256, size in blobs_of(spec).items() if not self._storage.store.has(sha256))
        self._storage.room(missing + (waiting + 1) * spec.limits.output, "the task's data and output")
        if waiting >= self._config.queue + capacity.slots:
            raise Unavailable("this node's queue is full")
        if order.session == ON_ACCOUNT:
            self._accounts.check(order)
            return
        session = self._open_session(order)
        if order.late_by > session.expiry - CLAIM_MARGIN:
            raise Conflict("the order outlives its payment session", hint="open sessions that last longer")
        if order.terms.fee != session.fee_bps:
            raise Conflict(
                f"the order speaks of a fee of {order.terms.fee} bps; the session's is {session.fee_bps} bps"
            )
        lost = self._ledger.loss_on(order.buyer)
        if lost >= session.cap or lost >= self._config.increment:
            raise PaymentRequired(
                f"work of {format_fog(lost)} for this buyer was refused by it or not paid for",
                hint="this node works on for it once its payments or the session's cap are above that",
            )
        self._credit.check(order)
        exposure = self._ledger.exposure(order.session) + cost(order.fuel_limit, order.price)
        if exposure > session.cap:
            raise PaymentRequired(
                f"the session is capped at {format_fog(session.cap)}; "
                f"with this order it could come to {format_fog(exposure)}"
            )

    def _least(self, order: TaskOrder) -> int:
        """What it may pay at least: as any offer that holds, or as what was taken in its session before."""
        least = self._issuer.least()
        if (agreed := self._ledger.price_in(account_of(order))) is not None:
            least = min(agreed, least)
        won = self._sold_to(order.buyer)
        if won is not None and won.price <= order.price < least:
            most, ordered = cost(won.fuel, won.price), self._ordered_at(order.buyer, won.price)
            if ordered + cost(order.fuel_limit, order.price) <= most:
                return won.price
        return least

    def _ordered_at(self, buyer: str, price: int) -> int:
        """What a buyer has ordered at this price, in all its sessions, at most."""
        sessions = [held.session for held in self._ledger.sessions() if held.buyer == buyer]
        return sum(self._ledger.exposure(each) for each in sessions if self._ledger.price_in(each) == price)

    def _check_terms(self, order: TaskOrder) -> None:
        terms, most = order.terms, cost(order.fuel_limit, order.price)
        if terms.privacy not in SERVED_PRIVACY:
            raise Conflict(
                f"this node does not serve privacy {terms.privacy!r}", hint=f"it serves {', '.join(SERVED_PRIVACY)}"
            )
        if terms.level > MAX_LEVEL or order.sealed > 1:
            raise Conflict(f"this node knows no verification of level {terms.level}")
        if terms.penalty > most:
            raise Conflict(
                f"the penalty of {format_fog(terms.penalty)} is more than the order can earn, {format_fog(most)}",
                hint="lower the job's penalty",
            )

    def _open_session(self, order: TaskOrder) -> SessionRecord:
        session = self._index.session(order.session)
        if session is None:
            raise Unavailable("this node has not seen the payment session on the chain yet")
        if session.buyer.lower() != order.buyer or session.provider.lower() != self._address:
            raise Conflict("the payment session is between others")
        if session.job != order.job:
            raise Conflict("the payment session is for another job")
        if not session.open or session.expiry < self._index.now() + CLAIM_MARGIN:
            raise Conflict("the payment session is closed or about to expire")
        return session
