"""One probe's thread, and what came of it. A thread that hangs is left behind, and another one tries."""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from node.harvest.probes.fuse import Told
from node.harvest.probes.probe import Absent, Failed, Probe, Source
from node.harvest.sensors import Value, plausible

MOST_LEFT_BEHIND = 3  # threads of one probe that hang, before no other one tries
FIRST_RETRY = 0.5  # seconds after a hang; doubled with each further one
LONGEST_RETRY = 60.0
ABSENT_RETRY = 10.0  # seconds until it is looked again for what is not there
_LONGEST_DETAIL = 200  # characters

Health: TypeAlias = Literal["waiting", "ok", "late", "failed", "absent"]


@dataclass(frozen=True, slots=True)
class ProbeState:
    """What is known of a probe. `waiting`: for its first answer; `late`: the answer has not come in time."""

    name: str
    sensors: tuple[str, ...]
    health: Health
    detail: str  # in words; empty when all is well
    since: float  # seconds for which its health is what it is
    age: float | None  # seconds since it last told something
    took: float | None  # milliseconds of the last reading


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one reading."""

    health: Health
    detail: str
    values: Mapping[str, Value | None]


class Waker:
    """Ends a rest early. Where files are waited for as well it is one of them."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._pipe: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def wake(self) -> None:
        self._event.set()
        with self._lock:
            if self._pipe is not None:
                with contextlib.suppress(BlockingIOError):
                    os.write(self._pipe[1], b"\0")

    def rest(self, seconds: float, files: Sequence[int] = ()) -> None:
        """For so long, until `wake`, or until a file can be read."""
        if not files:
            self._event.wait(seconds)
        elif not self._event.is_set():
            with self._lock:
                end = self._reading_end()
            try:
                with selectors.DefaultSelector() as selector:
                    for file in {end, *files}:
                        selector.register(file, selectors.EVENT_READ)
                    selector.select(seconds)
            except (OSError, ValueError):
                self._event.wait(min(seconds, 1.0))  # one of them is closed or of another kind: reading it will tell
        self._event.clear()
        with self._lock, contextlib.suppress(BlockingIOError):
            if self._pipe is not None:
                os.read(self._pipe[0], 4096)

    def _reading_end(self) -> int:
        if self._pipe is None:
            self._pipe = os.pipe()
            for end in self._pipe:
                os.set_blocking(end, False)
        return self._pipe[0]

    def close(self) -> None:
        with self._lock:
            if self._pipe is not None:
                for end in self._pipe:
                    os.close(end)
                self._pipe = None


@dataclass(slots=True, eq=False)
class Lane:
    """All but `waker` is guarded by the watch's lock."""

    probe: Probe
    since: float
    health: Health = "waiting"
    detail: str = ""
    told: dict[str, Told] = field(default_factory=dict)
    spoke: float | None = None
    took: float | None = None  # seconds
    began: float = 0.0  # when the last reading did
    due: float = 0.0  # when it has to have answered
    retry_at: float | None = None  # it hangs: when another thread tries
    turn: int = 0  # which thread is the one that counts
    waker: Waker = field(default_factory=Waker)
    left_behind: int = 0
    hangs: int = 0  # in a row

    @property
    def wanted(self) -> float:
        """When something has to be done about it, if it says nothing until then."""
        return self.due if self.retry_at is None else self.retry_at

    def judge(self, health: Health, detail: str, now: float) -> None:
        if (health, detail) != (self.health, self.detail):
            if health != self.health:
                self.since = now
            self.health, self.detail = health, detail

    def hold(self, outcome: Outcome, now: float) -> None:
        """A reading ended."""
        self.judge(outcome.health, outcome.detail, now)
        self.told = {name: Told(value, now, self.probe.whole) for name, value in outcome.values.items()}
        self.spoke = now if outcome.health == "ok" else self.spoke
        self.took = now - self.began
        self.retry_at, self.hangs = None, 0

    def hang(self, now: float) -> None:
        """No answer in time: all it tells of is unknown, and it is tried again by another thread."""
        self.judge("late", f"no answer within {self.probe.timeout:g} s", now)
        self.told = {name: Told(None, now, self.probe.whole) for name in self.probe.sensors}
        self.retry_at = now + min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(self.hangs, 10))
        self.hangs += 1

    def state(self, now: float) -> ProbeState:
        age = None if self.spoke is None else max(0.0, now - self.spoke)
        took = None if self.took is None else self.took * 1000
        return ProbeState(
            self.probe.name, self.probe.sensors, self.health, self.detail, max(0.0, now - self.since), age, took
        )


def ask(probe: Probe, source: Source | None) -> tuple[Source | None, Outcome]:
    """One reading, whatever comes of it; the source is opened first where there is none, and closed where it failed."""
    try:
        source = source or probe.open()
        said = source.read()
        if not isinstance(said, Mapping):
            raise Failed(f"it gave a {type(said).__name__} in place of readings")
        values = {name: plausible(name, said[name]) for name in probe.sensors if name in said}
        odd = [name for name, value in values.items() if value is None and said[name] is not None]
    except Absent as error:
        close(source)
        return None, Outcome("absent", _short(str(error)), {})
    except BaseException as error:  # noqa: BLE001 a probe must not take its thread along, not even by SystemExit
        detail = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
        close(source)
        return None, Outcome("failed", _short(detail), dict.fromkeys(probe.sensors))
    if odd:
        return source, Outcome("failed", _short(f"what it says of {', '.join(odd)} makes no sense"), values)
    return source, Outcome("ok", "", values)


def close(source: Source | None) -> None:
    if source is not None:
        with contextlib.suppress(Exception):
            source.close()


def _short(text: str) -> str:
    """Fit to be shown in one line."""
    line = " ".join(text[: 4 * _LONGEST_DETAIL].split())
    printable = "".join(letter if letter.isprintable() else "?" for letter in line)
    return printable if len(printable) <= _LONGEST_DETAIL else printable[: _LONGEST_DETAIL - 1] + "…"
