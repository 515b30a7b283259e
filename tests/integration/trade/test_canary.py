"""Newcomers are tried with a task whose result is known: a liar is found out by that alone, an honest one is paid."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hostile import until

from fogchain.api.models import JobDetail, RunView, TaskView
from fogchain.bench.books import all_of, disagreements

pytestmark = [pytest.mark.slow, pytest.mark.chain]

LIAR = Path(__file__).with_name("liar.py")
TASKS = 300  # more than can be done until all has been seen; then the job is cancelled
ROUNDS = 600_000_000  # half a second: long enough to say something of a provider's speed


async def tasks_of(m: Any, job: str) -> list[TaskView]:
    return await all_of(partial(m.network.buyer.tasks, job))


async def runs_of(m: Any, job: str, name: str) -> list[RunView]:
    runs = [run for task in await tasks_of(m, job) for run in task.runs if run.provider == m.addresses[name]]
    return sorted(runs, key=lambda run: run.attempt)


def observed(m: Any, name: str) -> int:
    """How many of its runs the buyer has kept as a measure of its speed."""
    with closing(sqlite3.connect(f"file:{m.network.folder / 'buyer' / 'node.db'}?mode=ro", uri=True)) as db:
        query = "SELECT count(*) FROM speed_observed WHERE provider = ?"
        return int(db.execute(query, (m.addresses[name],)).fetchone()[0])


async def test_a_newcomer_is_tried_with_what_is_known(market: Callable[..., Any]) -> None:
    settings = {"buyer": {"newcomer_tasks": 1, "measure_after": "1 s"}}
    commands = {"cedar": (sys.executable, str(LIAR))}
    async with market(
        providers=2, lost_after="60 s", price="0.01 FOG/Gfuel", commands=commands, settings=settings
    ) as m:
        file = m.spin(TASKS, ROUNDS)
        file.write_text(file.read_text().replace('time = "60 s"', 'time = "10 min"'))
        job = await m.submit(file)
        await m.until(job, lambda detail: detail.checks_done > 0)

        await m.network.join("cedar")
        await m.learn_addresses()

        def caught(detail: JobDetail) -> bool:
            return any(share.name == "cedar" and share.problem for share in detail.providers)

        assert (await m.until(job, caught)).checks_failed == 1
        (lie,) = await runs_of(m, job, "cedar")
        assert (lie.purpose, lie.state, lie.sealed) == ("canary", "wrong", False)

        await m.network.join("maple")
        await m.learn_addresses()

        async def delivered() -> list[RunView]:
            return [run for run in await runs_of(m, job, "maple") if run.result]

        first, *_ = await until(delivered, 120, "nothing of maple's")
        assert (first.purpose, first.state, first.sealed) == ("canary", "accepted", False), await runs_of(
            m, job, "maple"
        )
        assert await until(partial(observed, m, "maple"), 30)

        await m.network.buyer.cancel(job)
        detail = await m.paid(job)
        assert detail.checks_failed == 1
        tasks = await tasks_of(m, job)
        assert len({task.result for task in tasks if task.result}) == 1, "equal tasks have equal results"
        tried = {run.attempt: task for task in tasks for run in task.runs}
        asked = [run for run in tried[lie.attempt].runs if run.attempt > lie.attempt]
        assert not any(run.purpose == "check" for run in asked), "nobody else was asked"
        shares = {share.name: share for share in detail.providers}
        liar, honest = shares["cedar"], shares["maple"]
        assert (liar.owed, liar.claimed, liar.tasks, liar.checks) == (0, 0, 0, 0)
        assert honest.claimed == honest.owed > 0 and honest.checks > 0

        told = await all_of(partial(m.network.client("cedar").receipts, "provider", job))
        assert [(one.reason, one.cost) for one in told] == [("wrong_result", 0)]
        told = await all_of(partial(m.network.client("maple").receipts, "provider", job))
        reasons = {one.task: (one.reason, one.purpose) for one in told}
        assert reasons[tried[first.attempt].index] == ("checked_ok", "work"), "it can't tell it from other work"

        async def agreed() -> bool:
            return not await disagreements(m.network)

        await until(agreed, 60)
