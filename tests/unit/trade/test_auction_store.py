"""What a node keeps of the auction: every bid and award once, for as long as somebody may ask for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from fogchain.database import open_database
from fogchain.errors import Conflict
from fogchain.market.auction import BUY, SELL, Lot
from fogchain.market.messages import Bid
from node.trade.auctionstore import AuctionStore, Award, HeldBid, tables

CPU, GPU = b"cpu".ljust(32, b"\0"), b"gpu".ljust(32, b"\0")
OWN, OTHER = "0x" + "11" * 20, "0x" + "22" * 20


def held(number: int, place: int, *, trader: str = OWN, side: int = BUY, job: str = "") -> HeldBid:
    bid = Bid(trader, CPU, side, 2**96 - 1, place, number)
    digest = bytes([number, place, side, trader == OWN]).ljust(32, b"\0")
    return HeldBid(bid, Lot(trader, bid.price, place, digest, b"signature"), job)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def opened(folder: Path) -> Engine:
    return open_database(folder / "node.db", tables, 2)


def test_bids_are_there_after_a_restart_each_once(folder: Path) -> None:
    bids = [held(7, 0, job="first"), held(7, 1, job="second"), held(7, 0, trader=OTHER, side=SELL)]
    AuctionStore(opened(folder)).keep(bids)
    again = AuctionStore(opened(folder))
    again.keep(bids[::-1])
    assert sorted(again.bids(), key=lambda one: one.lot.digest) == sorted(bids, key=lambda one: one.lot.digest)


def test_a_round_is_read_once_and_what_came_of_it_with_it(folder: Path) -> None:
    store = AuctionStore(opened(folder))
    awards = [Award(CPU, 7, OWN, OTHER, 2**96 - 1, 10**12, "first"), Award(CPU, 7, OWN, OTHER, 5, 10**11, "second")]
    store.settle(CPU, 7, awards)
    with pytest.raises(Conflict):
        store.settle(CPU, 7, [Award(CPU, 7, OWN, OTHER, 1, 1, "third")])
    with pytest.raises(Conflict):  # the mark alone is not kept when an award can't be
        store.settle(GPU, 7, [Award(GPU, 7, OWN, OTHER, 1, 1)] * 2)
    again = AuctionStore(opened(folder))
    assert again.settled() == {(CPU, 7)}
    assert again.awards() == sorted(awards, key=lambda award: award.job)


def test_old_rounds_go_and_the_others_stay(folder: Path) -> None:
    store = AuctionStore(opened(folder))
    for number in (6, 7):
        store.keep([held(number, 0)])
        store.settle(CPU, number, [Award(CPU, number, OTHER, OWN, 1, 1)])
    store.forget(7)
    assert [one.bid.round for one in store.bids()] == [award.round for award in store.awards()] == [7]
    assert store.settled() == {(CPU, 7)}
