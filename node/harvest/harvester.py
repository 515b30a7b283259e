"""The harvester: asks the policy as often as something changes, and makes the workers do what comes of it.

A thread of its own: a busy event loop, a dead panel or a slow disk never keep work running that is to stand still.
What the device machine asks for is done at once; what happened is written down afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

import structlog

from fogchain.errors import Conflict
from node.harvest.device import (
    Began,
    Claimed,
    Cleared,
    Device,
    Done,
    Effect,
    Ended,
    Event,
    Faulted,
    Intended,
    Intent,
    Measured,
    Started,
    State,
    Stopped,
    Ticked,
    Transition,
    Weighed,
    step,
)
from node.harvest.journal import Happened, Journal
from node.harvest.pacing import Pace, Pacer
from node.harvest.policy import Action, Decision, Policy, Scope, Veto
from node.harvest.ports import Workers
from node.harvest.scribe import Scribe
from node.harvest.sensors import Snapshot

log = structlog.get_logger(__name__)

BUSY_TICK, IDLE_TICK = 0.1, 1.0  # seconds between looks while work runs, and while none does
CONFIRM_TICK = 0.01  # seconds between looks whether what was asked for is done
READING_INTERVAL = 30.0  # seconds between rows of readings


class Watching(Protocol):
    """The probes."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def snapshot(self) -> Snapshot: ...
    def pace(self, busy: bool) -> None:
        """Whether work runs: probes then look more often."""
        ...


class Throttling(Protocol):
    """The one who says whether workers stand still now: for good, or for a slice."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...
    def set(self, duty: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """All of it at one moment. `at` is by the harvester's clock, as are the device's times."""

    device: Device
    decision: Decision
    snapshot: Snapshot
    pace: Pace
    policy: Policy
    since: float  # when it came to its state
    cause: str  # of its coming there
    at: float

    @property
    def duty(self) -> float:
        """The share of time in which tasks run now."""
        return min(self.device.duty, self.pace.duty)


class Harvester:
    """`start` begins to look; `changed` is called, from any thread, at every change of state."""

    def __init__(
        self,
        *,
        policy: Policy,
        watch: Watching,
        workers: Workers,
        throttle: Throttling,
        journal: Journal,
        changed: Callable[[], None] = lambda: None,
        stood_down: Callable[[str], None] = lambda cause: None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`stood_down`: the machine takes no more work now, for this reason; called from the harvester's thread."""
        self._policy, self._watch, self._workers, self._throttle = policy, watch, workers, throttle
        self._journal, self._scribe = journal, Scribe(journal)
        self._changed, self._stood_down = changed, stood_down
        self._clock, self._wall = clock, wall
        self._lock = threading.RLock()
        self._woken = threading.Condition()
        self._dirty = self._ending = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._device, self._held, self._pacer = Device(), policy.start(), Pacer(policy)
        self._weighed: Weighed | None = None
        self._since, self._cause = clock(), ""
        self._admitted: bool | None = None
        self._saving: Future[None] | None = None  # tasks that go on until they have saved
        self._read_at = float("-inf")
        self._seen = self._look(self._watch.snapshot())

    # ---------------------------------------------------------------- life

    async def start(self) -> None:
        """Begin with what the owner wanted before the restart; nothing is allowed before its guards have cleared."""
        self._loop = asyncio.get_running_loop()
        said, fault = self._journal.intent(self._wall()), self._journal.in_quarantine()
        self._take(Started())
        if said.intent != "auto":
            until = None if said.until is None else self._clock() + said.until - self._wall()
            self._take(Intended(said.intent, until))
        if fault:
            self._take(Faulted(fault))
        self._scribe.start()
        self._watch.start()
        self._throttle.start()
        self._thread = threading.Thread(target=self._run, name="harvester", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Tasks that still run are ended; the device is offline."""
        with self._woken:
            self._ending = True
            self._woken.notify_all()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5.0)
            self._take(Stopped())
        self._watch.stop()
        self._throttle.stop()
        await asyncio.to_thread(self._scribe.stop)

    def wake(self) -> None:
        """Look now: a sensor has changed. From any thread."""
        with self._woken:
            self._dirty = True
            self._woken.notify_all()

    # ---------------------------------------------------------------- what is asked of it

    @property
    def seen(self) -> Seen:
        return self._seen

    @property
    def takes_work(self) -> bool:
        return self._device.takes_work

    @property
    def admits(self) -> bool:
        """Whether a task that it has may begin."""
        return self._device.state in _WORKING

    @property
    def standing(self) -> bool:
        """Whether tasks that it has stand still."""
        return self._device.state in (State.FROZEN, State.CHECKPOINTING, State.VACATING)

    def why(self) -> str:
        """Why it takes no work, in words."""
        device, decision = self._device, self._seen.decision
        if device.state is State.QUARANTINE:
            return f"it is in quarantine: {self._seen.cause}"
        if device.intent in ("pause", "finish"):
            return "its owner paused it" if device.intent == "pause" else "its owner wants it to take no more"
        if decision.vetoes:
            return cause_of(decision)
        return self._seen.cause

    def told(self) -> str:
        """The same as a stranger may read it: which guard, and nothing of what its owner does."""
        device = self._device
        if device.intent in ("pause", "finish") or device.state is State.QUARANTINE:
            return "its owner keeps it back"
        veto = main_veto(self._seen.decision)
        return f"its owner needs it ({veto.guard.name})" if veto else "it has just started"

    def intend(self, intent: Intent, seconds: float | None = None) -> Seen:
        """The owner's will, for so long or until he says so again. It holds at once, and is on disk when this returns.

        Raises Conflict for a boost without an end, Unavailable when the disk takes no more: it is written later then.
        """
        if intent == "boost" and seconds is None:
            raise Conflict("a boost needs an end", hint="say for how long, as in `2 h`")
        self._obey(Intended(intent, None if seconds is None else self._clock() + seconds))
        return self._seen

    def clear(self) -> Seen:
        """The owner has looked into what brought it into quarantine. Raises Conflict when it is not there."""
        if self._device.state is not State.QUARANTINE:
            raise Conflict("this machine is not in quarantine")
        self._obey(Cleared())
        return self._seen

    def use(self, policy: Policy) -> Seen:
        """Another policy from now on: its guards have to clear first."""
        with self._lock:
            self._policy, self._held, self._pacer = policy, policy.start(), Pacer(policy)
        self._tick()
        return self._seen

    def fault(self, cause: str) -> None:
        """Something that only the owner can look into: no work until he has."""
        self._take(Faulted(cause))

    # ---------------------------------------------------------------- what the node does

    def claimed(self) -> None:
        self._take(Claimed())

    def began(self) -> None:
        self._take(Began())
        self._watch.pace(True)
        self.wake()

    def ended(self, left: int) -> None:
        self._take(Ended(left))
        if not left:
            self._watch.pace(False)

    def measured(self, begins: bool) -> None:
        self._take(Measured(begins))

    # ---------------------------------------------------------------- inside

    def _run(self) -> None:
        while True:
            with self._woken:
                self._woken.wait_for(lambda: self._dirty or self._ending, self._pause())
                self._dirty = False
                if self._ending:
                    return
            try:
                self._tick()
            except Exception as error:
                log.exception("the harvester failed")
                self._throttle.freeze()
                with contextlib.suppress(Exception):
                    self.fault(f"the harvester failed: {error!r}")

    def _pause(self) -> float:
        if self._device.asked is not None:
            return CONFIRM_TICK
        return BUSY_TICK if self._device.tasks or self._device.state is State.WARMING else IDLE_TICK

    def _tick(self) -> None:
        snapshot = self._watch.snapshot()
        with self._lock:
            self._seen = self._look(snapshot)
            weighed = weigh(self._seen.decision)
            if self._weighed is None or not same(weighed, self._weighed):
                self._weighed = weighed
                self._take(weighed)
                self._read_at = self._clock()  # a replay is to see what moved it
            self._confirm()
            self._take(Ticked())
            self._throttle.set(self._seen.duty if self._device.duty else 1.0)
        if self._clock() >= self._read_at:
            self._read_at = self._clock() + READING_INTERVAL
            self._scribe.read(snapshot, self._wall())

    def _look(self, snapshot: Snapshot) -> Seen:
        now = self._clock()
        decision = self._policy.decide(snapshot, now, self._held)
        self._held = decision.state
        pace = self._pacer.step(snapshot, now, working=self._device.duty > 0)
        return Seen(self._device, decision, snapshot, pace, self._policy, self._since, self._cause, now)

    def _confirm(self) -> None:
        """Tell the device machine what has been done of what it asked for."""
        match self._device.asked:
            case "freeze" if self._workers.standing():
                self._take(Done("freeze"))
            case "vacate" if not self._workers.running:
                self._take(Done("vacate"))
            case "checkpoint" if self._has_saved():
                self._throttle.freeze()
                self._take(Done("checkpoint"))

    def _obey(self, event: Event) -> None:
        self._take(event)
        self._tick()
        self._scribe.flush()

    def _take(self, event: Event) -> None:
        with self._lock:
            now = self._clock()
            went = self._step(event, now)
            if went or not isinstance(event, Ticked):
                self._scribe.put(Happened(event, now, self._wall(), tuple(went)))

    def _step(self, event: Event, now: float) -> list[Transition]:
        took = self._device.takes_work
        self._device, effects, went = step(self._device, event, now)
        for effect in effects:
            self._do(effect)
        for one in went:
            self._since, self._cause = one.at, one.cause
            log.info("harvest", before=one.before.value, after=one.after.value, cause=one.cause, actor=one.actor)
        if self.admits != self._admitted:
            self._admitted = self.admits
            self._workers.admit(self._admitted)
        self._seen = Seen(
            self._device, self._seen.decision, self._seen.snapshot, self._seen.pace, self._policy, self._since,
            self._cause, now,
        )  # fmt: skip
        if took and not self._device.takes_work and not isinstance(event, Stopped):
            self._stood_down(self.told())
        if went:
            self._changed()
        return went

    def _do(self, effect: Effect) -> None:
        match effect:
            case "freeze":
                self._throttle.freeze()
            case "thaw":
                self._throttle.thaw()
            case "checkpoint":
                self._checkpoint()
            case "vacate":
                self._workers.evict(self.told())
                self._throttle.thaw()
            case "kill":
                self._workers.kill()
                self._throttle.thaw()

    def _checkpoint(self) -> None:
        """Let tasks go on until each has saved once more; the device machine's deadline does not wait for it."""
        self._saving = None
        if self._loop is None or self._must_stand:
            self._throttle.freeze()  # what they have saved before has to do
            return
        self._throttle.thaw()
        grace = self._seen.decision.deadline or 0.0
        self._saving = asyncio.run_coroutine_threadsafe(self._workers.checkpointed(grace), self._loop)
        self._saving.add_done_callback(lambda _: self.wake())

    def _has_saved(self) -> bool:
        """A guard that wants tasks to stand has them stand, too, while they are about to save."""
        if self._saving is not None and self._must_stand:
            self._throttle.freeze()
            self._saving.cancel()
        return self._saving is None or self._saving.done()

    @property
    def _must_stand(self) -> bool:
        return any(veto.guard.action is Action.FREEZE for veto in self._seen.decision.vetoes)


_WORKING = (State.IDLE, State.BENCHMARK, State.CLAIMED, State.RUNNING, State.DRAINING)


def weigh(decision: Decision) -> Weighed:
    """A decision as the device machine hears of it."""
    if not decision.vetoes:
        return Weighed(None)
    worst = decision.vetoes[0]
    warming = not decision.allowed and all(
        veto.clears_in is not None for veto in decision.vetoes if veto.guard.action is not Action.THROTTLE
    )
    return Weighed(
        action=worst.guard.action,
        duty=decision.duty,
        deadline=decision.deadline or 0.0,
        scope=max((veto.guard.scope for veto in decision.vetoes if _stops(veto.guard.action)), default=Scope.JOB),
        warming=warming,
        cause=cause_of(decision),
    )


def same(one: Weighed, other: Weighed) -> bool:
    """Whether nothing but the numbers in their causes differs."""
    return (one.action, one.duty, one.deadline, one.scope, one.warming, _guard(one.cause)) == (
        other.action, other.duty, other.deadline, other.scope, other.warming, _guard(other.cause),
    )  # fmt: skip


def main_veto(decision: Decision) -> Veto | None:
    """The one to name first: the most severe whose condition does not hold; where only time is missing, the last to
    clear."""
    holding = [veto for veto in decision.vetoes if veto.clears_in is None]
    return holding[0] if holding else max(decision.vetoes, key=lambda veto: veto.clears_in or 0.0, default=None)


def cause_of(decision: Decision) -> str:
    """The main veto in words; empty when there is none."""
    veto = main_veto(decision)
    return cause_of_veto(veto) if veto is not None else ""


def cause_of_veto(veto: Veto) -> str:
    """`user: user.idle < 2 s: user.idle is 0.1 s`."""
    if veto.clears_in is not None:
        stood = veto.guard.dwell - veto.clears_in
        return f"{veto.guard.name}: clear for {stood:.0f} s of {veto.guard.dwell:g} s"
    return f"{veto.guard.name}: {'; '.join(str(cause) for cause in veto.causes)}"


def _guard(cause: str) -> str:
    return cause.split(":")[0]


def _stops(action: Action) -> bool:
    return action is not Action.THROTTLE
