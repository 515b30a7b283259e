"""What was agreed holds: replicas by different operators, pay that falls when it is late, penalties, and a liar that is
unpaid wherever it has work."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from fogchain.api.models import JobDetail, TaskView
from fogchain.units import cost, parse_fog

pytestmark = [pytest.mark.slow, pytest.mark.chain]

HERE = Path(__file__).parent
ROUNDS = 1_000_000  # some hundredths of a second
LONG = 4_000_000


async def tasks_of(m: Any, job: str) -> list[TaskView]:
    return list((await m.network.buyer.tasks(job)).items)


def all_claimed(detail: JobDetail, before: dict[str, int], after: dict[str, int]) -> None:
    assert sum(before.values()) == sum(after.values())
    assert before["buyer"] - after["buyer"] == sum(share.claimed for share in detail.providers) == detail.spent
    assert all(share.claimed == share.owed for share in detail.providers)


@pytest.mark.parametrize(("level", "replicas"), [("L2", 2), ("L3", 3)])
async def test_every_task_is_run_by_several_operators_who_commit_first_and_all_are_paid(
    market: Callable[..., Any], level: str, replicas: int
) -> None:
    async with market(providers=3) as m:
        before = await m.balances()
        job = await m.submit(m.spin(8, ROUNDS, f'[verify]\nlevel = "{level}"\n'))
        detail = await m.paid(job)
        assert detail.state == "done" and detail.checks_done == 8 and detail.checks_failed == 0
        operators = {share.address: share.operator for share in detail.providers}
        for task in await tasks_of(m, job):
            runs = [run for run in task.runs if run.state == "accepted"]
            assert len(runs) == len({operators[run.provider] for run in runs}) == replicas
            assert all(run.promised and run.sealed for run in runs)
            assert len({(run.result, run.fuel) for run in runs}) == 1
        all_claimed(detail, before, await m.balances())


async def test_a_liar_at_l3_is_caught_and_unpaid_and_distrusted_in_another_open_job(market: Callable[..., Any]) -> None:
    liar = (sys.executable, str(HERE / "liar.py"))
    async with market(providers=4, commands={"cedar": liar}) as m:
        before = await m.balances()
        cedar = m.addresses["cedar"]
        other = await m.submit(m.spin(900, LONG, '[verify]\nlevel = "L0"\n'))
        await m.until(other, lambda detail: any(share.name == "cedar" and share.tasks for share in detail.providers))
        job = await m.submit(m.spin(6, ROUNDS, '[verify]\nlevel = "L3"\n'))
        # It must be open still: what a job that has ended has brought is not taken back.
        found = await m.until(
            other, lambda detail: any("another job" in share.problem for share in detail.providers), 100
        )
        assert found.finished is None
        held = next(share.claimed for share in found.providers if share.address == cedar)
        detail, after_lie = await m.paid(job), await m.paid(other)
        for one in (detail, after_lie):
            assert one.state == "done"
            assert len({task.result for task in await tasks_of(m, one.id)}) == 1, "equal tasks have equal results"
        shares = {share.name: share for share in detail.providers}
        assert shares["cedar"].tasks == shares["cedar"].checks == shares["cedar"].claimed == 0
        assert "majority" in shares["cedar"].problem and detail.checks_failed >= 1
        elsewhere = next(share for share in after_lie.providers if share.name == "cedar")
        assert elsewhere.tasks == 0 and elsewhere.fuel == 0, "nothing of it stands"
        signed = next(s.signed for s in (await m.network.client("cedar").sessions(role="provider")).items if s.signed)
        assert held <= elsewhere.claimed == signed, "it has what was signed before it was found out, and no more"
        after = await m.balances()
        assert sum(before.values()) == sum(after.values())
        assert all(share.claimed == share.owed for one in (detail, after_lie) for share in one.providers)


async def test_who_promises_and_never_delivers_pays_its_penalty_out_of_what_it_earned(
    market: Callable[..., Any],
) -> None:
    breaker = (sys.executable, str(HERE / "breaker.py"))
    async with market(providers=2, commands={"birch": breaker}) as m:
        before = await m.balances()
        path = m.spin(250, 10 * LONG, '[verify]\nlevel = "L0"\n')
        text = path.read_text().replace("[limits]", 'penalty = "0.03 FOG"\n[limits]').replace('"60 s"', '"4 s"')
        path.write_text(text)
        job = await m.submit(path)
        detail = await m.paid(job)
        assert detail.state == "done", detail.detail
        shares = {share.name: share for share in detail.providers}
        broken = [run for task in await tasks_of(m, job) for run in task.runs if run.breached]
        assert {run.provider for run in broken} == {m.addresses["birch"]} and all(run.promised for run in broken)
        earned = cost(shares["birch"].fuel, parse_fog("0.5 FOG"))
        assert shares["birch"].penalty == min(earned, parse_fog("0.03 FOG") * len(broken)) > 0
        assert shares["birch"].claimed == shares["birch"].owed == earned - shares["birch"].penalty
        assert shares["oak"].penalty == 0
        theirs = (await m.network.client("birch").sessions(role="provider")).items
        assert [session.penalty for session in theirs] == [shares["birch"].penalty]
        assert [session.claimed for session in theirs] == [shares["birch"].claimed]
        all_claimed(detail, before, await m.balances())


async def hold_up(m: Any, name: str, seconds: float) -> None:
    """The task that this provider runs next stands still for so long."""
    while not (await m.network.client(name).status()).running:
        await asyncio.sleep(0.02)
    node = psutil.Process(m.network.members[name].pid)
    workers = [child for child in node.children(recursive=True) if "node.executor.worker" in " ".join(child.cmdline())]
    for worker in workers:
        worker.suspend()
    await asyncio.sleep(seconds)
    for worker in workers:
        worker.resume()


async def test_a_late_result_is_paid_less_and_both_books_say_the_same(market: Callable[..., Any]) -> None:
    async with market(providers=1) as m:
        before = await m.balances()
        path = m.spin(6, 60 * LONG, '[verify]\nlevel = "L0"\n')
        path.write_text(path.read_text().replace("[limits]", 'deadline = "1 s"\ngrace = "90 s"\n[limits]'))
        job = await m.submit(path)
        await hold_up(m, "oak", 4.0)
        detail = await m.paid(job)
        (share,) = detail.providers
        assert detail.state == "done" and 0 < share.late <= 6
        mine = (await m.network.buyer.receipts(role="buyer", job=job)).items
        theirs = (await m.network.client("oak").receipts(role="provider", job=job)).items
        assert {r.order: (r.cost, r.fee, r.net) for r in mine} == {r.order: (r.cost, r.fee, r.net) for r in theirs}
        late = {run.attempt: run for task in await tasks_of(m, job) for run in task.runs if run.late}
        for run in late.values():
            assert run.cost is not None and run.fuel is not None and run.cost < cost(run.fuel, parse_fog("0.5 FOG"))
        assert len(late) == share.late
        assert sum(r.cost for r in theirs) == share.claimed == share.owed
        all_claimed(detail, before, await m.balances())
