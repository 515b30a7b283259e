"""Job files that come with an upload: read where the visitor's files lie, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from fogchain.errors import BadInput
from fogchain.jobs.file import ResolvedJob, Uploads, load_job_file
from fogchain.jobs.source import BlobSource

__all__ = ["BlobSource", "ResolvedJob", "Uploads", "read_uploaded"]


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
