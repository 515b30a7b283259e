"""What commands print: aligned columns, amounts cut for reading, colours where they are seen."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import typer

from fogchain import units

STATE_COLOURS = {
    "done": "green", "ready": "green", "working": "green", "accepted": "green", "open": "green", "up": "green",
    "running": "cyan", "settling": "cyan", "planning": "cyan", "sent": "cyan", "checking": "cyan", "starting": "cyan",
    "failed": "red", "wrong": "red", "degraded": "red", "down": "red",
    "offline": "red", "removed": "red", "resting": "yellow", "paused": "yellow", "draining": "yellow",
    "drained": "yellow", "cancelled": "yellow", "stopping": "yellow", "lost": "yellow",
}  # fmt: skip

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def say(text: str = "") -> None:
    """A line on standard output; colours are left out when nobody sees them."""
    typer.echo(text, color=_colour(sys.stdout))


def note(text: str) -> None:
    """A line on standard error: progress and remarks, never the result."""
    typer.echo(text, err=True, color=_colour(sys.stderr))


def say_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2 if sys.stdout.isatty() else None))


def dim(text: str) -> str:
    return typer.style(text, dim=True)


def bold(text: str) -> str:
    return typer.style(text, bold=True)


def state(name: str) -> str:
    return typer.style(name, fg=STATE_COLOURS.get(name))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> None:
    """Columns two spaces apart; those numbered in `right` end flush."""
    lines = [[dim(name) for name in header], *[list(row) for row in rows]]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(header))]
    flush = set(right)
    for line in lines:
        cells = [
            " " * (width - _width(cell)) + cell if column in flush else cell + " " * (width - _width(cell))
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        say("  ".join(cells).rstrip())


def facts(rows: Iterable[tuple[str, str]]) -> None:
    """Names and values, one a line; rows without a value are left out."""
    shown = [(name, value) for name, value in rows if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        say(f"{dim(name.ljust(width))}  {value}")


def fog(amount: str | int | None) -> str:
    """For reading, four decimals: `0.1234 FOG`. What is less than that but not nothing is shown as such."""
    if amount is None:
        return "–"
    value = units.parse_fog(amount) if isinstance(amount, str) else amount
    if 0 < value < units.WEI // 10_000:
        return "<0.0001 FOG"
    return units.format_fog(value, 4)


def eth(amount: str) -> str:
    """Six decimals: a transaction costs about that."""
    return units.format_eth(units.parse_eth(amount), 6)


def fuel(amount: str | None) -> str:
    return "–" if amount is None else units.format_fuel(units.parse_fuel(amount), 2)


def price(amount: str | int | None) -> str:
    if amount is None:
        return "–"
    return units.format_price(units.parse_price(amount) if isinstance(amount, str) else amount, 6)


def span(seconds: float) -> str:
    """`42 s`, `7 min`, `3 h`, `5 d`: the largest unit that fits."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def ago(when: float) -> str:
    return f"{span(time.time() - when)} ago"


def confirm(question: str) -> bool:
    """Asks on standard error, so that a piped result stays clean."""
    return typer.confirm(question, default=False, err=True)


def on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _width(text: str) -> int:
    return len(_ANSI.sub("", text))


def _colour(stream: Any) -> bool | None:
    if os.environ.get("NO_COLOR"):
        return False
    return None if not os.environ.get("FORCE_COLOR") else True
