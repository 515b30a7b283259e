"""What a job's tasks come to together, kept as they change: with 10,000 of them nothing is added up anew. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import TypeVar

from fogchain.api.models import RunView, TaskView, TransferView

K = TypeVar("K")

UNDER_WAY = {"sent", "running", "delivered"}
HARMLESS = {"ok", "superseded"}


def ending(run: RunView) -> str | None:
    """How a run ended, in a word or two; None while it has not."""
    if run.state in UNDER_WAY:
        return None
    return "wrong result" if run.state == "wrong" else run.exit or run.state


class JobTotals:
    """`images`: the size of each result file of a task that may be a picture."""

    def __init__(self, tasks: Iterable[TaskView] = (), *, image_names: tuple[str, ...] = ()) -> None:
        self._image_names = image_names
        self.by_state: dict[str, set[int]] = {}
        self.files = 0
        self.bytes = 0
        self.moving: dict[int, TransferView] = {}
        self.images: dict[tuple[int, str], int] = {}
        self.endings: Counter[str] = Counter()
        self.troubles: Counter[tuple[str, str]] = Counter()  # provider's address and how it ended, other than well
        self.words: dict[tuple[str, str], str] = {}  # the newest of each
        self._names: dict[str, str] = {}
        for task in tasks:
            self.change(None, task)

    def change(self, before: TaskView | None, after: TaskView) -> None:
        """`before` is how the same task was until now."""
        if before is not None:
            self._count(before, -1)
            self.by_state[before.state].discard(before.index)
        self._count(after, 1)
        self.by_state.setdefault(after.state, set()).add(after.index)
        if after.transfer is not None:
            self.moving[after.index] = after.transfer
        else:
            self.moving.pop(after.index, None)

    def of(self, states: Collection[str]) -> list[int]:
        """The tasks in one of these states, by number."""
        return sorted(index for state in states for index in self.by_state.get(state, ()))

    def name(self, provider: str) -> str:
        """What a provider calls itself, if it does."""
        return self._names.get(provider, "")

    @property
    def wrong(self) -> set[str]:
        """Providers that were shown to have delivered a wrong result."""
        return {provider for provider, how in self.troubles if how == "wrong result"}

    def _count(self, task: TaskView, sign: int) -> None:
        for file in task.files:
            self.files += sign
            self.bytes += sign * file.size
            if file.name.lower().endswith(self._image_names):
                if sign > 0:
                    self.images[task.index, file.name] = file.size
                else:
                    self.images.pop((task.index, file.name), None)
        for run in task.runs:
            how = ending(run)
            if how is None:
                continue
            _add(self.endings, how, sign)
            if how not in HARMLESS:
                key = run.provider, how
                _add(self.troubles, key, sign)
                self.words[key] = run.detail or self.words.get(key, "")
            if run.provider_name:
                self._names[run.provider] = run.provider_name


def _add(counter: Counter[K], key: K, by: int) -> None:
    """Without leaving a nought behind."""
    counter[key] += by
    if not counter[key]:
        del counter[key]
