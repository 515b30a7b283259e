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

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from fogchain.config import explain
from fogchain.errors import BadInput
from fogchain.jobs.program import check_program, program_of, regular_size, unreadable
from fogchain.jobs.source import BlobSource, FileSlice, place_of, sha256_of, size_of
from fogchain.jobs.spec import MAX_INPUT_BYTES, BlobRef, JobSpec, TaskSpec, check_sum_of_inputs
from fogchain.jobs.split import split_lines
from fogchain.jobs.tables import ArrayTable, JobFile, JobTable, TaskTable, parse_job_file
from fogchain.units import show_size

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
        path, offset = place_of(source)
        key = (path, offset, size_of(source), path.stat().st_mtime_ns)
        if key not in self.names:
            self.names[key] = sha256_of(source)
        return self.names[key]


def load_job_file(path: Path, uploads: Uploads | None = None) -> ResolvedJob:
    """Read and check a job file and everything it names. Raises BadInput, with a hint, for all that is wrong.

    With `uploads` the file comes from somebody else: it can name nothing outside its own folder.
    """
    return _Resolver(path.parent, uploads).resolve(parse_job_file(path), path.stem)


@dataclass
class _Resolver:
    """Reads each file once, however many tasks name it."""

    folder: Path
    uploads: Uploads | None = None
    blobs: dict[str, BlobSource] = field(default_factory=dict)
    _refs: dict[tuple[Path, int], BlobRef] = field(default_factory=dict)

    def resolve(self, file: JobFile, stem: str) -> ResolvedJob:
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

    def _array(self, array: ArrayTable, common: dict[str, BlobRef]) -> list[TaskSpec]:
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
            raise unreadable("array.split.file", path, error) from error
        return [
            task.model_copy(update={"inputs": {**task.inputs, name: self._ref(part, "array.split.file")}})
            for task, part in zip(tasks, parts, strict=True)
        ]

    def _tasks(self, written: tuple[TaskTable, ...], common: dict[str, BlobRef]) -> list[TaskSpec]:
        return [self._task(task, index, len(written), f"task {index}", common) for index, task in enumerate(written)]

    def _task(self, written: TaskTable, index: int, count: int, place: str, common: dict[str, BlobRef]) -> TaskSpec:
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

    def _program(self, job: JobTable) -> BlobRef:
        what, written = program_of(job)
        path = self._path(written)
        check_program(job.runtime, path)
        return self._ref(path, what)

    def _input(self, written: str, what: str) -> BlobRef:
        return self._ref(self._path(written), what)

    def _path(self, written: str) -> Path:
        if self.uploads is not None:
            return self.uploads.place(self.folder, written)
        return self.folder / Path(written).expanduser()

    def _ref(self, source: Path | FileSlice, what: str) -> BlobRef:
        path, offset = place_of(source)
        known = self._refs.get((path, offset))
        if known is not None:
            return known
        try:
            regular_size(path, what)
            size = size_of(source)
            if size > MAX_INPUT_BYTES:
                raise BadInput(
                    f"{what}: {path} has {show_size(size)}; the limit is {show_size(MAX_INPUT_BYTES)}",
                    hint="split the input over more tasks; [array] split does it for text",
                )
            name = self.uploads.name_of(source) if self.uploads else sha256_of(source)
            ref = BlobRef(sha256=name, size=size)
        except OSError as error:
            raise unreadable(what, path, error) from error
        self._refs[path, offset] = ref
        self.blobs[ref.sha256] = source
        return ref


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
