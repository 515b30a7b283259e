"""`fogchain job logs` and `fogchain node storage`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fogchain.api.rest import Rest, path_of
from fogchain.cli import output
from fogchain.cli.link import client_to, rest_to
from fogchain.errors import NotFound
from fogchain.folder import DataFolder
from fogchain.units import show_size

if TYPE_CHECKING:
    from fogchain.api.client import Client
    from fogchain.api.models import TaskView
    from fogchain.client.printed import LogEvent

PAUSE = 1.0
PAGE = 500
_OVER = ("done", "failed", "cancelled")


def show_logs(folder: DataFolder, job: str, task: int | None, *, as_json: bool) -> None:
    """Print what each attempt that has ended printed."""
    rest, shown = rest_to(folder), 0
    gathered: list[dict[str, Any]] = []
    job = rest.json("GET", path_of("jobs", job))["id"]
    for index in [task] if task is not None else _with_runs(rest, job):
        found = rest.json("GET", path_of("jobs", job, "tasks", index, "logs"))
        gathered.append(found)
        for one in [] if as_json else found["attempts"]:
            if _known(one):
                shown += 1
                _show(index, one)
    if as_json:
        output.say_json(gathered)
    elif not shown:
        output.note("no attempt has printed anything yet")


def follow_logs(folder: DataFolder, job: str, task: int | None, *, as_json: bool) -> None:
    """Print what attempts print as they do, and how each ended, until the tasks are over."""
    from fogchain.client.printed import FollowPrinted, Printed

    client, follow, screen = client_to(folder), FollowPrinted(), _Screen()
    while True:
        detail = client.job(job)
        job, again = detail.id, False
        if task is not None and task >= detail.tasks.total:
            raise NotFound(f"job {job[:12]} has tasks 0 to {detail.tasks.total - 1}, not {task}")
        for each in _tasks(client, job):
            if task not in (None, each.index):
                continue
            for run in follow.open(each):
                more = True
                while more:
                    since = follow.since(each.index, run.attempt)
                    more = False
                    for event in follow.hear(client.logs(job, each.index, run.attempt, *since)):
                        more = more or isinstance(event, Printed)
                        if not as_json:
                            screen.show(event)
                        elif isinstance(event, Printed):
                            print(json.dumps(asdict(event)), flush=True)
                        else:
                            (one,) = client.logs(job, each.index, run.attempt).attempts
                            print(json.dumps({"task": each.index, **one.model_dump(mode="json")}), flush=True)
            again = again or bool(follow.open(each)) or each.state not in _OVER
        if not again or detail.paid or detail.state in _OVER:
            break
        time.sleep(PAUSE)
    if not as_json and not screen.said:
        output.note("no attempt left anything here")


class _Screen:
    """Pieces of several streams, each under its name."""

    def __init__(self) -> None:
        self.said = False
        self._under: tuple[int, int, str] | None = None
        self._open = False  # the last line has no end yet

    def show(self, event: LogEvent) -> None:
        from fogchain.client.printed import Printed

        self.said = True
        if isinstance(event, Printed):
            under = event.task, event.attempt, event.stream
            if under != self._under:
                self._break()
                mark = ", unverified" if event.unverified else ""
                who = f"task {event.task}, attempt {event.attempt} on {event.provider_name}"
                output.say(output.dim(f"── {who}: {event.stream}{mark}"))
                self._under = under
            if event.left_out:
                self._break()
                output.say(output.dim(f"[… {show_size(event.left_out)} left out …]"))
            if event.text:
                print(_plain(event.text), end="", flush=True)
                self._open = not event.text.endswith("\n")
            return
        self._break()
        self._under = None
        output.say(output.bold(_title(event.task, asdict(event))))
        if event.contradicted:
            output.note("what this provider said it printed is not what it delivered; `job logs` shows that")

    def _break(self) -> None:
        if self._open:
            print(flush=True)
            self._open = False


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
            ("reserved", f"{show_size(found['reserved'])} for results to come" if found["reserved"] else ""),
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


def _tasks(client: Client, job: str) -> Iterator[TaskView]:
    cursor: str | None = None
    while True:
        page = client.tasks(job, PAGE, cursor)
        yield from page.items
        if (cursor := page.next_cursor) is None:
            return


def _known(attempt: dict[str, Any]) -> bool:
    """Whether it has ended, or something is known of what it has printed."""
    return attempt["state"] not in ("sent", "running") or any(attempt[name] for name in ("stdout", "stderr"))


def _title(index: int, one: Mapping[str, Any]) -> str:
    who = one["provider_name"] or one.get("provider", "")[:12]
    ending = " ".join(part for part in (one["state"], one["exit"] or "") if part)
    why = f": {one['detail']}" if one["detail"] else ""
    return f"── task {index}, attempt {one['attempt']} on {who}: {ending}{why}"


def _show(index: int, one: dict[str, Any]) -> None:
    output.say(output.bold(_title(index, one)))
    if one["contradicted"]:
        output.note("what this provider had said it printed is not what it delivered:")
    mark = ", unverified" if one["state"] == "running" else ""
    for name in ("stdout", "stderr"):
        stream = one[name]
        if stream is None:
            output.say(output.dim(f"{name}: not here"))
        elif stream["size"]:
            output.say(output.dim(f"{name}, {show_size(stream['size'])}{mark}:"))
            output.say(_plain(stream["text"]).rstrip("\n"))


def _plain(text: str) -> str:
    """A program's output, without what would steer the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)
