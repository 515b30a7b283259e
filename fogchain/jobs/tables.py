"""The job file's tables as people write them, each key checked; see `jobs/file.py` for what stands where."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fogchain.config import explain
from fogchain.errors import BadInput
from fogchain.jobs.spec import (
    MAX_TASKS,
    ClassName,
    FileName,
    FogAmount,
    Limits,
    PriceAmount,
    Privacy,
    RatioAmount,
    Region,
    SpanAmount,
    Urgency,
    Verify,
)
from fogchain.market.constraints import Pay
from fogchain.market.engines import Runtime
from fogchain.units import show_size

MAX_FILE_BYTES = 4 << 20


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JobTable(Table):
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


class TaskTable(Table):
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    stdin: str | None = None
    inputs: dict[FileName, str] = {}


class SplitTable(Table):
    file: str
    as_: FileName = Field(alias="as")


class ArrayTable(TaskTable):
    count: int = Field(ge=1, le=MAX_TASKS)
    split: SplitTable | None = None


class JobFile(Table):
    job: JobTable
    limits: Limits = Limits()
    verify: Verify = Verify()
    inputs: dict[FileName, str] = {}
    array: ArrayTable | None = None
    task: tuple[TaskTable, ...] | None = None


KEYS: dict[str, tuple[str, ...]] = {
    "job": tuple(field.alias or name for name, field in JobTable.model_fields.items()),
    "limits": tuple(Limits.model_fields),
    "verify": tuple(Verify.model_fields),
    "array": tuple(ArrayTable.model_fields),
    "task": tuple(TaskTable.model_fields),
    "array.split": ("file", "as"),
}
EXAMPLES = {
    "job.module": 'module = "program.wasm"',
    "job.script": 'script = "main.py"',
    "job.budget": 'budget = "5 FOG"',
    "array.count": "count = 8",
}


def parse_job_file(path: Path) -> JobFile:
    """Read a job file. Raises BadInput, with a hint, for what is wrong in itself; what it names is not looked at."""
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
        return JobFile.model_validate_json(json.dumps(raw, default=str))
    except ValidationError as error:
        raise BadInput(f"{path}: {explain(error)}", hint=_hint(error)) from error


def _hint(error: ValidationError) -> str:
    where = ".".join(str(step) for step in error.errors()[0]["loc"])
    if where == "job":
        return 'begin the file with [job], module = "program.wasm" and budget = "5 FOG"'
    if example := EXAMPLES.get(where):
        return f"write {example} in [{where.partition('.')[0]}]"
    return "mend the named keys; see docs/job-guide.md"


def _check_keys(path: Path, raw: dict[str, Any]) -> None:
    for key in raw:
        if key not in JobFile.model_fields:
            _refuse_key(path, key, "the file", tuple(JobFile.model_fields), "")
    for place, keys in KEYS.items():
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
    elsewhere = [other for other, keys in KEYS.items() if key in keys and other != place]
    close = get_close_matches(key, known, 1, 0.6)
    if close:
        hint = f"did you mean {close[0]!r}?"
    elif elsewhere:
        hint = f"{key!r} belongs in [{elsewhere[0]}]"
    else:
        hint = f"known here are: {', '.join(known)}"
    raise BadInput(f"{path}: unknown key {key!r} in {where}", hint=hint)
