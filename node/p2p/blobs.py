"""Blobs between nodes, by hash, over requests of the subject `blob`.

request = deterministic CBOR of [1, sha256 (32 bytes), offset, length ≤ 262144]
answer  = deterministic CBOR of [1, total, data]     total: the blob's size; data: shorter only at its end
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from fogchain import cbor
from fogchain.errors import BadMessage, FogchainError, NotFound
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.spec import BlobRef
from node.p2p.address import short
from node.p2p.host import P2PHost

SUBJECT = "blob"
CHUNK = 256 << 10
IN_FLIGHT = 6  # chunks asked for and not yet here

Progress = Callable[[int, int], None]  # bytes here, bytes in all


def serve_blobs(host: P2PHost, store: BlobStore, allowed: Callable[[str, str], bool]) -> None:
    """Give peers the blobs for which `allowed(peer id, sha256)`; the others seem not to be here."""

    async def answer(peer_id: str, payload: bytes) -> bytes:
        sha256, offset, length = _read_request(payload)
        if not allowed(peer_id, sha256):
            raise NotFound(f"there is no blob {sha256} here")
        total, data = await asyncio.to_thread(lambda: (store.size(sha256), store.read(sha256, offset, length)))
        return cbor.dumps([1, total, data])

    host.serve(SUBJECT, answer)


async def fetch_blob(
    host: P2PHost, store: BlobStore, peer_id: str, ref: BlobRef, *, timeout: float, progress: Progress | None = None
) -> None:
    """Have the blob in `store`, from `peer_id` if need be; goes on with what an earlier transfer left.

    Callers that want the same blob share one transfer. `timeout`: seconds without a chunk after which the peer counts
    as silent. Raises Unavailable (unreachable, silent), NotFound (the peer does not give it), BadMessage (what it gave
    is not the blob: nothing of it is kept).
    """
    while not await asyncio.to_thread(store.has, ref.sha256):
        transfers = _TRANSFERS.setdefault(store, {})
        transfer = transfers.get(ref.sha256)
        if transfer is None:
            transfer = transfers[ref.sha256] = _Transfer(host, store, peer_id, ref, timeout)
        try:
            await transfer.wait(progress)
        except FogchainError:
            if transfer.peer_id == peer_id:
                raise  # another's peer failed: try our own
        finally:
            if transfer.over and transfers.get(ref.sha256) is transfer:
                del transfers[ref.sha256]
    if progress is not None:
        progress(ref.size, ref.size)


class _Transfer:
    """One blob on its way from one peer; ends when nobody waits for it any more."""

    def __init__(self, host: P2PHost, store: BlobStore, peer_id: str, ref: BlobRef, timeout: float) -> None:
        self.peer_id = peer_id
        self._host, self._store, self._ref, self._timeout = host, store, ref, timeout
        self._waiting = 0
        self._watchers: list[Progress] = []
        self._task = asyncio.create_task(self._run())

    @property
    def over(self) -> bool:
        return self._task.done() or self._waiting == 0

    async def wait(self, progress: Progress | None) -> None:
        self._waiting += 1
        if progress is not None:
            self._watchers.append(progress)
        try:
            await asyncio.shield(self._task)
        finally:
            self._waiting -= 1
            if progress is not None:
                self._watchers.remove(progress)
            if self._waiting == 0:
                self._task.cancel()

    async def _run(self) -> None:
        sha256, size = self._ref.sha256, self._ref.size
        here = await asyncio.to_thread(self._store.arrived, sha256)
        if here > size:
            await asyncio.to_thread(self._store.drop, sha256)
            here = 0
        try:
            await self._fill(here)
        except BadMessage:
            if here == 0:
                raise
            await self._fill(0)  # what an earlier transfer left was not the blob's: blame nobody for it

    async def _fill(self, start: int) -> None:
        """Get the bytes from `start` on, several chunks in flight, and check the whole."""
        sha256, size = self._ref.sha256, self._ref.size
        ahead: deque[tuple[int, asyncio.Task[bytes]]] = deque()
        asked = at = start
        try:
            while at < size:
                while asked < size and len(ahead) < IN_FLIGHT:
                    length = min(CHUNK, size - asked)
                    ahead.append((asked, asyncio.create_task(self._chunk(asked, length))))
                    asked += length
                at, task = ahead.popleft()
                ahead.appendleft((at, task))
                data = await task
                ahead.popleft()
                await asyncio.to_thread(self._store.append, sha256, at, data)
                at += len(data)
                for watcher in list(self._watchers):
                    watcher(at, size)
        finally:
            for _, task in ahead:
                task.cancel()
            await asyncio.gather(*(task for _, task in ahead), return_exceptions=True)
        try:
            await asyncio.to_thread(self._store.complete, sha256)
        except NotFound as error:
            raise BadMessage(f"blob {sha256} can't be empty", hint="whoever named its size was wrong") from error

    async def _chunk(self, offset: int, length: int) -> bytes:
        request = cbor.dumps([1, bytes.fromhex(self._ref.sha256), offset, length])
        answer = cbor.loads(await self._host.request(self.peer_id, SUBJECT, request, timeout=self._timeout))
        if not isinstance(answer, list) or len(answer) != 3 or answer[0] != 1 or not isinstance(answer[2], bytes):
            raise BadMessage(f"peer {short(self.peer_id)} answers with what is no piece of a blob")
        total, data = answer[1], bytes(answer[2])
        if total != self._ref.size or len(data) != length:
            raise BadMessage(
                f"peer {short(self.peer_id)} has {total!r} bytes of blob {self._ref.sha256} and gave {len(data)}"
                f" at {offset}; the blob has {self._ref.size}",
                hint="that peer lies or is broken; fetch it from another",
            )
        return data


_TRANSFERS: WeakKeyDictionary[BlobStore, dict[str, _Transfer]] = WeakKeyDictionary()


def _read_request(payload: bytes) -> tuple[str, int, int]:
    """Hash, offset and length. Raises BadMessage."""
    request: Any = cbor.loads(payload, 128)
    if not isinstance(request, list) or len(request) != 4 or request[0] != 1:
        raise BadMessage("a blob request that is not of version 1")
    _, sha256, offset, length = request
    if not isinstance(sha256, bytes) or len(sha256) != 32:
        raise BadMessage("a blob request without a hash")
    if type(offset) is not int or type(length) is not int or not (0 <= offset < 2**48 and 0 < length <= CHUNK):
        raise BadMessage(f"a blob request for bytes that can't be had: {offset!r}, {length!r}")
    return sha256.hex(), offset, length
