"""Asks all probes, each in a thread of its own, and knows what is so now. It never waits for any of them.

threads of the probes ──readings──▶ fuse ──▶ Sampler ──▶ snapshot()     whoever decides
        │                                                   ▲
        └── late, failed, absent ──▶ states()     changed() ┘  at once when something moved
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from node.harvest.probes.fuse import fuse, moved
from node.harvest.probes.lane import ABSENT_RETRY, MOST_LEFT_BEHIND, Lane, Outcome, ProbeState, ask, close
from node.harvest.probes.probe import Probe, Source
from node.harvest.sampler import Sampler
from node.harvest.sensors import SENSORS, Number, Snapshot, Unit, Value

BUSY_REST = 0.05  # seconds between two readings at least, however much there is to read
IDLE_REST = 1.0
_SLACK = 1.0  # seconds by which a thread's rest may be longer than it should
_RECHECK = 10.0  # seconds until it is looked again whether one of too many hanging threads has ended
_PATIENCE = 0.5  # seconds that `stop` waits for threads that are about to end
_MOST_WAITED = 3600.0
_GROWING = frozenset(
    name for name, kind in SENSORS.items() if isinstance(kind, Number) and kind.unit is Unit.SECONDS
)  # what counts is that they fall


class Watch:
    """`changed` is called from a probe's thread when a value moved so that a rule may decide otherwise, and has to
    return at once. `snapshot`, `states` and `pace` may be called from any thread, and return at once."""

    def __init__(
        self, probes: Sequence[Probe], *, clock: Callable[[], float] = time.monotonic, changed: Callable[[], None]
    ) -> None:
        self._clock, self._changed = clock, changed
        self._latest = clock()
        self._lanes = [Lane(probe, self._latest) for probe in probes]
        self._sampler = Sampler()
        self._fused: dict[str, Value | None] = {}
        self._lasts = {
            sensor: 2 * max(probe.idle + probe.timeout for probe in probes if sensor in probe.sensors)
            for sensor in {sensor for probe in probes for sensor in probe.sensors}
        }
        self._busy = False
        self._stopping = False
        self._looks_at = math.inf  # when the thread looks that finds the late ones
        self._due = threading.Condition()  # guards all of it
        self._guard: threading.Thread | None = None
        self._threads: set[threading.Thread] = set()

    def start(self) -> None:
        with self._due:
            for lane in self._lanes:
                self._begin(lane)
            self._guard = threading.Thread(target=self._look_out, name="probes", daemon=True)
            self._guard.start()

    def stop(self) -> None:
        """Takes half a second at most; threads that hang are left to themselves."""
        with self._due:
            self._stopping = True
            self._due.notify_all()
            threads = list(self._threads)
        for lane in self._lanes:
            lane.waker.wake()
        until = time.monotonic() + _PATIENCE
        for thread in (*threads, *([self._guard] if self._guard else [])):
            thread.join(max(0.0, until - time.monotonic()))

    def pace(self, busy: bool) -> None:
        """Whether tasks run: only then does it look often."""
        with self._due:
            if busy == self._busy:
                return
            self._busy = busy
        if busy:
            for lane in self._lanes:
                lane.waker.wake()

    def snapshot(self) -> Snapshot:
        """Every sensor; None for what is unknown."""
        with self._due:
            return self._sampler.snapshot(self._now())

    def states(self) -> list[ProbeState]:
        with self._due:
            now = self._now()
            return [lane.state(now) for lane in self._lanes]

    # ---------------------------------------------------------------- threads of probes

    def _begin(self, lane: Lane) -> None:
        lane.turn += 1
        lane.retry_at = None
        lane.began = self._now()
        self._expect(lane, lane.began + lane.probe.timeout)
        thread = threading.Thread(
            target=self._run, args=(lane, lane.turn), name=f"probe {lane.probe.name}", daemon=True
        )
        self._threads.add(thread)
        thread.start()

    def _run(self, lane: Lane, turn: int) -> None:
        source: Source | None = None
        try:
            while self._reads(lane, turn):
                source, outcome = ask(lane.probe, source)
                if not self._heard(lane, turn, outcome):
                    return
                self._rest(lane, source)
        finally:
            close(source)
            with self._due:
                self._threads.discard(threading.current_thread())
                if turn != lane.turn:
                    lane.left_behind -= 1
                    if lane.retry_at is not None:
                        lane.retry_at = self._now()
                        self._due.notify_all()
                elif self._stopping:
                    lane.waker.close()

    def _reads(self, lane: Lane, turn: int) -> bool:
        with self._due:
            if self._stopping or turn != lane.turn:
                return False
            lane.began = self._now()
            self._expect(lane, lane.began + lane.probe.timeout)
            return True

    def _heard(self, lane: Lane, turn: int, outcome: Outcome) -> bool:
        """Whether the thread goes on: not if another one took its place."""
        with self._due:
            if self._stopping or turn != lane.turn:
                return False
            now = self._now()
            lane.hold(outcome, now)
            self._expect(lane, now + self._every(lane) + _SLACK)
            changed = self._fuse(lane.probe.sensors, now)
        self._tell(changed)
        return True

    def _rest(self, lane: Lane, source: Source | None) -> None:
        every = self._every(lane)
        files = source.files() if source is not None else ()
        if files:  # they may have much to say
            least = min(every, BUSY_REST if self._busy else IDLE_REST)
            lane.waker.rest(least)
            every -= least
        lane.waker.rest(every, files)

    def _every(self, lane: Lane) -> float:
        every = lane.probe.busy if self._busy else lane.probe.idle
        return max(ABSENT_RETRY, every) if lane.health == "absent" else every

    def _tell(self, changed: bool) -> None:
        if changed:
            with contextlib.suppress(RuntimeError):  # the loop that it would wake is closed
                self._changed()

    # ---------------------------------------------------------------- under the lock

    def _now(self) -> float:
        """Never goes back."""
        self._latest = max(self._latest, self._clock())
        return self._latest

    def _fuse(self, sensors: Iterable[str], now: float) -> bool:
        """Put what all probes say of these into the sampler; whether anything moved."""
        changed = False
        for sensor in sensors:
            value = fuse(sensor, [lane.told[sensor] for lane in self._lanes if sensor in lane.told])
            self._sampler.put({sensor: value}, now, self._lasts[sensor])
            if moved(sensor, self._fused.get(sensor), value):
                changed = True
                self._fused[sensor] = value
            elif sensor in _GROWING:
                self._fused[sensor] = value
        return changed

    # ---------------------------------------------------------------- those that are late

    def _expect(self, lane: Lane, due: float) -> None:
        lane.due = due
        if due < self._looks_at:
            self._due.notify_all()

    def _look_out(self) -> None:
        while True:
            with self._due:
                if self._stopping:
                    return
                now = self._now()
                changed = self._find_late(now)
                self._looks_at = min((lane.wanted for lane in self._lanes), default=math.inf)
                if not changed:
                    self._due.wait(min(_MOST_WAITED, max(0.01, self._looks_at - now)))
            self._tell(changed)

    def _find_late(self, now: float) -> bool:
        changed = False
        for lane in self._lanes:
            if now < lane.wanted:
                continue
            if lane.retry_at is not None:
                self._try_again(lane, now)
            else:
                lane.hang(now)
                changed |= self._fuse(lane.probe.sensors, now)
        return changed

    def _try_again(self, lane: Lane, now: float) -> None:
        if lane.left_behind >= MOST_LEFT_BEHIND:
            hanging = lane.left_behind + 1
            lane.judge("late", f"{hanging} readings hang; it is not asked again before one of them ends", now)
            lane.retry_at = now + _RECHECK
            return
        lane.left_behind += 1
        self._begin(lane)
