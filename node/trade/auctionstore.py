"""What a node must still know of the auction after it was killed: bids of rounds that are open, and who won what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Column, Engine, Integer, LargeBinary, MetaData, String, Table, delete, select
from sqlalchemy.dialects.sqlite import insert

from fogchain.database import transaction
from fogchain.market.auction import Lot
from fogchain.market.messages import Bid

tables = MetaData()
_bids = Table(
    "auction_bids",
    tables,
    Column("digest", LargeBinary, primary_key=True),
    Column("class", LargeBinary, nullable=False),
    Column("round", Integer, nullable=False),
    Column("trader", String, nullable=False),
    Column("side", Integer, nullable=False),
    Column("price", String, nullable=False),  # decimal
    Column("number", Integer, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("job", String, nullable=False),  # of this node, that it was made for; empty for all others
)
_awards = Table(
    "auction_awards",
    tables,
    Column("class", LargeBinary, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("buyer", String, primary_key=True),
    Column("seller", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("price", String, nullable=False),  # decimal
    Column("fuel", Integer, nullable=False),
)
_settled = Table(
    "auction_settled",
    tables,
    Column("class", LargeBinary, primary_key=True),
    Column("round", Integer, primary_key=True),
)


@dataclass(frozen=True, slots=True)
class Award:
    """Lots that one buyer has of one seller. `price`: of a Gfuel; `fuel`: in all."""

    resource_class: bytes
    round: int
    buyer: str
    seller: str
    price: int
    fuel: int
    job: str = ""  # of this node, whose bids won them; empty where another node buys


@dataclass(frozen=True, slots=True)
class HeldBid:
    """A bid whose signature was checked."""

    bid: Bid
    lot: Lot
    job: str = ""  # see `Award.job`


class AuctionStore:
    """All methods are one transaction each and return once it is on disk. Those that write raise Unavailable for a full
    disk."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, bids: Iterable[HeldBid]) -> None:
        rows = [
            {
                "digest": held.lot.digest,
                "class": held.bid.class_,
                "round": held.bid.round,
                "trader": held.bid.trader,
                "side": held.bid.side,
                "price": str(held.bid.price),
                "number": held.bid.number,
                "signature": held.lot.signature,
                "job": held.job,
            }
            for held in bids
        ]
        if rows:
            with transaction(self._engine) as connection:
                connection.execute(insert(_bids).on_conflict_do_nothing(), rows)

    def bids(self) -> list[HeldBid]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(_bids).order_by(_bids.c.round, _bids.c.number)).all()
        found = []
        for digest, resource_class, number, trader, side, price, place, signature, job in rows:
            bid = Bid(trader, resource_class, side, int(price), place, number)
            found.append(HeldBid(bid, Lot(trader.lower(), int(price), place, digest, signature), job))
        return found

    def settle(self, resource_class: bytes, number: int, awards: Iterable[Award]) -> None:
        """The round's result is final and was read: these came of it for this node."""
        rows = [
            {
                "class": award.resource_class,
                "round": award.round,
                "buyer": award.buyer,
                "seller": award.seller,
                "job": award.job,
                "price": str(award.price),
                "fuel": award.fuel,
            }
            for award in awards
        ]
        with transaction(self._engine) as connection:
            connection.execute(insert(_settled).values({"class": resource_class, "round": number}))
            if rows:
                connection.execute(insert(_awards), rows)

    def settled(self) -> set[tuple[bytes, int]]:
        """Class and round."""
        with self._engine.connect() as connection:
            return {(row[0], row[1]) for row in connection.execute(select(_settled))}

    def awards(self) -> list[Award]:
        """Oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_awards).order_by(_awards.c.round, _awards.c.seller, _awards.c.job)).all()
        return [
            Award(resource_class, number, buyer, seller, int(price), fuel, job)
            for resource_class, number, buyer, seller, job, price, fuel in rows
        ]

    def forget(self, before: int) -> None:
        """All of rounds before this one."""
        with transaction(self._engine) as connection:
            for table in (_bids, _awards, _settled):
                connection.execute(delete(table).where(table.c.round < before))
