"""What a gateway knows of each of its devices, and which runs it has to hand on. Pure; events and the time come in.

    OFFLINE ◀──────────── silent for the span, or it said goodbye ────────────┐
       │ Heard                                                                │
       ▼                                                                      │
    READY ◀─ its policy ─▶ RESTING      PAUSED      DRAINING ─ no runs ─▶ DRAINED
       └────────── the gateway's word: auto, pause, drain ──────────┘

    from anywhere: REMOVED, which has no way back; the device may join anew, as another member

A run that was given to a device is handed on when the device is OFFLINE or REMOVED, when it began nothing of it before
it had to drain or did not end it in the time for that, when it stands still there for too long, when the device has
begun it over again too often, and when the device itself gives it back. Each time a run is given it has another
*attempt*: what comes of an older one is nobody's any more, so a run is accepted at most once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal, TypeAlias

WORDS = {"pause": "the device is paused", "drain": "the device is drained"}
MOST_STARTS = 3  # of one run by one device, each after a restart of the device


class State(Enum):
    OFFLINE = "offline"
    READY = "ready"
    RESTING = "resting"
    PAUSED = "paused"
    DRAINING = "draining"
    DRAINED = "drained"
    REMOVED = "removed"


Actor: TypeAlias = Literal["device", "owner", "clock", "gateway"]
Intent: TypeAlias = Literal["auto", "pause", "drain"]
RunState: TypeAlias = Literal["sent", "fetching", "running", "standing"]


@dataclass(frozen=True, slots=True)
class Spans:
    """In seconds. `offline`: of silence; `standing`: for which a run may stand still on a device before it goes on
    elsewhere."""

    offline: float = 30.0
    standing: float = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was given to a device."""

    run_id: str
    attempt: str
    since: float
    state: RunState = "sent"
    stood_since: float | None = None
    life: str = ""  # of the device, in which it has this run
    starts: int = 0


# -------------------------------------------------------------------- what happens


@dataclass(frozen=True, slots=True)
class Heard:
    """A heartbeat. `life`: the device's own, another after each of its starts; `runs`: what it has, by attempt."""

    takes_work: bool
    life: str
    runs: Mapping[str, RunState]
    cause: str = ""  # why it takes no work


@dataclass(frozen=True, slots=True)
class Left:
    """It said goodbye."""


@dataclass(frozen=True, slots=True)
class Told:
    """The owner's word at the gateway. `by`: when it has to be drained."""

    intent: Intent
    by: float | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """The owner wants no more of it."""


@dataclass(frozen=True, slots=True)
class Given:
    """A run is the device's from now on."""

    run_id: str
    attempt: str


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt came to its end there, or is not wanted any more."""

    attempt: str


@dataclass(frozen=True, slots=True)
class Returned:
    """The device gives a run back."""

    attempt: str
    cause: str


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time passed."""


Event: TypeAlias = Heard | Left | Told | Removed | Given | Ended | Returned | Ticked


@dataclass(frozen=True, slots=True)
class HandOn:
    """To be asked for: this run has to go elsewhere."""

    run_id: str
    attempt: str
    cause: str


@dataclass(frozen=True, slots=True)
class Change:
    at: float
    before: State
    after: State
    cause: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class Member:
    """All that counts of one device. `step` gives the next one."""

    spans: Spans = Spans()
    intent: Intent = "auto"
    drain_by: float | None = None
    heard: float | None = None  # None: not heard, or it is OFFLINE
    takes_work: bool = False
    cause: str = "not heard since the gateway's start"
    runs: tuple[Run, ...] = ()
    state: State = State.OFFLINE

    @property
    def usable(self) -> bool:
        """Whether it may be given a run."""
        return self.state is State.READY

    def has(self, attempt: str) -> Run | None:
        return next((run for run in self.runs if run.attempt == attempt), None)


def step(member: Member, event: Event, now: float) -> tuple[Member, list[HandOn], list[Change]]:
    """The member after an event, the runs that go elsewhere, and the changes of state on the way."""
    turn = _Turn(member, now)
    turn.take(event)
    return turn.member, turn.handed, turn.changes


class _Turn:
    def __init__(self, member: Member, now: float) -> None:
        self.member, self.now = member, now
        self.handed: list[HandOn] = []
        self.changes: list[Change] = []

    def take(self, event: Event) -> None:
        member = self.member
        if member.state is State.REMOVED:
            if isinstance(event, Given):
                self.handed.append(HandOn(event.run_id, event.attempt, "the device was removed"))
            return
        if member.heard is not None and self.now - member.heard >= member.spans.offline:
            self._lose(f"no heartbeat for {member.spans.offline:g} s", "clock")
        match event:
            case Heard():
                self._hear(event)
            case Left():
                self._lose("it said goodbye", "device")
            case Told(intent, by):
                self._set(intent=intent, drain_by=by if intent == "drain" else None)
                if intent != "auto":
                    self._hand_on(WORDS[intent], [run for run in self.member.runs if not _begun(run)])
                self._settle(f"the owner said {intent}", "owner")
            case Removed():
                self._lose("it was removed", "owner", State.REMOVED)
            case Given(run_id, attempt):
                self._give(run_id, attempt)
            case Ended(attempt):
                self._end(attempt)
            case Returned(attempt, cause):
                if (run := self.member.has(attempt)) is not None:
                    self._hand_on(cause, [run])
                    self._set(takes_work=False, cause=cause)  # until it says otherwise
                    self._settle(cause, "device")
            case Ticked():
                pass
        self._look_at_clock()

    # ---------------------------------------------------------------- turns

    def _hear(self, event: Heard) -> None:
        runs = tuple(self._heard_of(run, event) for run in self.member.runs)
        self._set(heard=self.now, takes_work=event.takes_work, cause=event.cause, runs=runs)
        self._hand_on(
            f"the device began with it {MOST_STARTS} times and ended it never",
            [run for run in runs if run.starts > MOST_STARTS],
        )
        self._settle(event.cause or "it takes work", "device")

    def _heard_of(self, run: Run, event: Heard) -> Run:
        state = event.runs.get(run.attempt)
        if state is None:
            return run
        again = run.life != event.life
        stood = (run.stood_since if run.stood_since is not None else self.now) if state == "standing" else None
        return replace(
            run, state=state, stood_since=stood, life=event.life, starts=run.starts + 1 if again else run.starts
        )

    def _give(self, run_id: str, attempt: str) -> None:
        if self.member.usable:
            self._set(runs=(*self.member.runs, Run(run_id, attempt, self.now)))
        else:
            self.handed.append(HandOn(run_id, attempt, self.member.cause or self.member.state.value))

    def _end(self, attempt: str) -> None:
        self._set(runs=tuple(run for run in self.member.runs if run.attempt != attempt))
        self._settle("all its runs have ended", "device")

    def _look_at_clock(self) -> None:
        member = self.member
        if member.drain_by is not None and self.now >= member.drain_by and member.runs:
            self._hand_on("it was not drained in time", member.runs)
        limit = self.now - member.spans.offline
        if idle := [run for run in self.member.runs if run.state == "sent" and run.since <= limit]:
            self._hand_on("the device did not take it", idle)
            self._set(takes_work=False, cause="it does not take what it is given")  # until it says otherwise
        limit = self.now - member.spans.standing
        self._hand_on(
            f"it stood still for {member.spans.standing:g} s",
            [run for run in self.member.runs if run.stood_since is not None and run.stood_since <= limit],
        )
        self._settle("all its runs have ended or were handed on", "gateway")

    # ---------------------------------------------------------------- where it should be

    def _lose(self, cause: str, actor: Actor, state: State = State.OFFLINE) -> None:
        self._hand_on(cause, self.member.runs)
        self._set(heard=None, takes_work=False, cause=cause)
        self._go(state, cause, actor)

    def _settle(self, cause: str, actor: Actor) -> None:
        member = self.member
        if member.heard is None:
            return
        match member.intent:
            case "pause":
                self._go(State.PAUSED, cause, actor)
            case "drain":
                self._go(State.DRAINING if member.runs else State.DRAINED, cause, actor)
            case "auto":
                self._go(State.READY if member.takes_work else State.RESTING, cause, actor)

    def _hand_on(self, cause: str, runs: Iterable[Run]) -> None:
        going = {run.attempt: run for run in runs}
        if going:
            self.handed += [HandOn(run.run_id, run.attempt, cause) for run in going.values()]
            self._set(runs=tuple(run for run in self.member.runs if run.attempt not in going))

    def _go(self, after: State, cause: str, actor: Actor) -> None:
        before = self.member.state
        if after is not before:
            self.changes.append(Change(self.now, before, after, cause, actor))
            self._set(state=after)

    def _set(self, **changes: object) -> None:
        self.member = replace(self.member, **changes)  # type: ignore[arg-type]


def _begun(run: Run) -> bool:
    return run.state in ("running", "standing")
