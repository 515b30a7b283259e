"""The job file: what people write (TOML), resolved to a `JobSpec` and the blobs it names.

    [job]     name runtime module script budget max_price time_limit deadline grace
              penalty privacy
              class regions min_survival urgency pay
    [verify]  level sample
    [limits]  fuel memory time output                         [inputs]  "name" = "path", given to every task
    [array]   count args env stdin inputs split               [[task]]  args env stdin inputs

A job has either an array or tasks written out. In args, env values and paths, `{index}` and `{count}` stand for the
task's number from 0 and the number of tasks; `{{index}}` gives the word in braces itself. Paths are relative to the
file.
"""

from __future__ import annotations

import json
import re
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fogchain.config import explain
from fogchain.errors import BadInput
from fogchain.jobs.source import BlobSource, FileSlice, sha256_of, size_of
from fogchain.jobs.spec import (
    MAX_INPUT_BYTES,
    MAX_MODULE_BYTES,
    MAX_SCRIPT_BYTES,
    MAX_TASKS,
    BlobRef,
    ClassName,
    FileName,
    FogAmount,
    JobSpec,
    Limits,
    Pay,
    PriceAmount,
    Privacy,
    RatioAmount,
    Region,
    SpanAmount,
    TaskSpec,
    Urgency,
    Verify,
    check_sum_of_inputs,
    is_native,
)
from fogchain.jobs.split import split_lines
from fogchain.market.engines import Runtime
from fogchain.units import show_size

MAX_FILE_BYTES = 4 << 20

_WASM = b"\0asm"
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}|\{(\w+)\}")


@dataclass(frozen=True)
class ResolvedJob:
    """A job ready to submit. `blobs`: sha256 to where the bytes are, the module's among them."""

    spec: JobSpec
    blobs: dict[str, BlobSource]


@dataclass
class Uploads:
    """Files that others have put into one folder. `names` keeps what was hashed, by path, place, size and time."""

    names: dict[tuple[Path, int, int, int], str] = field(default_factory=dict)

    def place(self, folder: Path, written: str) -> Path:
        """The file meant by `written`; by its last name alone if that lies elsewhere, since uploads have no folders."""
        path = folder / written
        inside = path.resolve().is_relative_to(folder.resolve())
        return path if inside and path.exists() else folder / Path(written).name

    def name_of(self, source: Path | FileSlice) -> str:
        """Raises OSError."""
        path, offset = (source.path, source.offset) if isinstance(source, FileSlice) else (source, -1)
        key = (path, offset, size_of(source), path.stat().st_mtime_ns)
        if key not in self.names:
            self.names[key] = sha256_of(source)
        return self.names[key]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Job(_Table):
    name: str | None = Field(default=None, min_length=1, max_length=100)
    runtime: Runtime = "wasm"
    module: str | None = Field(default=None, min_length=1)
    script: str | None = Field(default=None, min_length=1)  # instead of module, with the runtime "python"
    budget: FogAmount = Field(gt=0)
    max_price: PriceAmount | None = None
    class_: ClassName | None = Field(default=None, alias="class")
    regions: tuple[Region, ...] = Field(default=(), max_length=8)
    min_survival: RatioAmount | None = None
    urgency: Urgency = "now"
    pay: Pay = "session"
    time_limit: SpanAmount = Field(default=3_600_000, ge=10_000, le=7 * 86_400_000)
    deadline: SpanAmount | None = Field(default=None, ge=1000, le=7 * 86_400_000)
    grace: SpanAmount = Field(default=60_000, le=86_400_000)
    penalty: FogAmount = 0
    privacy: Privacy = "direct"


class _Task(_Table):
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    stdin: str | None = None
    inputs: dict[FileName, str] = {}


class _Split(_Table):
    file: str
    as_: FileName = Field(alias="as")


class _Array(_Task):
    count: int = Field(ge=1, le=MAX_TASKS)
    split: _Split | None = None


class _File(_Table):
    job: _Job
    limits: Limits = Limits()
    verify: Verify = Verify()
    inputs: dict[FileName, str] = {}
    array: _Array | None = None
    task: tuple[_Task, ...] | None = None


_KEYS: dict[str, tuple[str, ...]] = {
    "job": tuple(field.alias or name for name, field in _Job.model_fields.items()),
    "limits": tuple(Limits.model_fields),
    "verify": tuple(Verify.model_fields),
    "array": tuple(_Array.model_fields),
    "task": tuple(_Task.model_fields),
    "array.split": ("file", "as"),
}
_EXAMPLE = {
    "job.module": 'module = "program.wasm"',
    "job.script": 'script = "main.py"',
    "job.budget": 'budget = "5 FOG"',
    "array.count": "count = 8",
}


def load_job_file(path: Path, uploads: Uploads | None = None) -> ResolvedJob:
    """Read and check a job file and everything it names. Raises BadInput, with a hint, for all that is wrong.

    With `uploads` the file comes from somebody else: it can name nothing outside its own folder.
    """
    return _Resolver(path.parent, uploads).resolve(_parse(path), path.stem)


def _parse(path: Path) -> _File:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"the job file {path} can't be read: {error.strerror}", hint="check its path") from error
    if len(content) > MAX_FILE_BYTES:
        raise BadInput(
            f"the job file {path} has {show_size(len(content))}; the limit is {show_size(MAX_FILE_BYTES)}",
            hint="put data in input files, and like tasks in an [array]",
        )
    try:
        raw = tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not a job file: it is not UTF-8 text", hint="give a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path} is not TOML: {error}", hint="mend that line; texts stand in quotes") from error
    except RecursionError as error:
        raise BadInput(f"{path} is not a job file: it is nested too deep", hint="see docs/job-guide.md") from error
    _check_keys(path, raw)
    if "array" in raw and "task" in raw:
        raise BadInput(f"{path} has both [array] and [[task]]", hint="keep one of them")
    if "job" in raw and "array" not in raw and not raw.get("task"):
        raise BadInput(f"{path} has no tasks", hint="add [array] with count = 8, or [[task]] once for each task")
    try:
        # By way of JSON: there, a bare number is no amount.
        return _File.model_validate_json(json.dumps(raw, default=str))
    except ValidationError as error:
        raise BadInput(f"{path}: {explain(error)}", hint=_hint(error)) from error


def _hint(error: ValidationError) -> str:
    where = ".".join(str(step) for step in error.errors()[0]["loc"])
    if where == "job":
        return 'begin the file with [job], module = "program.wasm" and budget = "5 FOG"'
    example = _EXAMPLE.get(where)
    return (
        f"write {example} in [{where.partition('.')[0]}]" if example else "mend the named keys; see docs/job-guide.md"
    )


def _check_keys(path: Path, raw: dict[str, Any]) -> None:
    for key in raw:
        if key not in _File.model_fields:
            _refuse_key(path, key, "the file", tuple(_File.model_fields), "")
    for place, keys in _KEYS.items():
        for table in _tables(raw, place):
            for key in table:
                if key not in keys:
                    _refuse_key(path, key, f"[[{place}]]" if place == "task" else f"[{place}]", keys, place)


def _tables(raw: dict[str, Any], place: str) -> Iterator[dict[str, Any]]:
    value: Any = raw
    for step in place.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    yield from (table for table in (value if isinstance(value, list) else [value]) if isinstance(table, dict))


def _refuse_key(path: Path, key: str, where: str, known: tuple[str, ...], place: str) -> None:
    elsewhere = [other for other, keys in _KEYS.items() if key in keys and other != place]
    close = get_close_matches(key, known, 1, 0.6)
    if close:
        hint = f"did you mean {close[0]!r}?"
    elif elsewhere:
        hint = f"{key!r} belongs in [{elsewhere[0]}]"
    else:
        hint = f"known here are: {', '.join(known)}"
    raise BadInput(f"{path}: unknown key {key!r} in {where}", hint=hint)


@dataclass
class _Resolver:
    """Reads each file once, however many tasks name it."""

    folder: Path
    uploads: Uploads | None = None
    blobs: dict[str, BlobSource] = field(default_factory=dict)
    _refs: dict[tuple[Path, int], BlobRef] = field(default_factory=dict)

    def resolve(self, file: _File, stem: str) -> ResolvedJob:
        module = self._program(file.job)
        common = {name: self._input(place, f"inputs.{name}") for name, place in file.inputs.items()}
        tasks = self._array(file.array, common) if file.array else self._tasks(file.task or (), common)
        try:
            spec = JobSpec(
                name=file.job.name or stem[:100],
                runtime=file.job.runtime,
                module=module,
                budget=file.job.budget,
                max_price=file.job.max_price,
                resource_class=file.job.class_,
                regions=file.job.regions,
                min_survival=file.job.min_survival,
                urgency=file.job.urgency,
                pay=file.job.pay,
                time_limit=file.job.time_limit,
                deadline=file.job.deadline,
                grace=file.job.grace,
                penalty=file.job.penalty,
                privacy=file.job.privacy,
                limits=file.limits,
                verify=file.verify,
                tasks=tuple(tasks),
            )
        except ValidationError as error:
            raise BadInput(f"the job does not fit: {explain(error)}", hint="see docs/job-guide.md") from error
        check_sum_of_inputs(spec)
        return ResolvedJob(spec, {sha256: self.blobs[sha256] for sha256 in spec.blobs()})

    def _array(self, array: _Array, common: dict[str, BlobRef]) -> list[TaskSpec]:
        tasks = [self._task(array, index, array.count, "array", common) for index in range(array.count)]
        if array.split is None:
            return tasks
        name = array.split.as_
        if name in tasks[0].inputs:
            raise BadInput(f"two inputs are called {name!r}", hint="give split another `as`")
        path = self._path(array.split.file)
        try:
            parts = split_lines(path, array.count)
        except OSError as error:
            raise _unreadable("array.split.file", path, error) from error
        return [
            task.model_copy(update={"inputs": {**task.inputs, name: self._ref(part, "array.split.file")}})
            for task, part in zip(tasks, parts, strict=True)
        ]

    def _tasks(self, written: tuple[_Task, ...], common: dict[str, BlobRef]) -> list[TaskSpec]:
        return [self._task(task, index, len(written), f"task {index}", common) for index, task in enumerate(written)]

    def _task(self, written: _Task, index: int, count: int, place: str, common: dict[str, BlobRef]) -> TaskSpec:
        def fill(text: str, what: str) -> str:
            return _fill(text, {"index": str(index), "count": str(count)}, f"{place}: {what}")

        own = {name: self._input(fill(path, name), f"{place}: {name}") for name, path in written.inputs.items()}
        try:
            return TaskSpec(
                args=tuple(fill(arg, "args") for arg in written.args),
                env={name: fill(value, name) for name, value in written.env.items()},
                stdin=self._input(fill(written.stdin, "stdin"), f"{place}: stdin") if written.stdin else None,
                inputs={**common, **own},
            )
        except ValidationError as error:
            raise BadInput(f"{place}: {explain(error)}", hint="see docs/job-guide.md") from error

    def _program(self, job: _Job) -> BlobRef:
        key, other = ("script", "module") if job.runtime == "python" else ("module", "script")
        if getattr(job, other) is not None:
            hint = 'add runtime = "python"' if other == "script" else 'write script = "main.py", or drop the runtime'
            raise BadInput(f"a {job.runtime} job has no {other}", hint=hint)
        if (written := getattr(job, key)) is None:
            raise BadInput(f"job.{key}: missing", hint=f"write {_EXAMPLE[f'job.{key}']} in [job]")
        return {"wasm": self._module, "python": self._script, "native": self._image}[job.runtime](written)

    def _script(self, written: str) -> BlobRef:
        path = self._path(written)
        try:
            size = _plain(path, "job.script")
            text = path.read_bytes() if size <= MAX_SCRIPT_BYTES else b""
        except OSError as error:
            raise _unreadable("job.script", path, error) from error
        if size > MAX_SCRIPT_BYTES:
            raise BadInput(
                f"the script {path} has {show_size(size)}; the limit is {show_size(MAX_SCRIPT_BYTES)}",
                hint="give data, and modules that it imports, as inputs",
            )
        if b"\0" in text:
            raise BadInput(f"{path} is not a Python script", hint="name the .py file; modules go without a runtime")
        return self._ref(path, "job.script")

    def _image(self, written: str) -> BlobRef:
        path = self._path(written)
        try:
            size = _plain(path, "job.module")
            with path.open("rb") as file:
                head = file.read(512)
        except OSError as error:
            raise _unreadable("job.module", path, error, "build it first; docs/job-guide.md shows how") from error
        if size > MAX_INPUT_BYTES:
            raise BadInput(
                f"the module {path} has {show_size(size)}; the limit is {show_size(MAX_INPUT_BYTES)}",
                hint="strip it (-s), and give data as inputs",
            )
        if not is_native(head):
            raise BadInput(
                f"{path} is neither a Linux executable nor a tar image",
                hint="link a program statically (-static), or make a tar archive of a root folder",
            )
        return self._ref(path, "job.module")

    def _module(self, written: str) -> BlobRef:
        path = self._path(written)
        try:
            size = _plain(path, "job.module")
            with path.open("rb") as file:
                head = file.read(4)
        except OSError as error:
            raise _unreadable("job.module", path, error, "build it first; docs/job-guide.md shows how") from error
        if size > MAX_MODULE_BYTES:
            raise BadInput(
                f"the module {path} has {show_size(size)}; the limit is {show_size(MAX_MODULE_BYTES)}",
                hint="strip it (-s), and give data as inputs",
            )
        if head != _WASM:
            raise BadInput(
                f"{path} is not a WebAssembly module",
                hint="compile for wasm32-wasi; docs/job-guide.md shows how in C, Rust and AssemblyScript",
            )
        return self._ref(path, "job.module")

    def _input(self, written: str, what: str) -> BlobRef:
        return self._ref(self._path(written), what)

    def _path(self, written: str) -> Path:
        if self.uploads is not None:
            return self.uploads.place(self.folder, written)
        return self.folder / Path(written).expanduser()

    def _ref(self, source: Path | FileSlice, what: str) -> BlobRef:
        path, offset = (source.path, source.offset) if isinstance(source, FileSlice) else (source, -1)
        known = self._refs.get((path, offset))
        if known is not None:
            return known
        try:
            _plain(path, what)
            size = size_of(source)
            if size > MAX_INPUT_BYTES:
                raise BadInput(
                    f"{what}: {path} has {show_size(size)}; the limit is {show_size(MAX_INPUT_BYTES)}",
                    hint="split the input over more tasks; [array] split does it for text",
                )
            name = self.uploads.name_of(source) if self.uploads else sha256_of(source)
            ref = BlobRef(sha256=name, size=size)
        except OSError as error:
            raise _unreadable(what, path, error) from error
        self._refs[path, offset] = ref
        self.blobs[ref.sha256] = source
        return ref


def _plain(path: Path, what: str) -> int:
    """The size of a regular file. Raises BadInput for a folder or device, OSError when it is not there."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise BadInput(f"{what}: {path} is not a file", hint="name a single file; tasks are given files one by one")
    return status.st_size


def _unreadable(what: str, path: Path, error: OSError, hint: str = "") -> BadInput:
    return BadInput(
        f"{what}: {path} can't be read: {error.strerror or error}", hint=hint or "paths are relative to the job file"
    )


def _fill(text: str, values: dict[str, str], what: str) -> str:
    """The text with its placeholders filled.

    Braces around anything but a single word are left alone, so that JSON may stand in an argument.
    """

    def value(match: re.Match[str]) -> str:
        literal, name = match.groups()
        if literal:
            return f"{{{literal}}}"
        if name not in values:
            close = get_close_matches(name, values, 1)
            hint = f"did you mean {{{close[0]}}}? " if close else "use {index} or {count}; "
            raise BadInput(f"{what}: unknown placeholder {{{name}}}", hint=f"{hint}write {{{{{name}}}}} for the braces")
        return values[name]

    return _PLACEHOLDER.sub(value, text)
