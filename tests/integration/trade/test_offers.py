"""Offers between real nodes: prices that follow, silence that is noticed, and nothing that costs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from fogchain.api.models import MatchView, OfferMatch
from fogchain.chain.client import ChainClient
from fogchain.jobs.file import load_job_file
from node.p2p.host import P2PHost, PeerAddress
from node.trade import wire
from node.trade.wire import SignedOffer

pytestmark = [pytest.mark.slow, pytest.mark.chain]


async def until(ask: Callable[[], Awaitable[Any]], good: Callable[[Any], bool], patience: float) -> tuple[Any, float]:
    """The first good answer, and the seconds it took."""
    began, answer = time.monotonic(), None
    while time.monotonic() - began < patience:
        answer = await ask()
        if good(answer):
            return answer, time.monotonic() - began
        await asyncio.sleep(0.1)
    pytest.fail(f"not in {patience} s: {answer}")


def of(found: MatchView, name: str) -> OfferMatch:
    return next(offer for offer in found.offers if offer.name == name)


@pytest.mark.complaint(24)
async def test_offers_follow_the_base_price_and_silent_providers_are_not_matched(market: Callable[..., Any]) -> None:
    settings = {
        "oak": {"multiplier": "2 x", "regions": ["eu-de"]},
        "birch": {"price": "0.7 FOG/Gfuel"},
        "buyer": {"stale_after": "4 s"},
    }
    async with market(providers=2, settings=settings) as m:
        buyer = m.network.buyer
        found = await buyer.offers()
        assert (found.matching, found.total) == (2, 2)
        oak, birch = of(found, "oak"), of(found, "birch")
        assert oak.offer and (oak.offer.price, oak.offer.multiplier) == (2 * 10**17, 20_000)  # the base is 0.1
        assert birch.offer and (birch.offer.price, birch.offer.multiplier) == (7 * 10**17, None)
        assert 0 < oak.offer.survival["2 h"] < oak.offer.survival["1 h"] < oak.offer.survival["10 min"] < 10_000

        job = m.spin(2, 1000, '\n[verify]\nlevel = "L0"\n')
        spec = load_job_file(job).spec
        assert (await buyer.match(spec)).matching == 2
        far = await buyer.match(spec.model_copy(update={"regions": ("us",), "max_price": 10**17}))
        assert far.matching == 0 and [each.constraint for each in of(far, "oak").failed] == ["region", "price"]
        near = await buyer.match(spec.model_copy(update={"regions": ("eu",)}))
        assert [offer.name for offer in near.offers if offer.matches] == ["oak"]
        cheap = await buyer.match(spec.model_copy(update={"max_price": 10**17}))
        assert "2 run wasm, 0 at this price (0.1 FOG/Gfuel); least price that matches: 0.2 FOG/Gfuel" in cheap.summary
        assert [(change.constraint, change.value) for change in cheap.nearest] == [("price", "0.2 FOG/Gfuel")]
        await check_command_line(m, job)

        # Its processes stand still, its connections stay up: nothing but silence says that it is not there.
        process = psutil.Process(m.network.members["birch"].pid)
        process.send_signal(signal.SIGSTOP)
        try:
            found, took = await until(buyer.offers, lambda found: not of(found, "birch").matches, 15)
            assert of(found, "birch").failed[0].constraint == "fresh" and 1 < took < 14
            assert "nothing was heard" in of(found, "birch").failed[0].detail
            assert [offer.name for offer in (await buyer.match(spec)).offers if offer.matches] == ["oak"]
        finally:
            process.send_signal(signal.SIGCONT)
        _, took = await until(buyer.offers, lambda found: of(found, "birch").matches, 40)
        assert took < 30

        await m.network.kill("oak")
        await until(buyer.offers, lambda found: not of(found, "oak").matches, 15)
        await asyncio.sleep(10)  # long enough for pauses between attempts to grow
        await m.network.launch_node("oak")
        await m.network.ready("oak")
        _, took = await until(buyer.offers, lambda found: of(found, "oak").matches, 30)
        assert took < 20


async def check_command_line(m: Any, job: Path) -> None:
    dear = job.with_name("cheap.toml")
    dear.write_text(job.read_text().replace("[job]", '[job]\nmax_price = "0.3 FOG/Gfuel"', 1))
    folder = str(m.network.folder / "buyer")

    async def run(*words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "fogchain.cli.main", "offers", "--data", folder, *words,
            stdout=asyncio.subprocess.PIPE, env=os.environ | {"COLUMNS": "200"},
        )  # fmt: skip
        out, _ = await process.communicate()
        assert process.returncode == 0
        return out.decode()

    shown = await run("--job", str(dear))
    assert "price: 0.7 FOG/Gfuel" in shown and "eu-de" in shown
    answer = json.loads(await run("--job", str(dear), "--json"))
    assert answer["matching"] == 1 and [offer["name"] for offer in answer["offers"] if offer["matches"]] == ["oak"]
    assert "2 of 2 offers can be used now" in await run()


@pytest.mark.complaint(18)
async def test_a_thousand_losing_offers_cost_a_provider_nothing(market: Callable[..., Any]) -> None:
    async with market(providers=1) as m:
        (name,) = m.network.names
        owner, status = m.addresses[name], await m.network.client(name).status()
        client = ChainClient(m.network.rpc_url, m.network.deployment)
        asker = P2PHost(
            seed=bytes(range(32)), listen=["/ip4/127.0.0.1/tcp/0"], mdns=False, network=client.deployment.domain.network
        )
        await asker.start()

        async def books() -> tuple[str, int, int, int, int]:
            return (
                await client.rpc.call("eth_getTransactionCount", owner, "latest"),
                await client.eth_balance(owner),
                await client.token_balance(owner),
                await client.free_balance(owner),
                await client.locked_balance(owner),
            )

        try:
            await until(m.network.client(name).status, lambda status: status.registered, 30)
            before, process = await books(), psutil.Process(m.network.members[name].pid)
            cpu, began = sum(process.cpu_times()[:2]), time.monotonic()
            await asker.connect(PeerAddress(status.peer_id, tuple(status.listen)))
            for _ in range(1000):
                offer = SignedOffer.decode(await asker.request(status.peer_id, "offer", wire.EMPTY, timeout=10))
                assert offer.offer.provider == owner
            spent = sum(process.cpu_times()[:2]) - cpu
            await asyncio.sleep(2)  # time enough for a transaction to be mined
            assert await books() == before
            assert spent < 5 and time.monotonic() - began < 60  # 5 ms each
        finally:
            await asker.stop()
            await client.close()
