"""The sandbox as the daemon uses it: a number of slots, each with a worker process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from fogchain.errors import BadInput, BadMessage, Conflict, FogchainError, Unavailable
from fogchain.jobs.spec import ResultFile, ResultManifest, RunSpec
from fogchain.market.engines import Runtime
from fogchain.market.messages import Exit
from node.executor import cgroup
from node.executor.admission import Admission
from node.executor.cgroup import Cgroup
from node.executor.keeping import Keeping
from node.executor.meter import ProcessorMeter
from node.executor.process import WorkerDied, WorkerProcess
from node.executor.runtimes import Offered, Runtimes
from node.executor.slot import Slot
from node.executor.standing import Member, Standing
from node.executor.trees import remove_tree

log = structlog.get_logger(__name__)

LAST_WORD = 1.0  # seconds for which a worker may say itself that a run's time is up, before it is killed
LOOK_AGAIN = 0.05  # seconds at least between two looks at a clock that stands
RUNS_PER_WORKER = 500  # then a fresh process takes its place
OVERHEAD_BYTES = 512 << 20  # what a worker may use beside a task's memory: itself, compilation, file cache
MEASURE_SECONDS = 0.3
KILLED = "its machine was needed at once"
_executors = itertools.count()
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class RunRequest:
    """A run and where its files lie. `seed` seeds the task's random numbers; `inputs` and `stdin` are whole files."""

    run_id: str  # letters, digits, '.', '_', '-'; no other run of that name is under way
    spec: RunSpec
    module: Path
    stdin: Path | None
    inputs: Mapping[str, Path]
    seed: bytes
    checkpoint: Path | None = None  # the archive that the spec says to go on from
    stay: float = 3600.0  # seconds for which this machine is forecast to stay, on average


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended. `files` maps the manifest's names to where they lie until `Executor.discard`.

    `started` and `finished` are Unix seconds. For ends that are not the program's own (TIMEOUT and above) there is no
    fuel, and of files only what the run has printed until then. `fuel` is all that was burnt here; what ran again after
    a worker had died counts once. `resumed`: of a run that went on from a checkpoint of this machine's own, the fuel
    that had been burnt for the task by then, here or before; 0 for others. `detail` is for people and differs between
    machines.
    `stood`: seconds of these that the run stood still, or that were withheld from it; they count toward no limit.
    """

    exit: Exit
    code: int
    fuel: int
    manifest: ResultManifest
    files: Mapping[str, Path]
    started: float
    finished: float
    detail: str
    resumed: int = 0
    stood: float = 0.0


class Evicted(FogchainError):
    """The run was ended because its machine is wanted for something else; `cause` says for what."""

    code = "evicted"

    def __init__(self, cause: str) -> None:
        super().__init__(f"the run was ended: {cause}", hint="it is run elsewhere")
        self.cause = cause


class _Turn:
    """A run that has a slot, or waits for one. `asked`: for how long no run could begin before it came, in seconds."""

    def __init__(self, asked: float) -> None:
        self.asked = asked
        self.waited: float | None = None  # seconds before it began in which none could
        self.evicted: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def evict(self, cause: str) -> None:
        if not self.evicted.done():
            self.evicted.set_result(cause)


class Executor:
    """Runs tasks in `slots` worker processes. `folder` is its own; `memory_cap` is the most one task may ask for.

    `wanted` are the runtimes to offer; `runtimes` says which of them it can now. `changed` is called when that changes.
    """

    def __init__(
        self, folder: Path, slots: int, *, memory_cap: int, wanted: Sequence[Runtime] = ("wasm",),
        changed: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._folder = folder.absolute()
        self._runs = self._folder / "runs"
        self._keeping = Keeping(self._folder / "checkpoints")
        self._memory_cap = memory_cap
        self._runtimes = Runtimes(wanted, self._folder / "cache", changed)
        python = self._runtimes.python
        self._name = f"{next(_executors)}"  # of its groups, beside those of others in this process
        self._meter, self._standing = ProcessorMeter(), Standing()
        memory = memory_cap + OVERHEAD_BYTES
        self._slots = [Slot(f"{self._name}.{n}", n, self._folder, memory, python, self._meter) for n in range(slots)]
        self._free: asyncio.Queue[Slot | None] = asyncio.Queue()
        self._active: set[str] = set()
        self._saving: set[str] = set()  # runs in a worker whose tasks have checkpoints
        self._groups = 0
        self._dying: list[Cgroup] = []  # of native tasks that have ended, but for processes that are just dying
        self._replacing: set[asyncio.Task[None]] = set()
        self._turns: dict[str, _Turn] = {}
        self._admission = Admission()
        self._stopped = True
        self.running = 0  # runs that have a slot
        self.ended: Counter[Exit] = Counter()  # how runs ended since the start

    @property
    def runtimes(self) -> Offered:
        return self._runtimes.offered

    async def prepared(self) -> None:
        """Return when no runtime is being made ready any more."""
        await self._runtimes.prepared()

    async def start(self) -> None:
        """Make the folder, drop what earlier runs left, start the workers. Raises Unavailable."""
        for place in (self._folder, self._folder / "cache", self._runs):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.chmod(0o700)  # compiled modules are native code that we trust
        for leftover in self._runs.iterdir():
            remove_tree(leftover)
        self._keeping.start()
        self._admission.begin()
        self._stopped = False  # runs that come now wait for a slot
        await asyncio.to_thread(cgroup.sweep)
        cgroup.delegate()
        try:
            await asyncio.gather(*(slot.worker() for slot in self._slots))
        except BaseException:
            await self.stop()
            raise
        for slot in self._slots:
            self._free.put_nowait(slot)
        if not all(slot.walled for slot in self._slots):
            log.info("executor.no_cgroup", note="tasks are held by WebAssembly alone; memory limits are the engine's")
        await self._runtimes.prepare(walled=all(slot.walled for slot in self._slots))
        log.info("executor.started", slots=len(self._slots), engines=self.runtimes.engines)

    async def stop(self) -> None:
        """Kill what runs; runs under way or waiting raise Unavailable."""
        self._stopped = True
        self._runtimes.stop()
        self._free.put_nowait(None)
        self._admission.end()
        await asyncio.gather(*(slot.replace() for slot in self._slots), *self._replacing)

    async def run(self, request: RunRequest) -> RunOutcome:
        """Run a task in the next free slot. Cancelling the caller kills the run.

        Raises BadInput and Conflict for the run's name, Evicted when it was ended by `evict` or `kill`, Unavailable
        when the executor is stopped or no worker starts.
        """
        check_request(request, self._active)
        if (detail := self.runtimes.why_not(request.spec, self._memory_cap)) is not None:
            self.ended[Exit.REFUSED] += 1
            return failed(Exit.REFUSED, detail, time.time(), time.time())
        self._active.add(request.run_id)
        try:
            turn = self._turns[request.run_id] = _Turn(self._admission.closed()[1])
            slot = await self._turn_of(turn)
            kill = True
            try:
                worker = await slot.worker()
                outcome = await self._run(worker, request, turn)
                while not self._stopped and self._goes_on(request, outcome):
                    worker = await slot.worker()
                    outcome = await self._run(worker, request, turn)
                kill = worker.busy or worker.asked >= RUNS_PER_WORKER
            finally:
                self._give_back(slot, kill)
        except BaseException:
            self._drop(request.run_id)
            raise
        finally:
            self._active.discard(request.run_id)
            self._turns.pop(request.run_id, None)
        if outcome.exit >= Exit.TIMEOUT and self._stopped:
            self._drop(request.run_id)
            raise Unavailable("the sandbox was stopped during the run")
        self.ended[outcome.exit] += 1
        return outcome

    def discard(self, run_id: str) -> None:
        """Delete a finished run's files, once they are stored elsewhere."""
        if _RUN_ID.fullmatch(run_id) and run_id not in self._active:
            self._drop(run_id)
            self._keeping.drop(run_id)

    def checkpoint(self, run_id: str) -> Path | None:
        """The newest checkpoint of a run, running or not, until it is discarded."""
        place = self._keeping.place(run_id)
        return place if _RUN_ID.fullmatch(run_id) and place.is_file() else None

    async def checkpointed(self, grace: float) -> None:
        """Return when each run has copied one more checkpoint or ended, or after `grace` seconds. Runs whose tasks
        have none are not waited for. Those that stand go on until then."""
        with self._standing.going_on() if self._saving else contextlib.nullcontext():
            await self._keeping.renewed(self._saving, grace)

    def printed(self, run_id: str) -> dict[str, Path]:
        """Where standard output and error of a run lie, also while it is under way; empty before it began."""
        places = {name: self._runs / run_id / name for name in ("stdout", "stderr")}
        return {name: path for name, path in places.items() if path.is_file()}

    async def measure_rate(self) -> int:
        """Fuel per second that one slot of this machine burns just now, by running a short numeric kernel.

        Waits for a free slot. Raises Unavailable.
        """
        slot = await self._take()
        kill = True
        try:
            worker = await slot.worker()
            try:
                answer = await worker.ask({"measure": MEASURE_SECONDS})
            except WorkerDied as error:
                raise Unavailable(f"the worker died while measuring: {error}") from error
            kill = False
            return int(answer["rate"])
        finally:
            self._give_back(slot, kill)

    # ── what the harvester asks for, from any thread ──────────────────────────────────────────────────────────

    def admit(self, admitted: bool) -> None:
        """Whether runs that wait for a slot may begin; those under way go on."""
        self._admission.say(admitted, self._prepare)

    def closed(self) -> tuple[bool, float]:
        """Whether no run can begin now, and for how many seconds since the start none could."""
        return self._admission.closed()

    def suspend(self) -> None:
        """Let all runs stand still, and their time limits with them; one that begins now stands as well."""
        self._standing.suspend()

    def resume(self) -> None:
        self._standing.resume()

    def standing(self) -> bool:
        """Whether every process of every run is seen to stand still."""
        return self._standing.standing()

    def stood(self, run_id: str) -> tuple[bool, float]:
        """Whether a run that was asked for stands now, and for how many seconds it has in all, also before it began."""
        if (turn := self._turns.get(run_id)) is None:
            return False, 0.0
        if turn.waited is None:
            closed, seconds = self._admission.closed()
            return closed, seconds - turn.asked
        stands, seconds = self._standing.stood(run_id)
        return stands, seconds + turn.waited

    def limit(self, duty: float) -> bool:
        """Let the kernel hold each worker to this share of a core; 1.0 is all of it. False where it can't. What is
        withheld counts toward no time limit."""
        possible = duty >= 1.0 or all(slot.limitable for slot in self._slots)
        return possible and self._standing.limit(duty)

    def evict(self, cause: str) -> None:
        """End all runs, and those that wait; each raises Evicted."""
        self._admission.soon(lambda: self._evict(cause))

    def kill(self, cause: str = KILLED) -> None:
        """End all runs by force, whatever they are at; each raises Evicted."""
        self._standing.strike(cause)
        self._admission.soon(lambda: self._evict(cause))

    def processor_time(self) -> float:
        """Seconds of processor time that all workers have used since the start, ended ones too."""
        return self._meter.seconds()

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────

    def _prepare(self) -> None:
        """Start the workers that were not needed while no run could begin."""
        if self._admission.open and not self._stopped:
            for slot in self._slots:
                slot.prepare()

    def _evict(self, cause: str) -> None:
        for turn in self._turns.values():
            turn.evict(cause)

    async def _turn_of(self, turn: _Turn) -> Slot:
        """The next free slot. Raises Evicted when it is not waited for any more."""
        taking = asyncio.create_task(self._take())
        try:
            await asyncio.wait((taking, turn.evicted), return_when=asyncio.FIRST_COMPLETED)
            if not taking.done():
                raise Evicted(turn.evicted.result())
            slot = taking.result()
        except BaseException:
            taking.cancel()
            taking.add_done_callback(self._untake)
            raise
        turn.waited = self._admission.closed()[1] - turn.asked
        return slot

    def _untake(self, taking: asyncio.Task[Slot]) -> None:
        """A slot that came just as nobody waited for it any more is another's."""
        if not taking.cancelled() and taking.exception() is None:
            self._give_back(taking.result(), kill=False)

    async def _take(self) -> Slot:
        if self._stopped:
            raise Unavailable("the sandbox is not running")
        while True:
            await self._admission.opened()
            slot = await self._free.get()
            if slot is None or self._stopped:
                self._free.put_nowait(None)  # wakes the next one who waits
                raise Unavailable("the sandbox was stopped")
            if self._admission.open:
                break
            self._free.put_nowait(slot)
        self.running += 1
        return slot

    def _give_back(self, slot: Slot, kill: bool) -> None:
        self.running -= 1
        if not kill or self._stopped:
            self._free.put_nowait(slot)
            return
        task = asyncio.create_task(self._renew(slot))
        self._replacing.add(task)
        task.add_done_callback(self._replacing.discard)

    async def _renew(self, slot: Slot) -> None:
        try:
            await slot.replace()
        finally:
            self._free.put_nowait(slot)
        if self._admission.open and not self._stopped:
            slot.prepare()

    async def _run(self, worker: WorkerProcess, request: RunRequest, turn: _Turn) -> RunOutcome:
        folder = self._runs / request.run_id
        if folder.exists():
            remove_tree(folder)
        folder.mkdir(mode=0o700)
        started, begun, begin = time.time(), 0, None
        if request.spec.limits.checkpoint:
            try:
                begun, begin = await asyncio.to_thread(
                    self._keeping.newest, request.run_id, request.spec, request.checkpoint
                )
            except (BadMessage, OSError) as error:
                return failed(Exit.REFUSED, f"its checkpoint can't be used: {error}", started, time.time())
        frame, limits = run_frame(request, folder, begun), request.spec.limits
        before = request.spec.resume.fuel if request.spec.resume else 0
        if limits.checkpoint:
            frame["saving"] = self._keeping.saving(request.run_id, request.spec, request.stay, begin).to_frame()
            self._saving.add(request.run_id)
        group: Cgroup | None = None
        if request.spec.runtime == "native":
            self._groups += 1
            group = Cgroup.make(f"{self._name}.native-{self._groups}", limits.memory)
            if group is None:
                return failed(Exit.REFUSED, "no control group could be made for the task", started, time.time())
            frame["cgroup"] = group.paths()
            self._meter.follow(group, group=group)
        member = Member(worker, group)
        self._standing.join(request.run_id, member)

        def fault(exit_: Exit, detail: str) -> RunOutcome:
            files = self.printed(request.run_id)
            return failed(exit_, detail, started, time.time(), files, member.stood())

        try:
            answer = await self._ask(worker, turn, frame, limits.time / 1000 + (0 if group else LAST_WORD))
        except TimeoutError:
            return fault(Exit.TIMEOUT, f"it was killed at its time limit of {limits.time / 1000:g} s")
        except WorkerDied as error:
            if member.cause:
                raise Evicted(member.cause) from error
            log.warning("executor.worker_died", run=request.run_id, cause=str(error))
            return fault(Exit.CRASHED, f"the worker died: {error}")
        finally:
            self._saving.discard(request.run_id)
            if group is not None:
                group.kill()
            self._standing.leave(request.run_id, thaw=not worker.busy)
            if group is not None:
                self._meter.close(group)
                self._dying.append(group)
                self._dying = [group for group in self._dying if not group.remove()]
        if answer["exit"] == Exit.TIMEOUT:
            return fault(Exit.TIMEOUT, answer["detail"])
        outcome = replace(_outcome(answer, started, time.time()), stood=member.stood())
        if not outcome.exit.deterministic:
            return outcome
        return replace(outcome, fuel=outcome.fuel + begun - before, resumed=begun if begun > before else 0)

    def _goes_on(self, request: RunRequest, outcome: RunOutcome) -> bool:
        """Whether a run is to be taken up again: its worker died, but not before it had saved something; or it went on
        from what was saved here, and to read that took the fuel that it lacks now, which from the start it may not."""
        if outcome.exit == Exit.OUT_OF_FUEL and outcome.resumed:
            self._keeping.drop(request.run_id)
            return True
        return outcome.exit == Exit.CRASHED and self._keeping.progressed(request.run_id)

    async def _ask(
        self, worker: WorkerProcess, turn: _Turn, frame: dict[str, Any], seconds: float
    ) -> dict[str, Any]:  # fmt: skip
        """The worker's answer, within so many seconds by its own clock, which stands while it does.

        Raises TimeoutError, Evicted, WorkerDied.
        """
        asking = asyncio.create_task(worker.ask({"run": frame}))
        until = worker.clock.now() + seconds
        try:
            while (left := until - worker.clock.now()) > 0:
                await asyncio.wait(
                    (asking, turn.evicted), timeout=max(left, LOOK_AGAIN), return_when=asyncio.FIRST_COMPLETED
                )
                if asking.done():
                    return asking.result()
                if turn.evicted.done():
                    raise Evicted(turn.evicted.result())
            raise TimeoutError
        finally:
            asking.cancel()

    def _drop(self, run_id: str) -> None:
        remove_tree(self._runs / run_id)


def check_request(request: RunRequest, active: Collection[str]) -> None:
    """Raises BadInput for a bad name or other files than the spec's, Conflict for a name that is `active`."""
    if not _RUN_ID.fullmatch(request.run_id):
        raise BadInput(f"{request.run_id[:80]!r} is no name for a run", hint="use letters, digits, '.', '_', '-'")
    if request.run_id in active:
        raise Conflict(f"a run named {request.run_id} is under way")
    missing = set(request.spec.task.inputs) ^ set(request.inputs)
    if missing or (request.spec.task.stdin is None) != (request.stdin is None):
        raise BadInput(f"the files given are not those of the run's spec: {', '.join(sorted(missing)) or 'stdin'}")


def run_frame(request: RunRequest, folder: Path, begun: int = 0) -> dict[str, Any]:
    """What a worker is told of a run; `folder` is absolute, empty and this run's own. `begun`: the fuel that was burnt
    for its task before where it begins."""
    limits, task = request.spec.limits, request.spec.task
    return {
        "runtime": request.spec.runtime, "module": str(request.module.absolute()),
        "sha256": request.spec.module.sha256, "args": list(task.args),
        "env": dict(task.env), "stdin": str(request.stdin.absolute()) if request.stdin is not None else None,
        "inputs": {name: str(path.absolute()) for name, path in request.inputs.items()}, "seed": request.seed,
        "fuel": request.spec.origin.limits.fuel - begun, "memory": limits.memory, "time": limits.time,
        "output": limits.output, "folder": str(folder),
    }  # fmt: skip


def _outcome(answer: dict[str, Any], started: float, finished: float) -> RunOutcome:
    exit_ = Exit(answer["exit"])
    if not exit_.deterministic:
        return failed(exit_, answer["detail"], started, finished)
    results = tuple(ResultFile(name=name, sha256=digest.hex(), size=size) for name, digest, size, _ in answer["files"])
    return RunOutcome(
        exit=exit_,
        code=answer["code"],
        fuel=answer["fuel"],
        manifest=ResultManifest(exit=exit_, code=answer["code"], files=results),
        files={name: Path(path) for name, _, _, path in answer["files"]},
        started=started,
        finished=finished,
        detail=answer["detail"],
    )


def failed(
    exit_: Exit, detail: str, started: float, finished: float, files: Mapping[str, Path] | None = None,
    stood: float = 0.0,
) -> RunOutcome:  # fmt: skip
    manifest = ResultManifest(exit=exit_, code=0, files=())
    return RunOutcome(exit_, 0, 0, manifest, files or {}, started, finished, detail, stood=stood)
