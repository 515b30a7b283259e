"""The rest of the node as the trade wants it: the network over the libp2p host, the sandbox over what runs tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from fogchain.chain.index import EventIndex
from fogchain.config import ProviderSection
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.spec import BlobRef, RunSpec
from fogchain.market.engines import Runtime
from fogchain.market.messages import Exit
from node.executor.backend import Backend, HarvestedBackend
from node.executor.pool import Evicted, Executor, RunRequest
from node.executor.rayexecutor import RayExecutor
from node.p2p.address import PeerAddress, PeerDown, PeerFound, PeerUp, node_key_of, peer_id_of
from node.p2p.blobs import fetch_blob, serve_blobs, serve_sources
from node.p2p.host import P2PHost
from node.trade.book import ProviderBook
from node.trade.ports import HandedBack, Handler, Progress, Ran

BLOB_TIMEOUT = 60.0


class NetworkPlug:
    """`node.trade.ports.Network` over the libp2p host."""

    def __init__(self, host: P2PHost, blobs: BlobStore, index: EventIndex) -> None:
        self._host, self._blobs, self._index = host, blobs, index

    @property
    def peer_id(self) -> str:
        return self._host.peer_id

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(address.split("/p2p/")[0] for address in self._host.addresses)

    def count(self) -> int:
        return len(self._host.peers)

    def serve(self, subject: str, handler: Handler) -> None:
        self._host.serve(subject, handler)

    def share(
        self,
        allowed: Callable[[str, str], bool],
        owned: Callable[[str, str], bool],
        lookup: Callable[[str, str], Sequence[str]],
    ) -> None:
        serve_blobs(self._host, self._blobs, allowed, owned)
        serve_sources(self._host, lookup)

    def listen_for(self, book: ProviderBook) -> None:
        def heard(event: object) -> None:
            if isinstance(event, PeerUp):
                book.up(event.peer_id)
            elif isinstance(event, PeerDown):
                book.down(event.peer_id)
            elif isinstance(event, PeerFound):
                addrs = tuple(address.split("/p2p/")[0] for address in event.address.addrs)
                book.found(event.address.peer_id, addrs, event.source)

        self._host.subscribe(heard)
        self._host.hear(book.announced)

    def announce(self, data: bytes) -> bool:
        return self._host.announce(data)

    async def dial(self, peer_id: str, endpoints: Sequence[str]) -> None:
        await self._host.connect(PeerAddress(peer_id, tuple(endpoints)))

    async def request(self, peer_id: str, subject: str, payload: bytes, *, timeout: float) -> bytes:
        return await self._host.request(peer_id, subject, payload, timeout=timeout)

    async def fetch(self, peer_id: str, ref: BlobRef, progress: Progress | None = None) -> None:
        await fetch_blob(
            self._host,
            self._blobs,
            peer_id,
            ref,
            timeout=BLOB_TIMEOUT,
            progress=progress,
            endpoints=self._registered,
        )

    def _registered(self, peer_id: str) -> tuple[str, ...]:
        """Where the registry says this peer listens."""
        key = node_key_of(peer_id)
        return next((tuple(node.endpoints.split(",")) for node in self._index.providers() if node.node_key == key), ())

    def peer_id_of(self, node_key: bytes) -> str:
        return peer_id_of(node_key)

    def node_key_of(self, peer_id: str) -> bytes:
        return node_key_of(peer_id)


class SandboxPlug:
    """`node.trade.ports.Sandbox` over the executor's worker processes."""

    def __init__(
        self, executor: Backend, around: Callable[[], AbstractAsyncContextManager[None]], stay: Callable[[], float]
    ) -> None:
        """`around`: what each run is done in; `stay`: seconds for which this machine stays, on average."""
        self._executor, self._around, self._stay = executor, around, stay

    @property
    def engines(self) -> tuple[str, ...]:
        return self._executor.runtimes.engines

    def engine_for(self, runtime: Runtime) -> str | None:
        return self._executor.runtimes.engine_for(runtime)

    def runtimes(self) -> Sequence[tuple[Runtime, str | None, str]]:
        return [(state.runtime, state.engine, state.detail) for state in self._executor.runtimes.states]

    def ended(self) -> Mapping[Exit, int]:
        return self._executor.ended

    async def run(
        self,
        run_id: str,
        spec: RunSpec,
        module: Path,
        stdin: Path | None,
        inputs: Mapping[str, Path],
        seed: bytes,
        checkpoint: Path | None = None,
    ) -> Ran:
        request = RunRequest(
            run_id=run_id,
            spec=spec,
            module=module,
            stdin=stdin,
            inputs=inputs,
            seed=seed,
            checkpoint=checkpoint,
            stay=self._stay(),
        )
        try:
            async with self._around():
                outcome = await self._executor.run(request)
        except Evicted as evicted:
            raise HandedBack(evicted.cause) from evicted
        return Ran(
            exit=outcome.exit,
            fuel=outcome.fuel,
            manifest=outcome.manifest if outcome.exit.deterministic else None,
            files=outcome.files,
            started=outcome.started,
            finished=outcome.finished,
            detail=outcome.detail,
            stood=outcome.stood,
            restarted=outcome.resumed,
        )

    def checkpoint(self, run_id: str) -> Path | None:
        return self._executor.checkpoint(run_id)

    def stood(self, run_id: str) -> tuple[bool, float]:
        return self._executor.stood(run_id)

    def closed(self) -> tuple[bool, float]:
        return self._executor.closed()

    def printed(self, run_id: str) -> Mapping[str, Path]:
        return self._executor.printed(run_id)

    def discard(self, run_id: str) -> None:
        self._executor.discard(run_id)


def backend_of(folder: Path, config: ProviderSection, changed: Callable[[], None]) -> HarvestedBackend:
    """What `provider.executor` names."""
    if config.executor == "ray":
        return RayExecutor(
            folder, config.slots, memory_cap=config.memory, wanted=config.runtimes, address=config.ray_address,
            changed=changed,
        )  # fmt: skip
    return Executor(folder, config.slots, memory_cap=config.memory, wanted=config.runtimes, changed=changed)
