"""A task whose machine is taken from it goes on elsewhere from where it was, and gives the same bytes.

Real nodes, real workers. The task is one range of the example that counts primes, which saves once, half way; its first
provider stands still from there, so that no speed decides what comes next. At level L1 a third provider, that knows
nothing of it, does the whole of it from the start: what it gets is what an undisturbed run gets, and the market itself
compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hostile import until
from moody import WANTED
from trade_stage import PATIENCE, Market

from fogchain.api.models import RunView, TaskView
from fogchain.jobs.file import load_job_file
from fogchain.localnet import LocalNetwork

pytestmark = [pytest.mark.slow, pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]

MOODY = Path(__file__).with_name("moody.py")
PRIMES = Path(__file__).parents[3] / "examples" / "primes" / "primes.wasm"
NAMES = ("oak", "birch", "cedar")


class Stage(Market):
    def job(self) -> Path:
        path = self.folder / "primes.toml"
        path.write_text(
            f"""
[job]
module = "{PRIMES}"
budget = "300 FOG"
[limits]
fuel = "60 Gfuel"
memory = "16 MiB"
output = "64 KiB"
checkpoint = "4 KiB"
[[task]]
args = ["0", "{1 << 30}", "{1 << 11}"]
"""
        )
        assert load_job_file(path).spec.verify.level == "L1"
        return path

    async def task(self, job: str) -> TaskView:
        return (await self.network.buyer.tasks(job)).items[0]

    async def saved(self, job: str) -> TaskView:
        """The task, once its buyer has its checkpoint."""

        async def here() -> TaskView | None:
            task = await self.task(job)
            assert task.state in ("queued", "sent", "running"), task
            return task if task.saved else None

        found: TaskView = await until(here, PATIENCE, "no checkpoint came")
        return found

    def name_of(self, run: RunView) -> str:
        return next(name for name, address in self.addresses.items() if address == run.provider)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def m(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("on")
    network = LocalNetwork(
        folder / "net",
        lost_after="3 s",
        supervised=False,
        mdns=False,
        commands=dict.fromkeys(NAMES, (sys.executable, str(MOODY))),
    )
    await network.start()
    try:
        stage = Stage(network, folder)
        await stage.learn_addresses()
        yield stage
    finally:
        await network.stop()


def check_handed_on(task: TaskView, first: RunView) -> None:
    """The task's runs tell of three: one that saved, one that went on from there, and one from the start."""
    second = next(run for run in task.runs if run.purpose == "work" and run.state == "accepted")
    whole = next(run for run in task.runs if run.purpose == "check" and run.state == "accepted")
    assert len({first.provider, second.provider, whole.provider}) == 3
    assert second.resumed > 0
    assert second.resumed_from == first.provider_name
    assert (whole.resumed, whole.resumed_from) == (0, "")
    assert second.result == whole.result == task.result
    assert second.fuel is not None
    assert whole.fuel is not None
    assert second.fuel < whole.fuel <= second.fuel + second.resumed
    assert second.cost is not None
    assert whole.cost is not None
    assert second.cost < whole.cost  # it is paid for the rest


async def test_a_task_that_is_handed_back_goes_on_elsewhere_from_what_it_has_saved(m: Stage) -> None:
    with m.mood("stands", *NAMES):
        job = await m.submit(m.job())
        first = (await m.saved(job)).runs[0]
    with m.mood("wanted", m.name_of(first)):
        detail = await m.paid(job)
    assert (detail.state, detail.tasks.done) == ("done", 1), detail.detail
    task = await m.task(job)
    check_handed_on(task, first)
    back = task.runs[0]
    assert (back.provider, back.state, back.breached, back.cost) == (first.provider, "lost", False, None)
    share = next(share for share in detail.providers if share.address == first.provider)
    assert (share.outages, share.penalty) == (0, 0)
    assert WANTED in back.detail


async def test_a_task_whose_provider_vanishes_goes_on_from_what_its_buyer_has(m: Stage) -> None:
    with m.mood("stands", *NAMES):
        job = await m.submit(m.job())
        first = (await m.saved(job)).runs[0]
    name = m.name_of(first)
    await m.network.kill(name)
    detail = await m.paid(job)
    assert (detail.state, detail.tasks.done) == ("done", 1), detail.detail
    task = await m.task(job)
    lost = task.runs[0]
    assert (lost.provider, lost.state, lost.cost) == (first.provider, "lost", None)
    check_handed_on(task, first)
