"""The program of a job file: which key names it for each runtime, and whether the file is such a program."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fogchain.errors import BadInput
from fogchain.jobs.spec import MAX_INPUT_BYTES, MAX_MODULE_BYTES, MAX_SCRIPT_BYTES, is_native
from fogchain.jobs.tables import EXAMPLES, JobTable
from fogchain.market.engines import Runtime
from fogchain.units import show_size


@dataclass(frozen=True)
class _Kind:
    """What one runtime takes. `head`: how many bytes `accepts` looks at."""

    key: str  # the job file's
    limit: int  # bytes
    head: int
    accepts: Callable[[bytes], bool]
    is_not: str  # what a refused file is not
    mend: str
    shrink: str
    build: str = "build it first; docs/job-guide.md shows how"


_KINDS: dict[Runtime, _Kind] = {
    "wasm": _Kind(
        key="module",
        limit=MAX_MODULE_BYTES,
        head=4,
        accepts=lambda head: head == b"\0asm",
        is_not="is not a WebAssembly module",
        mend="compile for wasm32-wasi; docs/job-guide.md shows how in C, Rust and AssemblyScript",
        shrink="strip it (-s), and give data as inputs",
    ),
    "python": _Kind(
        key="script",
        limit=MAX_SCRIPT_BYTES,
        head=MAX_SCRIPT_BYTES,
        accepts=lambda text: b"\0" not in text,
        is_not="is not a Python script",
        mend="name the .py file; modules go without a runtime",
        shrink="give data, and modules that it imports, as inputs",
        build="",
    ),
    "native": _Kind(
        key="module",
        limit=MAX_INPUT_BYTES,
        head=512,
        accepts=is_native,
        is_not="is neither a Linux executable nor a tar image",
        mend="link a program statically (-static), or make a tar archive of a root folder",
        shrink="strip it (-s), and give data as inputs",
    ),
}


def program_of(job: JobTable) -> tuple[str, str]:
    """The key that names the program, as `job.module`, and what is written there. Raises BadInput."""
    key = _KINDS[job.runtime].key
    named = {"module": job.module, "script": job.script}
    other = "module" if key == "script" else "script"
    if named[other] is not None:
        hint = 'add runtime = "python"' if other == "script" else 'write script = "main.py", or drop the runtime'
        raise BadInput(f"a {job.runtime} job has no {other}", hint=hint)
    if (written := named[key]) is None:
        raise BadInput(f"job.{key}: missing", hint=f"write {EXAMPLES[f'job.{key}']} in [job]")
    return f"job.{key}", written


def check_program(runtime: Runtime, path: Path) -> None:
    """Raises BadInput for what is not a program of this runtime, or is too large for one."""
    kind = _KINDS[runtime]
    what = f"job.{kind.key}"
    try:
        size = regular_size(path, what)
        with path.open("rb") as file:
            head = file.read(kind.head)
    except OSError as error:
        raise unreadable(what, path, error, kind.build) from error
    if size > kind.limit:
        raise BadInput(
            f"the {kind.key} {path} has {show_size(size)}; the limit is {show_size(kind.limit)}", hint=kind.shrink
        )
    if not kind.accepts(head):
        raise BadInput(f"{path} {kind.is_not}", hint=kind.mend)


def regular_size(path: Path, what: str) -> int:
    """The size of a regular file. Raises BadInput for a folder or device, OSError when it is not there."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise BadInput(f"{what}: {path} is not a file", hint="name a single file; tasks are given files one by one")
    return status.st_size


def unreadable(what: str, path: Path, error: OSError, hint: str = "") -> BadInput:
    return BadInput(
        f"{what}: {path} can't be read: {error.strerror or error}", hint=hint or "paths are relative to the job file"
    )
