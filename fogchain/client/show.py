"""Jobs and prices for people: a line in a terminal, a small table in a notebook. All text is escaped."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from html import escape
from typing import TextIO

from fogchain.api.models import JobSummary, Quote
from fogchain.units import format_fog, format_fuel, format_price

_BAR = 24  # characters
_PAUSE = 0.2  # seconds between two pictures of progress


class PricedJob(Quote):
    """What a job would cost now; nothing was spent. Amounts are in base units of FOG, prices for 10^9 instructions."""

    name: str

    def __str__(self) -> str:
        return "\n".join(f"{name:<10}{value}" for name, value in self._rows())

    def _repr_html_(self) -> str:
        return table(self.name, self._rows())

    def _rows(self) -> list[tuple[str, str]]:
        price = "none"
        if self.cheapest is not None and self.dearest is not None:
            price = format_price(self.cheapest, 6)
            if self.dearest != self.cheapest:
                price += f" to {format_price(self.dearest, 6)}"
        rows = [
            ("tasks", f"{self.tasks}"),
            ("providers", f"{self.providers} match, {self.slots} tasks at once" if self.providers else "none matches"),
            ("price", price),
            ("at most", f"{format_fog(self.most, 6)} of a budget of {format_fog(self.budget, 6)}"),
            ("deposit", format_fog(self.missing, 6) if self.missing else "nothing: enough is there"),
        ]
        return rows + [("", reason) for reason in self.reasons]


def job_line(job: JobSummary) -> str:
    """`poster  running  [######      ]  12/48  0.25 FOG spent`"""
    counts = job.tasks
    ended = counts.done + counts.failed + counts.cancelled
    filled = _BAR * ended // max(1, counts.total)
    detail = f"  {job.detail}" if job.detail else ""
    bar = "#" * filled + " " * (_BAR - filled)
    return f"{job.name}  {job.state}  [{bar}]  {ended}/{counts.total}  {format_fog(job.spent, 4)} spent{detail}"


def job_table(job: JobSummary) -> str:
    counts = job.tasks
    rows = [
        ("id", job.id[:12]),
        ("state", job.state + (f": {job.detail}" if job.detail else "")),
        ("tasks", f"{counts.done} of {counts.total} done" + (f", {counts.failed} failed" if counts.failed else "")),
        ("spent", f"{format_fog(job.spent, 6)} of {format_fog(job.budget, 6)}{'' if job.paid else ', not yet paid'}"),
        ("work", format_fuel(job.fuel, 2)),
    ]
    return table(job.name, rows)


def table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """HTML of names and values."""
    cells = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:left">{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table><caption>{escape(title)}</caption><tbody>{cells}</tbody></table>"


class Progress:
    """One line that is written over, on a terminal or in a notebook; nothing elsewhere."""

    def __init__(self, wanted: bool | None, stream: TextIO | None = None) -> None:
        """`wanted`: None for where somebody sees it."""
        self._stream = stream or sys.stderr
        self._on = (self._stream.isatty() or _in_notebook()) if wanted is None else wanted
        self._shown, self._width, self._last = 0.0, 0, ""

    def show(self, job: JobSummary) -> None:
        line, now = job_line(job), time.monotonic()
        if not self._on or line == self._last or (now - self._shown < _PAUSE and job.state in ("planning", "running")):
            return
        self._stream.write(f"\r{''.join(c if c.isprintable() else ' ' for c in line):<{self._width}}")
        self._stream.flush()
        self._shown, self._last, self._width = now, line, max(self._width, len(line))

    def end(self) -> None:
        if self._last:
            self._stream.write("\n")
            self._stream.flush()
            self._last = ""


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    try:
        return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"
    except AttributeError:
        return False
