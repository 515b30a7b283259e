"""Blobs between nodes, by name, over requests of the subject `blob`; who else has one, of the subject `sources`, and
how much of it, of the subject `have`. What is on its way here is given on, chunk by chunk, as far as it has come.

blob     request  [1, sha256 (32 bytes), offset, length ≤ 262144, grant]    grant: may be empty, see `grants.py`
         answer   [1, total, data]    total: the blob's size; data: shorter only at its end
                  for length 0        data: SHA-256 of each of the blob's chunks, one after another
sources  request  [1, sha256 (32 bytes)]
         answer   [1, [[peer id, grant], …]]    at most 8; their addresses the asker knows, or does not go there
have     request  [1, sha256 (32 bytes), grant]
         answer   [1, total, marks]    one bit a chunk, 1 where it is here, from the highest of the first byte on; empty
                                       when all are

All are deterministic CBOR. Each chunk is checked against the name when it comes, see `fogchain/jobs/blobname.py`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import structlog

from fogchain import cbor
from fogchain.errors import BadMessage, FogchainError, NotFound, Unavailable
from fogchain.jobs.blobname import CHUNK, chunk_count
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.fetchplan import FetchPlan
from fogchain.jobs.partial import PartialBlob
from fogchain.jobs.spec import BlobRef
from node.p2p.address import PeerAddress, node_key_of, peer_id_of, short
from node.p2p.grants import MAX_GRANT, make_grant, owner_of
from node.p2p.host import P2PHost

log = structlog.get_logger(__name__)

SUBJECT, SOURCES, HAVE = "blob", "sources", "have"
MANY = 16  # chunks from which on other sources are asked for
ASK_AGAIN = 5.0  # seconds between questions for sources
LOOK_AGAIN = 1.0  # seconds between questions for what those have that have not all
LOOK_PATIENCE = 5.0  # seconds for an answer to one
MAX_SOURCES = 8
REQUEST_BYTES = 128 + MAX_GRANT

Progress = Callable[[int, int], None]  # bytes here, bytes in all
Allowed = Callable[[str, str], bool]  # peer id, sha256
Lookup = Callable[[str, str], Sequence[str]]  # asking peer id, sha256; gives peer ids
Endpoints = Callable[[str], Sequence[str]]  # peer id; gives multiaddrs without `/p2p/…`


def serve_blobs(host: P2PHost, store: BlobStore, allowed: Allowed, owned: Allowed = lambda peer, sha256: False) -> None:
    """Give peers the blobs for which `allowed(peer id, sha256)`; the others seem not to be here.

    `owned(owner's peer id, sha256)`: the blob is here on this owner's behalf, so its grants count.
    """

    async def answer(peer_id: str, payload: bytes) -> bytes:
        sha256, offset, length, grant = _read_request(payload)
        check(peer_id, sha256, grant)
        if (partial := _underway(store, sha256)) is not None:
            if length == 0:
                return cbor.dumps([1, partial.size, b"".join(partial.hashes or ())])
            return cbor.dumps([1, partial.size, await asyncio.to_thread(partial.read, offset, length)])
        if length == 0:
            size, chunks = await asyncio.to_thread(lambda: (store.size(sha256), store.chunks(sha256)))
            return cbor.dumps([1, size, b"".join(chunks)])
        total, data = await asyncio.to_thread(lambda: (store.size(sha256), store.read(sha256, offset, length)))
        return cbor.dumps([1, total, data])

    async def tell(peer_id: str, payload: bytes) -> bytes:
        request: Any = cbor.loads(payload, REQUEST_BYTES)
        if not isinstance(request, list) or len(request) != 3 or request[0] != 1 or not isinstance(request[2], bytes):
            raise BadMessage("a question for chunks that is not of version 1")
        sha256 = _read_name(request[1])
        check(peer_id, sha256, request[2])
        if (partial := _underway(store, sha256)) is not None:
            return cbor.dumps([1, partial.size, _marks(partial)])
        return cbor.dumps([1, await asyncio.to_thread(store.size, sha256), b""])

    def check(peer_id: str, sha256: str, grant: bytes) -> None:
        if not allowed(peer_id, sha256) and not (grant and owned(owner_of(grant, peer_id, sha256), sha256)):
            raise NotFound(f"there is no blob {sha256} here")

    host.serve(SUBJECT, answer)
    host.serve(HAVE, tell)


def serve_sources(host: P2PHost, lookup: Lookup) -> None:
    """Tell peers who else has a blob of ours that they may have, and let them fetch it there."""

    async def answer(peer_id: str, payload: bytes) -> bytes:
        request: Any = cbor.loads(payload, 128)
        if not isinstance(request, list) or len(request) != 2 or request[0] != 1:
            raise BadMessage("a request for sources that is not of version 1")
        sha256 = _read_name(request[1])
        found = list(lookup(peer_id, sha256))[:MAX_SOURCES]
        grant = make_grant(host.key, peer_id, sha256)
        return cbor.dumps([1, [[peer, grant] for peer in found]])

    host.serve(SOURCES, answer)


async def fetch_blob(
    host: P2PHost,
    store: BlobStore,
    peer_id: str,
    ref: BlobRef,
    *,
    timeout: float,
    progress: Progress | None = None,
    endpoints: Endpoints = lambda peer: (),
) -> None:
    """Have the blob in `store`, from `peer_id` and whoever else it names; goes on with what an earlier transfer left.

    Callers that want the same blob share one transfer. `timeout`: seconds without a chunk after which a peer counts
    as silent. Raises Unavailable (unreachable, silent, disk full), NotFound (no peer gives it), BadMessage (what came
    is not the blob; right chunks are kept for the next time).
    """
    while not await asyncio.to_thread(store.has, ref.sha256):
        transfers = _TRANSFERS.setdefault(store, {})
        transfer = transfers.get(ref)
        if transfer is not None and transfer.over:  # nobody waited for it any more: let it put its things away
            await transfer.ended()
            if transfers.get(ref) is transfer:
                del transfers[ref]
            continue
        if transfer is None:
            transfer = transfers[ref] = _Transfer(host, store, peer_id, ref, timeout, endpoints)
        try:
            await transfer.wait(progress)
        except FogchainError:
            if transfer.peer_id == peer_id:
                raise  # another's peer failed: try our own
    if (size := await asyncio.to_thread(store.size, ref.sha256)) != ref.size:
        raise BadMessage(f"blob {ref.sha256} has {size} bytes, not {ref.size}", hint="whoever named its size was wrong")
    if progress is not None:
        progress(ref.size, ref.size)


@dataclass
class _Peer:
    peer_id: str
    grant: bytes = b""
    known: bool = False  # its addresses were looked up


class _Transfer:
    """One blob on its way from one peer and others it names; ends when nobody waits for it any more."""

    def __init__(
        self, host: P2PHost, store: BlobStore, peer_id: str, ref: BlobRef, timeout: float, endpoints: Endpoints
    ) -> None:
        self.peer_id = peer_id
        self._host, self._store, self._ref, self._timeout = host, store, ref, timeout
        self._endpoints = endpoints
        self._peers = {peer_id: _Peer(peer_id, known=True)}
        self._errors: dict[str, FogchainError] = {}
        self.partial: PartialBlob | None = None  # while chunks come
        self._named = asyncio.Event()  # there is another source
        self._waiting = 0
        self._watchers: list[Progress] = []
        self._task = asyncio.create_task(self._run())

    @property
    def over(self) -> bool:
        return self._task.done() or self._waiting == 0

    async def ended(self) -> None:
        await asyncio.wait([self._task])

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
        name, size = self._ref.sha256, self._ref.size
        partial = await asyncio.to_thread(self._store.partial, name, size)
        asking: list[asyncio.Task[None]] = []
        try:
            if size == 0:
                partial.put(0, b"")
            plan = FetchPlan(_in_any_order(partial.missing))
            if chunk_count(size) >= MANY:
                asking = [asyncio.create_task(self._ask_for_sources()), asyncio.create_task(self._look(plan))]
            await self._learn_chunks(partial)
            self.partial = partial
            await self._fill(plan, partial)
            await asyncio.to_thread(self._store.complete, partial)
        finally:
            self.partial = None
            for task in asking:
                task.cancel()
            await asyncio.to_thread(partial.close)

    async def _learn_chunks(self, partial: PartialBlob) -> None:
        """The hashes of the blob's chunks, from any source; checked, so it does not matter which."""
        tried: set[str] = set()
        while partial.hashes is None:
            peer = next((peer for peer in self._peers.values() if peer.peer_id not in tried), None)
            if peer is None:
                raise self._errors[self.peer_id]
            tried.add(peer.peer_id)
            try:
                data = await self._ask(peer, 0, 0, 32 * chunk_count(self._ref.size))
                await asyncio.to_thread(partial.learn, [data[at : at + 32] for at in range(0, len(data), 32)])
            except (NotFound, Unavailable) as error:
                self._errors[peer.peer_id] = error
            except BadMessage as error:
                self._blame(peer, error)

    async def _fill(self, plan: FetchPlan, partial: PartialBlob) -> None:
        """Get the missing chunks, several in flight from each source."""
        asked: dict[asyncio.Task[bytes], tuple[_Peer, int]] = {}
        try:
            while not plan.done:
                for peer_id in self._peers:
                    self._add(plan, peer_id)
                    if isinstance(self._errors.get(peer_id), BadMessage):
                        plan.ban(peer_id)
                now = time.monotonic()
                while (step := plan.next(now)) is not None:
                    peer, chunk = self._peers[step[0]], step[1]
                    length = partial.length(chunk)
                    asked[asyncio.create_task(self._ask(peer, chunk * CHUNK, length, length))] = (peer, chunk)
                if not plan.hopeful():
                    raise self._errors[self.peer_id]
                done, _ = await asyncio.wait(asked, timeout=plan.wake(now), return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    await self._take(plan, partial, task, *asked.pop(task))
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    def _add(self, plan: FetchPlan, peer_id: str) -> None:
        if plan.add(peer_id) and peer_id != self.peer_id:
            plan.holds(peer_id, ())  # until it says more

    async def _look(self, plan: FetchPlan) -> None:
        """Now and then: what have those that have not all?"""

        async def ask(peer: _Peer) -> None:
            try:
                self._find(peer)
                request = cbor.dumps([1, bytes.fromhex(self._ref.sha256), peer.grant])
                patience = min(self._timeout, LOOK_PATIENCE)
                answer = await self._host.request(peer.peer_id, HAVE, request, timeout=patience)
                plan.holds(peer.peer_id, _read_marks(answer, self._ref.size))
            except BadMessage as error:
                self._blame(peer, error)
            except FogchainError as error:
                log.debug("not known what a source has", peer=peer.peer_id, why=error.message)

        while True:
            for peer_id in self._peers:
                self._add(plan, peer_id)
            await asyncio.gather(*(ask(self._peers[peer_id]) for peer_id in plan.partial()))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._named.wait(), LOOK_AGAIN)
            self._named.clear()

    async def _take(
        self, plan: FetchPlan, partial: PartialBlob, task: asyncio.Task[bytes], peer: _Peer, chunk: int
    ) -> None:
        try:
            data = task.result()
            if not partial.has(chunk):
                await asyncio.to_thread(partial.put, chunk, data)
        except BadMessage as error:
            self._blame(peer, error)
            plan.ban(peer.peer_id)
            return
        except FogchainError as error:
            if not task.exception():
                raise  # our own disk
            self._errors[peer.peer_id] = error
            plan.failed(peer.peer_id, chunk, time.monotonic())
            return
        self._errors.pop(peer.peer_id, None)
        if plan.got(peer.peer_id, chunk, time.monotonic()):
            here = partial.here
            for watcher in list(self._watchers):
                watcher(here, self._ref.size)

    def _blame(self, peer: _Peer, error: BadMessage) -> None:
        log.warning("a source of a blob is dropped", peer=peer.peer_id, blob=self._ref.sha256, why=error.message)
        named = f"peer {short(peer.peer_id)}: {error.message}"
        self._errors[peer.peer_id] = BadMessage(named, hint="that peer lies or is broken; fetch it from another")

    async def _ask(self, peer: _Peer, offset: int, length: int, expected: int) -> bytes:
        """A chunk, or for `length` 0 the list of chunks. Raises BadMessage when it has not `expected` bytes."""
        self._find(peer)
        request = cbor.dumps([1, bytes.fromhex(self._ref.sha256), offset, length, peer.grant])
        answer = cbor.loads(await self._host.request(peer.peer_id, SUBJECT, request, timeout=self._timeout))
        if not isinstance(answer, list) or len(answer) != 3 or answer[0] != 1 or not isinstance(answer[2], bytes):
            raise BadMessage("it answers with what is no piece of a blob")
        total, data = answer[1], bytes(answer[2])
        if total != self._ref.size or len(data) != expected:
            raise BadMessage(
                f"it has {total!r} bytes of blob {self._ref.sha256} and gave {len(data)} at {offset}; "
                f"the blob has {self._ref.size}"
            )
        return data

    def _find(self, peer: _Peer) -> None:
        if not peer.known:
            peer.known = True
            if addrs := tuple(self._endpoints(peer.peer_id)):
                self._host.learn(PeerAddress(peer.peer_id, addrs))

    async def _ask_for_sources(self) -> None:
        """Now and then: who else has it?"""
        request = cbor.dumps([1, bytes.fromhex(self._ref.sha256)])
        while True:
            try:
                answer = await self._host.request(self.peer_id, SOURCES, request, timeout=self._timeout)
                for peer in _read_sources(answer):
                    if peer.peer_id not in (self._host.peer_id, self.peer_id) and len(self._peers) <= MAX_SOURCES:
                        known = self._peers.setdefault(peer.peer_id, peer)
                        known.grant = peer.grant
                        self._named.set()
            except FogchainError as error:
                log.debug("no sources", peer=self.peer_id, why=error.message)
            await asyncio.sleep(ASK_AGAIN)


_TRANSFERS: WeakKeyDictionary[BlobStore, dict[BlobRef, _Transfer]] = WeakKeyDictionary()


def _read_request(payload: bytes) -> tuple[str, int, int, bytes]:
    """Name, offset, length and grant. Raises BadMessage."""
    request: Any = cbor.loads(payload, REQUEST_BYTES)
    if not isinstance(request, list) or len(request) != 5 or request[0] != 1:
        raise BadMessage("a blob request that is not of version 1")
    _, name, offset, length, grant = request
    sha256 = _read_name(name)
    if type(offset) is not int or type(length) is not int or not (0 <= offset < 2**48 and 0 <= length <= CHUNK):
        raise BadMessage(f"a blob request for bytes that can't be had: {offset!r}, {length!r}")
    if not isinstance(grant, bytes):
        raise BadMessage("a blob request whose grant is none")
    return sha256, offset, length, grant


def _read_name(name: Any) -> str:
    if not isinstance(name, bytes) or len(name) != 32:
        raise BadMessage("a blob request without a name")
    return name.hex()


def _read_sources(data: bytes) -> list[_Peer]:
    """Raises BadMessage."""
    answer: Any = cbor.loads(data)
    try:
        version, listed = answer
        found = [_Peer(peer_id_of(node_key_of(peer_id)), bytes(grant)) for peer_id, grant in listed[:MAX_SOURCES]]
    except (TypeError, ValueError, AttributeError) as error:
        raise BadMessage("an answer that lists no sources") from error
    if version != 1:
        raise BadMessage("sources of another version")
    return found


def _underway(store: BlobStore, sha256: str) -> PartialBlob | None:
    """The blob as far as it has come, while it comes."""
    transfers = _TRANSFERS.get(store, {}).items()
    return next((one.partial for ref, one in transfers if ref.sha256 == sha256 and one.partial is not None), None)


def _in_any_order(chunks: list[int]) -> list[int]:
    """So that those who fetch a blob at the same time have other chunks to give than each other's."""
    return random.sample(chunks, len(chunks)) if len(chunks) >= MANY else chunks


def _marks(partial: PartialBlob) -> bytes:
    marks = bytearray(-(-chunk_count(partial.size) // 8))
    for index in partial.held:
        marks[index // 8] |= 128 >> index % 8
    return bytes(marks)


def _read_marks(data: bytes, size: int) -> list[int] | None:
    """Which chunks a source of a blob of this size has; None when it has all. Raises BadMessage."""
    answer: Any = cbor.loads(data)
    count = chunk_count(size)
    if not isinstance(answer, list) or len(answer) != 3 or answer[:2] != [1, size] or not isinstance(answer[2], bytes):
        raise BadMessage("an answer that does not say which chunks it has of a blob of that size")
    marks = answer[2]
    if not marks:
        return None
    if len(marks) != -(-count // 8):
        raise BadMessage("marks of another number of chunks")
    return [index for index in range(count) if marks[index // 8] & (128 >> index % 8)]
