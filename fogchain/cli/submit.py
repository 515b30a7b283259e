"""From a job file to a submitted job: read, price, ask, deposit, upload, submit."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import typer

from fogchain.api.client import Client
from fogchain.api.models import JobSummary, Quote
from fogchain.cli import output
from fogchain.cli.link import client_to
from fogchain.cli.show import terms_of
from fogchain.errors import BadInput, Unavailable
from fogchain.folder import DataFolder
from fogchain.jobs.file import ResolvedJob, load_job_file
from fogchain.jobs.source import size_of
from fogchain.jobs.spec import JobSpec
from fogchain.units import format_fog, show_size

T = TypeVar("T")

PATIENCE = 60.0  # seconds for a node that is being restarted
PAUSE = 1.0


def submit_file(folder: DataFolder, file: Path, *, yes: bool, as_json: bool, watched: bool) -> str:
    """Returns the job's id. Raises BadInput, PaymentRequired, Unavailable; Exit when the person says no."""
    job = load_job_file(file)
    client = client_to(folder)
    quote = client.quote(job.spec)
    if not as_json or not yes:
        _show_quote(job.spec, quote)
    if not yes:
        _ask(quote)
    if quote.missing:
        client = _deposit(folder, client, quote.missing)
        output.note(f"deposited {output.fog(quote.missing)}")
    uploaded = _upload(client, job)
    summary = _submit(folder, client, job.spec)
    if as_json:
        if not watched:
            answer = {"job": summary.model_dump(mode="json"), "quote": quote.model_dump(mode="json")}
            output.say_json({**answer, "deposited": format_fog(quote.missing), "uploaded": uploaded})
        return summary.id
    output.say(f"submitted {output.bold(summary.name)} {summary.id[:12]}")
    if not watched:
        output.say(output.dim(f"follow it with: fogchain job watch {summary.id[:12]}"))
    return summary.id


def _show_quote(spec: JobSpec, quote: Quote) -> None:
    cheapest, dearest = output.price(quote.cheapest), output.price(quote.dearest)
    prices = cheapest if quote.cheapest == quote.dearest else f"{cheapest} to {dearest}"
    rows = [
        (spec.name, f"{quote.tasks} tasks, checked at {spec.verify.level}"),
        ("providers", f"{quote.providers} match, {quote.slots} tasks at once" if quote.providers else "none matches"),
        ("price", prices if quote.providers else ""),
        ("at most", f"{output.fog(quote.most)}, of a budget of {output.fog(quote.budget)}"),
        ("terms", terms_of(spec.model_dump(mode="json"))),
        ("deposit", f"{output.fog(quote.missing)} from the wallet" if quote.missing else "nothing: enough is there"),
    ]
    for name, value in rows:
        if value:
            output.note(f"{output.dim(name.ljust(9))}  {value}")
    for reason in quote.reasons:
        output.note(output.dim(f"           {reason}"))


def _ask(quote: Quote) -> None:
    if not output.on_terminal():
        raise BadInput(f"this may spend {output.fog(quote.most)}, and nobody is there to agree", hint="add --yes")
    question = "Submit?" if quote.providers else "No provider matches now; the job would wait for one. Submit?"
    if not output.confirm(question):
        raise typer.Exit(1)


def _upload(client: Client, job: ResolvedJob) -> int:
    """Bring the blobs that the node does not have; returns how many."""
    missing = [sha256 for sha256 in job.blobs if not client.has_blob(sha256)]
    total = sum(size_of(job.blobs[sha256]) for sha256 in missing)
    sent = 0
    for number, sha256 in enumerate(missing, 1):
        try:
            sent += client.put_blob(job.blobs[sha256], sha256).size
        except OSError as error:
            hint = "the file was moved or removed meanwhile"
            raise BadInput(f"an input can't be read: {error}", hint=hint) from error
        if output.on_terminal():
            typer.echo(
                f"\ruploading {number}/{len(missing)}, {show_size(sent)} of {show_size(total)} ", nl=False, err=True
            )
    if missing and output.on_terminal():
        typer.echo(err=True)
    return len(missing)


def _deposit(folder: DataFolder, client: Client, amount: int) -> Client:
    """The client that still works afterwards. With one key for all tries, it is paid in once."""
    key = secrets.token_hex(16)
    return _patiently(folder, client, lambda node: node.deposit(amount, key))[1]


def _submit(folder: DataFolder, client: Client, spec: JobSpec) -> JobSummary:
    """With one key for all tries: a node that died after taking the job does not take it twice."""
    key = hashlib.sha256(f"{time.time_ns()} {spec.model_dump_json()}".encode()).hexdigest()
    return _patiently(folder, client, lambda node: node.submit(spec, key))[0]


def _patiently(folder: DataFolder, client: Client, ask: Callable[[Client], T]) -> tuple[T, Client]:
    """The answer, and the client that had it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask(client), client
        except Unavailable as error:
            if time.monotonic() > deadline:
                raise
            output.note(output.dim(f"{error.message}; trying again"))
            time.sleep(PAUSE)
        try:
            client = client_to(folder)  # a restarted node may listen elsewhere
        except Unavailable:
            continue
