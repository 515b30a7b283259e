"""What a node keeps and what it lets go: the real stores on a real disk, whatever kills it in between."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from coincurve import PrivateKey
from sqlalchemy import MetaData

from fogchain.database import open_database
from fogchain.errors import Conflict, NotFound
from fogchain.jobs import fetched, logs, store
from fogchain.jobs.blobname import name_of
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.events import Delivered, Ended, Failed, JobEvent, Paid, Sent, SessionPlanned
from fogchain.jobs.fetched import Fetched
from fogchain.jobs.logs import Log
from fogchain.jobs.quota import GRACE, Storage
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, ResultFile, ResultManifest, RunSpec, TaskSpec
from fogchain.jobs.store import JobStore
from fogchain.market.messages import BY_RECORD, Agreement, Exit, Receipt, TaskOrder
from fogchain.units import WEI
from fogchain.wallet.eip712 import Domain, sign
from node.data import Data
from node.trade import ledger
from node.trade.ledger import Ledger, account_of
from node.trade.ports import Network
from node.trade.printing import Printing
from node.trade.wire import ACCEPTED, SignedOrder, SignedReceipt

DOMAIN, KEY = Domain(31337, "0x" + "77" * 20), PrivateKey(b"\1" * 32)
RETENTION = 1000.0
SIZE = 1000  # bytes of every file here


class Keeper:
    """A node's data, opened anew as often as one likes."""

    def __init__(self, folder: Path, quota: int = 1) -> None:
        tables = MetaData()
        for room in (store.tables, ledger.tables, fetched.tables):
            for table in room.tables.values():
                table.to_metadata(tables)
        self.engine = open_database(folder / "node.db", tables, 1)
        self.blobs = BlobStore(folder / "blobs")
        self.storage = Storage(self.blobs, quota)
        self.jobs, self.ledger, self.fetched = JobStore(self.engine), Ledger(self.engine), Fetched(self.engine)
        self.data = Data(
            storage=self.storage,
            store=self.jobs,
            ledger=self.ledger,
            buyer=None,
            fetched=self.fetched,
            retention=RETENTION,
            machine=lambda job: self.jobs.load(job)[0],
            printing=Printing(cast("Network", None)),
        )

    def old(self, data: bytes | None = None) -> str:
        """A blob that was used long ago, so that nothing but its use keeps it."""
        name = self.blobs.put(os.urandom(SIZE) if data is None else data)
        os.utime(self.blobs.path(name), (time.time() - 2 * GRACE - random.random(),) * 2)
        return name

    def forget_use(self) -> None:
        """As if nothing had been looked at for long."""
        for entry in self.blobs.entries():
            os.utime(self.blobs.path(entry.name), (time.time() - 2 * GRACE,) * 2)

    def collect(self) -> set[str]:
        """All that may go, goes; returns what is left."""
        self.fetched.flush()
        self.storage.collect()
        return {entry.name for entry in self.blobs.entries()}


class Bought:
    """A job of two tasks: one has a result of two files, one failed and left what it printed."""

    def __init__(self, keeper: Keeper, number: int) -> None:
        self.keeper, self.id = keeper, f"{number:064x}"
        self.module, self.input = keeper.old(), keeper.old()
        self.files = {"out/a": keeper.old(), "stdout": keeper.old()}
        listed = tuple(ResultFile(name=name, sha256=sha, size=SIZE) for name, sha in sorted(self.files.items()))
        self.manifest = keeper.old(ResultManifest(exit=Exit.OK, code=0, files=listed).encode())
        self.printed = keeper.old(logs.encode({"stderr": Log(5, b"%5d" % number)}))
        ref = BlobRef(sha256=self.input, size=SIZE)
        spec = JobSpec(
            name="kept",
            module=BlobRef(sha256=self.module, size=SIZE),
            budget=10**18,
            tasks=(TaskSpec(stdin=ref), TaskSpec(inputs={"x": ref})),
        )
        keeper.jobs.add(self.id, spec, 1.0, None)
        self._seq = 0

    def write(self, *events: JobEvent) -> None:
        self.keeper.jobs.append(self.id, self._seq, events)
        self._seq += len(events)

    def run(self) -> None:
        self.write(
            SessionPlanned(1.0, "0xaa", "peer", "name", 1, "0x00", 10**18),
            Sent(2.0, 0, 0, "0xaa", "work", "00", "11"),
            Sent(2.0, 1, 1, "0xaa", "work", "00", "11"),
            Delivered(3.0, 0, self.manifest, 5, 0, 2, 3, "99", False),
            Failed(3.0, 1, int(Exit.TIMEOUT), "too long", self.printed),
        )

    def end(self, at: float) -> None:
        self.write(Ended(at, "failed", "a task failed"), Paid(at))
        self.keeper.jobs.close(self.id, {})

    @property
    def inputs(self) -> set[str]:
        return {self.module, self.input}

    @property
    def left(self) -> set[str]:
        return {*self.files.values(), self.manifest, self.printed}


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    made = Keeper(tmp_path)
    yield made
    made.engine.dispose()


def test_what_nothing_needs_goes_longest_unused_first(keeper: Keeper) -> None:
    keeper.storage.quota = 2 * SIZE
    names = [keeper.old() for _ in range(4)]
    for age, name in enumerate(reversed(names)):
        os.utime(keeper.blobs.path(name), (time.time() - 2 * GRACE - age,) * 2)
    young = keeper.blobs.put(os.urandom(SIZE))
    assert keeper.collect() == {names[3], young}


def test_an_open_job_keeps_inputs_results_and_logs_and_a_job_that_is_over_what_its_owner_may_want(
    keeper: Keeper,
) -> None:
    job, idle = Bought(keeper, 1), keeper.old()
    assert keeper.collect() == job.inputs  # nothing else belongs to it yet
    job = Bought(keeper, 2)
    job.run()
    assert keeper.collect() == {*job.inputs, *job.left, *keeper.jobs.load(f"{1:064x}")[0].spec.blobs()}
    assert idle not in {entry.name for entry in keeper.blobs.entries()}
    job.end(time.time())
    assert keeper.collect() >= job.left and not keeper.collect() & job.inputs


def test_results_and_logs_stay_until_they_are_fetched_or_their_time_is_over(keeper: Keeper) -> None:
    now = time.time()
    expired, fresh = Bought(keeper, 1), Bought(keeper, 2)
    for job, ended in ((expired, now - RETENTION - 1), (fresh, now - RETENTION + 100)):
        job.run()
        job.end(ended)
    assert keeper.collect() == fresh.left
    keeper.data.fetched(fresh.files["stdout"])
    assert keeper.collect() == fresh.left - {fresh.files["stdout"]}
    keeper.data.fetched(fresh.files["out/a"])
    assert keeper.collect() == {fresh.manifest, fresh.printed}  # they say what there was


def test_of_a_job_that_goes_on_only_what_was_fetched_of_tasks_that_are_over_goes(keeper: Keeper) -> None:
    job = Bought(keeper, 1)
    job.run()
    held = Bought(keeper, 2)  # its result waits for a check
    held.write(
        SessionPlanned(1.0, "0xaa", "peer", "name", 1, "0x00", 10**18),
        Sent(2.0, 0, 0, "0xaa", "work", "00", "11"),
        Delivered(3.0, 0, held.manifest, 5, 0, 2, 3, "99", True),
    )
    for name in (*job.files.values(), *held.files.values()):
        keeper.data.fetched(name)
    left = keeper.collect()
    assert left == {*job.inputs, job.manifest, job.printed, *held.inputs, *held.left - {held.printed}}


def test_what_was_fetched_is_known_after_a_restart(keeper: Keeper, tmp_path: Path) -> None:
    job = Bought(keeper, 1)
    job.run()
    job.end(time.time())
    keeper.data.fetched(job.files["stdout"])
    keeper.fetched.flush()
    again = Keeper(tmp_path)
    assert again.collect() == job.left - {job.files["stdout"]}
    again.engine.dispose()


def test_a_job_that_shares_a_result_with_a_deleted_one_keeps_it(keeper: Keeper) -> None:
    kept, deleted = Bought(keeper, 1), Bought(keeper, 2)
    for job in (kept, deleted):
        job.run()
    with pytest.raises(Conflict):
        keeper.data.delete(deleted.id)
    for job in (kept, deleted):
        job.end(time.time())
    both = Bought(keeper, 3)
    both.files, both.manifest = kept.files, kept.manifest
    both.run()
    both.end(time.time())
    keeper.data.delete(deleted.id)
    assert not {entry.name for entry in keeper.blobs.entries()} & deleted.left
    keeper.data.delete(both.id)
    assert {entry.name for entry in keeper.blobs.entries()} >= kept.left
    with pytest.raises(NotFound):
        keeper.data.delete(both.id)


async def test_logs_of_failed_runs_are_shown_as_long_as_they_are_kept(keeper: Keeper) -> None:
    job = Bought(keeper, 7)
    job.run()
    job.end(time.time())
    keeper.collect()
    (run,) = (await keeper.data.logs(job.id, 1)).attempts
    assert run.stderr is not None and run.stderr.text == "    7" and run.unverified
    keeper.blobs.remove(job.printed)
    (run,) = (await keeper.data.logs(job.id, 1)).attempts
    assert run.stderr is None


# -------------------------------------------------------------------- as provider


class Sold:
    """An order of another's job, with an input, and its result."""

    def __init__(self, keeper: Keeper, number: int) -> None:
        self.keeper = keeper
        self.inputs = {keeper.old(), keeper.old()}
        module, given = (BlobRef(sha256=name, size=SIZE) for name in sorted(self.inputs))
        spec = RunSpec(runtime="wasm", module=module, limits=Limits(), task=TaskSpec(stdin=given))
        order = TaskOrder(
            buyer="0x" + "11" * 20,
            provider="0x" + "22" * 20,
            session=bytes([number]) * 32,
            job=bytes([number]) * 32,
            task=0,
            attempt=number,
            spec=hashlib.sha256(spec.encode()).digest(),
            fuel_limit=spec.limits.fuel,
            engine="wasmtime-50/fog-1",
            issued=1,
            deadline=2,
            sealed=0,
            terms=Agreement(WEI, 100, 1, BY_RECORD, 0, 0, "direct"),
        )
        self.order, self.digest = order, DOMAIN.digest(order)
        keeper.ledger.take(self.digest, "peer", SignedOrder(order, sign(KEY, DOMAIN, order), spec.encode()), b"\4" * 65)

    def deliver(self) -> None:
        self.result = self.keeper.old()
        files = (ResultFile(name="stdout", sha256=self.result, size=SIZE),)
        manifest = ResultManifest(exit=Exit.OK, code=0, files=files).encode()
        made = Receipt(self.digest, hashlib.sha256(manifest).digest(), 5, int(Exit.OK), 1, 2)
        self.keeper.ledger.deliver(self.digest, SignedReceipt(made, sign(KEY, DOMAIN, made), manifest, {}), 3.0)


def test_a_provider_keeps_inputs_until_an_order_is_run_and_results_until_they_are_handed_over(keeper: Keeper) -> None:
    waits, delivered, handed, dropped = (Sold(keeper, number) for number in range(1, 5))
    delivered.deliver()
    handed.deliver()
    keeper.ledger.handed(handed.digest, ACCEPTED)
    keeper.ledger.drop(dropped.digest)
    assert keeper.collect() == {*waits.inputs, delivered.result}


def test_a_result_whose_session_is_over_waits_for_nobody(keeper: Keeper) -> None:
    sold = Sold(keeper, 1)
    sold.deliver()
    assert keeper.collect() == {sold.result}
    keeper.ledger.close(account_of(sold.order), 0)
    assert keeper.collect() == set()


# -------------------------------------------------------------------- kills

COLLECTOR = """
import sys
from pathlib import Path
from test_retention import Keeper
keeper = Keeper(Path(sys.argv[1]))
remove = keeper.blobs.remove
def told(name):
    remove(name)
    print(name, flush=True)
keeper.blobs.remove = told
print("ready", flush=True)
for _ in sys.stdin:
    keeper.collect() if len(sys.argv) == 2 else keeper.data.delete(sys.argv[2])
    print("done", flush=True)
"""


def killed_after(folder: Path, *arguments: str, removals: int) -> bool:
    """Start a process that collects, or deletes a job, and kill it after so many removals; whether it was in time."""
    here = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", COLLECTOR, str(folder), *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": here},
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("\n")
    process.stdin.flush()
    said = [process.stdout.readline() for _ in range(removals)]
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    return "done\n" not in said and "" not in said


def test_a_collection_that_is_killed_takes_nothing_that_is_needed_and_the_next_one_ends_it(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    job, sold = Bought(keeper, 1), Sold(keeper, 2)
    job.run()
    sold.deliver()
    idle = {*sold.inputs, *(keeper.old() for _ in range(200))}
    needed = {*job.inputs, *job.left, sold.result}
    assert killed_after(tmp_path, removals=40)
    left = {entry.name for entry in keeper.blobs.entries()}
    assert needed <= left and len(idle - left) >= 40
    for name in left:
        assert name_of(keeper.blobs.path(name).read_bytes()) == name  # whole, each of them
    again = Keeper(tmp_path)
    again.forget_use()
    assert again.collect() == needed
    assert again.jobs.load(job.id)[0].tasks[0].state == "done"


def test_a_deletion_that_is_killed_leaves_no_job_without_its_results_and_no_blob_for_good(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    job, other = Bought(keeper, 1), Bought(keeper, 2)
    for each in (job, other):
        each.run()
        each.end(time.time())
    assert killed_after(tmp_path, job.id, removals=1)
    again = Keeper(tmp_path)
    with pytest.raises(NotFound):  # it is gone as a whole
        again.data.delete(job.id)
    again.forget_use()
    assert again.collect() == other.left
