"""What a job's tasks print, as it comes; and the fold that makes each piece come once.

A node is asked again and again (`since` says from where on), and may be asked anew after any break. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fogchain.api.data import AttemptLogs, LogView, TaskLogs
from fogchain.api.models import RunView, TaskView

_UNDER_WAY = ("sent", "running")


@dataclass(frozen=True, slots=True)
class Printed:
    """A piece of what a run has printed, of one stream and in its order.

    `unverified`: it is what the provider says, and no accepted result holds it yet. `left_out`: bytes before it that
    were not brought here; the whole is in the result, if there is one.
    """

    task: int
    attempt: int
    provider_name: str
    stream: str  # "stdout" or "stderr"
    text: str
    left_out: int
    unverified: bool


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run has ended, and nothing more comes of it. `contradicted`: what its provider had said it printed is not what
    it delivered."""

    task: int
    attempt: int
    provider_name: str
    state: str
    exit: str | None
    detail: str
    contradicted: bool


LogEvent = Printed | RunEnded


class FollowPrinted:
    """The runs of one job."""

    def __init__(self) -> None:
        self._next: dict[tuple[int, int], dict[str, int]] = {}
        self._ended: set[tuple[int, int]] = set()

    def open(self, task: TaskView) -> list[RunView]:
        """Runs of which more may come, and that have begun."""
        return [
            run for run in task.runs if (task.index, run.attempt) not in self._ended and run.state != "sent"
        ]  # fmt: skip

    def since(self, task: int, attempt: int) -> tuple[int, int]:
        """From which bytes of standard output and error on to ask."""
        places = self._next.get((task, attempt), {})
        return places.get("stdout", 0), places.get("stderr", 0)

    def hear(self, found: TaskLogs) -> Iterator[LogEvent]:
        """What a node said of runs, asked from `since` on."""
        for one in found.attempts:
            yield from self._attempt(found.task, one)

    def _attempt(self, task: int, one: AttemptLogs) -> Iterator[LogEvent]:
        key = task, one.attempt
        if key in self._ended:
            return
        places, more = self._next.setdefault(key, {}), False
        streams: Iterable[tuple[str, LogView | None]] = (("stdout", one.stdout), ("stderr", one.stderr))
        for name, view in streams:
            if view is None or view.next <= places.get(name, 0):
                continue
            places[name], more = view.next, more or view.next < view.size
            if view.text or view.left_out:
                name_of = one.provider_name
                yield Printed(task, one.attempt, name_of, name, view.text, view.left_out, one.unverified)
        if one.state not in _UNDER_WAY and not more:
            self._ended.add(key)
            yield RunEnded(
                task, one.attempt, one.provider_name, one.state, one.exit, one.detail, one.contradicted
            )  # fmt: skip
