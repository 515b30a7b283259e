"""The auction's rule in Python and in the contract are one: on random books, the same price, trades and root."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from on_chain import FOG, Party, later, party

from fogchain.chain.abi import artifact
from fogchain.chain.auctions import Auctions
from fogchain.chain.calls import CPU, Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.local import LocalChain
from fogchain.errors import FogchainError
from fogchain.market import auction
from fogchain.market.auction import BUY, SELL, Lot
from fogchain.market.messages import Bid
from fogchain.wallet.eip712 import sign

pytestmark = [pytest.mark.slow, pytest.mark.chain]

BOOKS = 40
NO_TRADES = next(e.selector.hex() for e in artifact("FogPricing").errors.values() if e.name == "NoTrades")


class Floor:
    """Traders with balances and capacity, and rounds of the auction."""

    def __init__(self, client: ChainClient, buyers: Sequence[Party], sellers: Sequence[Party]) -> None:
        self.client, self.buyers, self.sellers = client, buyers, sellers
        self.calls, self.auctions = Calls(client.deployment), Auctions(client)

    def lot(self, trader: Party, side: int, price: int, place: int, number: int) -> Lot:
        bid = Bid(trader.address, CPU, side, price, place, number)
        return self.auctions.lot_of(bid, sign(trader.key, self.auctions.domain, bid))

    async def next_round(self) -> int:
        """A round that has just ended and was sealed."""
        number = auction.round_at((await self.client.head()).timestamp)
        await later(self.client, auction.ends_at(number) - (await self.client.head()).timestamp + 1)
        await self.buyers[0].send(self.calls.seal_round(number))
        return number


@pytest.fixture
async def floor(chain: LocalChain, client: ChainClient, tmp_path: Path) -> Floor:
    buyers = [await party(chain, client, tmp_path / f"buyer{n}", 2000 * FOG) for n in range(4)]
    sellers = [await party(chain, client, tmp_path / f"seller{n}", 5000 * FOG) for n in range(4)]
    calls = Calls(client.deployment)
    for buyer in buyers:
        await buyer.send(calls.approve(2000 * FOG))
        await buyer.send(calls.deposit(2000 * FOG))
    for place, seller in enumerate(sellers):
        await seller.send(calls.approve(5000 * FOG, client.deployment.stake))
        await seller.send(calls.bond(5000 * FOG))
        await seller.send(calls.register(bytes([place + 1]) * 32, b"\2" * 64, 4, "", capacity=350))
    return Floor(client, buyers, sellers)


async def test_random_books_come_to_the_same_as_in_the_contract(floor: Floor) -> None:
    number, rng = await floor.next_round(), random.Random(7)
    seed = await floor.auctions.seed(number)
    kinds = set()
    for book in range(BOOKS):
        prices = 3 if book % 2 else 40  # many of one price, and hardly any
        bids, asks = (
            [
                floor.lot(trader, side, rng.randint(1, prices) * FOG // 20, place, number)
                for trader in traders
                for place in range(rng.randint(0, 3))
            ]
            for side, traders in ((BUY, floor.buyers), (SELL, floor.sellers))
        )
        bids, asks = await floor.auctions.covered(CPU, number, bids, asks)
        expected = auction.clear(bids, asks)
        call = floor.calls.clear_round(CPU, number, bids, asks)
        before = await floor.client.rpc.call("evm_snapshot")
        if not expected.trades:
            asked = {"from": floor.buyers[0].address, "to": call.to, "data": "0x" + call.data.hex()}
            with pytest.raises(FogchainError, match=NO_TRADES):
                await floor.client.rpc.call("eth_call", asked, "latest")
            kinds.add("none")
            continue
        await floor.client.rpc.call("anvil_impersonateAccount", floor.buyers[0].address)
        await floor.client.rpc.call(
            "eth_sendTransaction",
            {
                "from": floor.buyers[0].address,
                "to": call.to,
                "data": "0x" + call.data.hex(),
                "gas": hex(call.gas),
            },
        )
        await floor.client.rpc.call("evm_mine")
        found = await floor.auctions.result(CPU, number)
        made = auction.trades(bids, asks, expected, seed)
        assert found is not None
        assert (found.price, found.trades, found.root) == (expected.price, expected.trades, auction.root(made))
        assert await floor.auctions.trades(CPU, number) == made
        kinds.add("all" if expected.trades == expected.deals else "but one")
        assert await floor.client.rpc.call("evm_revert", before)
    assert kinds >= {"all", "but one"}


async def test_who_took_in_more_has_the_last_word_and_the_result_becomes_final(floor: Floor) -> None:
    number = await floor.next_round()
    bids = [floor.lot(buyer, BUY, (9 - place) * FOG // 10, 0, number) for place, buyer in enumerate(floor.buyers)]
    asks = [floor.lot(seller, SELL, (place + 1) * FOG // 10, 0, number) for place, seller in enumerate(floor.sellers)]
    few = await floor.auctions.covered(CPU, number, bids[:2], asks[:2])
    many = await floor.auctions.covered(CPU, number, bids, asks)
    assert auction.better(auction.clear(*many), auction.clear(*few))
    await floor.buyers[1].send(floor.calls.clear_round(CPU, number, *few))
    await floor.sellers[1].send(floor.calls.clear_round(CPU, number, *many))
    with pytest.raises(FogchainError):
        await floor.buyers[0].send(floor.calls.clear_round(CPU, number, *few))
    result = await floor.auctions.result(CPU, number)
    assert result is not None and not result.final and result.price == auction.clear(*many).price
    await later(floor.client, 601)
    result = await floor.auctions.result(CPU, number)
    assert result is not None and result.final
    assert len(await floor.auctions.trades(CPU, number)) == result.trades


async def test_bids_without_cover_or_taken_back_stay_out(floor: Floor) -> None:
    number = auction.round_at((await floor.client.head()).timestamp) + 1
    await later(floor.client, 600)
    await floor.buyers[0].send(floor.calls.cancel_bids(number))
    bids = [floor.lot(buyer, BUY, FOG, place, number) for buyer in floor.buyers[:2] for place in (0, 19, 20)]
    asks = [floor.lot(seller, SELL, FOG, place, number) for seller in floor.sellers[:1] for place in (2, 3)]
    kept, sold = await floor.auctions.covered(CPU, number, bids, asks)
    assert {(lot.trader, lot.number) for lot in kept} == {(floor.buyers[1].address, 0), (floor.buyers[1].address, 19)}
    assert [lot.number for lot in sold] == [2]
