"""A job's results as files: `DIR/<task>/<name>` and `DIR/manifest.json`, every byte checked against its hash."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fogchain.api.client import AsyncClient
from fogchain.api.models import JobDetail, RunView, TaskView
from fogchain.errors import BadMessage, NotFound, Unavailable
from fogchain.jobs.blobname import name_of
from fogchain.jobs.spec import ResultFile
from fogchain.units import format_fog, format_fuel

MANIFEST = "manifest.json"
PAGE = 500
AT_ONCE = 8  # files on the way


@dataclass(frozen=True)
class SavedResults:
    """`complete` is False while tasks have no result (yet)."""

    folder: Path
    tasks: int
    saved: int
    files: int
    bytes: int

    @property
    def complete(self) -> bool:
        return self.saved == self.tasks


async def save_results(
    client: AsyncClient, job_id: str, folder: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> SavedResults:
    """Fetch every result there is so far; files that are there already, with the right hash, are kept.

    `progress` is told how many of the tasks' files are here. Raises NotFound for a job without results, BadMessage for
    bytes that do not hash to what the signed result says, Unavailable when the node or the disk gives out.
    """
    job = await client.job(job_id)
    tasks = await _all_tasks(client, job.id)
    wanted = [(task.index, file) for task in tasks if task.result is not None for file in task.files]
    if not wanted:
        raise NotFound(f"job {job.id[:12]} has no results yet", hint="wait for it with `fogchain job watch`")
    gate, done = asyncio.Semaphore(AT_ONCE), 0

    async def fetch(index: int, file: ResultFile) -> None:
        nonlocal done
        async with gate:
            await _fetch(client, job.id, index, file, folder)
        done += 1
        progress(done, len(wanted))

    try:
        async with asyncio.TaskGroup() as group:
            for index, file in wanted:
                group.create_task(fetch(index, file))
        _write(folder / MANIFEST, (json.dumps(_manifest(job, tasks), indent=2) + "\n").encode())
    except* OSError as errors:
        error = _first(errors)
        raise Unavailable(f"the results can't be written to {folder}: {error}", hint="choose another --out") from error
    except* (BadMessage, NotFound, Unavailable) as errors:
        raise _first(errors) from None
    saved = sum(1 for task in tasks if task.result is not None)
    return SavedResults(folder, len(tasks), saved, len(wanted), sum(file.size for _, file in wanted))


async def _all_tasks(client: AsyncClient, job_id: str) -> list[TaskView]:
    found: list[TaskView] = []
    cursor: str | None = None
    while True:
        page = await client.tasks(job_id, limit=PAGE, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def _fetch(client: AsyncClient, job_id: str, index: int, file: ResultFile, folder: Path) -> None:
    path = _place(folder, index, file.name)
    if await asyncio.to_thread(_is_there, path, file):
        return
    data = await client.result_file(job_id, index, file.name)
    found = name_of(data)
    if found != file.sha256:
        raise BadMessage(
            f"{file.name} of task {index} hashes to {found}, not to {file.sha256} as its signed result says",
            hint="the node's disk may be damaged; it fetches the result anew when the file is removed there",
        )
    await asyncio.to_thread(_write, path, data)


def _is_there(path: Path, file: ResultFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size and name_of(path.read_bytes()) == file.sha256


def _place(folder: Path, index: int, name: str) -> Path:
    """Below the task's folder, whatever the name says. Raises BadMessage."""
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise BadMessage(f"task {index} has a result file named {name[:100]!r}", hint="it is not taken; report it")
    return folder.joinpath(str(index), *parts)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        scratch.write_bytes(data)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _manifest(job: JobDetail, tasks: list[TaskView]) -> dict[str, Any]:
    return {
        "job": job.id,
        "name": job.name,
        "state": job.state,
        "tasks": [_entry(task) for task in tasks],
    }


def _entry(task: TaskView) -> dict[str, Any]:
    run = _accepted(task)
    return {
        "index": task.index,
        "state": task.state,
        "args": task.args,
        "result": task.result,
        "exit": run.exit if run else None,
        "fuel": format_fuel(run.fuel) if run and run.fuel is not None else None,
        "cost": format_fog(run.cost) if run and run.cost is not None else None,
        "provider": run.provider if run else None,
        "provider_name": run.provider_name if run else None,
        "files": [file.model_dump() for file in task.files],
    }


def _accepted(task: TaskView) -> RunView | None:
    return next((run for run in task.runs if run.state == "accepted" and run.result == task.result), None)


def _first(errors: BaseExceptionGroup[Any]) -> Any:
    """The first error itself: a person is told one thing."""
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
