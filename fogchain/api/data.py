"""The HTTP API's models of what tasks printed, and of what the node keeps on its disk."""

from __future__ import annotations

import codecs
from typing import Literal

from fogchain.api.models import View
from fogchain.jobs.logs import Log


class LogView(View):
    """One stream of a run. `text` has a mark where `left_out` bytes are missing; what is no UTF-8 is replaced. If it
    was asked for from a byte on, `text` begins at `begin`, with nothing missing in it. What follows, begins at `next`.
    """

    size: int  # bytes printed in all, as far as is known
    left_out: int
    text: str
    begin: int = 0
    next: int = 0

    @classmethod
    def of(cls, log: Log) -> LogView:
        return cls(size=log.size, left_out=log.left_out, text=log.text, next=log.size)

    @classmethod
    def part(cls, log: Log, place: int, *, ended: bool) -> LogView:
        """From byte `place` on, up to a gap; a letter that is not whole yet comes with the next part."""
        begin, data = log.after(place)
        end = begin + len(data)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(data, ended or end < log.size)
        end -= len(decoder.getstate()[0])
        return cls(size=log.size, left_out=begin - min(place, begin), text=text, begin=begin, next=end)


class AttemptLogs(View):
    """What one run of a task printed; None for what is not known (yet, or since its provider was lost).

    While a task runs, its provider is asked what it has printed so far. `unverified` until the run's result is
    accepted: the provider may have said anything. `contradicted`: it has said something else than it delivered.
    """

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
    unverified: bool = True
    contradicted: bool = False


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
    """The node's blobs, in bytes. `pinned` of `used` can't be collected now; `underway`: transfers not whole yet;
    `reserved`: kept free for the results of orders that are out."""

    folder: str
    quota: int
    used: int
    pinned: int
    underway: int
    reserved: int = 0
    disk_free: int
    jobs: list[JobStorage]
