"""What running tasks have saved, brought from their providers to their buyer, so that others can go on from it.

subject       from → to          request                  answer
checkpoints   buyer → provider   [1, [order digest, …]]   [1, [[archive, size, fuel] | null, …]]

The buyer asks for it when an order is handed back, and now and then while a task runs, for the case that its provider
vanishes. The archive (`fogchain/jobs/checkpoint.py`) is then fetched like any blob, and read before it counts.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from fogchain import cbor
from fogchain.errors import BadMessage, FogchainError
from fogchain.jobs.blobname import name_of
from fogchain.jobs.checkpoint import OVERHEAD, Checkpoint
from fogchain.jobs.events import Checkpointed
from fogchain.jobs.machine import Run, Share
from fogchain.jobs.quota import Storage
from fogchain.jobs.spec import BlobRef, RunSpec
from fogchain.units import MAX_UINT64
from node.trade import wire
from node.trade.ledger import Ledger
from node.trade.openjob import REQUEST_TIMEOUT, OpenJob
from node.trade.ports import Sandbox

log = structlog.get_logger(__name__)

SUBJECT = "checkpoints"
MAX_ASKED = 64  # orders in one question
MOST_OF_TIME = 0.05  # of a running task's time, that bringing its checkpoints may take
PATIENCE = 30.0  # seconds to bring one here,
SLOWEST = 64 << 10  # beside its bytes at so many a second


@dataclass(frozen=True, slots=True)
class Offered:
    """A checkpoint at its provider. `fuel`: burnt for the task until then."""

    ref: BlobRef
    fuel: int


def encode_offered(offered: Iterable[Offered | None]) -> bytes:
    return cbor.dumps([1, [[bytes.fromhex(o.ref.sha256), o.ref.size, o.fuel] if o else None for o in offered]])


def decode_offered(data: bytes, count: int) -> list[Offered | None]:
    """Raises BadMessage."""
    value: Any = cbor.loads(data)
    if not isinstance(value, list) or len(value) != 2 or value[0] != 1 or not isinstance(value[1], list):
        raise BadMessage("not the checkpoints of orders")
    if len(value[1]) != count:
        raise BadMessage("not the checkpoint of each order")
    return [_offered(entry) for entry in value[1]]


def _offered(entry: Any) -> Offered | None:
    if entry is None:
        return None
    if not isinstance(entry, list) or [type(part) for part in entry] != [bytes, int, int]:
        raise BadMessage("a checkpoint that is none")
    name, size, fuel = entry
    if len(name) != 32 or not 0 < fuel <= MAX_UINT64:
        raise BadMessage("a checkpoint without a name, or without fuel")
    try:
        return Offered(BlobRef(sha256=name.hex(), size=size), fuel)
    except ValueError as error:
        raise BadMessage(f"a checkpoint of {size} bytes") from error


class Shelf:
    """A provider's checkpoints, each for the buyer of its order."""

    def __init__(self, ledger: Ledger, storage: Storage, sandbox: Sandbox) -> None:
        self._ledger, self._storage, self._sandbox = ledger, storage, sandbox
        self._granted: dict[str, set[str]] = {}

    def may_read(self, peer: str, sha256: str) -> bool:
        """Whether this peer may fetch this blob from us: it is a checkpoint of an order of its own."""
        return sha256 in self._granted.get(peer, ())

    async def answer(self, peer: str, data: bytes) -> bytes:
        digests = wire.decode_digests(data)
        if len(digests) > MAX_ASKED:
            raise BadMessage(f"a question for the checkpoints of more than {MAX_ASKED} orders")
        return encode_offered([await self._offer(peer, digest) for digest in digests])

    async def _offer(self, peer: str, digest: bytes) -> Offered | None:
        known = self._ledger.get(digest)
        place = self._sandbox.checkpoint(digest.hex())
        if known is None or known.peer != peer or place is None:
            return None
        limit = RunSpec.decode(known.signed.spec).limits.checkpoint
        try:
            offered = await asyncio.to_thread(self._put, place, limit)
        except (FogchainError, OSError) as error:  # a full disk, or it is gone just now
            log.info("a checkpoint can't be given", order=digest.hex()[:12], why=str(error))
            return None
        self._granted.setdefault(peer, set()).add(offered.ref.sha256)
        return offered

    def _put(self, place: Path, limit: int) -> Offered:
        data = place.read_bytes()
        fuel = Checkpoint.decode(data, limit).fuel
        name = name_of(data)
        if not self._storage.store.has(name):
            self._storage.room(len(data), "a checkpoint")
            self._storage.store.put(data)
        return Offered(BlobRef(sha256=name, size=len(data)), fuel)


class JobCheckpoints:
    """Brings the checkpoints of one job's runs here."""

    def __init__(self, job: OpenJob) -> None:
        self._job = job
        self._machine, self._around = job.machine, job.around
        self._pause = self._around.config.lost_after / 2000  # seconds: half of what passes before silence is noticed
        self._next: dict[str, float] = {}  # by provider, when to ask again

    def refresh(self, share: Share, out: Sequence[Run]) -> None:
        """Ask for what this provider's running tasks have saved, unless that was done just now. Who vanishes takes with
        it what was done since: little beside the time it takes to notice."""
        running = [run for run in out if run.attempt in self._job.started and self._machine.worth_asking(run)]
        now = time.monotonic()
        if running and now >= self._next.setdefault(share.provider, now + self._pause):
            self._next[share.provider] = math.inf
            self._job.spawn(self._refresh(share, running))

    async def _refresh(self, share: Share, running: Sequence[Run]) -> None:
        begun = time.monotonic()
        await self.bring(share, running)
        now = time.monotonic()
        self._next[share.provider] = now + max(self._pause, (now - begun) / MOST_OF_TIME)

    async def bring(self, share: Share, runs: Sequence[Run]) -> None:
        """Bring what these runs have saved here, as far as it can be had: without, a task begins from the start."""
        runs = [run for run in runs if self._machine.worth_asking(run)][:MAX_ASKED]
        if not runs:
            return
        with suppress(FogchainError):
            answer = await self._around.network.request(
                share.peer, SUBJECT, wire.encode_list([self._job.digest(run) for run in runs]), timeout=REQUEST_TIMEOUT
            )
            for run, offered in zip(runs, decode_offered(answer, len(runs)), strict=True):
                if offered is not None:
                    await self._take(share, run, offered)

    async def _take(self, share: Share, run: Run, offered: Offered) -> None:
        saved, limit = self._machine.tasks[run.task].saved, self._machine.spec.limits.checkpoint
        if saved is not None and saved.fuel >= offered.fuel:
            return
        try:
            if offered.ref.size > limit + OVERHEAD:
                raise BadMessage(f"a checkpoint of {offered.ref.size} bytes")
            self._around.storage.room(offered.ref.size, "a checkpoint")
            async with asyncio.timeout(PATIENCE + offered.ref.size / SLOWEST):
                await self._around.network.fetch(share.peer, offered.ref)
            data = await asyncio.to_thread(self._around.blobs.read, offered.ref.sha256)
            found = await asyncio.to_thread(Checkpoint.decode, data, limit)
            found.belongs(self._machine.spec.run_spec(run.task).seed, self._machine.spec.limits.fuel)
            if found.fuel != offered.fuel:
                raise BadMessage("a checkpoint that says another fuel than its provider")
        except (FogchainError, TimeoutError) as error:
            why = error.message if isinstance(error, FogchainError) else "it does not arrive"
            log.info("a checkpoint is not here", job=self._machine.id[:12], task=run.task, why=why)
            if isinstance(error, BadMessage):
                self._around.refusals.note("checkpoint", error)
            return
        if self._machine.needed(run):
            event = Checkpointed(self._job.now(), run.attempt, offered.ref.sha256, offered.ref.size, offered.fuel)
            self._job.record(event)
