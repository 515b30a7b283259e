"""Runs a provider's tasks on its devices, and on the gateway itself: the same interface, results and fuel as
`pool.Executor`.

A run goes to the quickest free place that can have it. One that its device lost, gave back or got wrong goes to the
next; whatever an earlier device still brings of it is nobody's any more. What a device says of a result is checked
against its hashes here, so that a device that errs costs its owner time, not his name.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import structlog

from fogchain.errors import BadMessage, Unavailable
from fogchain.jobs.blobname import name_of
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.spec import BlobRef, ResultManifest, RunSpec
from fogchain.market.engines import engine_for
from fogchain.market.messages import Exit
from fogchain.units import show_size
from node.executor.backend import Backend
from node.executor.pool import Evicted, RunOutcome, RunRequest, check_request, failed
from node.executor.runtimes import Offered, RuntimeState
from node.executor.trees import remove_tree
from node.fleet.gateway import Attempt, Gateway
from node.fleet.messages import Result
from node.fleet.places import HERE, Capacity, Place, capacity, choose

log = structlog.get_logger(__name__)

PATIENCE = 600.0  # seconds for which a run waits for a place that can have it at all
LOOK_AGAIN = 1.0  # seconds between looks for a place, beside those when something has changed

Fetch = Callable[[str, BlobRef], Awaitable[None]]  # from a peer into the node's store


class FleetBackend:
    """`node.executor.backend.Backend` over the gateway's own one and its devices."""

    def __init__(
        self,
        own: Backend,
        gateway: Gateway,
        *,
        folder: Path,
        slots: int,
        memory: int,
        works: Callable[[], bool],
        around: Callable[[], AbstractAsyncContextManager[None]],
        blobs: BlobStore,
        fetch: Fetch,
    ) -> None:
        """`slots` and `memory` are the gateway's own; `works`: whether it runs tasks itself now;
        `around`: what a run here is done in."""
        self._own, self._gateway = own, gateway
        self._runs = folder.absolute() / "fleet"
        self._slots, self._memory, self._works, self._around = slots, memory, works, around
        self._blobs, self._fetch = blobs, fetch
        self._active: set[str] = set()
        self._here: set[str] = set()  # runs that the gateway has itself
        self._rate = 0
        self._stopped = True
        self.ended: Counter[Exit] = Counter()

    # ---------------------------------------------------------------- what there is

    def own_place(self) -> Place | None:
        """The gateway as a place to work; None while it takes no work."""
        if not self._works():
            return None
        engines = self._own.runtimes.engines
        return Place(HERE, self._slots, len(self._here), self._memory, self._rate, engines)

    def places(self) -> list[Place]:
        own, found = self.own_place(), self._gateway.places()
        return [own, *found] if own is not None else found

    def capacity(self) -> Capacity:
        return capacity(self.places())

    @property
    def runtimes(self) -> Offered:
        """The gateway's own, and of the others what some device has."""
        engines = {engine for place in self._gateway.places() for engine in place.engines}
        states = []
        for state in self._own.runtimes.states:
            if state.engine is None or not self._works():
                found = engine_for(engines, state.runtime)
                detail = state.detail or "no device that takes work has it"
                state = RuntimeState(state.runtime, found, "" if found else detail)
            states.append(state)
        return Offered(tuple(states))

    # ---------------------------------------------------------------- life

    async def start(self) -> None:
        self._runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in self._runs.iterdir():
            remove_tree(leftover)
        await self._own.start()
        self._stopped = False

    async def stop(self) -> None:
        self._stopped = True
        await self._own.stop()

    async def measure_rate(self) -> int:
        self._rate = await self._own.measure_rate()
        return self._rate

    def printed(self, run_id: str) -> dict[str, Path]:
        """Of a run that is here; what a device's task prints is at the device until it has ended."""
        return self._own.printed(run_id) if run_id in self._here else {}

    def closed(self) -> tuple[bool, float]:
        """Of the gateway itself; never where it has devices, which work on."""
        closed, seconds = self._own.closed()
        return closed and not self._gateway.places(), seconds

    def stood(self, run_id: str) -> tuple[bool, float]:
        """Of a run that is here."""
        return self._own.stood(run_id) if run_id in self._here else (False, 0.0)

    def checkpoint(self, run_id: str) -> Path | None:
        """Of a run that was begun here; what a device's task saves stays at the device."""
        return self._own.checkpoint(run_id)

    def discard(self, run_id: str) -> None:
        if run_id not in self._active and "/" not in run_id and run_id not in ("", ".", ".."):
            self._own.discard(run_id)
            remove_tree(self._runs / run_id)

    # ---------------------------------------------------------------- runs

    async def run(self, request: RunRequest) -> RunOutcome:
        """As `pool.Executor.run`. Cancelling the caller ends the run wherever it is."""
        check_request(request, self._active)
        self._active.add(request.run_id)
        try:
            outcome = await self._run(request)
        finally:
            self._active.discard(request.run_id)
        self.ended[outcome.exit] += 1
        return outcome

    async def _run(self, request: RunRequest) -> RunOutcome:
        avoid: set[str] = set()
        while True:
            place = await self._place(request, avoid)
            if isinstance(place, RunOutcome):
                return place
            if place.key == HERE:
                self._here.add(request.run_id)
                try:
                    async with self._around():
                        return await self._own.run(request)
                except Evicted:
                    avoid.add(HERE)
                    if not self._gateway.places():
                        raise
                    continue
                finally:
                    self._here.discard(request.run_id)
            outcome = await self._there(place.key, request)
            if outcome is not None:
                return outcome
            avoid.add(place.key)

    async def _place(self, request: RunRequest, avoid: set[str]) -> Place | RunOutcome:
        """Where it goes now; waits for a free place, but not for ever for one that is not there."""
        memory, began = request.spec.limits.memory, time.monotonic()
        while not self._stopped:
            moved = self._gateway.moved
            places = self.places()
            engine = self.runtimes.engine_for(request.spec.runtime)
            if engine is not None and (place := choose(places, engine, memory, avoid)) is not None:
                return place
            able = any(engine in place.engines and place.memory >= memory for place in places)
            if able:
                began = time.monotonic()
            elif time.monotonic() - began >= PATIENCE:
                return self._nowhere(request)
            try:
                await asyncio.wait_for(moved.wait(), LOOK_AGAIN)
            except TimeoutError:
                pass
        raise Unavailable("the sandbox is not running")

    def _nowhere(self, request: RunRequest) -> RunOutcome:
        spec, now = request.spec, time.time()
        detail = f"for {PATIENCE / 60:g} minutes no device took {spec.runtime} with {show_size(spec.limits.memory)}"
        return failed(Exit.REFUSED, detail, now, now)

    async def _there(self, peer_id: str, request: RunRequest) -> RunOutcome | None:
        """Have a device run it; None when it has to go elsewhere."""
        spec = request.spec
        began, outcome = time.time(), asyncio.get_running_loop().create_future()

        async def accept(result: Result) -> bool:
            try:
                found = await self._check(peer_id, request, result, began)
            except BadMessage as error:
                log.warning("a device's result does not hold", run=request.run_id[:12], peer=peer_id, why=error.message)
                return False
            if not outcome.done():
                outcome.set_result(found)
            return True

        attempt = self._gateway.give(
            peer_id, request.run_id, spec.encode(), request.seed, frozenset(blobs_of(spec)), accept
        )
        try:
            await asyncio.wait((outcome, attempt.gone), return_when=asyncio.FIRST_COMPLETED)
            found: RunOutcome | None = outcome.result() if outcome.done() else None
            return found
        finally:
            self._gateway.end(attempt, accepted=outcome.done() and not outcome.cancelled())
            _forget(attempt, outcome)

    async def _check(self, peer_id: str, request: RunRequest, result: Result, began: float) -> RunOutcome:
        """The outcome as of a run here. Raises BadMessage for one that contradicts itself, Unavailable and NotFound
        when its files can't be had."""
        try:
            exit_ = Exit(result.exit)
        except ValueError as error:
            raise BadMessage(f"there is no exit {result.exit}") from error
        finished = time.time()
        started = max(began, finished - result.took / 1000)
        folder = self._runs / request.run_id
        await asyncio.to_thread(_fresh, folder)
        files: dict[str, Path] = {}
        if not exit_.deterministic:
            for name in {"stdout", "stderr"} & result.files.keys():
                files[name] = await asyncio.to_thread(_write, folder / name, result.files[name])
            return failed(exit_, result.detail, started, finished, files)
        if result.fuel > request.spec.limits.fuel:
            raise BadMessage("it used more fuel than its limit")
        manifest = ResultManifest.decode(result.manifest)
        if (manifest.exit, manifest.code) != (exit_, result.code):
            raise BadMessage("its manifest is of another ending")
        if sum(file.size for file in manifest.files) > request.spec.limits.output:
            raise BadMessage("its files are over the task's limit")
        for number, file in enumerate(manifest.files):
            if (content := result.files.get(file.name)) is not None:
                if len(content) != file.size or name_of(content) != file.sha256:
                    raise BadMessage(f"the file {file.name!r} is not the one its manifest names")
                files[file.name] = await asyncio.to_thread(_write, folder / str(number), content)
            else:
                await self._fetch(peer_id, BlobRef(sha256=file.sha256, size=file.size))  # checked as it comes
                files[file.name] = self._blobs.path(file.sha256)
        return RunOutcome(
            exit=exit_, code=result.code, fuel=result.fuel, manifest=manifest, files=files, started=started,
            finished=finished, detail=result.detail,
        )  # fmt: skip


def blobs_of(spec: RunSpec) -> set[str]:
    """What a device needs to run it."""
    refs = [spec.module, *spec.task.inputs.values()]
    if spec.task.stdin is not None:
        refs.append(spec.task.stdin)
    if spec.resume is not None:
        refs.append(spec.resume.archive)
    return {ref.sha256 for ref in refs}


def _forget(attempt: Attempt, outcome: asyncio.Future[RunOutcome]) -> None:
    for future in (attempt.gone, outcome):
        if not future.done():
            future.cancel()


def _fresh(folder: Path) -> None:
    remove_tree(folder)
    folder.mkdir(mode=0o700, parents=True)


def _write(place: Path, content: bytes) -> Path:
    place.write_bytes(content)
    return place
