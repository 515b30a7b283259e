"""The single-price double auction SBBA (Segal-Halevi, Hassidim, Aumann, arXiv 1607.05139) for work that can wait.

The same rule as contracts/libraries/AuctionLib.sol, which checks what is worked out here. Class and round are those of
the book; a lot is so many Gfuel as the class says. Prices are base units of FOG per 10^9 fuel.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from fogchain.units import MAX_UINT96

EPOCH = 600  # seconds of block time: round n runs from 600 n to 600 (n + 1)
BUY, SELL = 0, 1


@dataclass(frozen=True, slots=True)
class Lot:
    """One bid or ask for one lot, its signature checked. `digest`: what its trader signed."""

    trader: str  # lower case
    price: int
    number: int
    digest: bytes
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class Clearing:
    """What a book comes to. See AuctionLib.Clearing."""

    price: int = 0
    trades: int = 0
    gain: int = 0
    next_bid: int = 0
    next_ask: int = MAX_UINT96
    deals: int = 0


@dataclass(frozen=True, slots=True)
class Trade:
    """One lot that changes hands at the price of the round."""

    bid: Lot
    ask: Lot


def round_at(time: int) -> int:
    """The round that takes bids at this block time."""
    return time // EPOCH


def ends_at(number: int) -> int:
    """From this block time on the round takes no bids and can be cleared, for one epoch."""
    return (number + 1) * EPOCH


def final_at(number: int) -> int:
    """From this block time on the round's result can't be replaced."""
    return (number + 2) * EPOCH


def lots_for(fuel: int, lot: int) -> int:
    """How many lots of `lot` Gfuel hold so much fuel."""
    return -(-fuel // (lot * 10**9))


def sort_bids(bids: Iterable[Lot]) -> list[Lot]:
    """As the contract wants them: dearest first, those of one price by their digest; each once."""
    return sorted({lot.digest: lot for lot in bids}.values(), key=lambda lot: (-lot.price, lot.digest))


def sort_asks(asks: Iterable[Lot]) -> list[Lot]:
    """Cheapest first, those of one price by their digest; each once."""
    return sorted({lot.digest: lot for lot in asks}.values(), key=lambda lot: (lot.price, lot.digest))


def covered_bids(bids: Iterable[Lot], lot: int, free: Mapping[str, int]) -> list[Lot]:
    """Those that their traders' free balances pay for, by the contract's rule: each as if all of lower number had its
    price."""
    return [bid for bid in bids if free.get(bid.trader, 0) >= (bid.number + 1) * lot * bid.price]


def covered_asks(asks: Iterable[Lot], lot: int, capacity: Mapping[str, int]) -> list[Lot]:
    """Those that their traders' counted capacity, in Gfuel an epoch, can serve."""
    return [ask for ask in asks if capacity.get(ask.trader, 0) >= (ask.number + 1) * lot]


def clear(bids: Sequence[Lot], asks: Sequence[Lot]) -> Clearing:
    """What a sorted book comes to; no trades when nobody meets."""
    deals = gain = 0
    for bid, ask in zip(bids, asks, strict=False):
        if bid.price < ask.price:
            break
        deals += 1
        gain += bid.price - ask.price
    next_bid = bids[deals].price if deals < len(bids) else 0
    next_ask = asks[deals].price if deals < len(asks) else MAX_UINT96
    if not deals:
        return Clearing(next_bid=next_bid, next_ask=next_ask)
    last = bids[deals - 1].price
    all_trade = deals < len(asks) and next_ask <= last
    price = next_ask if all_trade else last
    return Clearing(price, deals if all_trade else deals - 1, gain, next_bid, next_ask, deals)


def better(a: Clearing, b: Clearing) -> bool:
    """Whether `a` took in more than `b`, so that it replaces it."""
    if a.gain != b.gain:
        return a.gain > b.gain
    if a.deals != b.deals:
        return a.deals > b.deals
    if a.next_ask != b.next_ask:
        return a.next_ask < b.next_ask
    return a.next_bid > b.next_bid


def trades(bids: Sequence[Lot], asks: Sequence[Lot], found: Clearing, seed: bytes) -> list[Trade]:
    """Who trades with whom: the dearest bid with the cheapest ask, and so on, but for a seller left out by lot.

    The contract says who trades; that they are paired in this order is our rule, which every node can apply to the
    bids of the transaction that cleared the round.
    """
    sellers = list(asks[: found.deals])
    if found.trades < found.deals:
        sellers.pop(draw(sellers, seed))
    return [Trade(bid, ask) for bid, ask in zip(bids[: found.trades], sellers[: found.trades], strict=True)]


def draw(asks: Sequence[Lot], seed: bytes) -> int:
    """Which of these is left out: the one whose trader and number draw the lowest lot, the last of equals."""
    lots = [keccak(seed + _identity(ask)) for ask in asks]
    lowest = min(lots)
    return len(lots) - 1 - lots[::-1].index(lowest)


def root(made: Sequence[Trade]) -> bytes:
    """Of the Merkle tree of the digests of bids, then asks, that trade; pairs sorted, an odd one moves up."""
    leaves = [trade.bid.digest for trade in made] + [trade.ask.digest for trade in made]
    while len(leaves) > 1:
        pairs = [keccak(b"".join(sorted(leaves[i : i + 2]))) for i in range(0, len(leaves) - 1, 2)]
        leaves = [bytes(pair) for pair in pairs] + (leaves[-1:] if len(leaves) % 2 else [])
    return leaves[0]


def turn_of(solver: str, solvers: Iterable[str], round_number: int, resource_class: bytes) -> int:
    """How many of the solvers come before this one in submitting a round: all agree on the order, and it is another
    one in each round. Addresses in lower case."""
    tag = resource_class + round_number.to_bytes(5, "big")

    def lot(address: str) -> bytes:
        return bytes(keccak(tag + bytes.fromhex(address[2:])))

    own = lot(solver)
    return sum(lot(other) < own for other in set(solvers) if other != solver)


def _identity(lot: Lot) -> bytes:
    return (int(lot.trader, 16) << 32 | lot.number).to_bytes(32, "big")
