"""This node's part in the auction for work that can wait: it bids, passes bids on, clears rounds, and knows who won.

    round n, by block time      600 n ─── bids are signed and sent to the solvers ─── 600 (n + 1)
    clearing                    600 (n + 1) ─── a solver submits all bids to FogPricing, who has more replaces them
    final                       600 (n + 2) ─── buyers open sessions with the sellers they were paired with

Solvers are the providers that the registry names in the class. Whose turn it is first all can work out; who does not
submit in time is followed by the next. A buyer submits last of all, so that a round whose solvers are all away is not
lost to it. Sellers and buyers both learn who trades from the transaction that cleared the round.

A bid is on disk before it leaves the node and before it is acknowledged to its trader, an award with the mark that its
round was read: a node that is killed at any moment of this goes on with both. What an award is used for, the log of its
job says, which has a session with the seller from then on.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Engine

from fogchain.api.models import AuctionView
from fogchain.chain.auctions import Auctions, check_bid
from fogchain.chain.calls import Calls
from fogchain.chain.index import EventIndex
from fogchain.chain.records import NodeRecord
from fogchain.chain.sender import Sender
from fogchain.errors import BadMessage, CorruptData, FogchainError, NotFound
from fogchain.market import auction
from fogchain.market.auction import BUY, SELL, Lot
from fogchain.market.messages import Bid
from fogchain.market.offers import class_id
from fogchain.units import GFUEL
from fogchain.wallet.eip712 import sign
from fogchain.wallet.keystore import Wallet
from node.trade import wire
from node.trade.auctionstore import AuctionStore, Award, HeldBid
from node.trade.ports import Network

log = structlog.get_logger(__name__)

TICK = 1.0
CLOSING = 5  # seconds of block time before a round's end at which no bid is signed any more: it would come too late
SOLVERS = 5  # that are sent every bid
TURN = 30  # seconds of block time that each solver has before the next submits
SETTLING = 2  # seconds of block time after a round's end for its last bids to arrive
MAX_LOTS = 32  # of one trader, side and round that are carried
MAX_BOOK = 4096  # bids of one class and round
HONOURED = 3  # rounds after its result is final in which a seller takes orders at its price


@dataclass(frozen=True, slots=True)
class Offered:
    """What this node would sell in a round."""

    resource_class: bytes
    price: int
    capacity: int  # Gfuel in an epoch that its bond covers


@dataclass(frozen=True, slots=True)
class Demand:
    """What a job of this node's would buy."""

    resource_class: bytes
    fuel: int
    price: int


@dataclass(slots=True)
class Book:
    """The bids of one class and round that this node has."""

    lots: dict[bytes, HeldBid] = field(default_factory=dict)  # by digest
    sent: dict[str, int] = field(default_factory=dict)  # by solver: how many of our own it has
    submitted: bytes = b""

    def side(self, which: int) -> list[Lot]:
        return [held.lot for held in self.lots.values() if held.bid.side == which]

    def of(self, trader: str) -> list[HeldBid]:
        return [held for held in self.lots.values() if held.lot.trader == trader]


class Auctioneer:
    """Runs beside buyer and provider; times are block time, in Unix seconds."""

    def __init__(
        self,
        *,
        database: Engine,
        wallet: Wallet,
        auctions: Auctions,
        index: EventIndex,
        network: Network,
        sender: Sender,
        calls: Calls,
        offered: Callable[[], Offered | None] = lambda: None,
    ) -> None:
        self._store = AuctionStore(database)
        self._wallet, self._auctions, self._index, self._network = wallet, auctions, index, network
        self._sender, self._calls, self._offered = sender, calls, offered
        self._books: dict[tuple[bytes, int], Book] = {}
        self._demands: dict[str, Demand] = {}
        self._lots: dict[bytes, int] = {}  # Gfuel of a lot, by class
        self._bid_in: dict[str, int] = {}  # job to the newest round in which it was bid for
        self._settled = self._store.settled()  # whose result is final and was read
        self._awards = self._store.awards()
        self._oldest = 0  # round that is still kept
        self._pushes: set[asyncio.Task[None]] = set()
        for held in self._store.bids():
            self._note(held)

    async def run(self) -> None:
        """Take part until cancelled."""
        self._network.serve("bids", self._on_bids)
        self._network.serve("book", self._on_book)
        try:
            while True:
                try:
                    await self._step()
                except FogchainError as error:
                    log.info("the auction waits", why=error.message)
                await asyncio.sleep(TICK)
        finally:
            for task in self._pushes:
                task.cancel()

    # ---------------------------------------------------------------- for the buyer

    @property
    def now(self) -> int:
        """Block time; zero while the chain has not been seen."""
        return self._index.head.timestamp if self._index.head else 0

    def want(self, job: str, demand: Demand) -> None:
        """Bid for a job in every round until it is awarded something or taken back."""
        self._demands[job] = demand

    def leave(self, job: str) -> None:
        self._demands.pop(job, None)

    def awards(self, job: str) -> list[Award]:
        """What was won for a job and its sellers still honour, oldest first."""
        return [award for award in self._honoured() if award.job == job]

    def bid_round(self, job: str) -> int | None:
        """The round in which the job was bid for last."""
        return self._bid_in.get(job)

    def awaits(self, job: str, resource_class: bytes) -> bool:
        """Whether a round in which the job was bid for is not read yet."""
        number = self._bid_in.get(job)
        return number is not None and (resource_class, number) not in self._settled

    async def lot_of(self, resource_class: bytes) -> int:
        """Gfuel of a lot; zero when there is no such class. Raises Unavailable."""
        if not self._lots.get(resource_class):
            self._lots[resource_class] = await self._auctions.lot(resource_class)
        return self._lots[resource_class]

    async def view(self, name: str) -> AuctionView:
        """Raises NotFound for a class that is not open, Unavailable."""
        resource_class, now = class_id(name), self.now
        lot = await self.lot_of(resource_class)
        if not lot:
            raise NotFound(f"there is no resource class {name!r}", hint="GET /v1/prices names those that are open")
        number = auction.round_at(now)
        book = self._books.get((resource_class, number), Book())
        view = AuctionView(
            resource_class=name,
            round=number,
            now=now,
            ends=auction.ends_at(number),
            lot=lot * GFUEL,
            bids=len(book.side(BUY)),
            asks=len(book.side(SELL)),
        )
        for before in (number - 1, number - 2):
            if (result := await self._auctions.result(resource_class, before)) is not None:
                return view.model_copy(
                    update={
                        "cleared": before, "price": result.price, "trades": result.trades, "final": result.final,
                    }
                )  # fmt: skip
        return view

    # ---------------------------------------------------------------- for the provider

    def sold_to(self, buyer: str) -> Award | None:
        """What this node has to do for a buyer at the price of an auction; the cheapest where there are several."""
        own = self._wallet.address
        mine = [award for award in self._honoured() if (award.seller, award.buyer) == (own, buyer)]
        return min(mine, key=lambda award: award.price, default=None)

    def _honoured(self) -> list[Award]:
        now = self.now
        return [award for award in self._awards if now and award.round + 2 + HONOURED > auction.round_at(now)]

    # ---------------------------------------------------------------- the rounds

    async def _step(self) -> None:
        now = self.now
        if not now:
            return
        offered = self._offered()
        classes = {demand.resource_class for demand in self._demands.values()} | {key[0] for key in self._books}
        if offered is not None:
            classes.add(offered.resource_class)
        current = auction.round_at(now)
        for resource_class in classes:
            await self.lot_of(resource_class)
            if now < auction.ends_at(current) - CLOSING:
                await self._bid(resource_class, current, offered)
            await self._clear(resource_class, current - 1, now)
            for number in range(current - 1 - HONOURED, current - 1):
                await self._settle(resource_class, number)
        self._forget(current - 2 - HONOURED)

    def _forget(self, before: int) -> None:
        """Rounds before this one are read, and their sellers honour them no more."""
        if before <= self._oldest:
            return
        self._store.forget(before)
        self._oldest = before
        self._awards = [award for award in self._awards if award.round >= before]
        self._settled = {key for key in self._settled if key[1] >= before}
        self._books = {key: book for key, book in self._books.items() if key[1] >= before}
        self._bid_in = {job: number for job, number in self._bid_in.items() if number >= before}

    async def _bid(self, resource_class: bytes, number: int, offered: Offered | None) -> None:
        """Sign what this node would trade in the round, and see that the solvers have it."""
        key, lot = (resource_class, number), self._lots[resource_class]
        if not lot:
            return
        fresh: list[HeldBid] = []
        mine = self._books.get(key, Book()).of(self._wallet.address)
        sells = offered is not None and offered.resource_class == resource_class and offered.price
        if offered is not None and sells and not any(held.bid.side == SELL for held in mine):
            for place in range(min(offered.capacity // lot, MAX_LOTS)):
                fresh.append(self._signed(resource_class, SELL, offered.price, place, number))
        place = sum(held.bid.side == BUY for held in mine)
        for job, demand in self._demands.items():
            if demand.resource_class == resource_class and self._bid_in.get(job, -1) < number:
                for _ in range(min(auction.lots_for(demand.fuel, lot), MAX_LOTS - place)):
                    fresh.append(self._signed(resource_class, BUY, demand.price, place, number, job))
                    place += 1
        self._keep(fresh)
        book = self._books.get(key, Book())
        own = [(held.bid, held.lot.signature) for held in book.of(self._wallet.address)]
        if own:
            for solver in self._solvers(resource_class, number)[:SOLVERS]:
                if solver.owner.lower() != self._wallet.address and book.sent.get(solver.owner) != len(own):
                    book.sent[solver.owner] = len(own)
                    self._spawn_push(book, solver, own)

    def _signed(self, resource_class: bytes, side: int, price: int, place: int, number: int, job: str = "") -> HeldBid:
        bid = Bid(self._wallet.address, resource_class, side, price, place, number)
        return HeldBid(bid, self._auctions.lot_of(bid, sign(self._wallet.key, self._auctions.domain, bid)), job)

    def _keep(self, bids: Iterable[HeldBid]) -> None:
        """On disk, and from then on in the book."""
        bids = list(bids)
        self._store.keep(bids)
        for held in bids:
            self._note(held)

    def _note(self, held: HeldBid) -> None:
        self._books.setdefault((held.bid.class_, held.bid.round), Book()).lots[held.lot.digest] = held
        if held.job:
            self._bid_in[held.job] = max(held.bid.round, self._bid_in.get(held.job, -1))

    def _spawn_push(self, book: Book, solver: NodeRecord, own: list[tuple[Bid, bytes]]) -> None:
        async def push() -> None:
            try:
                await self._ask(solver, "bids", wire.encode_bids(own))
            except FogchainError as error:
                book.sent.pop(solver.owner, None)  # the next step tries again
                log.debug("a solver has not taken our bids", solver=solver.owner, why=error.message)

        task = asyncio.create_task(push())
        self._pushes.add(task)
        task.add_done_callback(self._pushes.discard)

    def _solvers(self, resource_class: bytes, number: int) -> list[NodeRecord]:
        """Providers of the class, in the order in which it is their turn."""
        nodes = {r.owner.lower(): r for r in self._index.providers() if r.resource_class == resource_class}
        order = sorted(nodes, key=lambda owner: auction.turn_of(owner, nodes, number, resource_class))
        return [nodes[owner] for owner in order]

    async def _ask(self, node: NodeRecord, subject: str, payload: bytes) -> bytes:
        peer = self._network.peer_id_of(node.node_key)
        endpoints = tuple(part for part in node.endpoints.split(",") if part)
        await self._network.dial(peer, endpoints)
        return await self._network.request(peer, subject, payload, timeout=10)

    async def _clear(self, resource_class: bytes, number: int, now: int) -> None:
        """Submit the round, when it is this node's turn and nobody has submitted what it has."""
        book = self._books.get((resource_class, number))
        if book is None or not book.lots:
            return
        solvers = self._solvers(resource_class, number)
        owners = [solver.owner.lower() for solver in solvers]
        own = self._wallet.address
        turn = owners.index(own) if own in owners else len(owners)
        if not auction.ends_at(number) + SETTLING + turn * TURN <= now < auction.final_at(number) - CLOSING:
            return
        if not book.submitted:
            await self._gather(resource_class, number, book, solvers)
        bids, asks = await self._auctions.covered(resource_class, number, book.side(BUY), book.side(SELL))
        found = auction.clear(bids, asks)
        seen = b"".join(lot.digest for lot in (*bids, *asks)) or b"-"
        if book.submitted == seen or not found.trades:
            book.submitted = seen
            return
        result = await self._auctions.result(resource_class, number)
        if result is not None and result.trades >= found.trades:
            standing = await self._auctions.book(resource_class, number)
            if standing is not None and not auction.better(found, auction.clear(*standing)):
                book.submitted = seen
                return
        tag = f"clear-{resource_class.hex()}-{number}-{hashlib.sha256(seen).hexdigest()}"
        try:
            await self._sender.send(self._calls.clear_round(resource_class, number, bids, asks), tag=tag)
            log.info("round cleared", round=number, price=found.price, trades=found.trades)
        except FogchainError as error:
            log.info("round not cleared", round=number, why=error.message)
        book.submitted = seen

    async def _gather(self, resource_class: bytes, number: int, book: Book, solvers: list[NodeRecord]) -> None:
        """Bring in what the other solvers have."""
        for solver in solvers[:SOLVERS]:
            if solver.owner.lower() != self._wallet.address:
                try:
                    answer = await self._ask(solver, "book", wire.encode_round(resource_class, number))
                    self._add(wire.decode_bids(answer), resource_class, number)
                except FogchainError as error:
                    log.debug("a solver does not show its bids", solver=solver.owner, why=error.message)

    async def _settle(self, resource_class: bytes, number: int) -> None:
        """Once the round's result is final: what this node bought and sold."""
        if (resource_class, number) in self._settled or self.now < auction.final_at(number):
            return
        result = await self._auctions.result(resource_class, number)
        if result is not None and not result.final:
            return
        lot = await self.lot_of(resource_class)
        try:
            made = await self._auctions.trades(resource_class, number)
        except CorruptData as error:
            log.warning("nobody can tell who trades with whom", round=number, why=error.message)
            made, result = [], None
        if result is not None and not made:
            return  # its log has not come yet
        own, book = self._wallet.address, self._books.get((resource_class, number), Book())
        found: dict[tuple[str, str, str], int] = {}
        for trade in made:
            if own in (trade.bid.trader, trade.ask.trader):
                job = book.lots[trade.bid.digest].job if trade.bid.digest in book.lots else ""
                parties = trade.bid.trader, trade.ask.trader, job
                found[parties] = found.get(parties, 0) + lot * GFUEL
        price = result.price if result is not None else 0
        awards = [
            Award(resource_class, number, buyer, seller, price, fuel, job)
            for (buyer, seller, job), fuel in found.items()
        ]
        self._store.settle(resource_class, number, awards)
        self._awards += awards
        self._settled.add((resource_class, number))

    # ---------------------------------------------------------------- others' bids

    async def _on_bids(self, _peer: str, data: bytes) -> bytes:
        signed = wire.decode_bids(data)
        if signed:
            self._add(signed, signed[0][0].class_, signed[0][0].round)
        return wire.EMPTY

    async def _on_book(self, _peer: str, data: bytes) -> bytes:
        book = self._books.get(wire.decode_round(data), Book())
        return wire.encode_bids([(held.bid, held.lot.signature) for held in book.lots.values()])

    def _add(self, signed: list[tuple[Bid, bytes]], resource_class: bytes, number: int) -> None:
        """Keep bids of a round that takes them or has just ended. Raises BadMessage, BadSignature for the first bad."""
        current = auction.round_at(self.now)
        if not current - 1 <= number <= current + 1 or not self._lots.get(resource_class):
            raise BadMessage("bids of a round or class that is not traded now")
        book, fresh = self._books.get((resource_class, number), Book()), dict[bytes, HeldBid]()
        try:
            for bid, signature in signed:
                check_bid(bid, resource_class, number)
                if len(book.lots) + len(fresh) >= MAX_BOOK or bid.number >= MAX_LOTS:
                    raise BadMessage("more bids than are carried")
                lot = self._auctions.lot_of(bid, signature)
                if lot.digest not in book.lots:
                    fresh[lot.digest] = HeldBid(bid, lot)
        finally:
            self._keep(fresh.values())
