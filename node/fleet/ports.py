"""What a fleet needs of the rest; the daemon plugs the real things in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fogchain.jobs.spec import BlobRef, RunSpec
from node.fleet.messages import Result, Veto

Handler = Callable[[str, bytes], Awaitable[bytes]]


class Network(Protocol):
    """Requests to peers. Errors: Unavailable (unreachable, silent), BadMessage, or what the peer's handler raised."""

    @property
    def peer_id(self) -> str: ...
    @property
    def endpoints(self) -> tuple[str, ...]: ...
    def serve(self, subject: str, handler: Handler) -> None: ...
    async def request(self, peer_id: str, subject: str, payload: bytes, *, timeout: float) -> bytes: ...
    async def fetch(self, peer_id: str, ref: BlobRef) -> None:
        """Bring a blob into this node's store; returns at once when it is there."""
        ...


@dataclass(frozen=True, slots=True)
class Condition:
    """What a device does for others now, and why."""

    state: str
    intent: str
    takes_work: bool
    standing: bool = False  # its runs stand still
    detail: str = ""
    vetoes: Sequence[Veto] = ()
    sensors: Mapping[str, str] = field(default_factory=dict)
    policy: str = ""
    policy_hash: str = ""


class Harvest(Protocol):
    """When this device works: its owner's policy, its sensors, its owner's word."""

    def condition(self) -> Condition: ...
    def tell(self, intent: str) -> None:
        """The gateway's word, once: auto, pause or drain."""
        ...

    def adopt(self, text: str) -> None:
        """Another policy from now on, over restarts, too. Raises BadInput for one that is not used; nothing changes."""
        ...


class Box(Protocol):
    """The device's own sandbox."""

    @property
    def slots(self) -> int: ...
    @property
    def memory(self) -> int: ...
    @property
    def rate(self) -> int: ...
    @property
    def engines(self) -> Sequence[str]: ...
    def room(self, spec: RunSpec) -> None:
        """See that its data and output fit. Raises TooLarge, Unavailable."""
        ...

    async def run(self, attempt: str, spec: RunSpec, seed: bytes) -> Result:
        """Run it; its blobs are here. Cancelling ends it. A run that was taken from it comes as `returned`.

        Raises FogchainError when it can't be run here.
        """
        ...

    def discard(self, attempt: str) -> None:
        """Its files are no longer needed."""
        ...
