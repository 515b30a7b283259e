"""A job in full, for reading."""

from __future__ import annotations

from typing import Any

from fogchain.cli import output
from fogchain.units import show_size


def show_job(detail: dict[str, Any]) -> None:
    """`detail`: the API's JobDetail as JSON."""
    tasks, spec = detail["tasks"], detail["spec"]
    counts = ", ".join(f"{count} {name}" for name, count in tasks.items() if count)
    took = detail["finished"] - detail["created"] if detail["finished"] else None
    checks = f"{detail['checks_done']} done, {detail['checks_failed']} failed"
    output.facts(
        [
            (output.bold(detail["name"]), detail["id"]),
            ("state", output.state(detail["state"]) + (f": {detail['detail']}" if detail["detail"] else "")),
            ("tasks", f"{sum(tasks.values())}: {counts}"),
            ("checks", f"{checks} ({_level(spec)})"),
            ("terms", terms_of(spec)),
            ("fuel", output.fuel(detail["fuel"])),
            ("spent", f"{output.fog(detail['spent'])} of {output.fog(detail['budget'])}"),
            ("paid", "yes, every voucher is claimed" if detail["paid"] else "not yet"),
            ("submitted", output.ago(detail["created"]) + (f", took {output.span(took)}" if took is not None else "")),
        ]
    )
    show_providers(detail["providers"])


def _level(spec: dict[str, Any]) -> str:
    level = spec["verify"]["level"]
    replicas = {"L2": "two", "L3": "three"}.get(level)
    return f"level {level}" + (f": {replicas} providers run every task" if replicas else "")


def terms_of(spec: dict[str, Any]) -> str:
    """`spec`: a JobSpec as JSON."""
    within = f"{spec['deadline']} a task" if spec.get("deadline") else "the job's time limit"
    penalty = spec.get("penalty", "0 FOG")
    kept = "no penalty" if penalty == "0 FOG" else f"penalty {penalty} for a task promised and never delivered"
    return f"{within}, then paid less over {spec.get('grace', '0 ms')}; {kept}; {spec.get('privacy', 'direct')}"


def show_providers(shares: list[dict[str, Any]]) -> None:
    if not shares:
        return
    output.say()
    output.table(
        ("provider", "tasks", "checks", "fuel", "owed", "claimed", "session"),
        [
            (
                share["name"] or share["address"][:12],
                str(share["tasks"]),
                str(share["checks"]),
                output.fuel(share["fuel"]),
                output.fog(share["owed"]),
                output.fog(share["claimed"]),
                "; ".join(part for part in (share["session_state"], _faults(share), share["problem"]) if part),
            )
            for share in shares
        ],
        right=(1, 2, 3, 4, 5),
    )


def _faults(share: dict[str, Any]) -> str:
    """What it was late with or did not keep: `2 late, 1 outage, penalty 0.1 FOG`."""
    late = f"{share['late']} late" if share.get("late") else ""
    outages = share.get("outages", 0)
    gone = f"{outages} outage{'' if outages == 1 else 's'}" if outages else ""
    penalty = share.get("penalty", "0 FOG")
    return ", ".join(
        part for part in (late, gone, "" if penalty == "0 FOG" else f"penalty {output.fog(penalty)}") if part
    )


def show_tasks(tasks: list[dict[str, Any]]) -> None:
    """`tasks`: the API's TaskViews as JSON."""
    output.table(
        ("task", "state", "exit", "fuel", "cost", "provider", "files"),
        [_task(task) for task in tasks],
        right=(0, 3, 4),
    )


def _task(task: dict[str, Any]) -> tuple[str, ...]:
    run = next((run for run in reversed(task["runs"]) if run["purpose"] == "work"), None)
    what = output.state(task["state"]) + (f": {task['detail']}" if task["detail"] else "")
    if (moving := task.get("transfer")) is not None:
        what += f", fetching {moving['what']}: {show_size(moving['here'])} of {show_size(moving['total'])}"
    if len(task["runs"]) > 1:
        what += f" ({len(task['runs'])} runs)"
    if run and run.get("late"):
        what += ", late"
    if run and run.get("resumed_from"):
        what += f", resumed from {run['resumed_from']} after {output.fuel(run['resumed'])}"
    if run is None:
        return (str(task["index"]), what, "", "", "", "", "")
    return (
        str(task["index"]),
        what,
        run["exit"] or "",
        output.fuel(run["fuel"]) if run["fuel"] else "",
        output.fog(run["cost"]) if run["cost"] else "",
        run["provider_name"] or run["provider"][:12],
        str(len(task["files"]) or ""),
    )
