"""Lets a provider's orders start as far as they are covered: `fogchain.market.credit`, over the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from fogchain.errors import PaymentRequired
from fogchain.market.credit import Standing, may_start, why_never
from fogchain.market.messages import TaskOrder
from fogchain.units import cost, format_fog
from node.trade.ledger import Ledger

log = structlog.get_logger(__name__)


class CreditLine:
    """Which orders run, by what their buyers have signed for. An order that has to wait is not lost."""

    def __init__(self, ledger: Ledger, increment: int) -> None:
        self._ledger, self._increment = ledger, increment
        self._started: dict[bytes, tuple[str, int]] = {}  # order to its buyer and the most it may come to
        self._waiting: set[bytes] = set()
        self._moved = asyncio.Event()  # set, and made anew, whenever somebody's standing has changed

    def is_waiting(self, digest: bytes) -> bool:
        """Whether the order would run if more were signed for."""
        return digest in self._waiting

    def check(self, order: TaskOrder) -> None:
        """Raises PaymentRequired for an order that can never start, or whose buyer is too far behind for good."""
        if why := why_never(self._standing(order.buyer), _most(order), self._increment):
            raise PaymentRequired(why, hint="lower limits.fuel, or begin with smaller tasks: what was paid counts")

    @asynccontextmanager
    async def turn(self, digest: bytes, order: TaskOrder, slots: asyncio.Semaphore) -> AsyncIterator[None]:
        """Holds a slot while the order runs; begins when the order is covered. `ended` gives its cover back."""
        while True:
            await self._covered(digest, order)
            async with slots:
                if not self._may_start(order):
                    continue  # another order was quicker
                self._started[digest] = (order.buyer, _most(order))
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
            standing = self._standing(order.buyer)
            self._waiting.add(digest)
            if not said:
                log.info(
                    "order waits for pay", order=digest.hex()[:12], buyer=order.buyer,
                    behind=format_fog(standing.behind), started=format_fog(standing.started),
                )  # fmt: skip
                said = True
            await self._moved.wait()
        self._waiting.discard(digest)

    def _may_start(self, order: TaskOrder) -> bool:
        return may_start(self._standing(order.buyer), _most(order), self._increment)

    def _standing(self, buyer: str) -> Standing:
        delivered, signed = self._ledger.standing(buyer)
        return Standing(delivered, signed, sum(most for who, most in self._started.values() if who == buyer))


def _most(order: TaskOrder) -> int:
    return cost(order.fuel_limit, order.price)
