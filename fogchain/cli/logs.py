"""`fogchain job logs` and `fogchain node storage`."""

from __future__ import annotations

import json
import time
from typing import Any

from fogchain.api.rest import Rest, path_of
from fogchain.cli import output
from fogchain.cli.link import rest_to
from fogchain.folder import DataFolder
from fogchain.units import show_size

PAUSE = 1.0
PAGE = 500
_OVER = ("done", "failed", "cancelled")


def show_logs(folder: DataFolder, job: str, task: int | None, *, follow: bool, as_json: bool) -> None:
    """Print what each attempt printed; with `follow` also those to come, until the tasks are over."""
    rest, shown = rest_to(folder), set[tuple[int, int]]()
    gathered: list[dict[str, Any]] = []
    while True:
        detail = rest.json("GET", path_of("jobs", job))
        job = detail["id"]
        over = detail["state"] in _OVER or detail["paid"]
        for index in [task] if task is not None else _with_runs(rest, job):
            found = rest.json("GET", path_of("jobs", job, "tasks", index, "logs"))
            fresh = [one for one in found["attempts"] if _ended(one) and (index, one["attempt"]) not in shown]
            shown |= {(index, one["attempt"]) for one in fresh}
            if task is not None and found["state"] in _OVER:
                over = True
            if as_json and not follow:
                gathered.append(found)
            for one in fresh:
                if as_json and follow:
                    print(json.dumps({"task": index, **one}), flush=True)
                elif not as_json:
                    _show(index, one)
        if not follow or over:
            break
        time.sleep(PAUSE)
    if as_json and not follow:
        output.say_json(gathered)
    elif not as_json and not shown:
        output.note("no attempt has ended yet" if not over else "no attempt left anything here")


def show_storage(folder: DataFolder, *, as_json: bool) -> None:
    found = rest_to(folder).json("GET", path_of("storage"))
    if as_json:
        output.say_json(found)
        return
    output.facts(
        [
            ("data", output.bold(found["folder"])),
            ("used", f"{show_size(found['used'])} of {show_size(found['quota'])}"),
            ("pinned", f"{show_size(found['pinned'])} is needed and stays"),
            ("on its way", show_size(found["underway"]) if found["underway"] else ""),
            ("disk", f"{show_size(found['disk_free'])} free"),
        ]
    )
    if found["jobs"]:
        output.table(
            ("job", "as", "blobs", "size"),
            [(one["job"][:12], one["role"], str(one["blobs"]), show_size(one["bytes"])) for one in found["jobs"]],
            right=(2, 3),
        )


def _with_runs(rest: Rest, job: str) -> list[int]:
    indices: list[int] = []
    cursor: str | None = None
    while True:
        page = rest.json("GET", path_of("jobs", job, "tasks", query={"limit": PAGE, "cursor": cursor}))
        indices += [task["index"] for task in page["items"] if task["runs"]]
        if (cursor := page["next_cursor"]) is None:
            return indices


def _ended(attempt: dict[str, Any]) -> bool:
    return attempt["state"] not in ("sent", "running")


def _show(index: int, one: dict[str, Any]) -> None:
    who = one["provider_name"] or one["provider"][:12]
    ending = " ".join(part for part in (one["state"], one["exit"] or "") if part)
    why = f": {one['detail']}" if one["detail"] else ""
    output.say(output.bold(f"── task {index}, attempt {one['attempt']} on {who}: {ending}{why}"))
    for name in ("stdout", "stderr"):
        stream = one[name]
        if stream is None:
            output.say(output.dim(f"{name}: not here"))
        elif stream["size"]:
            output.say(output.dim(f"{name}, {show_size(stream['size'])}:"))
            output.say(_plain(stream["text"]).rstrip("\n"))


def _plain(text: str) -> str:
    """A program's output, without what would steer the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)
