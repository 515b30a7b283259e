"""Job files that come with an upload: read where the visitor's files lie, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fogchain.config import explain
from fogchain.errors import BadInput
from fogchain.jobs.file import ResolvedJob, Uploads, load_job_file
from fogchain.jobs.spec import MAX_TASKS, JobSpec

__all__ = ["MAX_TASKS", "JobSpec", "ResolvedJob", "Uploads", "read_uploaded", "wishes"]

_NO_PROGRAM = {"sha256": "00" * 32, "size": 1}


def read_uploaded(file: Path, uploads: Uploads) -> ResolvedJob:
    """The job in `file` and the files beside it. Raises BadInput, in words for who does not know this machine."""
    try:
        return load_job_file(file, uploads)
    except BadInput as error:
        words = error.message.replace(f"{file.parent}/", "").removeprefix(f"{file.name}: ")
        if isinstance(error.__cause__, FileNotFoundError):
            name = Path(error.__cause__.filename or "").name
            raise BadInput(f"{words.partition(':')[0]}: {name} was not uploaded", hint="add it to the files") from error
        raise BadInput(words, hint=error.hint) from error


def wishes(job: Mapping[str, Any], limits: Mapping[str, str]) -> JobSpec:
    """A job of one task without a program, to ask who would match it. Values as the API has them; raises BadInput."""
    given = {"name": "wishes", "budget": "1 FOG", "module": _NO_PROGRAM, "tasks": [{}], **job, "limits": dict(limits)}
    if given.get("runtime") == "native":
        given["verify"] = {"level": "L0"}
    try:
        return JobSpec.model_validate_json(json.dumps(given))
    except ValidationError as error:
        raise BadInput(explain(error), hint="mend the named fields") from error
