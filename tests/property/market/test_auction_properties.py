"""The auction's rule. That the contract has the same is tested on a real chain."""

from __future__ import annotations

from dataclasses import replace

from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from fogchain.market.auction import (
    Lot,
    better,
    clear,
    covered_asks,
    covered_bids,
    draw,
    ends_at,
    final_at,
    lots_for,
    root,
    round_at,
    sort_asks,
    sort_bids,
    trades,
    turn_of,
)
from fogchain.units import MAX_UINT96

SEED = b"\7" * 32


def lot(trader: int, price: int, number: int = 0, side: int = 0) -> Lot:
    digest = bytes(keccak(f"{trader} {price} {number} {side}".encode()))
    return Lot("0x" + trader.to_bytes(20, "big").hex(), price, number, digest)


def books(side: int) -> st.SearchStrategy[list[Lot]]:
    each = st.builds(lot, st.integers(1, 20), st.integers(1, 12), st.integers(0, 3), st.just(side))
    return st.lists(each, max_size=10, unique_by=lambda one: (one.trader, one.number))


@given(books(0), books(1), st.binary(min_size=32, max_size=32))
def test_all_trade_at_one_price_that_suits_each_of_them(bids: list[Lot], asks: list[Lot], seed: bytes) -> None:
    bids, asks = sort_bids(bids), sort_asks(asks)
    found = clear(bids, asks)
    made = trades(bids, asks, found, seed)
    assert len(made) == found.trades and found.deals - found.trades in (0, 1)
    assert all(trade.ask.price <= found.price <= trade.bid.price for trade in made)
    assert len({trade.bid.digest for trade in made} | {trade.ask.digest for trade in made}) == 2 * found.trades
    # No deal is left undone but the one that set the price.
    done = {trade.bid.digest for trade in made} | {trade.ask.digest for trade in made}
    left_bids = [bid for bid in bids if bid.digest not in done]
    left_asks = [ask for ask in asks if ask.digest not in done]
    assert sum(b.price >= a.price for b, a in zip(sort_bids(left_bids), sort_asks(left_asks), strict=False)) <= 1
    assert found.gain >= sum(trade.bid.price - trade.ask.price for trade in made)


@given(books(0), books(1), st.integers(1, 12), st.data())
def test_a_trader_of_one_lot_gains_nothing_by_a_false_bid(
    bids: list[Lot], asks: list[Lot], false: int, data: st.DataObject
) -> None:
    bids = [replace(one, trader=f"0x{place:040x}", number=0) for place, one in enumerate(bids, 1)]
    if not bids:
        return
    true = data.draw(st.sampled_from(bids))

    def surplus(book: list[Lot], own: Lot) -> int:
        found = clear(sort_bids(book), sort_asks(asks))
        won = any(trade.bid == own for trade in trades(sort_bids(book), sort_asks(asks), found, SEED))
        return true.price - found.price if won else 0

    lie = replace(true, price=false)
    assert surplus([lie if one is true else one for one in bids], lie) <= surplus(bids, true)


@given(books(0), books(1), books(0), books(1))
def test_more_bids_are_never_worse(bids: list[Lot], asks: list[Lot], more: list[Lot], others: list[Lot]) -> None:
    few = clear(sort_bids(bids), sort_asks(asks))
    many = clear(sort_bids(bids + more), sort_asks(asks + others))
    assert not better(few, many)
    assert not better(few, few)


@given(books(1).filter(bool), st.binary(min_size=32, max_size=32))
def test_the_lot_falls_on_trader_and_number_alone(asks: list[Lot], seed: bytes) -> None:
    asks = sort_asks(asks)
    out = draw(asks, seed)
    assert draw([replace(ask, digest=bytes(32), price=1) for ask in asks], seed) == out


@given(books(0), books(1), st.integers(0, 100))
def test_what_is_not_covered_stays_out(bids: list[Lot], asks: list[Lot], room: int) -> None:
    free = {one.trader: room for one in bids}
    assert all((one.number + 1) * 2 * one.price <= room for one in covered_bids(bids, 2, free))
    assert all((one.number + 1) * 7 <= room for one in covered_asks(asks, 7, {one.trader: room for one in asks}))
    assert covered_bids(bids, 2, {}) == [] and covered_asks(asks, 7, {}) == []


def test_nobody_meets() -> None:
    found = clear([lot(1, 3)], [lot(2, 4)])
    assert (found.trades, found.deals, found.next_bid, found.next_ask) == (0, 0, 3, 4)
    assert clear([], []).next_ask == MAX_UINT96 and trades([], [], clear([], []), SEED) == []


def test_the_seller_who_does_not_trade_sets_the_price_or_else_the_last_buyer() -> None:
    bids = sort_bids([lot(1, 9), lot(2, 7)])
    assert clear(bids, sort_asks([lot(3, 2), lot(4, 3), lot(5, 6)])).price == 6
    found = clear(bids, sort_asks([lot(3, 2), lot(4, 3), lot(5, 8)]))
    assert (found.price, found.trades, found.deals) == (7, 1, 2)


def test_a_root_has_sorted_pairs_and_the_odd_one_moves_up() -> None:
    bids, asks = sort_bids([lot(1, 9), lot(2, 9), lot(3, 9)]), sort_asks([lot(n, 1) for n in range(4, 8)])
    made = trades(bids, asks, clear(bids, asks), SEED)
    leaves = [trade.bid.digest for trade in made] + [trade.ask.digest for trade in made]

    def over(a: bytes, b: bytes) -> bytes:
        return bytes(keccak(min(a, b) + max(a, b)))

    pairs = [over(leaves[0], leaves[1]), over(leaves[2], leaves[3]), over(leaves[4], leaves[5])]
    assert root(made) == over(over(pairs[0], pairs[1]), pairs[2])


@given(st.sets(st.integers(1, 2**160 - 1), min_size=1, max_size=8), st.integers(0, 2**40 - 1))
def test_solvers_agree_on_whose_turn_it_is(numbers: set[int], number: int) -> None:
    solvers = [f"0x{each:040x}" for each in numbers]
    turns = [turn_of(solver, solvers, number, b"c" * 32) for solver in solvers]
    assert sorted(turns) == list(range(len(solvers)))


def test_rounds_follow_block_time() -> None:
    assert (round_at(1199), ends_at(1), final_at(1)) == (1, 1200, 1800)
    assert (lots_for(1, 100), lots_for(100 * 10**9, 100), lots_for(100 * 10**9 + 1, 100)) == (1, 1, 2)
