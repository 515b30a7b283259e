"""The live display of a job on a terminal."""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from fogchain.api.models import Event, JobSummary, TransferView
from fogchain.cli import output
from fogchain.errors import Unavailable
from fogchain.units import show_size


class LiveBar:
    """One bar, with what is out, being checked, spent; under it why the job waits."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=40),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(),
        )
        self._bar = self._progress.add_task("", total=1, facts="")
        self._moving: dict[int, TransferView] = {}  # by task

    def show(self, job: JobSummary) -> None:
        tasks = job.tasks
        counts = {"out": tasks.sent + tasks.running, "in check": tasks.checking, "failed": tasks.failed}
        facts = [job.state, *(f"{count} {name}" for name, count in counts.items() if count), output.fog(job.spent)]
        if self._moving:
            facts.append(transfers(self._moving.values()))
        if job.detail:
            facts.append(job.detail)
        self._progress.update(
            self._bar, description=_plain(job.name), total=tasks.total, completed=tasks.done,
            facts=_plain(" · ".join(facts)),
        )  # fmt: skip

    def heard(self, event: Event) -> None:
        if event.task is not None:
            self._moving.pop(event.task.index, None)
            if event.task.transfer is not None:
                self._moving[event.task.index] = event.task.transfer

    def lost(self, error: Unavailable) -> None:
        self._progress.update(self._bar, facts=_plain(f"{error.message}; waiting for it to come back"))

    def __enter__(self) -> LiveBar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


def transfers(moving: Collection[TransferView]) -> str:
    """`fetching inputs: 12 MiB of 80 MiB`, all tasks together."""
    parts = []
    for what in ("inputs", "result"):
        found = [one for one in moving if one.what == what]
        if found:
            here, total = sum(one.here for one in found), sum(one.total for one in found)
            parts.append(f"fetching {what}: {show_size(here)} of {show_size(total)}")
    return ", ".join(parts)


def _plain(text: str) -> str:
    """Names and details are others' words: no markup in them."""
    return text.replace("[", r"\[")
