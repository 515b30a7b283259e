"""Lets a provider's orders start as far as they are covered: `fogchain.market.credit`, over the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import structlog

from fogchain.errors import Conflict, PaymentRequired
from fogchain.market.credit import Standing, may_start, why_never
from fogchain.market.messages import ON_ACCOUNT, TaskOrder
from fogchain.units import cost, format_fog
from node.trade.account import LOOK, Accounts
from node.trade.ledger import Ledger

log = structlog.get_logger(__name__)

AGAIN = 60.0  # seconds between looks at a clock that may be put right


class CreditLine:
    """Which orders run, by what their buyers have signed for. An order that has to wait is not lost."""

    def __init__(
        self, ledger: Ledger, accounts: Accounts, increment: int, on_account: int, now: Callable[[], float]
    ) -> None:
        self._ledger, self._accounts, self._now = ledger, accounts, now
        self._increment, self._on_account = increment, on_account
        self._started: dict[bytes, tuple[str, bool, int]] = {}  # order to buyer, whether on account, most it may cost
        self._waiting: set[bytes] = set()
        self._moved = asyncio.Event()  # set, and made anew, whenever somebody's standing has changed

    def is_waiting(self, digest: bytes) -> bool:
        """Whether the order would run if more were signed for."""
        return digest in self._waiting

    def check(self, order: TaskOrder) -> None:
        """Raises PaymentRequired for an order that can never start, or whose buyer is too far behind for good."""
        if why := why_never(self._standing(order), _most(order), self._increment):
            raise PaymentRequired(why, hint="lower limits.fuel, or begin with smaller tasks: what was paid counts")

    @asynccontextmanager
    async def turn(
        self, digest: bytes, order: TaskOrder, slots: AbstractAsyncContextManager[object]
    ) -> AsyncIterator[None]:
        """Holds a slot while the order runs; begins when the order is covered. `ended` gives its cover back.
        Raises Conflict when it is not covered by its deadline: who does not pay holds no place."""
        while True:
            await self._covered(digest, order)
            async with slots:
                if not self._may_start(order):
                    continue  # another order was quicker
                self._started[digest] = (order.buyer, order.session == ON_ACCOUNT, _most(order))
                yield
                return

    def ended(self, digest: bytes) -> None:
        """The order's receipt is in the ledger, or it will not be run."""
        self._started.pop(digest, None)
        self._waiting.discard(digest)
        self.moved()

    def moved(self) -> None:
        """A voucher or a payment came, or something was delivered."""
        self._waiting.clear()
        self._moved.set()
        self._moved = asyncio.Event()

    async def _covered(self, digest: bytes, order: TaskOrder) -> None:
        said = False
        while not self._may_start(order):
            standing = self._standing(order)
            self._waiting.add(digest)
            if not said:
                log.info(
                    "order waits for pay or cover", order=digest.hex()[:12], buyer=order.buyer,
                    behind=format_fog(standing.behind), started=format_fog(standing.started),
                )  # fmt: skip
                said = True
            if (left := order.deadline - self._now()) <= 0:
                raise Conflict("the order's deadline passed before it was paid for or covered")
            # What covers an order on account can go and come back between two looks.
            pause = LOOK if order.session == ON_ACCOUNT else AGAIN
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), min(pause, left))
        self._waiting.discard(digest)

    def _may_start(self, order: TaskOrder) -> bool:
        standing = self._standing(order)
        if order.session == ON_ACCOUNT:  # as much as may be owed, whatever was paid before, and as its balance covers
            more = standing.started + _most(order)
            covered = self._accounts.covers(order.buyer, more)
            return standing.behind + more <= self._on_account and covered
        return may_start(standing, _most(order), self._increment)

    def _standing(self, order: TaskOrder) -> Standing:
        buyer, on_account = order.buyer, order.session == ON_ACCOUNT
        if on_account:
            delivered = self._ledger.delivered_on_account(buyer, accepted=False)
            signed = self._accounts.paid(buyer)
        else:
            delivered, signed = self._ledger.standing(buyer)
        mine = (most for who, account, most in self._started.values() if (who, account) == (buyer, on_account))
        return Standing(delivered, signed, sum(mine))


def _most(order: TaskOrder) -> int:
    return cost(order.fuel_limit, order.price)
