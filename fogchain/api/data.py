"""The HTTP API's models of what tasks printed, and of what the node keeps on its disk."""

from __future__ import annotations

from typing import Literal

from fogchain.api.models import View
from fogchain.jobs.logs import Log


class LogView(View):
    """One stream of a run. `text` has a mark where `left_out` bytes are missing; what is no UTF-8 is replaced."""

    size: int  # bytes printed in all
    left_out: int
    text: str

    @classmethod
    def of(cls, log: Log) -> LogView:
        return cls(size=log.size, left_out=log.left_out, text=log.text)


class AttemptLogs(View):
    """What one run of a task printed; None for what is not known (yet, or since its provider was lost)."""

    attempt: int
    purpose: Literal["work", "check", "canary"]
    provider: str
    provider_name: str
    state: str
    exit: str | None
    detail: str
    finished: float | None
    stdout: LogView | None
    stderr: LogView | None


class TaskLogs(View):
    job: str
    task: int
    state: str
    detail: str
    attempts: list[AttemptLogs]


class JobStorage(View):
    """Blobs that are kept for one job: as its buyer, its results until they are fetched; as provider, its orders."""

    job: str
    role: Literal["buyer", "provider"]
    blobs: int
    bytes: int


class StorageView(View):
    """The node's blobs, in bytes. `pinned` of `used` can't be collected now; `underway`: transfers not whole yet."""

    folder: str
    quota: int
    used: int
    pinned: int
    underway: int
    disk_free: int
    jobs: list[JobStorage]
