"""The one who lets workers run and stand: for good while a veto holds, or in slices of a duty.

Whatever is asked for at the same time, a freeze wins: nothing but `thaw` ends it. Where the kernel can hold workers to
a share of a core it does, and no slices are needed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from node.harvest.governor import DutyCycle
from node.harvest.ports import Workers

STEP = 0.01  # of a duty: smaller changes are not worth telling the kernel


class Throttle:
    """All methods return at once, and may be called from any thread."""

    def __init__(self, workers: Workers, clock: Callable[[], float] = time.monotonic) -> None:
        self._workers, self._clock = workers, clock
        self._changed = threading.Condition()  # guards all of it, and every word to the workers
        self._frozen = self._ending = False
        self._duty = 1.0
        self._by_kernel = True  # that it holds workers to the duty; what it was asked for last
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="throttle", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(1.0)

    @property
    def slices(self) -> bool:
        """Whether it is slicing now, since the kernel can't."""
        return not self._frozen and 0.0 < self._duty < 1.0 and not self._by_kernel

    def freeze(self) -> None:
        with self._changed:
            self._frozen = True
            self._workers.suspend()
            self._changed.notify_all()

    def thaw(self) -> None:
        with self._changed:
            self._frozen = False
            if self._duty > 0.0:
                self._workers.resume()
            self._changed.notify_all()

    def set(self, duty: float) -> None:
        """The share of time in which workers run while they are not frozen: 1.0 all of it, 0.0 nothing."""
        with self._changed:
            if duty == self._duty or (abs(duty - self._duty) < STEP and 0.0 < duty < 1.0):
                return
            self._duty = duty
            self._by_kernel = self._workers.limit(duty if duty > 0.0 else 1.0) or duty in (0.0, 1.0)
            if not self._frozen:
                (self._workers.resume if duty > 0.0 else self._workers.suspend)()
            self._changed.notify_all()

    # ---------------------------------------------------------------- slices

    def _run(self) -> None:
        cycle = DutyCycle()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ending or (self.slices and self._workers.running > 0), 1.0)
                if self._ending:
                    return
                if not self.slices or not self._workers.running:
                    continue
                duty = self._duty
            run, stand = cycle.next(duty)
            ran = self._slice(run, self._workers.resume)
            stood = self._slice(stand, self._workers.suspend)
            cycle.took(duty, ran, stood)
            if not self.slices:
                with self._changed:
                    if not self._frozen and self._duty > 0.0:
                        self._workers.resume()

    def _slice(self, seconds: float, begin: Callable[[], None]) -> float:
        """How long it really took; a freeze or another duty ends it."""
        if seconds <= 0.0:
            return 0.0
        with self._changed:
            if not self.slices:
                return 0.0
            duty, began = self._duty, self._clock()
            begin()
            self._changed.wait_for(lambda: self._ending or not self.slices or self._duty != duty, seconds)
            return self._clock() - began
