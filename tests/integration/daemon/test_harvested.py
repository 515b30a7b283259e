"""A provider whose machine is not always free: real nodes, chain and workers, and a `/sys` that a test feeds."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from fogchain.api.harvest import HarvestView
from fogchain.api.models import JobDetail
from fogchain.bench.books import disagreements
from fogchain.bench.e2e import spin_job
from fogchain.errors import BadInput, Conflict, FogchainError
from fogchain.jobs.file import load_job_file
from fogchain.localnet import LocalNetwork

pytestmark = [pytest.mark.slow, pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]

LONG = 1_000_000_000  # rounds: some seconds
PATIENCE = 90.0

POLICY = """\
profile = "dedicated"

[guards.charge]
enter = "not battery.present or battery.charge >= 80 %"
leave = "battery.present and battery.charge < 70 %"
scope = "safety"
action = "freeze"
dwell = "1 s"
deadline = "2 s"
"""


class Machine:
    """The `/sys` of a laptop."""

    def __init__(self, root: Path) -> None:
        self._supplies = root / "class" / "power_supply"
        (root / "class" / "thermal").mkdir(parents=True)
        self.say("AC", type="Mains", online="1")
        self.say("BAT0", type="Battery", capacity="90", status="Charging", temp="250")

    def say(self, supply: str, **files: str) -> None:
        """Each file in one go, as the kernel's change."""
        folder = self._supplies / supply
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            fresh = folder.parent.parent / f".{name}"
            fresh.write_text(text + "\n")
            fresh.replace(folder / name)

    def plug(self, plugged: bool) -> None:
        self.say("AC", online="1" if plugged else "0")
        self.say("BAT0", status="Charging" if plugged else "Discharging")


class Laptop(LocalNetwork):
    """One provider on a fed tree."""

    def _create(self, name: str, *args: Any) -> str | None:
        address = super()._create(name, *args)
        if name == "oak" and address is not None:
            folder = self.folder / name
            self.machine = Machine(folder / "sys")
            with (folder / "config.toml").open("a") as config:
                config.write(f'\n[harvest]\nsys = "{folder / "sys"}"\n')
            (folder / "policy.toml").write_text(POLICY)
        return address

    async def harvest(self) -> HarvestView:
        return await self.client("oak").harvest()

    async def when(self, condition: Callable[[HarvestView], bool], what: str) -> HarvestView:
        async def look() -> HarvestView | None:
            view = await self.harvest()
            return view if condition(view) else None

        return await until(look, what)

    def fogchain(self, *words: str) -> Any:
        """A command as its owner gives it."""
        command = [sys.executable, "-m", "fogchain.cli.main", *words, "--json", "--data", str(self.folder / "oak")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    async def submit(self, rounds: int) -> str:
        resolved = load_job_file(spin_job(self.folder / f"spin-{rounds}", 1, rounds, '[verify]\nlevel = "L0"\n'))
        for sha256, source in resolved.blobs.items():
            await self.buyer.put_blob(source, sha256)
        return (await self.buyer.submit(resolved.spec)).id

    async def job(self, job: str, condition: Callable[[JobDetail], bool], what: str) -> JobDetail:
        async def look() -> JobDetail | None:
            detail = await self.buyer.job(job)
            return detail if condition(detail) else None

        return await until(look, what)


async def until(look: Callable[[], Awaitable[Any]], what: str) -> Any:
    deadline, last = time.monotonic() + PATIENCE, ""
    while time.monotonic() < deadline:
        try:
            if found := await look():
                return found
        except FogchainError as error:
            last = error.message
        await asyncio.sleep(0.05)
    pytest.fail(f"not in {PATIENCE:g} s: {what} {last}")


def used(pid: int) -> float:
    """Seconds of processor time of all that it has started."""
    total = 0.0
    for child in psutil.Process(pid).children(recursive=True):
        times = child.cpu_times()
        total += times.user + times.system
    return total


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def laptop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Laptop]:
    often: dict[str, dict[str, Any]] = {
        "buyer": {"stale_after": "3 s"},  # it asks providers every second
        "oak": {"runtimes": ["wasm"]},  # whatever runs below it is a task
    }
    network = Laptop(
        tmp_path_factory.mktemp("harvested") / "net", providers=1, supervised=False, mdns=False, settings=often
    )
    await network.start()
    try:
        yield network
    finally:
        await network.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def m(laptop: Laptop) -> Laptop:
    laptop.machine.plug(True)
    await laptop.when(lambda view: view.takes_work, "the provider takes work")
    await laptop.providers_ready(1)
    return laptop


async def test_unplugged_a_running_task_stands_still_and_plugged_in_it_goes_on(m: Laptop) -> None:
    job = await m.submit(LONG)
    await m.when(lambda view: view.state == "running", "it runs")
    m.machine.plug(False)
    view = await m.when(lambda view: view.state == "frozen", "it stands still")
    assert not view.takes_work and view.running == 1
    (veto,) = view.vetoes
    assert (veto.guard, veto.scope, veto.causes[0].value) == ("power", "safety", "battery")
    pid = m.members["oak"].pid
    assert pid is not None
    before = used(pid)
    said = m.fogchain("harvest", "status")  # takes a moment, in which nothing runs
    assert said["state"] == "frozen" and said["vetoes"][0]["guard"] == "power"
    assert said["duty"] == "0 %"
    await asyncio.sleep(1.0)
    assert used(pid) - before < 0.1
    assert m.fogchain("harvest", "why")["why"].startswith("power: ")
    m.machine.plug(True)
    await m.when(lambda view: view.state == "running" or view.running == 0, "it goes on")
    detail = await m.job(job, lambda detail: detail.paid, "it is paid")
    assert detail.state == "done"
    (task,) = (await m.buyer.tasks(job)).items
    assert [run.state for run in task.runs] == ["accepted"]  # the same run: it was given to nobody else
    went = [(one["before"], one["after"], one["actor"]) for one in m.fogchain("harvest", "log")["items"]]
    assert ("running", "frozen", "policy") in went and ("frozen", "running", "policy") in went
    assert not await disagreements(m)


async def test_paused_it_makes_no_offer_and_says_no_more_than_that(m: Laptop) -> None:
    m.fogchain("harvest", "pause", "1 h")
    view = await m.when(lambda view: view.state == "blocked", "it is paused")
    assert view.intent == "pause" and view.until is not None and not view.vetoes

    async def known() -> bool:
        (provider,) = await m.buyer.providers()
        return provider.state == "unreachable" and "its owner keeps it back" in provider.detail

    await until(known, "the buyer has heard")
    m.fogchain("harvest", "resume")
    await m.when(lambda view: view.state == "idle", "it works again")
    await m.providers_ready(1)


async def test_a_boost_does_not_override_what_keeps_it_safe(m: Laptop) -> None:
    m.machine.say("BAT0", capacity="40", status="Discharging")
    m.machine.plug(False)
    await m.when(lambda view: {veto.guard for veto in view.vetoes} == {"power", "charge"}, "both forbid")
    view = await m.client("oak").intend("boost", 3_600_000)
    assert view.intent == "boost" and not view.takes_work
    with pytest.raises(Conflict, match="needs an end"):
        await m.client("oak").intend("boost")
    await m.client("oak").intend("auto")
    m.machine.say("BAT0", capacity="90", status="Charging")


async def test_another_policy_is_used_at_once_and_one_with_an_error_never(m: Laptop) -> None:
    with pytest.raises(BadInput, match=r"line 5, guard 'charge'"):
        await m.client("oak").set_policy(POLICY.replace("< 70 %", "< 70 C"))
    weak = POLICY.replace('scope = "safety"', 'scope = "safety"\nunknown = "ignore"')
    with pytest.raises(BadInput, match="can't ignore what is unknown"):
        await m.client("oak").set_policy(weak)
    found = await m.client("oak").lint_policy(weak)
    assert [finding.guard for finding in found.findings] == ["charge"]
    assert (await m.client("oak").policy()).text == POLICY
    said = m.fogchain("harvest", "profile", "laptop")
    assert said["profile"] == "laptop"
    await m.client("oak").set_policy(POLICY)
    await m.when(lambda view: view.takes_work, "it works by the old one again")


async def test_what_it_saw_can_be_replayed(m: Laptop) -> None:
    async def replayed() -> Any:
        return await m.client("oak").replay(profile="laptop", span=3_600_000)

    found = await until(replayed, "there are readings")
    assert found.hours > 0 and found.offered <= found.hours


async def test_the_owners_pause_survives_a_kill(m: Laptop) -> None:
    await m.client("oak").intend("pause", 3_600_000)
    await m.kill("oak")
    await m.launch_node("oak")
    await m.ready("oak")
    view = await m.when(lambda view: view.intent == "pause", "it is still paused")
    assert view.state == "blocked" and view.until is not None
    await m.client("oak").intend("auto")
