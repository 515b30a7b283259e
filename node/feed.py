"""What changes in the node, numbered, for any number of listeners; the newest are kept for one that comes back."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable

from fogchain.api.models import Event

QUEUE = 1000  # events a slow listener may lag behind before it is dropped
KEPT = 2000  # events for listeners that come back
RETURN_SECONDS = 120.0  # how long after the last listener left events are still made


class Feed:
    """Hands events to all listeners; one that does not keep up is dropped, the node never waits.

    Numbers begin with the time of the start in microseconds: they grow over restarts, too, so that a number of an
    earlier run is known for one whose events are gone.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._listeners: set[asyncio.Queue[Event | None]] = set()
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._seq = int(now() * 1e6)
        self._whole_from = self._seq  # every event after this number was published, or is not kept any more
        self._left: float | None = None  # when the last listener went

    def publish(self, event: Event) -> None:
        self._seq += 1
        event = event.model_copy(update={"seq": self._seq})
        if len(self._kept) == KEPT:
            self._whole_from = self._kept[0].seq
        self._kept.append(event)
        for queue in list(self._listeners):
            if queue.full():
                self._listeners.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    @property
    def heard(self) -> bool:
        """Whether somebody listens, or did so lately and may come back: else events need not be made at all."""
        if self._listeners:
            return True
        if self._left is not None and self._now() - self._left <= RETURN_SECONDS:
            return True
        self._left = None
        self._whole_from = self._seq = self._seq + 1  # what happens unheard is missing from here on
        self._kept.clear()
        return False

    async def listen(self, after: int | None = None) -> AsyncIterator[Event]:
        """Events from now on; with `after`, those after that number first, or a `gap` when some of them are gone."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUE)
        missed = self._after(after) if after is not None else []
        self._listeners.add(queue)
        try:
            for event in missed:
                yield event
            while (event_or_end := await queue.get()) is not None:
                yield event_or_end
        finally:
            self._listeners.discard(queue)
            if not self._listeners:
                self._left = self._now()

    def _after(self, after: int) -> list[Event]:
        if not self.heard or not self._whole_from <= after <= self._seq:
            return [Event(kind="gap", seq=self._seq, time=self._now())]
        return [event for event in self._kept if event.seq > after]
