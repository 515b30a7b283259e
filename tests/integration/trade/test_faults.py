"""Whatever dies or lies during a job, it ends right, and everyone has what is theirs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from hostile import until

from fogchain.api.models import BuyerRating, JobDetail
from fogchain.chain.client import ChainClient
from fogchain.chain.events import Decoder, NewFeedback, topic_of

pytestmark = [pytest.mark.slow, pytest.mark.chain]

ROUNDS = 4_000_000  # some tenths of a second
TASKS = 24


def check_books(detail: JobDetail, before: dict[str, int], after: dict[str, int]) -> None:
    """Every task is paid for once, to the one who did it, and no FOG appeared or vanished."""
    assert detail.state == "done" and detail.tasks.done == TASKS
    assert sum(before.values()) == sum(after.values())
    assert before["buyer"] - after["buyer"] == sum(share.claimed for share in detail.providers) == detail.spent
    assert after["fees"] - before["fees"] == sum(share.fee for share in detail.providers)
    for share in detail.providers:
        assert share.claimed == share.owed
        assert after[share.name] - before[share.name] == share.claimed - share.fee
        assert share.fee == share.claimed // 100


@pytest.mark.complaint(8)
async def test_a_killed_providers_tasks_go_to_the_others(market: Callable[..., Any]) -> None:
    async with market() as m:
        before = await m.balances()
        job = await m.submit(m.spin(TASKS, ROUNDS))
        await m.until(job, lambda detail: detail.tasks.done >= 4)
        await m.network.kill("birch")
        detail = await m.until(job, lambda detail: detail.finished is not None)
        assert detail.tasks.done == TASKS
        assert sum(share.tasks for share in detail.providers) == TASKS
        assert any(run.state == "lost" for task in (await m.network.buyer.tasks(job)).items for run in task.runs)
        # The others need not wait for the silent one: their sessions are closed, and paid, while it is away.
        others = [share.name for share in detail.providers if share.name != "birch"]

        def closed(detail: JobDetail) -> bool:
            return all(share.session_state == "closed" for share in detail.providers if share.name in others)

        detail = await m.until(job, closed)
        assert all(share.claimed == share.owed for share in detail.providers if share.name in others)
        # It comes back, hands over what it owes and is paid for what was accepted before it died.
        await m.network.launch_node("birch")
        await m.network.ready("birch")
        detail = await m.paid(job)
        check_books(detail, before, await m.balances())


async def test_a_killed_provider_that_returns_at_once_loses_nothing(market: Callable[..., Any]) -> None:
    async with market(lost_after="30 s") as m:
        before = await m.balances()
        job = await m.submit(m.spin(TASKS, ROUNDS))
        await m.until(job, lambda detail: detail.tasks.done >= 4)
        await m.network.kill("oak")
        await m.network.launch_node("oak")
        detail = await m.paid(job)
        check_books(detail, before, await m.balances())
        runs = [run for task in (await m.network.buyer.tasks(job)).items for run in task.runs]
        assert not [run for run in runs if run.state == "lost"]


async def test_a_killed_buyer_goes_on_where_it_was(market: Callable[..., Any]) -> None:
    async with market() as m:
        before = await m.balances()
        job = await m.submit(m.spin(TASKS, ROUNDS))
        await m.until(job, lambda detail: detail.tasks.done >= 4)
        await m.network.kill("buyer")
        await m.network.launch_node("buyer")
        await m.network.ready("buyer")
        detail = await m.paid(job)
        check_books(detail, before, await m.balances())


async def test_a_buyer_killed_right_after_submission_still_has_the_job(market: Callable[..., Any]) -> None:
    async with market(providers=2) as m:
        job = await m.submit(m.spin(4, 1000))
        await m.network.kill("buyer")
        await m.network.launch_node("buyer")
        await m.network.ready("buyer")
        assert (await m.paid(job)).tasks.done == 4


async def test_the_chain_killed_in_mid_job_costs_nothing(market: Callable[..., Any]) -> None:
    async with market() as m:
        before = await m.balances()
        job = await m.submit(m.spin(TASKS, ROUNDS))
        await m.until(job, lambda detail: detail.tasks.done >= 2)
        await m.network.kill("chain")
        await asyncio.sleep(1)
        await m.network.start_chain()
        detail = await m.paid(job)
        check_books(detail, before, await m.balances())


async def test_anvil_itself_killed_is_restarted_and_nothing_is_paid_twice(market: Callable[..., Any]) -> None:
    async with market() as m:
        before = await m.balances()
        job = await m.submit(m.spin(TASKS, ROUNDS))
        await m.until(job, lambda detail: detail.tasks.done >= 2)
        place = m.network.folder / "chain" / "chain.json"
        first = json.loads(place.read_text())["anvil_pid"]
        os.kill(first, signal.SIGKILL)
        detail = await m.paid(job)
        check_books(detail, before, await m.balances())
        assert json.loads(place.read_text())["anvil_pid"] != first


async def test_a_killed_worker_costs_one_run(market: Callable[..., Any]) -> None:
    async with market() as m:
        before = await m.balances()
        job = await m.submit(m.spin(TASKS, ROUNDS))
        await m.until(job, lambda detail: detail.tasks.done >= 2)
        killed = None
        while killed is None:
            for name in m.network.names:
                if (await m.network.client(name).status()).running:
                    node = psutil.Process(m.network.members[name].pid)
                    workers = (p for p in node.children(recursive=True) if "executor.worker" in " ".join(p.cmdline()))
                    killed = next(workers)
                    killed.kill()
                    break
        detail = await m.paid(job)
        check_books(detail, before, await m.balances())


async def test_a_liar_is_caught_unpaid_and_rated_for_all_to_see(market: Callable[..., Any]) -> None:
    liar = Path(__file__).with_name("liar.py")
    async with market(commands={"cedar": (sys.executable, str(liar))}) as m:
        before = await m.balances()
        job = await m.submit(m.spin(TASKS, ROUNDS // 4))
        detail = await m.paid(job)
        # Killed when the ratings may be on their way: they come, and come once.
        await m.network.kill("buyer")
        await m.network.launch_node("buyer")
        await m.network.ready("buyer")
        after = await m.balances()
        check_books(detail, before, after)
        shares = {share.name: share for share in detail.providers}
        assert shares["cedar"].tasks == 0 and shares["cedar"].claimed == 0
        assert detail.checks_failed >= 1
        assert after["cedar"] == before["cedar"]
        results = {task.result for task in (await m.network.buyer.tasks(job)).items}
        assert len(results) == 1  # equal tasks have equal results: none of the liar's is among them
        known = {p.address: p.tasks_wrong for p in await m.network.buyer.providers()}  # strangers may be near, too
        accused = {name: known[m.addresses[name]] for name in m.network.names}
        assert accused["cedar"] >= 1 and accused["oak"] == 0 and accused["birch"] == 0

        worked = {name for name, share in shares.items() if share.tasks + share.checks} | {"cedar"}
        rated = await m.until(job, lambda d: all(s.rating is not None for s in d.providers if s.name in worked))
        ratings = {share.name: share.rating for share in rated.providers if share.rating is not None}
        assert ratings.keys() >= worked and ratings["cedar"] < 10
        assert all(ratings[name] > 50 for name in worked - {"cedar"})
        # Seen by another node, which had nothing to do with the job, and where the buyer looks for providers.
        seen = await until(lambda: published(m, "oak", "cedar"), 60)
        assert (seen.value, seen.sessions, seen.paid) == (ratings["cedar"], 1, 0)
        offered = {match.address: match.rating for match in (await m.network.buyer.offers()).offers}
        for name in worked:
            shown = offered[m.addresses[name]]
            assert shown is not None and shown.own == shown.value == ratings[name]
        first = sorted((m.addresses[name], value) for name, value in ratings.items())
        assert await feedback(m, "NewFeedback") == first

        # Another life, another job: what was said is not said again.
        await m.network.kill("buyer")
        await m.network.launch_node("buyer")
        await m.network.ready("buyer")
        await m.network.providers_ready(3)
        second = await m.submit(m.spin(4, ROUNDS // 4))
        busy = {share.name for share in (await m.paid(second)).providers if share.tasks + share.checks}
        assert busy and "cedar" not in busy
        rated = await m.until(second, lambda d: all(s.rating is not None for s in d.providers if s.name in busy))
        more = [(share.address, share.rating) for share in rated.providers if share.rating is not None]
        assert await feedback(m, "NewFeedback") == sorted([*first, *more])
        assert await feedback(m, "ReviewSkipped") == []


async def published(m: Any, watcher: str, name: str) -> BuyerRating | None:
    """What the buyer has published of a provider, as this node knows it."""
    page = await m.network.client(watcher).ratings(m.addresses[name])
    return next((said for said in page.items if said.buyer == m.addresses["buyer"]), None)


async def feedback(m: Any, event: str) -> list[Any]:
    """The registry's events of this name that are on the chain: of feedback, provider and value, sorted."""
    client = ChainClient(m.network.rpc_url, m.network.deployment)
    try:
        topics = [topic_of("FogRegistry", event)]
        query = {"address": m.network.deployment.registry, "topics": topics, "fromBlock": "0x0"}
        logs = await client.rpc.call("eth_getLogs", query)
    finally:
        await client.close()
    decoded = [Decoder(m.network.deployment).decode({"blockTimestamp": "0x0", **log}) for log in logs]
    return sorted((each.provider, each.value) for each in decoded if isinstance(each, NewFeedback)) or logs


async def test_cancel_ends_the_work_and_pays_what_was_done(market: Callable[..., Any]) -> None:
    async with market() as m:
        before = await m.balances()
        job = await m.submit(m.spin(200, ROUNDS))
        await m.until(job, lambda detail: detail.tasks.done >= 3)
        await m.network.buyer.cancel(job)
        detail = await m.paid(job)
        after = await m.balances()
        assert detail.state == "cancelled" and detail.tasks.done < 200
        assert before["buyer"] - after["buyer"] == detail.spent
        assert sum(before.values()) == sum(after.values())
        for name in m.network.names:
            status = await m.network.client(name).status()
            assert status.running == 0 and status.waiting == 0
