"""`fogchain job`: submit, list, show, watch, results, cancel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fogchain.cli import output
from fogchain.cli.lazy import new_app
from fogchain.cli.options import Data, JobId, Json, Yes, folder_of

app = new_app(no_args_is_help=True, help="Submit jobs, watch them, fetch their results.")


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="The job file; docs/job-guide.md says what is in it.")],
    yes: Yes = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Then watch it until it is paid.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Price a job, ask, and submit it.

    Nothing is spent before you agree. What is missing in the market is deposited from the wallet.
    """
    from fogchain.cli.submit import submit_file
    from fogchain.cli.watch import watch_job

    folder = folder_of(data)
    job_id = submit_file(folder, file, yes=yes, as_json=as_json, watched=watch)
    if watch:
        raise typer.Exit(watch_job(folder, job_id, as_json=as_json))


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option(help="How many, newest first.", metavar="N", min=1, max=1000)] = 20,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The newest jobs."""
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to

    page = rest_to(folder_of(data)).json("GET", path_of("jobs", query={"limit": limit}))
    if as_json:
        output.say_json(page)
        return
    jobs = page["items"]
    if not jobs:
        output.say("No jobs yet. Submit one with `fogchain job submit FILE`.")
        return
    output.table(
        ("id", "name", "state", "tasks", "fuel", "spent", "budget", "submitted"),
        [
            (
                job["id"][:12],
                job["name"][:32],
                _state(job),
                f"{job['tasks']['done']}/{sum(job['tasks'].values())}",
                output.fuel(job["fuel"]),
                output.fog(job["spent"]),
                output.fog(job["budget"]),
                output.ago(job["created"]),
            )
            for job in jobs
        ],
        right=(3, 4, 5, 6),
    )
    if page["total"] > len(jobs):
        output.note(output.dim(f"{len(jobs)} of {page['total']}; --limit shows more"))


@app.command()
def show(
    job: JobId,
    tasks: Annotated[bool, typer.Option("--tasks", help="Each task, too.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """One job: progress, providers, what is paid."""
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to
    from fogchain.cli.show import show_job, show_tasks

    rest = rest_to(folder_of(data))
    detail = rest.json("GET", path_of("jobs", job))
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while tasks:
        page = rest.json("GET", path_of("jobs", detail["id"], "tasks", query={"limit": 1000, "cursor": cursor}))
        rows += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    if as_json:
        output.say_json({**detail, "task_list": rows} if tasks else detail)
        return
    show_job(detail)
    if tasks:
        output.say()
        show_tasks(rows)


@app.command()
def watch(job: JobId, data: Data = None, as_json: Json = False) -> None:
    """Follow a job until it is done and paid."""
    from fogchain.cli.watch import watch_job

    raise typer.Exit(watch_job(folder_of(data), job, as_json=as_json))


@app.command()
def results(
    job: JobId,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Where to.", show_default="results-ID")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Fetch every task's result files.

    They come as DIR/<task>/<name>, each checked against the hash that its provider signed; DIR/manifest.json says
    who ran what, and for how much. Run again, it fetches only what is missing.
    """
    from fogchain.cli.fetch import fetch_results

    fetch_results(folder_of(data), job, out, as_json=as_json)


@app.command()
def logs(
    job: JobId,
    task: Annotated[
        int | None, typer.Option("--task", metavar="N", help="Of this task alone.", min=0, show_default="all")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="As it is printed, until the tasks are over.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """What tasks printed, each attempt with its provider and how it ended.

    Also of attempts that failed, ran out of time or were killed. What a task that runs has printed so far is what its
    provider says: unverified until the result is accepted. Long output has its middle left out; the whole is among the
    results, where there are any.
    """
    from fogchain.cli.logs import follow_logs, show_logs

    (follow_logs if follow else show_logs)(folder_of(data), job, task, as_json=as_json)


@app.command()
def delete(job: JobId, yes: Yes = False, data: Data = None, as_json: Json = False) -> None:
    """Forget a job that is over: its results, its logs, its receipts here.

    What was paid stays on the chain. Results are kept until then, at least for data.retention or until fetched.
    """
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to
    from fogchain.errors import BadInput

    rest = rest_to(folder_of(data))
    detail = rest.json("GET", path_of("jobs", job))
    if not yes:
        if not output.on_terminal():
            raise BadInput("deleting a job wants a yes", hint="add --yes")
        if not output.confirm(f"Delete {detail['name']} ({detail['id'][:12]}) and its results?"):
            raise typer.Exit(1)
    rest.raw("DELETE", path_of("jobs", detail["id"]))
    if as_json:
        output.say_json({"deleted": detail["id"]})
    else:
        output.say(f"{detail['name']} is deleted")


@app.command()
def cancel(job: JobId, yes: Yes = False, data: Data = None, as_json: Json = False) -> None:
    """End a job. Work that providers have delivered is paid; the rest of the money is freed."""
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to
    from fogchain.errors import BadInput

    rest = rest_to(folder_of(data))
    if not yes:
        detail = rest.json("GET", path_of("jobs", job))
        left = sum(detail["tasks"].values()) - detail["tasks"]["done"]
        if not output.on_terminal():
            raise BadInput("cancelling a job wants a yes", hint="add --yes")
        if not output.confirm(f"Cancel {detail['name']} ({detail['id'][:12]}) with {left} tasks not done?"):
            raise typer.Exit(1)
        job = detail["id"]
    summary = rest.json("POST", path_of("jobs", job, "cancel"), b"")
    if as_json:
        output.say_json(summary)
    else:
        output.say(f"{summary['name']} is {summary['state']}; spent {output.fog(summary['spent'])}")


def _state(job: dict[str, Any]) -> str:
    waits = job["state"] in ("done", "failed", "cancelled") and not job["paid"]
    return output.state(job["state"]) + (output.dim(" (being paid)") if waits else "")
