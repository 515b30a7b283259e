"""Writes the journal from a thread of its own: what happens to tasks never waits for a disk."""

from __future__ import annotations

import threading
from collections import deque

import structlog

from fogchain.errors import FogchainError
from node.harvest.journal import Happened, Journal
from node.harvest.sensors import Snapshot

log = structlog.get_logger(__name__)

MOST_WAITING = 10_000  # happenings that wait for a full disk; the oldest go
RETRY = 5.0  # seconds


class Scribe:
    """`put` and `read` return at once, from any thread; `flush` when all of it is on disk."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._changed = threading.Condition()
        self._happened: deque[Happened] = deque(maxlen=MOST_WAITING)
        self._readings: tuple[Snapshot, float] | None = None
        self._ending = False
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="harvest-scribe", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Writes what is left; what a full disk does not take is lost."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def put(self, happened: Happened) -> None:
        with self._changed:
            self._happened.append(happened)
            self._changed.notify_all()

    def read(self, snapshot: Snapshot, at: float) -> None:
        """`at`: Unix seconds."""
        with self._changed:
            self._readings = snapshot, at
            self._changed.notify_all()

    def flush(self) -> None:
        """Raises Unavailable when the disk takes no more; it is tried again all the same."""
        with self._writing:
            with self._changed:
                happened, self._happened = list(self._happened), deque(maxlen=MOST_WAITING)
                readings, self._readings = self._readings, None
            try:
                self._journal.write(happened)
                happened = []
                if readings is not None:
                    self._journal.read(*readings)
            except FogchainError:
                with self._changed:
                    self._happened.extendleft(reversed(happened))
                raise

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ending or self._waits())
                ending = self._ending
            try:
                self.flush()
            except FogchainError as error:
                log.warning("what happened waits for the disk", why=error.message)
                with self._changed:
                    self._changed.wait_for(lambda: self._ending, RETRY)
            if ending:
                return

    def _waits(self) -> bool:
        return bool(self._happened) or self._readings is not None
