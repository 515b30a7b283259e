"""What the node keeps for its jobs: results and logs until their owner has them, inputs while they are needed."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator

import structlog

from fogchain.api.data import AttemptLogs, JobStorage, LogView, StorageView, TaskLogs
from fogchain.errors import BadMessage, Conflict, FogchainError, NotFound
from fogchain.jobs import logs
from fogchain.jobs.fetched import Fetched
from fogchain.jobs.logs import Log
from fogchain.jobs.machine import JobMachine, Run
from fogchain.jobs.machine.runs import OVER
from fogchain.jobs.quota import Pin, Storage
from fogchain.jobs.spec import ResultManifest, RunSpec
from fogchain.jobs.store import JobStore
from node import views
from node.trade.buyer import Buyer
from node.trade.driver import JobDriver
from node.trade.ledger import Ledger, account_of
from node.trade.printing import Printing
from node.trade.sources import blobs_of

log = structlog.get_logger(__name__)

TEND = 30.0  # seconds between looks at the quota


class Data:
    """`retention`: seconds for which results that nobody fetched are kept after their job ended."""

    def __init__(
        self,
        *,
        storage: Storage,
        store: JobStore,
        ledger: Ledger,
        buyer: Buyer | None,
        fetched: Fetched,
        retention: float,
        machine: Callable[[str], JobMachine],
        printing: Printing,
    ) -> None:
        self._storage, self._blobs, self._store, self._ledger = storage, storage.store, store, ledger
        self._printing = printing
        self._buyer, self._fetched, self._retention, self._machine = buyer, fetched, retention, machine
        storage.pins += [self._bought, self._sold]

    # ---------------------------------------------------------------- logs

    async def logs(
        self, job_id: str, task: int, *, attempt: int | None = None, since: tuple[int, int] | None = None
    ) -> TaskLogs:
        """What each run of a task, or this one, has printed, also while it runs. `since`: from these bytes of standard
        output and error on. Raises NotFound."""
        machine = self._machine(self._store.resolve(job_id))
        if not 0 <= task < len(machine.tasks):
            raise NotFound(f"job {machine.id[:12]} has tasks 0 to {len(machine.tasks) - 1}, not {task}")
        found, driver = machine.tasks[task], self._buyer.driver(machine.id) if self._buyer else None
        runs = [run for run in found.runs if attempt is None or run.attempt == attempt]
        if attempt is not None and not runs:
            raise NotFound(f"task {task} of job {machine.id[:12]} has no attempt {attempt}")
        started = driver.started if driver else set()
        if driver is not None:
            live = [run.attempt for run in runs if run.attempt in started]
            await asyncio.gather(*(self._printing.look((machine.id, each), *driver.order_of(each)) for each in live))
        return TaskLogs(
            job=machine.id,
            task=task,
            state=views.task_state(found, started),
            detail=found.detail,
            attempts=[self._attempt(machine, run, driver, since) for run in runs],
        )

    def _attempt(
        self, machine: JobMachine, run: Run, driver: JobDriver | None, since: tuple[int, int] | None
    ) -> AttemptLogs:  # fmt: skip
        view, printed = views.run_view(machine, run, driver), self._printed(run)
        streamed = self._printing.logs((machine.id, run.attempt))
        shown, streams = printed or streamed, dict[str, LogView | None]()
        for name, place in zip(logs.STREAMS, since or (0, 0), strict=True):
            streams[name] = None
            if (log := shown.get(name)) is not None:
                ended = run.state != "out"
                streams[name] = LogView.of(log) if since is None else LogView.part(log, place, ended=ended)
        return AttemptLogs(
            attempt=run.attempt,
            purpose=run.purpose,
            provider=run.provider,
            provider_name=view.provider_name,
            state=view.state,
            exit=view.exit,
            detail=run.detail,
            finished=view.finished,
            stdout=streams["stdout"],
            stderr=streams["stderr"],
            unverified=run.state != "accepted",
            contradicted=any(logs.contradicts(streamed[name], printed[name]) for name in printed.keys() & streamed),
        )

    def _printed(self, run: Run) -> dict[str, Log]:
        """By stream. Empty when the run left nothing, or it was collected."""
        try:
            if run.logs:
                return logs.decode(self._blobs.read(run.logs))
            if not run.result:
                return {}
            manifest = ResultManifest.decode(self._blobs.read(run.result))
            places = {
                file.name: self._blobs.path(file.sha256)
                for file in manifest.files
                if file.name in logs.STREAMS and self._blobs.has(file.sha256)
            }
            return logs.read_logs(places)
        except (NotFound, BadMessage):
            return {}

    # ---------------------------------------------------------------- storage

    def storage(self) -> StorageView:
        sizes = {entry.name: entry.size for entry in self._blobs.entries()}
        pinned = {name: pin for name, pin in self._storage.pinned().items() if name in sizes}
        by_job: dict[Pin, list[int]] = {}
        for name, pin in pinned.items():
            by_job.setdefault(pin, []).append(sizes[name])
        return StorageView(
            folder=str(self._blobs.root),
            quota=self._storage.quota,
            used=sum(sizes.values()),
            pinned=sum(sizes[name] for name in pinned),
            underway=self._blobs.underway(),
            reserved=self._storage.reserved(),
            disk_free=shutil.disk_usage(self._blobs.root).free,
            jobs=[
                JobStorage(
                    job=pin.job, role="buyer" if pin.role == "buyer" else "provider", blobs=len(parts), bytes=sum(parts)
                )
                for pin, parts in sorted(by_job.items(), key=lambda item: -sum(item[1]))
            ],
        )

    def room(self, size: int) -> None:
        """For an upload. Raises TooLarge, Unavailable."""
        self._storage.room(size, "an upload")

    def fetched(self, name: str) -> None:
        """A result file has reached its owner."""
        self._fetched.add(name)

    def delete(self, job_id: str) -> str:
        """Forget a job that is over and let its results go; returns its id. Raises NotFound, Conflict."""
        found = self._store.resolve(job_id)
        if found in self._store.open_jobs():
            raise Conflict(
                "that job is not over and paid yet", hint=f"end it first: fogchain job cancel {found[:12]}"
            )  # fmt: skip
        results = dict(self._results(self._machine(found)))
        self._store.delete(found)
        if self._buyer is not None:
            self._buyer.forget(found)
        for name in results.keys() - self._storage.pinned().keys():
            self._blobs.remove(name)
        return found

    async def tend(self) -> None:
        """Keep to the quota until cancelled."""
        while True:
            try:
                self._fetched.flush()
                gone = await asyncio.to_thread(self._storage.collect)
                if gone:
                    log.info("blobs collected", count=len(gone), bytes=sum(entry.size for entry in gone))
            except FogchainError as error:
                log.warning("the blobs can't be tended", why=error.message)
            await asyncio.sleep(TEND)

    # ---------------------------------------------------------------- pins

    def _bought(self) -> dict[str, Pin]:
        """Inputs of jobs that are not over, and results that their owner may still want."""
        found: dict[str, Pin] = {}
        open_jobs, cursor = set(self._store.open_jobs()), None
        while True:
            rows, _ = self._store.page(500, cursor)
            if not rows:
                return found
            for job_id, cursor in rows:  # noqa: B007  the last one's number is where the next page begins
                try:
                    found |= self._of_job(self._store.load(job_id)[0], is_open=job_id in open_jobs)
                except FogchainError as error:
                    log.error("a damaged job's data may be collected", job=job_id[:12], why=error.message)

    def _of_job(self, machine: JobMachine, *, is_open: bool) -> dict[str, Pin]:
        pin, found = Pin(machine.id, "buyer"), dict[str, Pin]()
        if is_open:
            found |= dict.fromkeys(machine.spec.blobs(), pin)
            found |= {task.saved.archive: pin for task in machine.tasks if task.saved and task.state not in OVER}
            found |= dict.fromkeys(machine.archives, pin)
            found |= {
                name: pin
                for run in machine.runs.values()
                if not _is_over(machine, run)
                for name, _ in self._left_by(run)
            }
        elif machine.ended and machine.ended.at + self._retention < time.time():
            return found
        results = dict(self._results(machine))
        had = self._fetched.among(results)
        return found | {name: pin for name, kept in results.items() if kept or name not in had}

    def _results(self, machine: JobMachine) -> Iterator[tuple[str, bool]]:
        """Names of all that runs left here; True for those that say which others there are."""
        for run in machine.runs.values():
            yield from self._left_by(run)

    def _left_by(self, run: Run) -> Iterator[tuple[str, bool]]:
        if run.logs:
            yield run.logs, True
        if run.result and self._blobs.has(run.result):
            yield run.result, True
            for file in ResultManifest.decode(self._blobs.read(run.result)).files:
                yield file.sha256, False

    def _sold(self) -> dict[str, Pin]:
        """Inputs of orders to run, and results their buyers have not acknowledged and may still ask for."""
        found: dict[str, Pin] = {}
        for known in self._ledger.queued():
            spec = RunSpec.decode(known.signed.spec)
            found |= dict.fromkeys(blobs_of(spec), Pin(known.order.job.hex(), "provider"))
        over = {held.session for held in self._ledger.sessions() if held.closed}
        for known in self._ledger.unhanded():
            if account_of(known.order) in over:
                continue
            if known.receipt and known.receipt.manifest:
                names = [file.sha256 for file in ResultManifest.decode(known.receipt.manifest).files]
                found |= dict.fromkeys(names, Pin(known.order.job.hex(), "provider"))
        return found


def _is_over(machine: JobMachine, run: Run) -> bool:
    """Whether its task's result stands."""
    return machine.tasks[run.task].state in OVER
