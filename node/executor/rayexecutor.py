"""Runs a provider's tasks on a Ray cluster: the same interface, results and fuel as `pool.Executor`.

Each slot is an actor somewhere in the cluster (`raytask.py`), made ahead of need. A task goes there with all its bytes
and comes back with its files. A machine that is lost with a task on it is replaced and the task is run again, which is
safe since it has no effect but its result; a run that is cancelled or out of time is ended by killing its actor.
Nothing here can be frozen or slowed down: where the local pool would let runs stand, they are evicted, and none begins.

Needs the optional dependency `ray`. Whoever can reach a Ray cluster can run anything on it: keep it on a private
network.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

import fogchain
import node
from fogchain.errors import Unavailable
from fogchain.jobs.spec import ResultManifest
from fogchain.market.engines import Runtime
from fogchain.market.messages import Exit
from node.executor.admission import Admission
from node.executor.pool import KILLED, Evicted, RunOutcome, RunRequest, check_request, failed
from node.executor.raytask import Answer, Slot
from node.executor.runtimes import Offered, RuntimeState
from node.executor.trees import remove_tree

log = structlog.get_logger(__name__)

ATTEMPTS = 3  # on as many machines, before a task counts as crashed
_HINT = "check provider.ray_address, and $RAY_AUTH_MODE and $RAY_AUTH_TOKEN_PATH if the cluster wants a token"
STANDS = "its machine is in use, and what runs on a cluster can't stand still"
KEPT_BLOBS = 16  # modules and inputs that stay in the cluster's store for the next task
LOCAL_STORE_BYTES = 512 << 20  # a task's inputs, twice
# Report to nobody; on a busy machine its own processes are slow to start.
_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_agent_register_timeout_ms": "120000"}
START_SECONDS = 120.0
GRACE_SECONDS = 30.0  # beside a run's own limit, for its bytes to get there and back


@dataclass(slots=True)
class _Actor:
    handle: Any  # None: to be made when it is needed
    used: float = 0.0  # seconds of processor time, as it last said


class RayExecutor:
    """`address` as Ray has it, `ray://host:10001` or `host:6379`; None starts Ray on this machine."""

    def __init__(
        self, folder: Path, slots: int, *, memory_cap: int, wanted: Sequence[Runtime], address: str | None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._runs = folder.absolute() / "runs"
        self._count, self._memory_cap, self._wanted, self._address = slots, memory_cap, tuple(wanted), address
        self._changed = changed
        self._ray: Any = None
        self._free: asyncio.Queue[_Actor | None] = asyncio.Queue()
        self._all: list[_Actor] = []
        self._active: set[str] = set()
        self._blobs: OrderedDict[str, Any] = OrderedDict()  # by name, where they are in the cluster's store
        self._preparing: asyncio.Task[None] | None = None
        self._evicted: dict[str, asyncio.Future[str]] = {}  # by run that has a slot
        self._admitted, self._suspended = True, False
        self._admission = Admission()
        self._used = 0.0
        self._stopped = True
        self._offered = Offered(())
        self.ended: Counter[Exit] = Counter()

    @property
    def runtimes(self) -> Offered:
        return self._offered

    async def start(self) -> None:
        """Connect, and start an actor for each slot. Raises Unavailable."""
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        try:
            import ray
        except ImportError as error:
            raise Unavailable("Ray is not installed", hint="pip install 'fogchain[ray]'") from error
        self._ray = ray
        self._runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in self._runs.iterdir():
            remove_tree(leftover)
        try:
            await asyncio.to_thread(self._connect)
            self._all = [_Actor(self._make()) for _ in range(self._count)]
            async with asyncio.timeout(START_SECONDS):
                states = await asyncio.gather(*(actor.handle.start.remote() for actor in self._all))
        except TimeoutError as error:
            await self.stop()
            raise Unavailable(
                f"the Ray cluster did not give {self._count} processors within {START_SECONDS:g} s",
                hint="lower provider.slots, or add machines to the cluster",
            ) from error
        except Exception as error:  # Ray raises bare ones
            await self.stop()
            raise Unavailable(f"the Ray cluster can't be used: {error}", hint=_HINT) from error
        self._stopped = False
        self._admission.begin()
        self._offered = _common(states)
        for actor in self._all:
            self._free.put_nowait(actor)
        self._preparing = asyncio.create_task(self._prepare())
        log.info("executor.started", backend="ray", slots=self._count, engines=self._offered.engines)

    def _connect(self) -> None:
        # The cluster's machines run the code of this daemon, whatever they have installed themselves.
        packages = [str(Path(package.__path__[0])) for package in (fogchain, node)]
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False, "namespace": "fogchain"}
        if self._address is None:
            options |= {
                "address": "local", "num_cpus": self._count, "include_dashboard": False,
                "object_store_memory": LOCAL_STORE_BYTES,
            }  # fmt: skip
        else:
            options |= {"address": self._address, "runtime_env": {"py_modules": packages}}
        self._ray.init(**options)

    def _make(self) -> Any:
        actor = self._ray.remote(Slot).options(num_cpus=1, max_restarts=0, scheduling_strategy="SPREAD")
        return actor.remote(self._memory_cap, self._wanted)

    async def stop(self) -> None:
        """Kill what runs; runs under way or waiting raise Unavailable."""
        self._stopped = True
        self._free.put_nowait(None)
        self._admission.end()
        if self._preparing is not None:
            self._preparing.cancel()
        if self._ray is not None and self._ray.is_initialized():
            for actor in self._all:
                if actor.handle is not None:
                    self._ray.kill(actor.handle, no_restart=True)
            await asyncio.to_thread(self._ray.shutdown)

    async def run(self, request: RunRequest) -> RunOutcome:
        """As `pool.Executor.run`. Cancelling the caller kills the run."""
        check_request(request, self._active)
        detail = self._offered.why_not(request.spec, self._memory_cap)
        if detail is not None:
            self.ended[Exit.REFUSED] += 1
            return failed(Exit.REFUSED, detail, time.time(), time.time())
        self._active.add(request.run_id)
        try:
            outcome = await self._attempts(request)
        finally:
            self._active.discard(request.run_id)
        self.ended[outcome.exit] += 1
        return outcome

    def checkpoint(self, run_id: str) -> Path | None:
        """A cluster's checkpoints stay on its machines."""
        return None

    def discard(self, run_id: str) -> None:
        """Delete a finished run's files."""
        if run_id not in self._active and "/" not in run_id and run_id not in ("", ".", ".."):
            remove_tree(self._runs / run_id)

    def printed(self, run_id: str) -> dict[str, Path]:
        """Nothing: what a task prints is on the machine that runs it, until it has ended."""
        return {}

    async def measure_rate(self) -> int:
        """Fuel per second of a slot, by one of them. Raises Unavailable."""
        actor = await self._take()
        try:
            return int(await actor.handle.measure_rate.remote())
        except self._ray.exceptions.RayError as error:
            raise Unavailable(f"the Ray cluster did not measure: {error}") from error
        finally:
            self._free.put_nowait(actor)

    # ── what the harvester asks for, from any thread ──────────────────────────────────────────────────────────

    @property
    def running(self) -> int:
        return len(self._evicted)

    def admit(self, admitted: bool) -> None:
        self._admitted = admitted
        self._admit()

    def closed(self) -> tuple[bool, float]:
        return self._admission.closed()

    def suspend(self) -> None:
        """A cluster's processes can't be stopped from here: their runs are handed back, and none begins."""
        if not self._suspended:
            self._suspended = True
            self.evict(STANDS)
            self._admit()

    def resume(self) -> None:
        if self._suspended:
            self._suspended = False
            self._admit()

    def standing(self) -> bool:
        return not self._evicted

    def stood(self, run_id: str) -> tuple[bool, float]:
        return False, 0.0

    def limit(self, duty: float) -> bool:
        return duty >= 1.0

    def evict(self, cause: str) -> None:
        """End all runs, each by killing its actor; each raises Evicted."""
        self._admission.soon(lambda: self._evict(cause))

    def kill(self, cause: str = KILLED) -> None:
        self.evict(cause)

    async def checkpointed(self, grace: float) -> None:
        """At once: a cluster keeps none."""

    def processor_time(self) -> float:
        """As far as the cluster's machines have said, with each run's end."""
        return self._used

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _attempts(self, request: RunRequest) -> RunOutcome:
        started = time.time()
        for attempt in range(1, ATTEMPTS + 1):
            actor = await self._take()
            kill = True
            try:
                async with asyncio.timeout(request.spec.limits.time / 1000 + GRACE_SECONDS):
                    answer = await self._unless_evicted(actor, request)
                kill = False
                self._used, actor.used = self._used + answer.processor - actor.used, answer.processor
                return self._outcome(request, answer)
            except TimeoutError:
                return failed(Exit.TIMEOUT, "it was killed at its time limit", started, time.time())
            except self._ray.exceptions.RayTaskError as error:  # the machine at fault: disk full, worker does not start
                kill = False
                return failed(Exit.REFUSED, f"the cluster could not run it: {error.cause}", started, time.time())
            except self._ray.exceptions.RayError as error:
                if self._stopped:
                    raise Unavailable("the sandbox was stopped during the run") from error
                log.warning("executor.machine_lost", run=request.run_id, attempt=attempt, why=str(error)[:300])
            finally:
                self._give_back(actor, kill)
        return failed(Exit.CRASHED, f"{ATTEMPTS} machines of the cluster were lost with it", started, time.time())

    async def _unless_evicted(self, actor: _Actor, request: RunRequest) -> Answer:
        """Raises Evicted."""
        asking = asyncio.create_task(self._ask(actor, request))
        evicted = self._evicted[request.run_id] = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait((asking, evicted), return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            raise Evicted(evicted.result())
        finally:
            del self._evicted[request.run_id]
            asking.cancel()

    async def _ask(self, actor: _Actor, request: RunRequest) -> Answer:
        spec = request.spec
        blobs = [(spec.module.sha256, request.module)]
        if spec.task.stdin is not None and request.stdin is not None:
            blobs.append((spec.task.stdin.sha256, request.stdin))
        names = sorted(request.inputs)
        blobs += [(spec.task.inputs[name].sha256, request.inputs[name]) for name in names]
        if spec.resume is not None and request.checkpoint is not None:
            blobs.append((spec.resume.archive.sha256, request.checkpoint))
        contents = [await self._stored(name, path) for name, path in blobs]
        answer: Answer = await actor.handle.run.remote(request.run_id, spec.encode(), request.seed, names, *contents)
        return answer

    async def _stored(self, name: str, path: Path) -> Any:
        """Where the cluster has this blob; one that many tasks use is brought there once."""
        if name not in self._blobs:
            self._blobs[name] = await asyncio.to_thread(lambda: self._ray.put(path.read_bytes()))
        self._blobs.move_to_end(name)
        reference = self._blobs[name]
        while len(self._blobs) > KEPT_BLOBS:
            self._blobs.popitem(last=False)
        return reference

    def _outcome(self, request: RunRequest, answer: Answer) -> RunOutcome:
        folder = self._runs / request.run_id
        remove_tree(folder)
        folder.mkdir(mode=0o700)
        files = {}
        for number, (name, content) in enumerate(sorted(answer.files.items())):
            files[name] = folder / str(number)
            files[name].write_bytes(content)
        return RunOutcome(
            exit=Exit(answer.exit),
            code=answer.code,
            fuel=answer.fuel,
            manifest=ResultManifest.decode(answer.manifest),
            files=files,
            started=answer.started,
            finished=answer.finished,
            detail=answer.detail,
            stood=answer.stood,
        )

    def _admit(self) -> None:
        self._admission.say(self._admitted and not self._suspended)

    def _evict(self, cause: str) -> None:
        for evicted in self._evicted.values():
            if not evicted.done():
                evicted.set_result(cause)

    async def _take(self) -> _Actor:
        while True:
            await self._admission.opened()
            actor = None if self._stopped else await self._free.get()
            if actor is None or self._stopped:
                self._free.put_nowait(None)
                raise Unavailable("the sandbox is not running")
            if self._admission.open:
                break
            self._free.put_nowait(actor)
        if actor.handle is None:
            self._begin(actor)
        return actor

    def _begin(self, actor: _Actor) -> None:
        actor.handle, actor.used = self._make(), 0.0
        actor.handle.start.remote()  # what is asked of it next waits behind this

    def _give_back(self, actor: _Actor, kill: bool) -> None:
        if kill and not self._stopped:
            self._ray.kill(actor.handle, no_restart=True)
            actor.handle = None
            if self._admission.open:
                self._begin(actor)
        self._free.put_nowait(actor)

    async def _prepare(self) -> None:
        states = await asyncio.gather(
            *(actor.handle.prepared.remote() for actor in self._all if actor.handle is not None), return_exceptions=True
        )
        self._offered = _common([state for state in states if not isinstance(state, BaseException)])
        self._changed()


def _common(machines: Sequence[tuple[RuntimeState, ...]]) -> Offered:
    """What every machine can; where one can't, its reason."""
    found: dict[Runtime, RuntimeState] = {}
    for states in machines:
        for state in states:
            known = found.setdefault(state.runtime, state)
            if known.engine is not None and known.engine != state.engine:
                detail = state.detail or f"the cluster's machines differ: {known.engine} and {state.engine}"
                found[state.runtime] = RuntimeState(state.runtime, None, detail)
    return Offered(tuple(found.values()))
