"""`fogchain job results`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import typer

from fogchain.api.address import ApiAddress, read_token
from fogchain.api.client import AsyncClient
from fogchain.cli import output
from fogchain.client.saving import MANIFEST, SavedResults, save_results
from fogchain.folder import DataFolder
from fogchain.units import show_size


def fetch_results(folder: DataFolder, job: str, out: Path | None, *, as_json: bool) -> None:
    saved = asyncio.run(_fetch(folder, job, out))
    if as_json:
        output.say_json(
            {
                "folder": str(saved.folder),
                "manifest": str(saved.folder / MANIFEST),
                "tasks": saved.tasks,
                "saved": saved.saved,
                "files": saved.files,
                "bytes": saved.bytes,
                "complete": saved.complete,
            }
        )
        return
    output.say(f"{saved.files} files, {show_size(saved.bytes)}, every hash right: {output.bold(str(saved.folder))}")
    if not saved.complete:
        output.note(f"{saved.saved} of {saved.tasks} tasks have a result so far; run this again later for the others")


async def _fetch(folder: DataFolder, job: str, out: Path | None) -> SavedResults:
    async with AsyncClient(ApiAddress.load(folder).url, read_token(folder)) as client:
        target = out or Path(f"results-{(await client.job(job)).id[:12]}")
        saved = await save_results(client, job, target, _show_progress)
        if sys.stderr.isatty():
            typer.echo(err=True)
        return saved


def _show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{done}/{total} files ", nl=False, err=True)
