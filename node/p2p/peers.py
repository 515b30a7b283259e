"""Who is out there: addresses known, peers that are up, the hello by which they prove to be on our network.

The peer that dials says hello on `/fogchain/hello/1.0.0`, the other answers with its own:

    hello = deterministic CBOR of [1, network, agent, [address, …]]      addresses without /p2p/…, best first

Until then neither counts the other as up, and no request but hello is served. A node of another network learns
that it is wrong here, and is hung up on.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

import structlog

from fogchain import __version__, cbor
from fogchain.errors import BadInput, BadMessage, FogchainError, Unavailable
from node.p2p.address import PeerAddress, PeerDown, PeerEvent, PeerFound, PeerUp, check_addr, node_key_of, short
from node.p2p.call import NotSpoken

log = structlog.get_logger(__name__)

HELLO = "hello"
HELLO_TIMEOUT = 10.0  # seconds; also how long a stranger may stay without saying hello
KEEPALIVE = 15.0  # seconds between two signs of life of a peer that is up
SILENCE = 20.0  # seconds without an answer after which a connection counts as dead
FIRST_REDIAL, LAST_REDIAL = 1.0, 60.0  # seconds between attempts at a bootstrap peer
MAX_KNOWN = 2048  # peers whose addresses are remembered
MAX_ADDRS = 12  # of one peer
_MAX_HELLO = 8192


class Wire(Protocol):
    """What this needs of the connections below."""

    async def dial(self, peer_id: str, addrs: Sequence[str]) -> None: ...
    async def call(self, peer_id: str, subject: str, payload: bytes, timeout: float) -> bytes: ...
    def hang_up(self, peer_id: str) -> None: ...


class Peers:
    """Lives in the asyncio loop; told of connections by `connected` and `disconnected`."""

    def __init__(self, peer_id: str, network: str, addresses: Callable[[], Sequence[str]], wire: Wire) -> None:
        self._me, self._network, self._addresses, self._wire = peer_id, network, addresses, wire
        self._known: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._connected: dict[str, asyncio.TimerHandle] = {}
        self._up: dict[str, asyncio.Event] = {}  # the event is set when the peer goes down
        self._greetings: dict[str, asyncio.Task[None]] = {}
        self._found: OrderedDict[str, PeerFound] = OrderedDict()
        self._subscribers: list[Callable[[PeerEvent], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused: Callable[[FogchainError], None] = lambda error: None  # told of each stranger

    @property
    def up(self) -> frozenset[str]:
        return frozenset(self._up)

    def start(self, bootstrap: Sequence[PeerAddress]) -> None:
        """Begin keeping connections alive and dialling the bootstrap peers, for ever."""
        self._spawn(self._watch())
        for address in bootstrap:
            if address.peer_id != self._me:
                self.learn(address, "bootstrap")
                self._spawn(self._keep(address))

    async def stop(self) -> None:
        tasks = [*self._tasks, *self._greetings.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def all_gone(self) -> None:
        """The wire is down, and every connection with it."""
        for peer_id in list(self._connected):
            self.disconnected(peer_id)

    def subscribe(self, callback: Callable[[PeerEvent], None]) -> Callable[[], None]:
        """Events from now on, after those that lead to the present state: a late subscriber misses nobody."""
        known: list[PeerEvent] = [*self._found.values()]
        for event in [*known, *(PeerUp(peer_id) for peer_id in self._up)]:
            callback(event)
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback) if callback in self._subscribers else None

    def learn(self, address: PeerAddress, source: str = "") -> None:
        """Remember where a peer listens. The newest addresses are tried first."""
        peer_id = address.peer_id
        if peer_id == self._me:
            return
        before = self._known.pop(peer_id, ())
        merged = tuple(dict.fromkeys((*address.addrs, *before)))[:MAX_ADDRS]
        self._known[peer_id] = merged
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        if source == "bootstrap" or (source == "mdns" and not set(address.addrs) <= set(before)):
            found = PeerFound(address, "bootstrap" if source == "bootstrap" else "mdns")
            self._found[peer_id] = found
            if len(self._found) > MAX_KNOWN:
                self._found.popitem(last=False)
            self._emit(found)

    async def ensure(self, peer_id: str) -> None:
        """Return when the peer is up; dials it if need be. Raises Unavailable, saying why it can't be had."""
        if peer_id in self._up:
            return
        if peer_id == self._me:
            raise Unavailable("this node can't be its own peer", hint="give the address of another node")
        task = self._greetings.get(peer_id)
        if task is None:
            task = asyncio.create_task(self._greet(peer_id))
            self._greetings[peer_id] = task
            task.add_done_callback(lambda _: self._greetings.pop(peer_id, None))
        await asyncio.shield(task)  # one caller's timeout does not end the dial that others wait for

    async def _greet(self, peer_id: str) -> None:
        node_key_of(peer_id)
        if peer_id not in self._connected:
            addrs = self._known.get(peer_id)
            if not addrs:
                raise Unavailable(
                    f"no address is known of peer {short(peer_id)}",
                    hint="it may be off; nodes are found by mDNS, the bootstrap list and the registry",
                )
            await self._wire.dial(peer_id, addrs)
        answer = await self._wire.call(peer_id, HELLO, self._hello(), HELLO_TIMEOUT)
        try:
            self._accept(peer_id, answer)
        except FogchainError:
            self._wire.hang_up(peer_id)
            raise

    async def answer_hello(self, peer_id: str, payload: bytes) -> bytes:
        """Handler of the subject `hello`. Says who we are also to those who are wrong here."""
        try:
            self._accept(peer_id, payload)
        except Unavailable as error:
            log.debug("p2p.stranger", peer=peer_id, reason=error.message)
            self.refused(error)
            asyncio.get_running_loop().call_later(1.0, self._expire, peer_id)  # once it has read why
        return self._hello()

    def _hello(self) -> bytes:
        return cbor.dumps([1, self._network, f"fogchain/{__version__}", list(self._addresses())[:MAX_ADDRS]])

    def _accept(self, peer_id: str, payload: bytes) -> None:
        network, addrs = _read_hello(payload)
        if network != self._network:
            raise Unavailable(
                f"peer {short(peer_id)} is on network {network!r}, not {self._network!r}",
                hint="connect to nodes that use the same chain and market",
            )
        if peer_id not in self._connected:
            raise Unavailable(f"peer {short(peer_id)} hung up while it was greeted", hint="try again")
        if addrs:
            self.learn(PeerAddress(peer_id, addrs))
        self._connected[peer_id].cancel()
        if peer_id not in self._up:
            self._up[peer_id] = asyncio.Event()
            self._emit(PeerUp(peer_id))

    def connected(self, peer_id: str) -> None:
        """The wire has a first connection to the peer."""
        if peer_id not in self._connected:
            loop = asyncio.get_running_loop()
            self._connected[peer_id] = loop.call_later(HELLO_TIMEOUT + 2, self._expire, peer_id)

    def disconnected(self, peer_id: str) -> None:
        """The wire's last connection to the peer is gone."""
        timer = self._connected.pop(peer_id, None)
        if timer is not None:
            timer.cancel()
        down = self._up.pop(peer_id, None)
        if down is not None:
            down.set()
            self._emit(PeerDown(peer_id))

    def _expire(self, peer_id: str) -> None:
        if peer_id not in self._up:
            self._wire.hang_up(peer_id)

    async def _watch(self) -> None:
        """A peer whose machine lost power sends no TCP reset: ask all for a sign of life now and then."""
        while True:
            await asyncio.sleep(KEEPALIVE)
            for peer_id in self.up:
                self._spawn(self._check(peer_id))

    async def _check(self, peer_id: str) -> None:
        try:
            await self._wire.call(peer_id, HELLO, self._hello(), SILENCE)
        except NotSpoken:
            pass
        except Unavailable as error:
            log.info("p2p.silent", peer=peer_id, reason=error.message)
            self._wire.hang_up(peer_id)
        except FogchainError:
            pass  # an answer, if an odd one: it lives

    async def _keep(self, address: PeerAddress) -> None:
        peer_id, delay = address.peer_id, FIRST_REDIAL
        while True:
            try:
                self.learn(address)
                await self.ensure(peer_id)
                delay = FIRST_REDIAL
                await self._up[peer_id].wait()
            except FogchainError as error:
                log.debug("p2p.bootstrap", peer=peer_id, reason=error.message, again_in=delay)
            except KeyError:
                pass  # down again before this task had its turn
            await asyncio.sleep(delay)
            delay = min(delay * 2, LAST_REDIAL)

    def _emit(self, event: PeerEvent) -> None:
        for callback in list(self._subscribers):
            try:
                callback(event)
            except Exception:  # a subscriber's bug must not stop the others
                log.exception("p2p.subscriber", event_kind=type(event).__name__)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _read_hello(payload: bytes) -> tuple[str, tuple[str, ...]]:
    """Network and addresses of a hello. Raises BadMessage."""
    hello = cbor.loads(payload, _MAX_HELLO)
    if not isinstance(hello, list) or len(hello) != 4 or hello[0] != 1:
        raise BadMessage("a hello that is not of version 1")
    _, network, agent, addrs = hello
    if not isinstance(network, str) or not isinstance(agent, str) or not isinstance(addrs, list):
        raise BadMessage("a hello that does not hold together")
    good = []
    for addr in addrs[:MAX_ADDRS]:
        try:
            good.append(check_addr(addr) if isinstance(addr, str) else "")
        except BadInput:
            continue  # a kind of address that this version does not dial
    return network[:200], tuple(addr for addr in good if addr)
