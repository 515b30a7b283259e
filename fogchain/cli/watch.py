"""`fogchain job watch`: follow a job by the node's events until it is over, through restarts of the node."""

from __future__ import annotations

import json
import sys
import time
from types import TracebackType
from typing import Protocol

import typer

from fogchain.api.client import Client
from fogchain.api.models import Event, JobDetail, JobSummary
from fogchain.cli import output
from fogchain.cli.link import client_to
from fogchain.cli.show import show_providers
from fogchain.errors import Unavailable
from fogchain.folder import DataFolder

PATIENCE = 120.0  # seconds for a node that is being restarted
PAUSE = 1.0
RENEW_EVERY = 10.0  # asked anew, in case an event was lost


class Display(Protocol):
    def show(self, job: JobSummary) -> None: ...
    def heard(self, event: Event) -> None: ...
    def lost(self, error: Unavailable) -> None: ...
    def __enter__(self) -> Display: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def watch_job(folder: DataFolder, prefix: str, *, as_json: bool) -> int:
    """The exit code: 0 for a job that is done, 1 for one that failed or was cancelled. Raises NotFound, Unavailable."""
    try:
        with _display(as_json) as display:
            detail = _follow(folder, prefix, display)
    except KeyboardInterrupt:
        output.note("\nthe job goes on; watch it again, or end it with `fogchain job cancel`")
        raise typer.Exit(130) from None
    if not as_json:
        show_providers([share.model_dump(mode="json") for share in detail.providers])
        if detail.tasks.done:
            output.say()
            output.say(output.dim(f"fetch the results with: fogchain job results {detail.id[:12]} --out DIR"))
    return 0 if detail.state == "done" else 1


def over(job: JobSummary) -> bool:
    """Nothing more will happen: ended, and all that is owed is paid."""
    return job.state == "done" or (job.state in ("failed", "cancelled") and job.paid)


def _follow(folder: DataFolder, prefix: str, display: Display) -> JobDetail:
    deadline = time.monotonic()  # until the node has answered once, there is nothing to be patient for
    job_id = prefix
    while True:
        try:
            client = client_to(folder)
            detail = _follow_once(client, job_id, display)
        except Unavailable as error:
            if time.monotonic() > deadline:
                raise
            display.lost(error)
            time.sleep(PAUSE)
            continue
        if isinstance(detail, JobDetail):
            return detail
        job_id, deadline = detail, time.monotonic() + PATIENCE


def _follow_once(client: Client, job_id: str, display: Display) -> JobDetail | str:
    """The job when it is over; its full id when the connection broke."""
    with client.events() as events:
        job = client.job(job_id)  # asked after the events are on: nothing falls between
        full = job.id
        display.show(job)
        asked = time.monotonic()
        latest: JobSummary = job
        try:
            while not over(latest):
                event = events.receive(PAUSE)
                if event is not None and _concerns(event, full):
                    display.heard(event)
                    latest = event.job or latest
                elif time.monotonic() - asked > RENEW_EVERY:
                    latest, asked = client.job(full), time.monotonic()
                display.show(latest)
            return client.job(full)
        except Unavailable as error:
            display.lost(error)
            return full


def _concerns(event: Event, job_id: str) -> bool:
    return (event.job is not None and event.job.id == job_id) or event.job_id == job_id


def _display(as_json: bool) -> Display:
    if as_json:
        return _JsonLines()
    if sys.stdout.isatty():
        from fogchain.cli.live import LiveBar

        return LiveBar()
    return _Lines()


class _Quiet:
    def __enter__(self) -> Display:
        return self  # type: ignore[return-value]  # subclasses have the other methods

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class _JsonLines(_Quiet):
    """One JSON object a line: the job whenever it changed, each task that did."""

    def __init__(self) -> None:
        self._last: JobSummary | None = None

    def show(self, job: JobSummary) -> None:
        summary = JobSummary.model_validate(job.model_dump())
        if summary != self._last:
            self._last = summary
            print(json.dumps({"job": summary.model_dump(mode="json")}), flush=True)

    def heard(self, event: Event) -> None:
        if event.task is not None:
            print(json.dumps({"task": event.task.model_dump(mode="json")}), flush=True)

    def lost(self, error: Unavailable) -> None:
        print(json.dumps({"waiting": error.message}), flush=True)


class _Lines(_Quiet):
    """For logs: a line when the state changes, else at most one a second."""

    def __init__(self) -> None:
        self._last: tuple[object, ...] = ()
        self._state = ""
        self._shown = 0.0

    def show(self, job: JobSummary) -> None:
        now, facts = time.monotonic(), (job.state, job.detail, job.tasks, job.spent)
        changed = job.state != self._state
        if facts == self._last or (not changed and now - self._shown < 1):
            return
        self._last, self._state, self._shown = facts, job.state, now
        detail = f"  {job.detail}" if job.detail else ""
        running = f"  {job.tasks.running + job.tasks.sent} out" if job.state == "running" else ""
        spent = f"  {output.fog(job.spent)} spent"
        print(f"{job.name}  {job.state}  {job.tasks.done}/{job.tasks.total}{running}{spent}{detail}", flush=True)

    def heard(self, event: Event) -> None:
        pass

    def lost(self, error: Unavailable) -> None:
        if self._state != "lost":
            self._state = "lost"
            output.note(f"{error.message}; waiting for it to come back")
