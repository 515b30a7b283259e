"""A buyer believes nothing of a checkpoint that it has not read, and a provider gives one only to whom it belongs."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fogchain import cbor
from fogchain.errors import BadMessage, Unavailable
from fogchain.jobs.blobname import name_of
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.checkpoint import OVERHEAD, Checkpoint
from fogchain.jobs.events import JobEvent, Sent, SessionPlanned
from fogchain.jobs.machine import JobMachine, Run
from fogchain.jobs.quota import Storage
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, TaskSpec
from fogchain.units import GFUEL, WEI
from node.refusals import Refusals
from node.trade import wire
from node.trade.checkpoints import MAX_ASKED, SUBJECT, JobCheckpoints, Offered, Shelf, decode_offered, encode_offered

LIMIT = 1000


@dataclass
class Job:
    """As much of an open job as checkpoints look at; what its provider says and has is given."""

    folder: Path
    says: bytes = b""
    has: dict[str, bytes] = field(default_factory=dict)
    quota: int = 1 << 20

    def __post_init__(self) -> None:
        spec = JobSpec(
            name="job",
            module=BlobRef(sha256="00" * 32, size=1),
            budget=100 * WEI,
            limits=Limits(fuel=GFUEL, checkpoint=LIMIT),
            tasks=(TaskSpec(),),
        )
        self.machine = JobMachine("ab" * 32, spec, 0.0)
        for name in "ABC":
            self.machine.apply(SessionPlanned(0.0, name, name, name, WEI, "0x00", 50 * WEI))
        self.machine.apply(Sent(1.0, 0, 0, "A", "work", "00", "11"))
        self.run = self.machine.runs[0]
        self.started, self.tasks = {0}, list[asyncio.Task[None]]()
        storage = Storage(BlobStore(self.folder), self.quota)
        self.around = SimpleNamespace(
            network=SimpleNamespace(request=self._request, fetch=self._fetch),
            config=SimpleNamespace(lost_after=0),
            storage=storage,
            blobs=storage.store,
            refusals=Refusals(),
        )
        self.questions = 0

    @property
    def seed(self) -> bytes:
        return self.machine.spec.run_spec(0).seed

    def offer(self, data: bytes, *, fuel: int, size: int | None = None) -> None:
        name = name_of(data)
        ref = BlobRef(sha256=name, size=len(data) if size is None else size)
        self.says, self.has[name] = encode_offered([Offered(ref, fuel)]), data

    async def _request(self, peer: str, subject: str, data: bytes, *, timeout: float) -> bytes:
        assert (peer, subject) == ("A", SUBJECT)
        assert wire.decode_digests(data) == [bytes(32)]
        self.questions += 1
        return self.says

    async def _fetch(self, peer: str, ref: BlobRef) -> None:
        if ref.sha256 not in self.has:
            raise Unavailable("it does not come")
        self.around.blobs.put(self.has[ref.sha256])

    def digest(self, run: Run) -> bytes:
        return bytes(32)

    def now(self) -> float:
        return 2.0

    def spawn(self, coroutine: Any) -> None:
        self.tasks.append(asyncio.ensure_future(coroutine))

    def record(self, *events: JobEvent) -> None:
        for event in events:
            self.machine.apply(event)

    async def bring(self) -> int:
        """The fuel of what is here afterwards."""
        await JobCheckpoints(self).bring(self.machine.shares["A"], [self.run])  # type: ignore[arg-type]
        saved = self.machine.tasks[0].saved
        return saved.fuel if saved else 0


async def test_what_holds_together_counts_and_only_what_is_newer_replaces_it(tmp_path: Path) -> None:
    job = Job(tmp_path)
    for fuel, newest in ((5, 5), (9, 9), (7, 9)):
        job.offer(Checkpoint(job.seed, fuel, {"state": b"x"}).encode(), fuel=fuel)
        assert await job.bring() == newest
    assert job.machine.tasks[0].saved is not None
    assert job.machine.tasks[0].saved.makers == ("A",)


@pytest.mark.parametrize("fault", ["garbage", "another task", "too large", "no fuel left", "other fuel", "vanished"])
async def test_what_does_not_is_refused_and_the_task_begins_from_the_start(tmp_path: Path, fault: str) -> None:
    job = Job(tmp_path)
    good = Checkpoint(job.seed, 5, {"state": b"x"})
    match fault:
        case "garbage":
            job.offer(b"\xff" * 50, fuel=5)
        case "another task":
            job.offer(replace(good, spec=hashlib.sha256(b"other").digest()).encode(), fuel=5)
        case "too large":
            job.offer(replace(good, files={"state": bytes(LIMIT + 1)}).encode(), fuel=5)
        case "no fuel left":
            job.offer(replace(good, fuel=GFUEL).encode(), fuel=GFUEL)
        case "other fuel":
            job.offer(good.encode(), fuel=6)
        case "vanished":
            job.offer(good.encode(), fuel=5)
            job.has.clear()
    assert await job.bring() == 0
    assert [known.subject for known in job.around.refusals.all()] == ([] if fault == "vanished" else ["checkpoint"])


async def test_one_over_its_limit_is_not_even_fetched_nor_one_for_which_there_is_no_room(tmp_path: Path) -> None:
    job = Job(tmp_path / "large")
    job.offer(b"x", fuel=5, size=LIMIT + OVERHEAD + 1)
    assert await job.bring() == 0
    assert not job.around.blobs.entries()
    small = Job(tmp_path / "small", quota=10)
    small.offer(Checkpoint(small.seed, 5, {"state": b"x"}).encode(), fuel=5)
    assert await small.bring() == 0
    assert not small.around.blobs.entries()


@pytest.mark.parametrize("says", [b"", b"\xff", cbor.dumps([1, []]), cbor.dumps([1, [None]]), cbor.dumps([1, ["x"]])])
async def test_an_answer_that_is_none_changes_nothing(tmp_path: Path, says: bytes) -> None:
    job = Job(tmp_path)
    job.says = says
    assert await job.bring() == 0


async def test_a_running_task_is_asked_after_once_at_a_time(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.offer(Checkpoint(job.seed, 5, {}).encode(), fuel=5)
    checkpoints = JobCheckpoints(job)  # type: ignore[arg-type]
    for _ in range(3):
        checkpoints.refresh(job.machine.shares["A"], [job.run])
    await asyncio.gather(*job.tasks)
    assert job.questions == 1
    job.started.clear()  # it waits for its turn: there is nothing to ask after
    checkpoints.refresh(job.machine.shares["A"], [job.run])
    assert len(job.tasks) == 1


class Counter:
    """As much of a provider as its shelf looks at: an order of the buyer B, and its checkpoint."""

    def __init__(self, folder: Path, quota: int = 1 << 20) -> None:
        folder.mkdir(exist_ok=True)
        spec = Job(folder / "job").machine.spec.run_spec(0)
        self.place: Path | None = folder / "kept"
        self.place.write_bytes(Checkpoint(spec.seed, 5, {"state": b"x"}).encode())
        known = SimpleNamespace(peer="B", signed=SimpleNamespace(spec=spec.encode()))
        ledger = SimpleNamespace(get=lambda digest: known if digest == bytes(32) else None)
        self.storage = Storage(BlobStore(folder / "blobs"), quota)
        sandbox = SimpleNamespace(checkpoint=lambda run_id: self.place)
        self.shelf = Shelf(ledger, self.storage, sandbox)  # type: ignore[arg-type]

    async def ask(self, peer: str, digest: bytes = bytes(32)) -> Offered | None:
        return decode_offered(await self.shelf.answer(peer, wire.encode_list([digest])), 1)[0]


async def test_a_checkpoint_is_for_the_buyer_of_its_order_alone(tmp_path: Path) -> None:
    counter = Counter(tmp_path)
    assert await counter.ask("C") is None
    assert await counter.ask("B", b"\1" * 32) is None
    offered = await counter.ask("B")
    assert offered is not None
    assert offered.fuel == 5
    assert counter.storage.store.read(offered.ref.sha256) == (tmp_path / "kept").read_bytes()
    assert counter.shelf.may_read("B", offered.ref.sha256)
    assert not counter.shelf.may_read("C", offered.ref.sha256)
    counter.place = None
    assert await counter.ask("B") is None


async def test_one_that_is_damaged_or_gone_or_has_no_room_is_not_offered(tmp_path: Path) -> None:
    counter = Counter(tmp_path)
    assert counter.place is not None
    counter.place.write_bytes(b"damaged")
    assert await counter.ask("B") is None
    counter.place.unlink()
    assert await counter.ask("B") is None
    assert await Counter(tmp_path / "full", quota=10).ask("B") is None


async def test_nobody_asks_for_thousands_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadMessage):
        await Counter(tmp_path).shelf.answer("B", wire.encode_list([bytes(32)] * (MAX_ASKED + 1)))
