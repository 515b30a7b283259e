"""This node among its peers: requests both ways, on which blobs and announcements ride. Below it: `bridge.py`."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Sequence

import psutil
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fogchain import cbor
from fogchain.errors import BadInput, BadMessage, FogchainError, Unavailable
from node.p2p import frames
from node.p2p.address import (
    PeerAddress,
    PeerDown,
    PeerEvent,
    PeerFound,
    PeerUp,
    check_addr,
    node_key_of,
    peer_id_of,
    short,
)  # fmt: skip
from node.p2p.bridge import Bridge
from node.p2p.call import Unsent
from node.p2p.frames import Kind
from node.p2p.limits import Pace
from node.p2p.mdns import MdnsDiscovery
from node.p2p.peers import HELLO, Peers
from node.p2p.wire import ANNOUNCE_INTERVAL, MAX_ANNOUNCEMENT

__all__ = [
    "P2PHost", "PeerAddress", "PeerDown", "PeerEvent", "PeerFound", "PeerUp", "node_key_of", "peer_id_of",
]  # fmt: skip

log = structlog.get_logger(__name__)

HANDLER_TIMEOUT = 300.0  # seconds a handler may take

Handler = Callable[[str, bytes], Awaitable[bytes]]


class P2PHost:
    """This node among its peers. Belongs to the asyncio loop that starts it."""

    def __init__(
        self, *, seed: bytes, listen: Sequence[str], network: str, mdns: bool, bootstrap: Sequence[str] = ()
    ) -> None:
        """`seed`: the 32-byte Ed25519 private key. `network`: peers that give another one are ignored.

        Raises BadInput for an address that is none.
        """
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        self.peer_id: str = peer_id_of(self.key.public_key().public_bytes_raw())
        self._network, self._mdns_wanted = network, mdns
        self._bootstrap = [PeerAddress.parse(text) for text in bootstrap]
        if not listen:
            raise BadInput("there is no address to listen on", hint="set [p2p] listen, e.g. /ip4/0.0.0.0/tcp/0")
        self._bridge = Bridge(seed, [check_addr(addr) for addr in listen], f"/fogchain/{network}/offers/1")
        self._pace = Pace(ANNOUNCE_INTERVAL, 1)
        self._peers = Peers(self.peer_id, network, lambda: _reachable(self._bridge.listen), self._bridge)
        self._bridge.peers, self._bridge.respond = self._peers, self._respond
        self._handlers: dict[str, Handler] = {HELLO: self._peers.answer_hello}
        self._bridge.serve(HELLO)
        self.refused: Callable[[str, FogchainError], None] = lambda subject, error: None  # told of each refusal
        self.refused_by_peer: Callable[[str, FogchainError], None] = lambda subject, error: None
        self._bridge.refused = lambda subject, error: self.refused_by_peer(subject, error)
        self._peers.refused = lambda error: self.refused(HELLO, error)
        self._mdns: MdnsDiscovery | None = None

    async def start(self) -> None:
        """Listen, announce, find. Raises Conflict when an address is taken or not this machine's."""
        await self._bridge.start()
        self._peers.start(self._bootstrap)
        if self._mdns_wanted:
            own = PeerAddress(self.peer_id, _reachable(self._bridge.listen))
            self._mdns = MdnsDiscovery(self._network, own, lambda address: self._peers.learn(address, "mdns"))
            self._mdns.start()

    async def stop(self) -> None:
        if self._mdns is not None:
            await self._mdns.stop()
        await self._peers.stop()
        await self._bridge.stop()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where this node can be dialled, with `/p2p/…`; loopback last."""
        return PeerAddress(self.peer_id, _reachable(self._bridge.listen)).full

    @property
    def peers(self) -> frozenset[str]:
        """Ids of the peers that are up."""
        return self._peers.up

    def subscribe(self, callback: Callable[[PeerEvent], None]) -> Callable[[], None]:
        """Have `callback` called in the loop with each event, what is so already first; call the result to end it."""
        return self._peers.subscribe(callback)

    def announce(self, data: bytes) -> bool:
        """Say something to every node of the network, signed with this node's key; at most 1 KiB, and once in 30 s.

        Returns False when it is too early. Raises Unavailable while the network layer is not there, BadMessage.
        """
        if len(data) > MAX_ANNOUNCEMENT:
            raise BadMessage(f"an announcement of {len(data)} bytes is over the limit of {MAX_ANNOUNCEMENT}")
        if not self._pace.allows("", time.monotonic()):
            return False
        self._bridge.announce(data)
        return True

    def hear(self, callback: Callable[[str, bytes], None]) -> None:
        """Have `callback(peer_id, data)` called with what other nodes announce, also those not connected to this one.

        A node that does so more than once in 30 s is passed over, and counted in `too_often`.
        """
        self._bridge.heard = callback

    @property
    def too_often(self) -> int:
        return self._bridge.too_often

    def serve(self, subject: str, handler: Handler) -> None:
        """Answer requests on `/fogchain/<subject>/1.0.0` with `await handler(peer_id, payload)`.

        A FogchainError that the handler raises reaches the asking peer; anything else it learns nothing about.
        """
        self._handlers[subject] = handler
        self._bridge.serve(subject)

    def learn(self, address: PeerAddress) -> None:
        """Remember where a peer listens; it is dialled when it is needed."""
        self._peers.learn(address)

    async def connect(self, address: PeerAddress) -> None:
        """Have the peer up, and remember its address. Raises Unavailable in words."""
        self._peers.learn(address)
        await self._peers.ensure(address.peer_id)

    async def request(self, peer_id: str, subject: str, payload: bytes, *, timeout: float) -> bytes:
        """Ask a peer; dials it when it is not connected and its address is known. `timeout`: seconds for all of it.

        Raises Unavailable (unreachable, silent, gone before it answered), BadMessage (an answer that makes no
        sense, or a payload over 1 MiB), and whatever FogchainError the peer's handler raised.
        """
        if len(payload) > cbor.MAX_MESSAGE:
            raise BadMessage(f"a message of {len(payload)} bytes is over the limit of {cbor.MAX_MESSAGE}")
        try:
            async with asyncio.timeout(timeout):
                try:
                    await self._peers.ensure(peer_id)
                    return await self._bridge.call(peer_id, subject, payload, timeout)
                except Unsent:  # the connection had died unnoticed
                    await self._peers.ensure(peer_id)
                    return await self._bridge.call(peer_id, subject, payload, timeout)
        except TimeoutError as error:
            raise Unavailable(f"peer {short(peer_id)} did not answer on {subject!r} within {timeout:g} s") from error

    async def _respond(self, peer_id: str, subject: str, payload: bytes) -> tuple[Kind, bytes]:
        try:
            if subject != HELLO and peer_id not in self._peers.up:
                raise Unavailable("say hello first", hint=f"this node serves peers of network {self._network!r}")
            async with asyncio.timeout(HANDLER_TIMEOUT):
                answer = await self._handlers[subject](peer_id, payload)
            if len(answer) <= cbor.MAX_MESSAGE:
                return Kind.ANSWER, answer
            raise BadMessage(f"the answer has {len(answer)} bytes, over the limit of {cbor.MAX_MESSAGE}")
        except FogchainError as error:
            self.refused(subject, error)
            return Kind.ERROR, frames.encode_error(error)
        except Exception:
            log.exception("p2p.handler", subject=subject, peer=peer_id)
            return Kind.ERROR, frames.encode_error(Unavailable("the peer failed on this request", hint="see its log"))


def _reachable(bound: Sequence[str]) -> tuple[str, ...]:
    """Multiaddrs others can dial: wildcard addresses become this machine's own, loopback goes last."""
    wildcards = {"0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}
    found: dict[str, bool] = {}
    for addr in bound:
        _, kind, ip, _, port = addr.split("/")
        ips = [ip]
        if ip in wildcards:
            interfaces = psutil.net_if_addrs().values()
            ips = [a.address for addresses in interfaces for a in addresses if a.family is wildcards[ip]]
        for each in ips:
            if not each.startswith(("169.254.", "fe80:")):  # link-local: of no use without an interface name
                found[f"/{kind}/{each}/tcp/{port}"] = each.startswith("127.") or each == "::1"
    return tuple(sorted(found, key=lambda addr: found[addr]))
