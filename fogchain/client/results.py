"""What one task left behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fogchain.api.models import RunView, TaskState, TaskView
from fogchain.errors import BadMessage, TaskError
from fogchain.jobs.source import sha256_of
from fogchain.jobs.spec import ResultFile

OUT = "out/"
TAIL = 2000  # characters of stderr that an error tells


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A task that has ended. Every byte was checked against the hash that its provider signed.

    `files`: what the task wrote below /out, by its path there. `fuel` in executed instructions, `cost` in base units of
    FOG; both None for a task that never ran to an end. `exit`: as the sandbox says it, "OK" for a good end.
    """

    index: int
    state: TaskState  # done, failed or cancelled
    detail: str
    exit: str
    stdout: bytes
    stderr: bytes
    files: dict[str, bytes] = field(repr=False)
    fuel: int | None
    cost: int | None
    provider: str  # address, empty without a result
    provider_name: str

    @property
    def ok(self) -> bool:
        return self.state == "done"

    @property
    def text(self) -> str:
        """Standard output as text; what is no UTF-8 is shown as such."""
        return self.stdout.decode(errors="replace")

    def check(self) -> TaskResult:
        """Itself when the task ended well. Raises TaskError, with the end of what it wrote to standard error."""
        if self.ok:
            return self
        raise TaskError(
            f"task {self.index} is {self.state}: {self.detail or self.exit or 'it has no result'}",
            hint="its stdout, stderr and exit are in `error.result`",
            index=self.index,
            traceback=self.stderr.decode(errors="replace")[-TAIL:],
            result=self,
        )

    def save(self, folder: str | Path) -> Path:
        """Write `stdout`, `stderr` and the files into `folder`, which is made; returns it. Raises OSError."""
        target = Path(folder)
        for name, data in {"stdout": self.stdout, "stderr": self.stderr, **self._named()}.items():
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        return target

    def _named(self) -> dict[str, bytes]:
        return {OUT + name: data for name, data in self.files.items()}


def result_of(task: TaskView, contents: dict[str, bytes]) -> TaskResult:
    """`contents`: by the names that the node gives them, checked."""
    run = _accepted(task)
    return TaskResult(
        index=task.index,
        state=task.state,
        detail=task.detail,
        exit=(run.exit or "") if run else "",
        stdout=contents.get("stdout", b""),
        stderr=contents.get("stderr", b""),
        files={name.removeprefix(OUT): data for name, data in contents.items() if name not in ("stdout", "stderr")},
        fuel=run.fuel if run else None,
        cost=run.cost if run else None,
        provider=run.provider if run else "",
        provider_name=run.provider_name if run else "",
    )


def check_file(task: int, file: ResultFile, data: bytes) -> bytes:
    """Raises BadMessage for a name that leads out of a folder, and for bytes that are not those that were signed."""
    parts = file.name.split("/")
    if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise BadMessage(f"task {task} has a result file named {file.name[:100]!r}", hint="it is not taken; report it")
    found = sha256_of(data)
    if found != file.sha256:
        raise BadMessage(
            f"{file.name} of task {task} hashes to {found}, not to {file.sha256} as its signed result says",
            hint="the node's disk may be damaged; it fetches the result anew when the file is removed there",
        )
    return data


def _accepted(task: TaskView) -> RunView | None:
    return next((run for run in task.runs if run.state == "accepted" and run.result == task.result), None)
