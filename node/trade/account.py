"""Work on account: without a session, up to a limit for each buyer, who pays in a batch when its jobs end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fogchain.chain.index import EventIndex
from fogchain.errors import Conflict, PaymentRequired, Unavailable
from fogchain.market.messages import TaskOrder
from fogchain.units import cost, format_fog
from node.trade.ledger import Ledger

LOOK = 2.0  # seconds between looks at what was paid


class Accounts:
    """What buyers owe this provider outside of sessions, by its ledger and by the batches that the chain knows of."""

    def __init__(
        self, ledger: Ledger, index: EventIndex, address: str, limit: int, changed: Callable[[], None]
    ) -> None:
        self._ledger, self._index, self._address, self._limit = ledger, index, address, limit
        self._changed = changed

    def check(self, order: TaskOrder) -> None:
        """Raises Conflict where nothing is done on account, PaymentRequired for more than may be owed, Unavailable when
        the buyer's balance, as this node sees it now, does not cover what it owes here."""
        if not self._limit:
            raise Conflict("this node does nothing on account", hint='give the job pay = "session"')
        most = cost(order.fuel_limit, order.price)
        if most > self._limit:
            raise PaymentRequired(
                f"one run may come to {format_fog(most)}; up to {format_fog(self._limit)} may be owed here",
                hint='lower limits.fuel, or give the job pay = "session"',
            )
        parameters = self._index.parameters()
        if parameters is None or order.terms.fee != parameters.fee_bps:
            raise Conflict(f"the order speaks of a fee of {order.terms.fee} bps, which is not the market's now")
        if not self.covers(order.buyer, most):
            owed, free = max(0, self.owed(order.buyer)), self._free(order.buyer)
            raise Unavailable(
                f"the buyer owes {format_fog(owed)} here and has {format_fog(free)} free in the market, too little "
                f"for a run of up to {format_fog(most)}"
            )

    def covers(self, buyer: str, more: int) -> bool:
        """Whether what the buyer has free in the market now is enough for what it owes here and `more`."""
        return self._free(buyer) >= max(0, self.owed(buyer)) + more

    def _free(self, buyer: str) -> int:
        return self._index.account(buyer).free

    def paid(self, buyer: str) -> int:
        """In batches, in all, fees included."""
        return self._index.batches(buyer, self._address).gross

    def owed(self, buyer: str) -> int:
        """For delivered runs that the buyer has not refused; negative when it has paid more."""
        return self._ledger.delivered_on_account(buyer, accepted=True) - self.paid(buyer)

    async def run(self) -> None:
        """Close accounts as they are paid, and tell of what their buyers have paid or moved, until cancelled."""
        seen: dict[str, tuple[int, int]] = {}
        while True:
            for buyer in {held.buyer for held in self._ledger.open_accounts()}:
                standing = self.paid(buyer), self._free(buyer)
                if seen.get(buyer) != standing:
                    seen[buyer] = standing
                    self._changed()
                if self.owed(buyer) <= 0:
                    self._ledger.close_accounts(buyer)
            await asyncio.sleep(LOOK)
