"""The auction's rounds on the chain: what covers bids, what was cleared, and by which bids.

Source: `contracts/interfaces/IFogPricing.sol`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fogchain.chain.abi import artifact
from fogchain.chain.client import ChainClient
from fogchain.chain.logbook import LogBook
from fogchain.errors import BadMessage, CorruptData
from fogchain.market import auction
from fogchain.market.auction import BUY, SELL, Lot, Trade
from fogchain.market.messages import Bid
from fogchain.wallet.eip712 import Domain, verify


@dataclass(frozen=True, slots=True)
class Result:
    """What a round comes to so far. `final`: no other submission can replace it."""

    price: int
    trades: int
    root: bytes
    final: bool


class Auctions:
    """One deployment's auctions. All raise Unavailable when the chain does not answer."""

    def __init__(self, client: ChainClient) -> None:
        self._client = client
        self._cleared = LogBook(client, "FogPricing", ("AuctionCleared",), (client.deployment.pricing,))

    @property
    def domain(self) -> Domain:
        """What bids are signed for: the price controller, not the market."""
        return Domain(self._client.deployment.chain_id, self._client.deployment.pricing)

    def lot_of(self, bid: Bid, signature: bytes) -> Lot:
        """Raises BadSignature unless its trader signed it for this deployment."""
        verify(self.domain, bid, signature, bid.trader)
        return Lot(bid.trader.lower(), bid.price, bid.number, self.domain.digest(bid), signature)

    async def lot(self, resource_class: bytes) -> int:
        """What a lot of the class has, in Gfuel; zero when there is no such class."""
        return int((await self._client.read("pricing", "resourceClass", resource_class))[3])

    async def seed(self, number: int) -> bytes:
        """Of the round's lottery; zero bytes while it is not sealed."""
        return bytes(await self._client.read("pricing", "seed", number))

    async def result(self, resource_class: bytes, number: int) -> Result | None:
        """None while nothing was cleared."""
        price, trades, root, final = await self._client.read("pricing", "result", resource_class, number)
        return Result(price, trades, root, final) if trades else None

    async def free(self, traders: Iterable[str]) -> dict[str, int]:
        """Their free balances in the market."""
        names = sorted(set(traders))
        return dict(zip(names, await self._client.read_all([("market", "free", name) for name in names]), strict=True))

    async def capacity(self, traders: Iterable[str], resource_class: bytes) -> dict[str, int]:
        """Of their nodes in this class, as far as their bonds cover it: Gfuel in an epoch."""
        names = sorted(set(traders))
        found = await self._client.read_all([("registry", "capacity", name) for name in names])
        return {name: capacity for name, (kind, capacity) in zip(names, found, strict=True) if kind == resource_class}

    async def cancelled(self, traders: Iterable[str], number: int) -> set[str]:
        """Those who took back their bids of the round."""
        names = sorted(set(traders))
        found = await self._client.read_all([("pricing", "cancelled", name, number) for name in names])
        return {name for name, gone in zip(names, found, strict=True) if gone}

    async def covered(
        self, resource_class: bytes, number: int, bids: Sequence[Lot], asks: Sequence[Lot]
    ) -> tuple[list[Lot], list[Lot]]:
        """What of a book the contract would take now, sorted as it wants it."""
        lot = await self.lot(resource_class)
        gone = await self.cancelled([one.trader for one in (*bids, *asks)], number)
        free = await self.free(bid.trader for bid in bids)
        capacity = await self.capacity([ask.trader for ask in asks], resource_class)
        return (
            auction.sort_bids(bid for bid in auction.covered_bids(bids, lot, free) if bid.trader not in gone and lot),
            auction.sort_asks(ask for ask in auction.covered_asks(asks, lot, capacity) if ask.trader not in gone),
        )

    async def trades(self, resource_class: bytes, number: int) -> list[Trade]:
        """Who trades with whom in the round, from the transaction that the contract accepted last; none when nothing
        was cleared.

        Raises CorruptData when it can't be read from the transaction: it came by way of another contract.
        """
        result, book = await self.result(resource_class, number), await self.book(resource_class, number)
        if result is None or book is None:
            return []
        bids, asks = book
        made = auction.trades(bids, asks, auction.clear(bids, asks), await self.seed(number))
        if not made or auction.root(made) != result.root:
            raise CorruptData(f"round {number} was cleared by a transaction with other bids than it shows")
        return made

    async def book(self, resource_class: bytes, number: int) -> tuple[list[Lot], list[Lot]] | None:
        """Bids and asks of the transaction that the contract accepted last, sorted; None while there is none.

        Raises CorruptData when they can't be read from it: it came by way of another contract.
        """
        result = await self.result(resource_class, number)
        if result is None:
            return None
        entries = [
            entry
            for entry in await self._cleared.read()
            if (entry["class"], entry["round"], entry["root"]) == (resource_class, number, result.root)
        ]
        if not entries:
            return None  # the log has not come yet
        sent = await self._client.rpc.call("eth_getTransactionByHash", entries[-1].transaction)
        try:
            values = artifact("FogPricing").functions["clear"].decode_call(bytes.fromhex(sent["input"][2:]))
        except (TypeError, ValueError) as error:
            raise CorruptData(f"round {number} was cleared by a transaction that does not show the bids") from error
        bids, asks = (
            [self._lot(resource_class, side, number, entry) for entry in signed]
            for side, signed in ((BUY, values[2]), (SELL, values[3]))
        )
        return bids, asks

    def _lot(self, resource_class: bytes, side: int, number: int, signed: tuple[str, int, int, bytes]) -> Lot:
        trader, price, place, signature = signed
        bid = Bid(trader.lower(), resource_class, side, price, place, number)
        return Lot(bid.trader, price, place, self.domain.digest(bid), signature)


def check_bid(bid: Bid, resource_class: bytes, number: int) -> None:
    """Raises BadMessage for one of another class or round, or that no contract would take."""
    if bid.class_ != resource_class or bid.round != number:
        raise BadMessage("a bid of another class or round")
    if bid.side not in (BUY, SELL) or not bid.price:
        raise BadMessage("a bid that neither buys nor sells")
