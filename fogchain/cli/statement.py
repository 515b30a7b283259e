"""`fogchain wallet statement`: what happened to the account's money."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from fogchain.api.rest import path_of
from fogchain.cli import output
from fogchain.cli.link import rest_to
from fogchain.errors import BadInput
from fogchain.folder import DataFolder

DAY = 86_400  # seconds
PAGE = 1000


def show_statement(folder: DataFolder, first: str | None, last: str | None, csv: Path | None, as_json: bool) -> None:
    """`csv`: a file to write, or `-` for standard output. Raises BadInput for what is no time."""
    span = {"from": _time(first, 0), "to": _time(last, DAY)}
    if csv is not None:
        _write(csv, rest_to(folder).raw("GET", path_of("statement", query=span), None, {"Accept": "text/csv"}))
        return
    view = _whole(folder, span)
    if as_json:
        output.say_json(view)
        return
    rows = [
        (
            datetime.fromtimestamp(line["time"], UTC).strftime("%Y-%m-%d %H:%M:%S"),
            line["kind"],
            line["counterparty_name"] or (line["counterparty"] or "")[:10],
            line["job_name"] or (line["job"] or "")[:8],
            *(output.fog(line[side]) if line[side] != "0 FOG" else "" for side in ("came", "went", "fee")),
            *(output.fog(line["after"][name]) for name in ("wallet", "free", "locked", "bonded")),
        )
        for line in view["items"]
    ]
    header = ("time", "", "with", "job", "in", "out", "fee", "wallet", "free", "locked", "bonded")
    blank = ("",) * 3
    opening, closing = (
        ("", what, "", "", *blank, *(output.fog(view[side][name]) for name in ("wallet", "free", "locked", "bonded")))
        for what, side in (("opening balance", "opening"), ("closing balance", "closing"))
    )
    output.table(header, [opening, *rows, closing], right=range(4, 11))


def _whole(folder: DataFolder, span: dict[str, int | None]) -> dict[str, Any]:
    rest = rest_to(folder)
    view: dict[str, Any] = rest.json("GET", path_of("statement", query={**span, "limit": PAGE}))
    cursor = view["next_cursor"]
    while cursor is not None:
        page = rest.json("GET", path_of("statement", query={**span, "limit": PAGE, "cursor": cursor}))
        view["items"] += page["items"]
        cursor = page["next_cursor"]
    view["next_cursor"] = None
    return view


def _write(place: Path, text: bytes) -> None:
    if str(place) == "-":
        typer.echo(text.decode(), nl=False)
        return
    try:
        with place.open("xb") as file:
            file.write(text)
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise BadInput(f"{place} is there already", hint="name another file, or remove it first") from error
    except OSError as error:
        raise BadInput(f"{place} can't be written: {error.strerror}", hint="name another file") from error
    output.note(f"{place} written")


def _time(text: str | None, whole_day: int) -> int | None:
    """Unix seconds; a bare day is its beginning, or with `whole_day` its end."""
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(
            f"{text[:40]!r} is not a time", hint='write it like "2026-11-27" or "2026-11-27T14:30"'
        ) from error
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0, int(when.timestamp())) + (whole_day if len(text) <= 10 else 0)
