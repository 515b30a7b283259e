"""From what a caller gives to a job: a job file, a program and its items, or a function and its items."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from fogchain.client import values
from fogchain.client.function import RESULT, read_results, script_of
from fogchain.client.results import TaskResult
from fogchain.config import explain
from fogchain.errors import BadInput, BadMessage, TaskError
from fogchain.jobs.file import ResolvedJob, load_job_file
from fogchain.jobs.source import BlobSource, sha256_of, size_of
from fogchain.jobs.spec import MAX_TASKS, BlobRef, JobSpec, Limits, TaskSpec, Verify, check_sum_of_inputs
from fogchain.units import parse_duration, parse_fog, parse_price, show_size

M = TypeVar("M", bound=BaseModel)

Work = str | Path | ResolvedJob | JobSpec
Item = bytes | str | Path | Mapping[str, Any] | list[str] | tuple[str, ...]

WASM = b"\0asm"

_KEYS = ("args", "env", "stdin", "inputs")


@dataclass(frozen=True)
class Terms:
    """What a mapped job may cost and use, as its caller wrote it: all with units."""

    budget: str
    max_price: str | None = None
    verify: str | Mapping[str, Any] | Verify | None = None
    limits: Mapping[str, Any] | Limits | None = None
    time_limit: str | None = None
    name: str | None = None


def job_of(work: Work, budget: str | None, max_price: str | None) -> ResolvedJob:
    """A job file's path, or a job that is resolved already; budget and price override what it says. Raises BadInput."""
    if isinstance(work, str | Path):
        job = load_job_file(Path(work).expanduser())
    elif isinstance(work, JobSpec):
        job = ResolvedJob(work, {})
    elif isinstance(work, ResolvedJob):
        job = work
    else:
        raise BadInput(f"a {type(work).__name__} is no job", hint="give a job file's path; or use map()")
    changes: dict[str, int] = {}
    if budget is not None:
        changes["budget"] = parse_fog(budget)
    if max_price is not None:
        changes["max_price"] = parse_price(max_price)
    return ResolvedJob(job.spec.model_copy(update=changes), job.blobs) if changes else job


@dataclass
class MappedJob:
    """A job, and how its tasks' results become the items' outputs."""

    job: ResolvedJob
    outputs: Callable[[TaskResult], Iterator[object]]  # each an output, or a TaskError
    function: bool


def map_job(work: Callable[..., Any] | str | Path | bytes, items: Iterable[Any], terms: Terms, chunk: int) -> MappedJob:
    """Raises BadInput for what can't be sent, before anything is."""
    if callable(work):
        return _function_job(work, items, terms, chunk)
    if chunk != 1:
        raise BadInput("chunk groups the items of a function; a program gets one item a task", hint="leave it out")
    return _program_job(work, items, terms)


def _program_job(work: str | Path | bytes, items: Iterable[Any], terms: Terms) -> MappedJob:
    source: BlobSource = work if isinstance(work, bytes) else Path(work).expanduser()
    blobs = _Blobs()
    program = blobs.add(source, "the program")
    runtime: Literal["wasm", "python"] = "wasm"
    if isinstance(source, Path) and source.suffix == ".py":
        runtime = "python"
    elif _head(source) != WASM:
        raise BadInput(
            "the program is not a WebAssembly module",
            hint="compile it for wasm32-wasi (docs/job-guide.md), or give a .py file or a function",
        )
    tasks = [_task(item, index, blobs) for index, item in enumerate(_bounded(items))]
    name = source.stem if isinstance(source, Path) else "map"
    return MappedJob(_resolved(terms, name, runtime, program, tasks, blobs), _whole, False)


def _whole(result: TaskResult) -> Iterator[object]:
    try:
        yield result.check()
    except TaskError as error:
        yield error


def _function_job(function: Callable[..., Any], items: Iterable[Any], terms: Terms, chunk: int) -> MappedJob:
    if not isinstance(chunk, int) or chunk < 1:
        raise BadInput(f"{chunk!r} is no number of items", hint="chunk is 1 or more")
    blobs = _Blobs()
    program = blobs.add(script_of(function).encode(), "the function")
    tasks, sizes = [], []
    for number, group in enumerate(_bounded(_groups(items, chunk))):
        try:
            data = values.dumps(group).encode()
        except (TypeError, ValueError) as error:
            first, last = number * chunk, number * chunk + len(group) - 1
            where = f"item {first}" if first == last else f"items {first} to {last}"
            raise BadInput(f"{where}: {error}", hint="docs/client.md says what items may be") from error
        # The number makes like items different tasks, with random numbers of their own.
        tasks.append(TaskSpec(args=(str(number),), stdin=blobs.add(data, "an item")))
        sizes.append(len(group))
    name = getattr(function, "__name__", "map").strip("<>")

    def outputs(result: TaskResult) -> Iterator[object]:
        yield from _outputs(result, result.index * chunk, sizes[result.index])

    return MappedJob(_resolved(terms, name, "python", program, tasks, blobs), outputs, True)


def _outputs(result: TaskResult, first: int, count: int) -> Iterator[object]:
    """The outputs of one task's items; an item whose function raised is a TaskError."""
    try:
        data = result.check().files.get(RESULT)
        if data is None:
            raise BadMessage(f"task {result.index} left no {RESULT}", hint="see its stdout and stderr")
        entries = list(read_results(data, count))
    except TaskError as error:
        error.index = first
        yield from (error for _ in range(count))
        return
    except (BadMessage, ValueError, TypeError, RecursionError) as error:
        failed = TaskError(f"task {result.index} answered what is no result: {error}", index=first, result=result)
        yield from (failed for _ in range(count))
        return
    for place, entry in enumerate(entries):
        if "value" in entry:
            yield entry["value"]
        else:
            yield TaskError(
                f"item {first + place}: {entry['kind']}: {entry['text']}",
                hint="the function raised it where it ran; its traceback is in `error.traceback`",
                index=first + place,
                kind=str(entry["kind"]),
                traceback=str(entry["traceback"]),
                result=result,
            )


@dataclass
class _Blobs:
    known: dict[str, BlobSource] = field(default_factory=dict)

    def add(self, source: BlobSource, what: str) -> BlobRef:
        try:
            ref = BlobRef(sha256=sha256_of(source), size=size_of(source))
        except OSError as error:
            raise BadInput(
                f"{what}: {source!r} can't be read: {error.strerror or error}", hint="see its path"
            ) from error
        except ValidationError as error:
            raise BadInput(f"{what} has {show_size(size_of(source))}, which is too much", hint="split it") from error
        self.known[ref.sha256] = source
        return ref


def _task(item: object, index: int, blobs: _Blobs) -> TaskSpec:
    what = f"item {index}"
    if isinstance(item, bytes | str | Path):
        item = {"stdin": item}
    elif isinstance(item, list | tuple):
        item = {"args": item}
    if not isinstance(item, Mapping):
        raise BadInput(
            f"{what} is a {type(item).__name__}", hint="give text, bytes, a Path, a list of arguments, or a dict"
        )
    for key in item:
        if key not in _KEYS:
            raise BadInput(f"{what}: unknown key {str(key)[:80]!r}", hint=f"known here are: {', '.join(_KEYS)}")
    stdin = item.get("stdin")
    inputs = item.get("inputs") or {}
    if not isinstance(inputs, Mapping):
        raise BadInput(f"{what}: inputs is no dict of names and contents", hint='like {"data.csv": Path("a.csv")}')
    try:
        return TaskSpec(
            args=tuple(item.get("args") or ()),
            env=dict(item.get("env") or {}),
            stdin=None if stdin is None else blobs.add(_content(stdin, f"{what}: stdin"), f"{what}: stdin"),
            inputs={
                name: blobs.add(_content(value, f"{what}: {name}"), f"{what}: {name}") for name, value in inputs.items()
            },
        )
    except ValidationError as error:
        raise BadInput(f"{what}: {explain(error)}", hint="see docs/client.md") from error


def _content(value: object, what: str) -> BlobSource:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes | Path):
        return value.expanduser() if isinstance(value, Path) else value
    raise BadInput(f"{what} is a {type(value).__name__}", hint="give text, bytes or a Path")


def _resolved(
    terms: Terms, name: str, runtime: Literal["wasm", "python"], program: BlobRef, tasks: list[TaskSpec], blobs: _Blobs
) -> ResolvedJob:
    if not tasks:
        raise BadInput("there are no items", hint="give one or more")
    options: dict[str, Any] = {}
    if terms.time_limit is not None:
        options["time_limit"] = parse_duration(terms.time_limit)
    if terms.max_price is not None:
        options["max_price"] = parse_price(terms.max_price)
    verify = {"level": terms.verify} if isinstance(terms.verify, str) else terms.verify
    try:
        spec = JobSpec(
            name=terms.name or name[:100] or "map",
            runtime=runtime,
            module=program,
            budget=parse_fog(terms.budget),
            limits=_read(Limits, terms.limits),
            verify=_read(Verify, verify),
            tasks=tuple(tasks),
            **options,
        )
    except ValidationError as error:
        raise BadInput(f"the job does not fit: {explain(error)}", hint="see docs/client.md") from error
    check_sum_of_inputs(spec)
    return ResolvedJob(spec, blobs.known)


def _read(kind: type[M], given: Mapping[str, Any] | M | None) -> M:
    """Amounts in it are texts with units, as in a job file."""
    if isinstance(given, kind):
        return given
    return kind.model_validate_json(json.dumps(dict(given or {}), default=str))


def _bounded(items: Iterable[Any]) -> Iterator[Any]:
    for number, item in enumerate(items):
        if number == MAX_TASKS:
            raise BadInput(f"more than {MAX_TASKS:,} tasks", hint="group items with chunk=, or map in several jobs")
        yield item


def _groups(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    left = iter(items)
    while group := list(islice(left, size)):
        yield group


def _head(source: BlobSource) -> bytes:
    if isinstance(source, bytes):
        return source[:4]
    assert isinstance(source, Path)
    with source.open("rb") as file:
        return file.read(4)


def fresh_key() -> str:
    """An idempotency key."""
    return uuid.uuid4().hex
