"""Which chunk to ask of whom: work goes to whoever is free, so that each source carries what its speed allows.

Sources that are fetching the same blob themselves are asked for the chunks that they have said they hold.

No I/O: the caller says what came and what time it is, and asks what to do next. The last chunks of a slow source are
asked of a faster one, too, and the first answer counts; a source that fails pauses for longer and longer; one that
sends a wrong chunk is never asked again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

FIRST_WINDOW, MAX_WINDOW = 6, 12  # chunks asked of one source and not yet here
FAST, SLOW = 0.5, 2.0  # seconds for a chunk: below, more are asked ahead; above, fewer
OVERDUE = 1.0  # seconds after which a chunk is late at the earliest
FIRST_PAUSE, MAX_PAUSE = 0.5, 16.0


@dataclass
class _Source:
    window: int = FIRST_WINDOW
    asked: dict[int, float] = field(default_factory=dict)  # chunk to when
    seconds: float | None = None  # a chunk takes, smoothed
    faults: int = 0  # in a row
    retry_at: float = 0.0
    banned: bool = False
    chunks: int = 0  # it gave first
    holds: frozenset[int] | None = None  # None: all
    todo: deque[int] = field(default_factory=deque)  # of those it holds, what was open when it said so

    def has(self, chunk: int) -> bool:
        return self.holds is None or chunk in self.holds


class FetchPlan:
    """Brings the chunks `missing` here, in this order as far as anybody has them. Sources are known by any name."""

    def __init__(self, missing: Iterable[int]) -> None:
        self._todo = deque(missing)
        self._open = set(self._todo)
        self._unasked = set(self._todo)  # open, and asked of nobody
        self._sources: dict[str, _Source] = {}

    @property
    def done(self) -> bool:
        return not self._open

    @property
    def given(self) -> dict[str, int]:
        """Source to how many chunks it gave."""
        return {name: source.chunks for name, source in self._sources.items()}

    def add(self, name: str) -> bool:
        """A source more, that has everything; one that is known stays what it is, and False is returned."""
        known = name in self._sources
        self._sources.setdefault(name, _Source())
        return not known

    def holds(self, name: str, chunks: Iterable[int] | None) -> None:
        """The source has these chunks now; None: all of them."""
        source = self._sources[name]
        source.holds = None if chunks is None else frozenset(chunks)
        source.todo = deque(chunk for chunk in self._todo if chunk in (source.holds or ()) and chunk in self._unasked)

    def partial(self) -> list[str]:
        """Sources that may come to hold more than they have said."""
        return [name for name, s in self._sources.items() if not s.banned and s.holds is not None]

    def hopeful(self) -> bool:
        """Whether any source is left that has something we lack and has not just failed, or owes an answer."""
        return any(
            not s.banned and (s.asked or (s.faults == 0 and (s.holds is None or not self._open.isdisjoint(s.holds))))
            for s in self._sources.values()
        )

    def next(self, now: float) -> tuple[str, int] | None:
        """Source and chunk to ask for now. The caller asks, and tells how it went."""
        ready = [
            (len(source.asked) / source.window, number, name, source)
            for number, (name, source) in enumerate(self._sources.items())
            if not source.banned and now >= source.retry_at and len(source.asked) < source.window
        ]
        for _, _, name, source in sorted(ready, key=lambda entry: entry[:2]):
            chunk = self._chunk_for(source, now)
            if chunk is not None:
                source.asked[chunk] = now
                return name, chunk
        return None

    def got(self, name: str, chunk: int, now: float) -> bool:
        """A right chunk came. False when it was here already."""
        source = self._sources[name]
        took = now - source.asked.pop(chunk, now)
        source.seconds = took if source.seconds is None else 0.7 * source.seconds + 0.3 * took
        source.window = max(1, source.window - 1) if took > SLOW else min(MAX_WINDOW, source.window + (took < FAST))
        source.faults, source.retry_at = 0, 0.0
        if chunk not in self._open:
            return False
        self._open.discard(chunk)
        self._unasked.discard(chunk)
        source.chunks += 1
        return True

    def failed(self, name: str, chunk: int, now: float) -> None:
        """No answer to this one, or none that helps."""
        source = self._sources[name]
        if now >= source.retry_at:  # else it is the same outage
            source.faults += 1
            source.retry_at = now + min(MAX_PAUSE, FIRST_PAUSE * 2 ** min(source.faults - 1, 10))
        self._give_back(source, chunk)

    def ban(self, name: str) -> None:
        """It sent what is not the blob's: nothing more is asked of it, what it was asked goes to others."""
        source = self._sources[name]
        source.banned = True
        for chunk in list(source.asked):
            self._give_back(source, chunk)

    def wake(self, now: float) -> float:
        """Seconds after which `next` may say more than it does now, if nothing comes before."""
        pauses = [s.retry_at - now for s in self._sources.values() if not s.banned and s.retry_at > now]
        return max(0.01, min([*pauses, 0.25]))

    def _chunk_for(self, source: _Source, now: float) -> int | None:
        todo = self._todo if source.holds is None else source.todo
        while todo:
            chunk = todo.popleft()
            if chunk in self._unasked:
                self._unasked.discard(chunk)
                return chunk
        patience = max(OVERDUE, 3 * (source.seconds or 0.0))
        newest: dict[int, float] = {}  # chunks to when they were last asked of anybody
        for other in self._sources.values():
            for chunk, asked in other.asked.items():
                newest[chunk] = max(asked, newest.get(chunk, asked))
        late = [
            (asked, chunk)
            for chunk, asked in newest.items()
            if now - asked > patience and chunk in self._open and chunk not in source.asked and source.has(chunk)
        ]
        return min(late)[1] if late else None

    def _copies(self, chunk: int) -> int:
        return sum(chunk in source.asked for source in self._sources.values())

    def _give_back(self, source: _Source, chunk: int) -> None:
        if source.asked.pop(chunk, None) is not None and chunk in self._open and not self._copies(chunk):
            self._unasked.add(chunk)
            self._todo.appendleft(chunk)
            for other in self._sources.values():
                if other.holds is not None and chunk in other.holds:
                    other.todo.appendleft(chunk)
