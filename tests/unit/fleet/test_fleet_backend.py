"""Where a provider's runs go when it has devices, and what is taken of what devices bring."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fleet_stage import GATEWAY, MODULE, Fleet, fleet_in, peer, result, spec, until

from fogchain.errors import BadMessage, Unavailable
from fogchain.jobs.blobname import name_of
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.checkpoint import Checkpoint
from fogchain.jobs.spec import BlobRef, ResultManifest
from fogchain.market.messages import Exit
from node import fleetbackend
from node.executor.pool import Evicted, RunOutcome, RunRequest
from node.executor.runtimes import Offered, RuntimeState
from node.fleet import messages
from node.fleet.messages import Receipt, Result, Saved
from node.fleet.roster import State
from node.fleetbackend import FleetBackend


class Own:
    """The gateway's own sandbox."""

    def __init__(self) -> None:
        self.ended: Counter[Exit] = Counter()
        self.runtimes = Offered((RuntimeState("wasm", "wasmtime-1/fog-1"),))
        self.ran: list[str] = []
        self.works, self.rate = True, 10**6
        self.owner_comes = False  # during the next run
        self.saved: Path | None = None
        self.requests: list[RunRequest] = []

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def measure_rate(self) -> int:
        return self.rate

    def printed(self, run_id: str) -> dict[str, Path]:
        return {}

    def stood(self, run_id: str) -> tuple[bool, float]:
        return False, 0.0

    def checkpoint(self, run_id: str) -> Path | None:
        return self.saved

    def discard(self, run_id: str) -> None: ...
    async def run(self, request: RunRequest) -> RunOutcome:
        self.ran.append(request.run_id)
        self.requests.append(request)
        if self.owner_comes:
            self.works = False
            raise Evicted("its owner is there")
        manifest = ResultManifest(exit=Exit.OK, code=0, files=())
        return RunOutcome(Exit.OK, 0, 1, manifest, {}, time.time(), time.time(), "")


class Stage:
    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet, self.own = fleet, Own()
        self.blobs = BlobStore(folder / "blobs")
        self.fetched: list[BlobRef] = []
        self.backend = FleetBackend(
            self.own,
            fleet.gateway,
            folder=folder,
            slots=1,
            memory=1 << 30,
            works=lambda: self.own.works,
            around=contextlib.nullcontext,
            blobs=self.blobs,
            fetch=self.fetch,
        )
        (folder / "module").write_bytes(MODULE)
        self.module = folder / "module"

    async def fetch(self, peer_id: str, ref: BlobRef) -> None:
        self.fetched.append(ref)
        if not self.blobs.has(ref.sha256):
            raise Unavailable("the device is gone")

    def run(self, text: str) -> asyncio.Task[RunOutcome]:
        request = RunRequest(f"run-{text}", spec(text), self.module, None, {}, b"seed")
        return asyncio.create_task(self.backend.run(request))

    async def is_quickest(self) -> None:
        """The gateway itself, among all places."""
        self.own.rate = 10**12
        await self.backend.measure_rate()

    def attempt(self, number: int) -> str:
        """Of the one run that this device has."""
        return self.fleet.gateway.find(peer(number)).member.runs[0].attempt

    async def bring(self, number: int, brought: Result) -> bool:
        """The device's answer; whether it is wanted."""
        answer = await self.fleet.hub.ask(peer(number), GATEWAY, messages.RESULT, messages.encode(brought))
        return messages.decode(Receipt, answer).wanted


@contextlib.asynccontextmanager
async def stage_in(folder: Path) -> AsyncIterator[Stage]:
    async with fleet_in(folder) as fleet:
        stage = Stage(fleet, folder)
        await stage.backend.start()
        await stage.backend.measure_rate()
        yield stage
        await stage.backend.stop()


async def test_a_device_runs_it_and_its_files_are_here(tmp_path: Path) -> None:
    async with stage_in(tmp_path) as stage:
        member = await stage.fleet.device(2)
        running = stage.run("seven")
        await until(lambda: member.box.began == ["seven"])
        assert stage.backend.capacity().slots == 3 and stage.backend.capacity().free == 2
        member.box.let.set()
        outcome = await running
        assert (outcome.exit, outcome.fuel) == (Exit.OK, 7) and stage.own.ran == []
        assert outcome.files["stdout"].read_text() == "seven"
        assert outcome.started <= outcome.finished <= time.time()
        stage.backend.discard("run-seven")
        assert not outcome.files["stdout"].exists()
        assert stage.backend.ended == {Exit.OK: 1}


async def test_a_run_that_stands_on_a_device_is_said_to_stand_and_for_how_long(tmp_path: Path) -> None:
    async with stage_in(tmp_path) as stage:
        member = await stage.fleet.device(2)
        running = stage.run("still")
        await until(lambda: member.box.began == ["still"])
        assert stage.backend.stood("run-still") == (False, 0.0)
        member.owner.tell("pause")
        await until(lambda: stage.backend.stood("run-still")[0])
        await until(lambda: stage.backend.stood("run-still")[1] > 0.2)
        member.owner.tell("auto")
        await until(lambda: not stage.backend.stood("run-still")[0])
        stands, seconds = stage.backend.stood("run-still")
        assert (stands, seconds) == (False, stage.backend.stood("run-still")[1]) and seconds > 0.2
        member.box.let.set()
        await running
        assert stage.backend.stood("run-still") == (False, 0.0)


async def test_a_lost_devices_run_is_done_here_and_what_it_brings_late_is_not_wanted(tmp_path: Path) -> None:
    async with stage_in(tmp_path) as stage:
        member = await stage.fleet.device(2)
        running = stage.run("lost")
        await until(lambda: member.box.began == ["lost"])
        attempt = stage.attempt(2)
        stage.fleet.hub.cut.add(peer(2))
        outcome = await asyncio.wait_for(running, 20)
        assert stage.own.ran == ["run-lost"] and outcome.files == {}
        stage.fleet.hub.cut.clear()
        assert not await stage.bring(2, result(attempt, "lost"))
        assert stage.backend.ended == {Exit.OK: 1}


async def test_of_an_answer_and_a_loss_at_once_one_counts(tmp_path: Path) -> None:
    async with stage_in(tmp_path) as stage:
        member = await stage.fleet.device(2)
        running = stage.run("both")
        await until(lambda: member.box.began == ["both"])
        attempt = stage.attempt(2)
        brought = asyncio.create_task(stage.bring(2, result(attempt, "both")))
        await asyncio.sleep(0)
        stage.fleet.gateway.remove(peer(2))
        outcome = await asyncio.wait_for(running, 20)
        with contextlib.suppress(Exception):
            await brought
        assert stage.backend.ended == {Exit.OK: 1}
        assert (stage.own.ran == []) == (outcome.fuel == 7)


def changed(attempt: str, **changes: object) -> Result:
    return result(attempt, "true").model_copy(update=changes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"files": {"stdout": b"false"}},
        {"exit": 99},
        {"exit": 1},
        {"code": 3},
        {"fuel": 10**9},
        {"manifest": b"garbage"},
        {"manifest": result("0" * 16, "x" * (1 << 17)).manifest},
    ],
    ids=lambda wrong: "-".join(wrong),
)
async def test_what_does_not_hold_is_not_taken_and_the_run_goes_elsewhere(
    tmp_path: Path, wrong: dict[str, object]
) -> None:
    async with stage_in(tmp_path) as stage:
        member = await stage.fleet.device(2)
        running = stage.run("true")
        await until(lambda: member.box.began == ["true"])
        assert not await stage.bring(2, changed(stage.attempt(2), **wrong))
        await asyncio.wait_for(running, 20)
        assert stage.own.ran == ["run-true"]


async def test_a_large_file_is_fetched_and_a_device_that_is_gone_before_costs_time_only(tmp_path: Path) -> None:
    async with stage_in(tmp_path) as stage:
        member = await stage.fleet.device(2)
        running = stage.run("large")
        await until(lambda: member.box.began == ["large"])
        brought = result(stage.attempt(2), "large").model_copy(update={"files": {}})
        with pytest.raises(Unavailable):
            await stage.bring(2, brought)
        stage.blobs.put(b"large")
        assert await stage.bring(2, brought)
        outcome = await asyncio.wait_for(running, 20)
        assert outcome.files["stdout"].read_bytes() == b"large" and len(stage.fetched) == 2


async def test_a_timeout_at_a_device_brings_what_was_printed(tmp_path: Path) -> None:
    async with stage_in(tmp_path) as stage:
        member = await stage.fleet.device(2)
        running = stage.run("slow")
        await until(lambda: member.box.began == ["slow"])
        printed = {"stdout": b"so far", "../../etc/passwd": b"x"}
        brought = Result(attempt=stage.attempt(2), exit=int(Exit.TIMEOUT), files=printed, took=1000, stood=400)
        assert await stage.bring(2, brought)
        outcome = await running
        assert (outcome.exit, outcome.stood) == (Exit.TIMEOUT, 0.4)
        assert {name: path.read_bytes() for name, path in outcome.files.items()} == {"stdout": b"so far"}


async def test_a_run_that_the_gateways_owner_ends_goes_to_a_device(tmp_path: Path) -> None:
    async with stage_in(tmp_path) as stage:
        member = await stage.fleet.device(2)
        stage.own.owner_comes = True
        await stage.is_quickest()
        running = stage.run("moved")
        await until(lambda: member.box.began == ["moved"])
        assert stage.own.ran == ["run-moved"]
        member.box.let.set()
        assert (await running).fuel == 7


def saved_of(archive: bytes, fuel: int) -> Saved:
    return Saved(sha256=name_of(archive), size=len(archive), fuel=fuel)


async def test_a_run_that_is_given_back_goes_on_elsewhere_from_where_it_was(tmp_path: Path) -> None:
    async with stage_in(tmp_path) as stage:
        member = await stage.fleet.device(2)
        running = stage.run("long")
        await until(lambda: member.box.began == ["long"])
        archive = Checkpoint(spec("long").seed, 300, {"at": b"3"}).encode()
        stage.blobs.put(archive)
        back = Result(attempt=stage.attempt(2), returned="its owner is there", saved=saved_of(archive, 300))
        assert await stage.bring(2, back)
        outcome = await asyncio.wait_for(running, 20)
        (request,) = stage.own.requests
        assert request.spec.resume is not None and request.spec.resume.fuel == 300
        assert request.spec.limits.fuel == 700 and request.spec.seed == spec("long").seed
        assert request.checkpoint is not None and request.checkpoint.read_bytes() == archive
        assert (outcome.fuel, outcome.resumed) == (301, 300), "what all of them have burnt"


async def test_what_the_gateway_had_done_goes_on_at_a_device(tmp_path: Path) -> None:
    async with stage_in(tmp_path) as stage:
        member = await stage.fleet.device(2)
        stage.own.owner_comes = True
        await stage.is_quickest()
        stage.own.saved = tmp_path / "kept"
        stage.own.saved.write_bytes(Checkpoint(spec("moved").seed, 200, {}).encode())
        running = stage.run("moved")
        await until(lambda: member.box.began == ["moved"])
        assert member.box.specs[-1].resume is not None and member.box.specs[-1].limits.fuel == 800
        member.box.let.set()
        assert (await running).fuel == 207


@pytest.mark.parametrize("wrong", ["another task's", "other fuel", "garbage", "not to be had"])
async def test_a_checkpoint_that_is_none_of_this_run_is_not_gone_on_from(tmp_path: Path, wrong: str) -> None:
    async with stage_in(tmp_path) as stage:
        member = await stage.fleet.device(2)
        running = stage.run("long")
        await until(lambda: member.box.began == ["long"])
        archive = Checkpoint(spec("other" if wrong == "another task's" else "long").seed, 300, {}).encode()
        archive = b"garbage" if wrong == "garbage" else archive
        if wrong != "not to be had":
            stage.blobs.put(archive)
        fuel = 299 if wrong == "other fuel" else 300
        back = Result(attempt=stage.attempt(2), returned="its owner is there", saved=saved_of(archive, fuel))
        assert await stage.bring(2, back)
        assert (await asyncio.wait_for(running, 20)).fuel == 1
        assert stage.own.requests[0].spec == spec("long")


async def test_without_a_device_the_buyer_has_its_order_back(tmp_path: Path) -> None:
    async with stage_in(tmp_path) as stage:
        stage.own.owner_comes = True
        with pytest.raises(Evicted):
            await stage.run("back")


async def test_a_run_that_is_not_wanted_any_more_ends_at_the_device(tmp_path: Path) -> None:
    async with stage_in(tmp_path) as stage:
        member = await stage.fleet.device(2)
        running = stage.run("unneeded")
        await until(lambda: member.box.began == ["unneeded"])
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await until(lambda: member.device.running == 0 and stage.fleet.state(2) is State.READY)


async def test_what_no_place_can_have_is_refused_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleetbackend, "PATIENCE", 0.0)
    async with stage_in(tmp_path) as stage:
        stage.own.works = False
        assert stage.backend.runtimes.engines == ()
        outcome = await stage.run("nowhere")
        assert outcome.exit is Exit.REFUSED and "no device took wasm" in outcome.detail


def test_a_result_of_another_shape_is_no_result() -> None:
    with pytest.raises(BadMessage):
        messages.decode(Result, messages.encode(result("0" * 16, "x")).replace(b"took", b"tool"))
