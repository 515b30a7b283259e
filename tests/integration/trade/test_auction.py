"""Work that can wait is bought in an auction: two buyers, three sellers, one price, checked on the chain and paid,
while nodes are killed in each of its three steps."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fogchain.api.client import AsyncClient
from fogchain.api.models import AuctionView, JobDetail
from fogchain.chain.calls import CPU, Call, Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.faucet import fund
from fogchain.jobs.file import load_job_file
from fogchain.market import auction
from fogchain.units import cost, parse_fog, parse_price
from node.trade.auctioneer import SETTLING, TURN

pytestmark = [pytest.mark.slow, pytest.mark.chain]

ASKS = {"oak": "0.2 FOG/Gfuel", "birch": "0.3 FOG/Gfuel", "cedar": "0.4 FOG/Gfuel"}
BIDS = {"buyer": "0.6 FOG/Gfuel", "buyer2": "0.5 FOG/Gfuel"}
CLEARED = parse_price("0.4 FOG/Gfuel")  # the seller that does not trade sets it


async def until(ask: Callable[[], Awaitable[Any]], good: Callable[[Any], bool], patience: float = 60) -> Any:
    deadline, answer = time.monotonic() + patience, None
    while time.monotonic() < deadline:
        answer = await ask()
        if good(answer):
            return answer
        await asyncio.sleep(0.2)
    pytest.fail(f"not in {patience} s: {answer}")


class Clock:
    """The chain's, which the test moves: rounds go by block time."""

    def __init__(self, client: ChainClient) -> None:
        self._client = client

    async def at(self, when: int) -> None:
        ahead = when - (await self._client.head()).timestamp
        if ahead > 0:
            await self._client.rpc.call("evm_increaseTime", ahead)
            await self._client.rpc.call("evm_mine")


async def bond(client: ChainClient, owner: str) -> None:
    """For 100 Gfuel an epoch, one lot."""
    calls = Calls(client.deployment)

    async def act(call: Call) -> None:
        order = {"from": owner, "to": call.to, "data": "0x" + call.data.hex(), "gas": hex(call.gas)}
        sent = await client.rpc.call("eth_sendTransaction", order)
        await until(lambda: client.transaction(sent), lambda known: known.state == "mined", 20)

    await client.rpc.call("anvil_impersonateAccount", owner)
    await fund(client.rpc, client.deployment, owner, 0, parse_fog("10 FOG"))
    await act(calls.approve(parse_fog("10 FOG"), client.deployment.stake))
    await act(calls.bond(parse_fog("10 FOG")))
    await act(calls.refresh_capacity(owner))
    await client.rpc.call("anvil_stopImpersonatingAccount", owner)


async def submit(m: Any, client: AsyncClient, price: str, budget: str = "400 FOG") -> str:
    job = m.spin(2, 100_000, '\n[verify]\nlevel = "L0"\n')
    # The test moves the chain's clock on, which is the nodes', too: half of the job's time is not to pass by that.
    section = f'[job]\ntime_limit = "12 h"\nmax_price = "{price}"\nurgency = "deferrable"\n'
    text = re.sub(r"\[job\]\n", section, job.read_text(), count=1)
    text = text.replace("400 FOG", budget)
    named = job.with_name("deferrable.toml")
    named.write_text(text)
    resolved = load_job_file(named)
    for digest, source in resolved.blobs.items():
        await client.put_blob(source, digest)
    return (await client.submit(resolved.spec)).id


async def killed_and_back(m: Any, *names: str) -> None:
    for name in names:
        await m.network.kill(name)
    for name in names:
        await m.network.launch_node(name)
    for name in names:
        await m.network.ready(name)


@pytest.mark.timeout(400)
async def test_deferrable_jobs_are_cleared_on_chain_and_paid_at_the_auctions_price(market: Callable[..., Any]) -> None:
    settings = {name: {"price": price} for name, price in ASKS.items()}
    async with market(providers=3, buyers=2, settings=settings) as m:
        client = ChainClient(m.network.rpc_url, m.network.deployment)
        clock = Clock(client)
        try:
            for name in ASKS:
                await until(m.network.client(name).status, lambda status: status.registered, 30)
                await bond(client, m.addresses[name])
            number = auction.round_at((await client.head()).timestamp) + 1
            owners = {m.addresses[name] for name in ASKS}
            while auction.turn_of(m.addresses["cedar"], owners, number, CPU):
                number += 1  # to one that is cedar's to clear
            await clock.at(number * auction.EPOCH + 1)
            for name in BIDS:  # one that has not seen that block yet would bid in the round before
                await until(m.network.client(name).auction, lambda view: view.round == number)

            jobs = {name: await submit(m, m.network.client(name), BIDS[name]) for name in BIDS}

            def job(name: str) -> Callable[[], Awaitable[JobDetail]]:
                return lambda: m.network.client(name).job(jobs[name])

            def complete(view: AuctionView) -> bool:
                return (view.round, view.bids, view.asks) == (number, 2, 3)

            for name in ASKS:  # every seller is a solver, and has all bids
                await until(m.network.client(name).auction, complete)

            def says_so(detail: JobDetail) -> bool:
                return f"round {number} of the auction takes bids" in detail.detail and "best offer" in detail.detail

            waiting = await until(job("buyer"), says_so, 10)
            assert not waiting.providers  # neither a session nor an order before the auction is over

            await m.network.end("cedar")  # it won't; its bid stands, and the next clears the round a little later
            others = ("oak", "birch")
            await killed_and_back(m, *BIDS, *others)
            for name in others:  # nobody could have told them cedar's bid again, and nobody has bid twice
                await until(m.network.client(name).auction, complete)

            await clock.at(auction.ends_at(number) + 3)
            await asyncio.sleep(5)
            assert (await m.network.buyer.auction()).cleared is None
            await clock.at(auction.ends_at(number) + SETTLING + TURN)
            cleared = await until(m.network.buyer.auction, lambda view: view.cleared == number)
            assert (cleared.price, cleared.trades, cleared.final) == (CLEARED, 2, False)
            assert tuple(await client.read("pricing", "result", CPU, number))[:2] == (CLEARED, 2)
            assert not (await job("buyer")()).providers

            await m.network.kill("oak")  # the buyer's seller: what was won of it waits for it
            await m.network.kill("buyer")
            await clock.at(auction.final_at(number) + 1)
            for _ in range(2):  # read from the chain once, and then kept
                await killed_and_back(m, "buyer")
                await until(job("buyer"), lambda detail: "the auction's seller can't serve" in detail.detail)
            assert not (await job("buyer")()).providers
            await killed_and_back(m, "oak")

            sellers = {}
            for name in BIDS:
                detail = await until(job(name), lambda detail: detail.paid, 120)
                (share,) = detail.providers
                sellers[name] = share.name
                assert detail.state == "done" and detail.tasks.done == 2
                tasks = (await m.network.client(name).tasks(jobs[name])).items
                assert share.claimed == share.owed == sum(cost(run.fuel, CLEARED) for t in tasks for run in t.runs)
            assert sellers == {"buyer": "oak", "buyer2": "birch"}  # the dearest bid with the cheapest ask
        finally:
            await client.close()


async def test_a_job_whose_bids_are_not_covered_takes_the_best_offer(market: Callable[..., Any]) -> None:
    async with market(providers=2, purse="10 FOG") as m:
        job = await submit(m, m.network.buyer, "0.6 FOG/Gfuel", "5 FOG")  # a lot at this price would want 60 FOG
        detail = await m.paid(job)
        assert detail.state == "done" and detail.tasks.done == 2
