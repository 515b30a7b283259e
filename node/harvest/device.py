"""What this machine is doing for others, and why: the device machine. Pure; a fold over events.

    OFFLINE ─Started▶ BLOCKED ─guards begin to clear▶ WARMING ─all clear▶ IDLE ◀─▶ BENCHMARK
                        ▲  ▲                            │               │
                        │  └────────── a veto ──────────┘            Claimed
                        │                                               ▼
                        ├──────────────── a veto ◀───────────────── CLAIMED ─Began▶ RUNNING
                        │                                                           │ ▲
                        │                                        a veto: freeze     ▼ │ all clear: thaw
                        └─── Emptied ◀─ VACATING ◀─ CHECKPOINTING ◀──────────────  FROZEN

Whatever a veto asks for is asked of the executor as an effect, and has a deadline; what is not confirmed until then is
asked for more severely, to the kill, which needs nobody's help. DRAINING runs what it has and takes nothing new, since
its owner said so; QUARANTINE waits for its owner after a fault. Safety goes before intent: no boost overrides it.

Every change of state is a Transition with its cause and who caused it. While tasks stand still their clocks do, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Literal, TypeAlias

from node.harvest.policy import Action, Scope

HARD_KILL = 10.0  # seconds after a veto, when tasks that still run are killed whatever they are at
MOST_STANDING = 600.0  # seconds for which tasks stand still before they are handed back
WARM = "its guards are about to clear"


class State(Enum):
    OFFLINE = "offline"
    BLOCKED = "blocked"
    WARMING = "warming"
    IDLE = "idle"
    BENCHMARK = "benchmark"
    CLAIMED = "claimed"
    RUNNING = "running"
    FROZEN = "frozen"
    CHECKPOINTING = "checkpointing"
    DRAINING = "draining"
    VACATING = "vacating"
    QUARANTINE = "quarantine"


Actor: TypeAlias = Literal["policy", "owner", "executor", "buyer", "node", "clock"]
Intent: TypeAlias = Literal["auto", "pause", "finish", "boost"]


# -------------------------------------------------------------------- what happens


@dataclass(frozen=True, slots=True)
class Started:
    """The node is up."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The node goes down, or is not heard any more."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """The policy was asked. `action` is None when nothing vetoes; `warming` when only time is missing."""

    action: Action | None
    duty: float = 1.0
    deadline: float = HARD_KILL  # seconds
    scope: Scope = Scope.OWNER  # of the most severe veto
    warming: bool = False
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task was promised to a buyer."""


@dataclass(frozen=True, slots=True)
class Began:
    """A task went into the sandbox."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A task ended, or was handed back. `left`: tasks that are claimed or run."""

    left: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement of the machine began, or ended."""

    begins: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The executor did what it was asked to."""

    what: Literal["freeze", "checkpoint", "vacate"]


@dataclass(frozen=True, slots=True)
class Intended:
    """The owner said so; `until` is when it ends, None when he says so again."""

    intent: Intent
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Faulted:
    """Something that nobody but the owner can look into."""

    cause: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """The owner has looked into it."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time passed."""


Event: TypeAlias = (
    Started | Stopped | Weighed | Claimed | Began | Ended | Measured | Done | Intended | Faulted | Cleared | Ticked
)
Effect: TypeAlias = Literal["freeze", "thaw", "checkpoint", "vacate", "kill"]


@dataclass(frozen=True, slots=True)
class Transition:
    at: float
    before: State
    after: State
    cause: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class Device:
    """All that is known. `step` gives the next one."""

    state: State = State.OFFLINE
    intent: Intent = "auto"
    until: float | None = None  # when the intent ends
    weighed: Weighed = field(default_factory=lambda: Weighed(Action.FREEZE, 0.0, cause="not looked at yet"))
    tasks: int = 0  # claimed or running
    asked: Literal["freeze", "checkpoint", "vacate"] | None = None  # of the executor, not done yet
    by: float | None = None  # when it is to be done
    kill_at: float | None = None
    stood_since: float | None = None

    @property
    def takes_work(self) -> bool:
        return self.state in (State.IDLE, State.CLAIMED, State.RUNNING) and self.intent in ("auto", "boost")

    @property
    def duty(self) -> float:
        """The share of time in which tasks run now."""
        return self._wanted.duty if self.state in (State.RUNNING, State.DRAINING) else 0.0

    @property
    def _wanted(self) -> Weighed:
        """What policy and intent come to. A boost overrides what is neither safety's nor the machine's own."""
        if self.intent == "boost" and self.weighed.action is not None and self.weighed.scope <= Scope.OWNER:
            return Weighed(None, cause="the owner wants it to work")
        if self.intent == "pause" and (self.weighed.action is None or self.weighed.action < Action.FREEZE):
            return Weighed(Action.FREEZE, 0.0, 2.0, Scope.OWNER, cause="the owner paused it")
        return self.weighed

    @property
    def _runs(self) -> bool:
        """Whether what policy and intent want leaves work running."""
        return self._wanted.action in (None, Action.THROTTLE)


def step(device: Device, event: Event, now: float) -> tuple[Device, list[Effect], list[Transition]]:
    """The device after an event, what the executor is asked for, and the changes of state on the way."""
    turn = _Turn(device, now)
    turn.take(event)
    return turn.device, turn.effects, turn.transitions


_STANDING = (State.FROZEN, State.CHECKPOINTING, State.VACATING)
_WORKING = (State.CLAIMED, State.RUNNING, State.DRAINING)


class _Turn:
    def __init__(self, device: Device, now: float) -> None:
        self.device, self.now = device, now
        self.effects: list[Effect] = []
        self.transitions: list[Transition] = []

    def take(self, event: Event) -> None:
        state = self.device.state
        if self.device.until is not None and self.now >= self.device.until:
            self._set(intent="auto", until=None)
            self._settle(f"{self.device.intent} is over", "clock")
        match event:
            case Stopped():
                if self.device.tasks:
                    self.effects.append("kill")
                self._set(tasks=0)
                self._go(State.OFFLINE, "the node stopped", "node")
            case Started() if state is State.OFFLINE:
                self._go(State.BLOCKED, "the node started", "node")
            case _ if state is State.OFFLINE:
                return
            case Faulted(cause):
                if self.device.tasks:
                    self.effects.append("kill")
                self._set(tasks=0)
                self._go(State.QUARANTINE, cause, "node")
            case Cleared() if state is State.QUARANTINE:
                self._go(State.BLOCKED, "the owner cleared it", "owner")
            case Intended(intent, until):
                self._set(intent=intent, until=until)
                self._settle(f"the owner said {intent}", "owner")
            case Weighed():
                self._set(weighed=event)
                self._settle(event.cause or "all guards are clear", "policy")
            case Claimed() | Began():
                self._work(event)
            case Ended(left):
                self._set(tasks=left)
                if not left:
                    self._emptied()
            case Measured(begins):
                self._measure(begins)
            case Done(what):
                self._done(what)
            case Ticked():
                self._late()

    # ---------------------------------------------------------------- turns

    def _work(self, event: Claimed | Began) -> None:
        state = self.device.state
        if state not in (State.IDLE, State.BENCHMARK, State.FROZEN, *_WORKING):
            self.effects.append("vacate")  # it came too late
            return
        if isinstance(event, Claimed):
            self._set(tasks=self.device.tasks + 1)
        if state is State.FROZEN:
            self.effects.append("freeze")
        elif state in (State.IDLE, State.BENCHMARK) and self.device.tasks:
            self._go(State.CLAIMED, "a task was taken", "buyer")
        elif state is State.CLAIMED and isinstance(event, Began):
            self._go(State.RUNNING, "a task began", "executor")

    def _emptied(self) -> None:
        if self.device.state in (*_WORKING, *_STANDING):
            if self.device.state in _STANDING:
                self.effects.append("thaw")  # or what comes next would stand, with nobody to let it go on
            if self._may_idle():
                self._go(State.IDLE, "all its tasks have ended", "executor")
            else:
                self._go(State.BLOCKED, self.device._wanted.cause or "its owner wants no more", "policy")

    def _measure(self, begins: bool) -> None:
        if begins and self.device.state is State.IDLE:
            self._go(State.BENCHMARK, "it is measured", "node")
        elif not begins and self.device.state is State.BENCHMARK:
            self._go(State.IDLE, "it was measured", "node")
            self._settle("it was measured", "node")

    def _done(self, what: Literal["freeze", "checkpoint", "vacate"]) -> None:
        if what != self.device.asked:
            return
        self._set(asked=None, by=None)
        wanted = self.device._wanted.action
        if what == "vacate":
            self._set(tasks=0)
            self._emptied()
        elif what == "checkpoint" and wanted is not None and wanted >= Action.VACATE:
            self._ask(State.VACATING, "vacate", "its checkpoint is taken", "executor")
        elif what == "freeze" or wanted is not None:
            self._set(kill_at=None)

    def _late(self) -> None:
        """A deadline that has passed makes it severer; after the last there is no asking."""
        device = self.device
        if device.kill_at is not None and self.now >= device.kill_at:
            self._kill("nothing else stopped it in time", "clock")
        elif device.by is not None and self.now >= device.by:
            if device.asked == "freeze":
                self._kill("it could not be frozen in time", "clock")
            elif device.asked == "checkpoint":
                self._ask(State.VACATING, "vacate", "no checkpoint came in time", "clock")
            else:
                self._kill("it was not vacated in time", "clock")
        elif device.state in _STANDING and device.asked is None and self._stands_long():
            self._ask(State.VACATING, "vacate", "its tasks have stood still for too long", "clock")

    def _stands_long(self) -> bool:
        return self.device.stood_since is not None and self.now - self.device.stood_since >= MOST_STANDING

    # ---------------------------------------------------------------- where it should be

    def _may_idle(self) -> bool:
        return self.device._runs and not self.device._wanted.warming and self.device.intent in ("auto", "boost")

    def _settle(self, cause: str, actor: Actor) -> None:
        """Bring the state to what policy and intent want."""
        device = self.device
        wanted = device._wanted
        match device.state:
            case State.BLOCKED | State.WARMING | State.IDLE | State.BENCHMARK:
                if self._may_idle():
                    if device.state is not State.BENCHMARK:
                        self._go(State.IDLE, cause, actor)
                elif wanted.warming and device.intent in ("auto", "boost"):
                    self._go(State.WARMING, WARM, actor)
                else:
                    self._go(State.BLOCKED, wanted.cause or cause, actor)
            case State.CLAIMED | State.RUNNING | State.DRAINING:
                if not device._runs:
                    self._stop(wanted)
                elif device.intent == "finish":
                    self._go(State.DRAINING, cause, actor)
                elif device.state is State.DRAINING:
                    self._go(State.RUNNING, cause, actor)
            case State.FROZEN:
                if device._runs:
                    self._thaw(cause, actor)
                elif (wanted.action or Action.FREEZE) > Action.FREEZE:
                    self._stop(wanted)
            case _:
                pass  # on its way out already, in quarantine, or offline

    def _stop(self, wanted: Weighed) -> None:
        cause = wanted.cause or "a guard"
        match wanted.action:
            case Action.KILL:
                self._kill(cause, "policy")
            case Action.CHECKPOINT | Action.VACATE:
                self._ask(State.CHECKPOINTING, "checkpoint", cause, "policy")
            case _:
                self._ask(State.FROZEN, "freeze", cause, "policy")

    def _ask(self, state: State, what: Literal["freeze", "checkpoint", "vacate"], cause: str, actor: Actor) -> None:
        self.effects.append(what)
        first = self.device.kill_at if self.device.kill_at is not None else self.now + HARD_KILL
        self._set(asked=what, by=min(first, self.now + self.device._wanted.deadline), kill_at=first)
        self._go(state, cause, actor)

    def _thaw(self, cause: str, actor: Actor) -> None:
        self.effects.append("thaw")
        self._go(State.DRAINING if self.device.intent == "finish" else State.RUNNING, cause, actor)

    def _kill(self, cause: str, actor: Actor) -> None:
        self.effects.append("kill")
        self._set(tasks=0)
        self._go(State.BLOCKED, cause, actor)
        self._settle(cause, actor)

    def _go(self, after: State, cause: str, actor: Actor) -> None:
        before = self.device.state
        if after is before:
            return
        self.transitions.append(Transition(self.now, before, after, cause, actor))
        if after in _STANDING and self.device.stood_since is None:
            self._set(stood_since=self.now)
        elif after not in _STANDING and self.device.stood_since is not None:
            self._set(stood_since=None)
        if after not in _STANDING:
            self._set(asked=None, by=None, kill_at=None)
        self._set(state=after)

    def _set(self, **changes: object) -> None:
        self.device = replace(self.device, **changes)  # type: ignore[arg-type]
