"""The one who says whether workers stand still now: for good, or for a slice.

A thread that lets runs go and stand in turn, as `governor.DutyCycle` has it, where the kernel does not hold them to
their share itself. Nobody else asks the workers to stand or to go on, so that a slice that begins can't undo a freeze:
what was said last is looked at, and acted on, under one lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from node.harvest.governor import PERIOD, DutyCycle

log = structlog.get_logger(__name__)

STEP = 0.01  # of a duty: smaller changes are not worth telling
LEAST_LIMITED = 0.05  # a smaller share than this the kernel hands out in crumbs


class Pausing(Protocol):
    """As much of `ports.Workers` as it needs."""

    def suspend(self) -> None: ...
    def resume(self) -> None: ...
    def limit(self, duty: float) -> bool: ...


class Throttle:
    """All methods return at once and may be called from any thread; before `start` there are no slices."""

    def __init__(
        self, workers: Pausing, *, by_kernel: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`by_kernel`: leave it to the kernel where that can."""
        self._workers, self._by_kernel, self._clock = workers, by_kernel, clock
        self._changed = threading.Condition()
        self._frozen = self._off = self._stands = False  # said so; in a slice of standing; as the workers were told
        self._duty = 1.0
        self._limited = False  # the kernel sees to it
        self._ending = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        with self._changed:
            self._ending = False
            self._thread = threading.Thread(target=self._run, name="throttle", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """No more slices. What was frozen stays so; all else runs at full speed."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self.set(1.0)

    def freeze(self) -> None:
        """Stand still until `thaw`, whatever the duty is."""
        with self._changed:
            self._frozen = True
            self._apply()
            self._changed.notify_all()

    def thaw(self) -> None:
        with self._changed:
            self._frozen = self._off = False
            self._apply()
            self._changed.notify_all()

    def set(self, duty: float) -> None:
        """The share of time in which runs may run while nothing is frozen, from 0.0 to 1.0."""
        with self._changed:
            if duty == self._duty or (abs(duty - self._duty) < STEP and 0.0 < duty < 1.0):
                return
            self._duty = duty
            wanted = self._by_kernel and LEAST_LIMITED <= duty < 1.0
            if wanted or self._limited:
                self._limited = self._workers.limit(duty if wanted else 1.0) and wanted
            if not self._slices:
                self._off = False
            self._apply()
            self._changed.notify_all()

    @property
    def by_kernel(self) -> bool:
        """Whether the kernel holds the workers to their share now."""
        return self._limited

    # ── inside; always with the lock ──────────────────────────────────────────────────────────────────────────

    @property
    def _slices(self) -> bool:
        return 0.0 < self._duty < 1.0 and not self._limited and not self._ending

    def _apply(self) -> None:
        stands = self._frozen or self._off or self._duty == 0.0
        if stands != self._stands:
            (self._workers.suspend if stands else self._workers.resume)()
            self._stands = stands

    def _run(self) -> None:
        cycle = DutyCycle()
        with self._changed:
            while not self._ending:
                try:
                    self._slice(cycle)
                except Exception:
                    log.exception("a slice failed")
                    self._changed.wait(PERIOD)
            self._off = False
            self._apply()

    def _slice(self, cycle: DutyCycle) -> None:
        """One slice of running and one of standing; waits for the next word where there are none."""
        if self._frozen or not self._slices:
            self._changed.wait()
            return
        duty = self._duty
        run, stand = cycle.next(duty)
        began = self._clock()
        self._hold(False, run)
        turned = self._clock()
        self._hold(True, stand)
        cycle.took(duty, turned - began, self._clock() - turned)

    def _hold(self, off: bool, seconds: float) -> None:
        if not seconds or self._frozen or not self._slices:
            return
        self._off = off
        self._apply()
        self._changed.wait_for(lambda: self._frozen or not self._slices, seconds)
