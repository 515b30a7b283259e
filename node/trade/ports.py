"""What the trade needs of the rest of the node; the daemon plugs the real things in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fogchain.errors import FogchainError
from fogchain.jobs.spec import BlobRef, ResultManifest, RunSpec
from fogchain.market.engines import Runtime
from fogchain.market.messages import Exit

Handler = Callable[[str, bytes], Awaitable[bytes]]
Progress = Callable[[int, int], None]  # bytes here, bytes in all


class Network(Protocol):
    """Requests to peers. Errors: Unavailable (unreachable, silent), BadMessage, or what the peer's handler raised."""

    @property
    def peer_id(self) -> str: ...
    @property
    def endpoints(self) -> tuple[str, ...]: ...
    def serve(self, subject: str, handler: Handler) -> None: ...
    async def dial(self, peer_id: str, endpoints: Sequence[str]) -> None: ...
    async def request(self, peer_id: str, subject: str, payload: bytes, *, timeout: float) -> bytes: ...
    async def fetch(self, peer_id: str, ref: BlobRef, progress: Progress | None = None) -> None:
        """Bring a blob into this node's store; returns at once when it is there."""
        ...

    def announce(self, data: bytes) -> bool:
        """Say something to every node, at most 1 KiB; False when it is too early again. Raises Unavailable."""
        ...

    def peer_id_of(self, node_key: bytes) -> str: ...
    def node_key_of(self, peer_id: str) -> bytes: ...


class Gate(Protocol):
    """Whether this machine works for others now; its owner's need goes before."""

    def why_not(self) -> str:
        """Why it takes no orders, in words that a stranger may read; empty while it takes them."""
        ...

    async def admitted(self) -> None:
        """Return once a task may begin."""
        ...


class HandedBack(FogchainError):
    """The run was ended because its machine is wanted for something else; `cause` says for what."""

    code = "handed-back"

    def __init__(self, cause: str) -> None:
        super().__init__(f"handed back: {cause}", hint="it is run elsewhere")
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended. `files` maps the manifest's names to where they lie; the sandbox may remove them later."""

    exit: Exit
    fuel: int
    manifest: ResultManifest | None  # None when the run has no result: timeout, crash
    files: Mapping[str, Path]
    started: float
    finished: float
    detail: str
    stood: float = 0.0  # seconds between them for which it stood still, which count toward no limit
    restarted: int = 0  # fuel that had been burnt when it went on from a checkpoint of this machine's own, else 0


@dataclass(frozen=True, slots=True)
class Capacity:
    """What is to be sold now; without slots, nothing."""

    slots: int  # tasks at once
    memory: int  # bytes that a task may have
    rate: int  # fuel per second and slot


class Sandbox(Protocol):
    @property
    def engines(self) -> tuple[str, ...]:
        """What it can run now, sorted; it may come to more."""
        ...

    def engine_for(self, runtime: Runtime) -> str | None: ...
    def runtimes(self) -> Sequence[tuple[Runtime, str | None, str]]:
        """Each runtime, its engine if it is offered now, and in words why not."""
        ...

    def ended(self) -> Mapping[Exit, int]:
        """How runs ended since the start."""
        ...

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
        """`checkpoint`: the archive that the spec says to go on from."""
        ...

    def checkpoint(self, run_id: str) -> Path | None:
        """A run's newest checkpoint, until it is discarded."""
        ...

    def stood(self, run_id: str) -> tuple[bool, float]:
        """Whether a run that is under way stands still now, and for how many seconds it has in all."""
        ...

    def closed(self) -> tuple[bool, float]:
        """Whether no run can begin now, since its machine is wanted for something else, and for how many seconds since
        the start none could."""
        ...

    def printed(self, run_id: str) -> Mapping[str, Path]:
        """Where standard output and error of a run lie, also while it is under way; empty where nobody can look."""
        ...

    def discard(self, run_id: str) -> None:
        """The run's files and its checkpoint are no longer needed."""
        ...
