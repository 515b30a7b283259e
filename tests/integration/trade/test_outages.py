"""Trouble around a job: cut wires, frozen nodes, repeated messages, full disks, wrong clocks, a chain that is away.

The job ends right, exactly once, and the books of chain, buyer and providers agree to the base unit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cut_wire import Wire
from trade_stage import Market
from wasmtime import wat2wasm

from fogchain.api.models import JobDetail, ProviderView
from fogchain.bench.books import disagreements, supply
from fogchain.bench.chaos import MODULE
from fogchain.errors import FogchainError, Unavailable
from fogchain.jobs.blobname import name_of
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, TaskSpec
from fogchain.localnet import LocalNetwork
from fogchain.units import GFUEL, parse_fog

pytestmark = [pytest.mark.slow, pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]

TROUBLED = Path(__file__).with_name("troubled.py")
ROUNDS = 3_000_000  # some tenths of a second
TASKS = 16
LOST_AFTER = 3.0
SMALL_DISK = 200 << 20  # of which a tenth is for data
HOURS = 3 * 3600


class Field(Market):
    """A market whose nodes are in trouble when a test says so."""

    def __init__(self, network: LocalNetwork, folder: Path, wires: dict[str, Wire], disks: bool) -> None:
        super().__init__(network, folder)
        self.wires, self.disks = wires, disks
        self.differences: list[str] = []

    def spin(self, tasks: int, rounds: int, extra: str = "") -> Path:
        """As in any market, with little output: the disks are small."""
        job = super().spin(tasks, rounds, extra)
        job.write_text(job.read_text().replace('time = "60 s"', 'time = "60 s"\noutput = "64 KiB"'))
        return job

    def set_clock(self, name: str, seconds: float) -> None:
        (self.network.folder / name / "clock").write_text(str(seconds))

    async def working(self, job: str, tasks: int = 3) -> JobDetail:
        return await self.until(job, lambda detail: detail.tasks.done >= tasks)

    async def submit_writing(self, tasks: int = TASKS) -> str:
        """A job whose every task writes a file of its own."""
        module = bytes(wat2wasm(MODULE))
        name = name_of(module)
        await self.network.buyer.put_blob(module, name)
        spec = JobSpec(
            name="writing",
            module=BlobRef(sha256=name, size=len(module)),
            budget=parse_fog("100 FOG"),
            limits=Limits(fuel=GFUEL, memory=16 << 20, time=30_000, output=1 << 16),
            tasks=tuple(TaskSpec(args=(f"{index:02}",)) for index in range(tasks)),
        )
        return (await self.network.buyer.submit(spec)).id

    async def ends_right(self, job: str, before: int, tasks: int = TASKS) -> JobDetail:
        """The job is done and paid; each task has one accepted run and its own right result; all books agree."""
        detail = await self.paid(job)
        assert (detail.state, detail.tasks.done) == ("done", tasks)
        writing = detail.name == "writing"
        found = (await self.network.buyer.tasks(job, limit=100)).items
        assert len({task.result for task in found}) == (tasks if writing else 1)
        for task in found:
            # One that did it, and at most one that confirmed it: a check, or a slow one's second provider.
            accepted = [run for run in task.runs if run.state == "accepted" and run.purpose != "canary"]
            assert "work" in {run.purpose for run in accepted}
            assert len({run.provider for run in accepted}) == len(accepted) <= 2
            if writing:
                output = await self.network.buyer.result_file(job, task.index, "stdout")
                assert output.endswith(f"{task.index:02}\0".encode())
        for share in detail.providers:
            assert share.claimed == share.owed
        await eventually(self.settled)
        await eventually(self.agreed, what=lambda: self.differences)
        assert await supply(self.network) == before
        return detail

    async def settled(self) -> bool:
        for name in self.network.names:
            page = await self.network.client(name).sessions(limit=100)
            if any(session.state != "closed" for session in page.items):
                return False
        return True

    async def agreed(self) -> bool:
        self.differences = await disagreements(self.network)
        return not self.differences

    async def provider(self, name: str) -> ProviderView:
        return next(view for view in await self.network.buyer.providers() if view.address == self.addresses[name])


async def eventually(
    condition: Callable[[], Coroutine[Any, Any, Any]],
    patience: float = 60.0,
    what: Callable[[], object] = lambda: "",
) -> Any:
    """The first true value; errors on the way count as not yet. `what` says more where it does not come."""
    deadline, last = time.monotonic() + patience, "nothing"
    while time.monotonic() < deadline:
        try:
            if value := await condition():
                return value
        except FogchainError as error:
            last = error.message
        await asyncio.sleep(0.1)
    pytest.fail(f"not in {patience:g} s: {condition.__qualname__} {what()} ({last})")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def field(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Field]:
    folder = tmp_path_factory.mktemp("outages")
    network = LocalNetwork(folder / "net", providers=3, lost_after=f"{LOST_AFTER:g} s", supervised=False, mdns=False)
    async with AsyncExitStack() as stack:
        disks = os.geteuid() == 0
        for name in ("oak", "buyer"):
            place = folder / "net" / name
            place.mkdir(parents=True)
            mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK},mode=700", "none", str(place)]
            if disks and subprocess.run(mount, check=False).returncode == 0:
                stack.callback(subprocess.run, ["umount", "-l", str(place)], check=True)
            else:
                disks = False
        wires = {name: Wire(folder / "net" / name) for name in (*network.names, "buyer")}
        for name, wire in wires.items():
            await wire.start()
            stack.push_async_callback(wire.stop)
            network._commands[name] = (sys.executable, str(TROUBLED), str(wire.port))
        stack.push_async_callback(network.stop)
        await network.start()
        market = Field(network, folder, wires, disks)
        await market.learn_addresses()
        yield market


@pytest_asyncio.fixture(loop_scope="module")
async def m(field: Field) -> AsyncIterator[Field]:
    """The field in good order: before each test every provider is there."""
    for name in field.network.names:
        assert field.network.members[name].pid is not None
    await field.network.providers_ready(len(field.network.names))
    yield field


@pytest.mark.complaint(11)
async def test_a_task_that_takes_long_is_heard_of_and_holds_nothing_else_up(m: Field) -> None:
    """A Golem provider's first batch ran long, and was given up since nothing was accepted meanwhile (yapapi 287)."""
    before, began = await supply(m.network), time.monotonic()
    level = '[verify]\nlevel = "L0"\n'
    long = await m.submit(m.spin(1, 400_000_000, level))
    await m.until(long, lambda detail: detail.tasks.running == 1)
    short = await m.paid(await m.submit(m.spin(TASKS, ROUNDS, level)))
    assert short.state == "done"
    await m.ends_right(long, before, 1)
    assert time.monotonic() - began > LOST_AFTER
    (task,) = (await m.network.buyer.tasks(long)).items
    assert [run.state for run in task.runs] == ["accepted"]


# -------------------------------------------------------------------- messages


async def test_messages_that_come_twice_and_in_any_order_change_nothing(m: Field) -> None:
    before = await supply(m.network)
    nodes = [m.network.folder / name for name in (*m.network.names, "buyer")]
    for node in nodes:
        (node / "repeat").touch()
    try:
        await m.ends_right(await m.submit(m.spin(TASKS, ROUNDS)), before)
    finally:
        for node in nodes:
            (node / "repeat").unlink()


async def test_a_provider_behind_a_cut_wire_is_done_without_and_paid_for_what_it_did(m: Field) -> None:
    before = await supply(m.network)
    job = await m.submit(m.spin(TASKS, ROUNDS))
    await m.working(job)
    m.wires["birch"].cut()
    m.wires["buyer"].cut()  # towards the buyer, too: nobody reaches anybody
    await asyncio.sleep(LOST_AFTER)
    m.wires["buyer"].mend()
    await m.until(job, lambda detail: detail.tasks.done == TASKS)
    m.wires["birch"].mend()
    await m.ends_right(job, before)


async def test_a_frozen_provider_that_wakes_up_again_is_owed_what_was_accepted(m: Field) -> None:
    before = await supply(m.network)
    job = await m.submit(m.spin(TASKS, ROUNDS))
    await m.working(job)
    pid = m.network.members["cedar"].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        await m.until(job, lambda detail: detail.tasks.done == TASKS)
    finally:
        os.kill(pid, signal.SIGCONT)
    await m.ends_right(job, before)


# -------------------------------------------------------------------- the chain


async def test_orders_and_vouchers_go_on_without_the_chain_and_claims_follow(m: Field) -> None:
    before = await supply(m.network)
    job = await m.submit(m.spin(TASKS, ROUNDS))
    # What is open pays for all of it: to open or raise a session takes a chain.
    await m.until(job, lambda detail: [share.session_state for share in detail.providers] == 3 * ["open"])
    detail = await m.working(job, 1)
    earned = {name: (await m.network.client(name).status()).earned for name in m.network.names}
    await m.network.kill("chain")
    try:
        detail = await m.until(job, lambda detail: detail.finished is not None)
    except BaseException:
        await m.network.start_chain()  # the others need it
        raise
    assert detail.tasks.done == TASKS and not detail.paid

    async def signed() -> bool:
        detail = await m.network.buyer.job(job)
        now = {name: (await m.network.client(name).status()).earned for name in m.network.names}
        owed = {share.name: share.owed for share in detail.providers}
        return all(now[name] - earned[name] <= owed.get(name, 0) for name in now) and sum(now.values()) >= sum(
            owed.values()
        )

    async def said() -> bool:
        statuses = [await m.network.client(name).status() for name in (*m.network.names, "buyer")]
        return all(not status.chain.healthy and "payment waits" in status.detail for status in statuses)

    await eventually(signed)
    await eventually(said)
    assert not (await m.network.buyer.job(job)).paid
    await m.network.start_chain()
    await m.ends_right(job, before)


# -------------------------------------------------------------------- disks


def fill(folder: Path) -> Path:
    """Take what is left of the disk under `folder`."""
    filler = folder / "filler"
    with filler.open("wb") as file:
        size = 0
        while free := shutil.disk_usage(folder).free:  # others write, too
            with contextlib.suppress(OSError):
                os.posix_fallocate(file.fileno(), size, free)
                size += free
    return filler


async def test_a_provider_whose_disk_is_full_is_done_without_and_goes_on_once_there_is_room(m: Field) -> None:
    if not m.disks:
        pytest.skip("a small disk of one's own takes root and a kernel that mounts tmpfs")
    before = await supply(m.network)
    job = await m.submit_writing()
    await m.working(job)
    filler = fill(m.network.folder / "oak")
    try:
        detail = await m.until(job, lambda detail: detail.finished is not None)
        assert detail.tasks.done == TASKS
    finally:
        filler.unlink()
    await m.ends_right(job, before)
    await m.network.providers_ready(3)
    for _ in range(5):
        detail = await m.ends_right(await m.submit_writing(), before)
        if any(share.name == "oak" and share.tasks for share in detail.providers):
            return
    pytest.fail("the provider with room again gets no work")


async def test_a_buyer_whose_disk_is_full_says_so_waits_and_loses_nothing(m: Field) -> None:
    if not m.disks:
        pytest.skip("a small disk of one's own takes root and a kernel that mounts tmpfs")
    before = await supply(m.network)
    job = await m.submit_writing(3 * TASKS)
    await m.working(job)
    filler = fill(m.network.folder / "buyer")
    try:
        with pytest.raises(Unavailable, match="no room"):
            await m.network.buyer.put_blob(b"one more", name_of(b"one more"))
        await asyncio.sleep(2 * LOST_AFTER)  # some of what is under way may find room in files that are there
        detail = await m.network.buyer.job(job)
        assert detail.state != "failed" and not detail.paid
    finally:
        filler.unlink()
    await m.ends_right(job, before, 3 * TASKS)


# -------------------------------------------------------------------- clocks


async def test_nodes_whose_clocks_are_hours_off_say_so_and_go_by_the_chains(m: Field) -> None:
    before = await supply(m.network)
    wrong = {"oak": HOURS, "birch": -HOURS, "buyer": HOURS}
    for name in wrong:
        await m.network.end(name)
    try:
        for name, seconds in wrong.items():  # the buyer last: whom it does not reach it asks ever less often
            m.set_clock(name, seconds)
            await m.network.launch_node(name)
            await m.network.ready(name)
        await m.network.providers_ready(3)
        await m.ends_right(await m.submit(m.spin(TASKS, ROUNDS)), before)
        for name, seconds in wrong.items():
            said = (await m.network.client(name).status()).detail
            assert "clock" in said and ("ahead" if seconds > 0 else "behind") in said
    finally:
        for name in wrong:
            m.set_clock(name, 0)


@pytest.mark.parametrize("hours", [HOURS, -HOURS])
async def test_clocks_that_jump_in_mid_job_change_nothing(m: Field, hours: int) -> None:
    before = await supply(m.network)
    job = await m.submit(m.spin(3 * TASKS, ROUNDS))
    await m.working(job)
    m.set_clock("oak", hours)
    m.set_clock("buyer", -hours)
    try:
        detail = await m.ends_right(job, before, 3 * TASKS)
        assert all(share.tasks for share in detail.providers)
    finally:
        for name in ("oak", "buyer"):
            m.set_clock(name, 0)
