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
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import structlog

from fogchain.errors import BadMessage, FogchainError, Unavailable
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.checkpoint import Checkpoint
from fogchain.jobs.spec import BlobRef, RunSpec
from fogchain.market.engines import engine_for
from fogchain.market.messages import Exit
from fogchain.units import format_fuel, show_size
from node.executor.backend import Backend
from node.executor.pool import Evicted, RunOutcome, RunRequest, check_request, failed
from node.executor.runtimes import Offered, RuntimeState
from node.executor.trees import remove_tree
from node.fleet.device import blobs_of
from node.fleet.gateway import Gateway
from node.fleet.known import Attempt
from node.fleet.messages import Result, Saved
from node.fleet.places import HERE, Capacity, Place, capacity, choose
from node.fleetresults import Fetch, Results

log = structlog.get_logger(__name__)

PATIENCE = 600.0  # seconds for which a run waits for a place that can have it at all
LOOK_AGAIN = 1.0  # seconds between looks for a place, beside those when something has changed


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
        self._results = Results(self._runs, blobs, fetch)
        self._active: set[str] = set()
        self._stood: dict[str, tuple[float, float | None]] = {}
        # ^ run to the seconds that it stood on devices, and when it was last seen to stand
        self._here: set[str] = set()  # runs that the gateway has itself
        self._saved: dict[str, Saved] = {}  # by run, from where it goes on at the next place
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
        """Of a run that is here, or on a device: as often as it is asked, a device's standing is added up."""
        if run_id in self._here:
            return self._own.stood(run_id)
        runs = (run for device in self._gateway.devices for run in device.member.runs)
        stands = any(run.run_id == run_id and run.state == "standing" for run in runs)
        now, (total, since) = time.monotonic(), self._stood.get(run_id, (0.0, None))
        total += now - since if since is not None else 0.0
        if run_id in self._active and (stands or total):
            self._stood[run_id] = total, now if stands else None
        return stands, total

    def checkpoint(self, run_id: str) -> Path | None:
        """Of a run that is here, or that a device gave back."""
        saved = self._saved.get(run_id)
        own = self._own.checkpoint(run_id)
        return own if own is not None or saved is None else self._blobs.path(saved.sha256)

    def discard(self, run_id: str) -> None:
        if run_id not in self._active and "/" not in run_id and run_id not in ("", ".", ".."):
            self._own.discard(run_id)
            self._saved.pop(run_id, None)
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
            self._stood.pop(request.run_id, None)
        self.ended[outcome.exit] += 1
        return outcome

    async def _run(self, request: RunRequest) -> RunOutcome:
        avoid: set[str] = set()
        while True:
            place = await self._place(request, avoid)
            if isinstance(place, RunOutcome):
                return place
            work = self._run_here(request) if place.key == HERE else self._there(place.key, request)
            if (outcome := await work) is not None:
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

    async def _run_here(self, request: RunRequest) -> RunOutcome | None:
        """Have the gateway run it; None when it goes on at a device. Raises Evicted where there is none."""
        self._here.add(request.run_id)
        spec, begun = self._rest(request)
        try:
            place = self._blobs.path(spec.resume.archive.sha256) if begun and spec.resume else request.checkpoint
            async with self._around():
                outcome = await self._own.run(replace(request, spec=spec, checkpoint=place))
            return _whole(request, outcome, begun)
        except Evicted as error:
            log.info("a run goes elsewhere", run=request.run_id[:12], device="the gateway", why=error.cause)
            await self._keep_own(request)
            if not self._gateway.places():
                raise
            return None
        finally:
            self._here.discard(request.run_id)
            self._gateway.room()

    async def _there(self, peer_id: str, request: RunRequest) -> RunOutcome | None:
        """Have a device run it; None when it has to go elsewhere."""
        spec, begun = self._rest(request)
        began, outcome = time.time(), asyncio.get_running_loop().create_future()

        async def accept(result: Result) -> bool:
            try:
                found = await self._results.outcome(peer_id, request.run_id, spec, result, began)
            except BadMessage as error:
                log.warning("a device's result does not hold", run=request.run_id[:12], peer=peer_id, why=error.message)
                return False
            if not outcome.done():
                outcome.set_result(_whole(request, found, begun))
            return True

        async def keep(saved: Saved) -> None:
            await self._fetch(peer_id, BlobRef(sha256=saved.sha256, size=saved.size))
            await asyncio.to_thread(self._keep, request, saved)

        blobs = frozenset(ref.sha256 for ref in blobs_of(spec))
        attempt = self._gateway.give(peer_id, request.run_id, spec.encode(), request.seed, blobs, accept, keep)
        try:
            await asyncio.wait((outcome, attempt.gone), return_when=asyncio.FIRST_COMPLETED)
            found: RunOutcome | None = outcome.result() if outcome.done() else None
            return found
        finally:
            self._gateway.end(attempt, accepted=outcome.done() and not outcome.cancelled())
            _forget(attempt, outcome)

    # ---------------------------------------------------------------- checkpoints

    def _rest(self, request: RunRequest) -> tuple[RunSpec, int]:
        """What is left of the run, and the fuel that was burnt for it by places that gave it back."""
        saved, spec = self._saved.get(request.run_id), request.spec
        if saved is None or not self._blobs.has(saved.sha256):
            return spec, 0
        rest = spec.origin.resumed(BlobRef(sha256=saved.sha256, size=saved.size), saved.fuel)
        return rest, saved.fuel - _before(spec)

    def _keep(self, request: RunRequest, saved: Saved) -> None:
        """Go on from there at the next place. Raises BadMessage for what is no checkpoint of this run's."""
        spec, known = request.spec, self._saved.get(request.run_id)
        found = Checkpoint.decode(self._blobs.read(saved.sha256), spec.limits.checkpoint)
        found.belongs(spec.seed, spec.origin.limits.fuel)
        if found.fuel != saved.fuel:
            raise BadMessage("a checkpoint taken after other fuel than it says")
        if found.fuel > (known.fuel if known is not None else _before(spec)):
            self._saved[request.run_id] = saved
            log.info("a run goes on from a checkpoint", run=request.run_id[:12], after=format_fuel(saved.fuel))

    async def _keep_own(self, request: RunRequest) -> None:
        """The newest checkpoint of a run that was here."""

        def keep() -> None:
            if (place := self._own.checkpoint(request.run_id)) is not None:
                data = place.read_bytes()
                fuel = Checkpoint.decode(data, request.spec.limits.checkpoint).fuel
                self._keep(request, Saved(sha256=self._blobs.put(data), size=len(data), fuel=fuel))

        try:
            await asyncio.to_thread(keep)
        except (FogchainError, OSError) as error:
            log.warning("a checkpoint is not kept", run=request.run_id[:12], why=str(error))


def _before(spec: RunSpec) -> int:
    """Fuel that other providers have burnt for the task."""
    return spec.resume.fuel if spec.resume is not None else 0


def _whole(request: RunRequest, outcome: RunOutcome, begun: int) -> RunOutcome:
    """Of the run from its beginning, for which other places of this fleet have burnt `begun` fuel."""
    if not begun or not outcome.exit.deterministic:
        return outcome
    resumed = max(outcome.resumed, begun + _before(request.spec))
    return replace(outcome, fuel=outcome.fuel + begun, resumed=resumed)


def _forget(attempt: Attempt, outcome: asyncio.Future[RunOutcome]) -> None:
    for future in (attempt.gone, outcome):
        if not future.done():
            future.cancel()
