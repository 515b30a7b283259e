"""One life of the libp2p host, on trio: this module alone imports trio and libp2p.

Everything here but `run` and the constructors runs in the trio thread; `bridge.py` owns that thread.
"""

from __future__ import annotations

import logging
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import libp2p
import structlog
import trio
from libp2p.abc import IHost, IMuxedConn, INetConn, INetStream, INetwork, INotifee, ISecureConn
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.config import ConnectionConfig
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.protocol_muxer.exceptions import ProtocolNotSupportedError
from libp2p.protocol_muxer.multiselect_client import MultiselectClient
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.stream_muxer.muxer_multistream import MuxerMultistream
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from fogchain.errors import BadMessage, Conflict, FogchainError, Unavailable
from node.p2p import frames
from node.p2p.address import short
from node.p2p.call import Call, NotSpoken, Unsent
from node.p2p.frames import Envelope, FrameReader, Kind
from node.p2p.limits import Pace, TokenBucket

if TYPE_CHECKING:
    from node.p2p.bridge import Bridge

log = structlog.get_logger(__name__)

DIAL_TIMEOUT = 10.0  # seconds for TCP, Noise and Yamux with one address
DIAL_STAGGER = 0.3  # seconds a silent address is given before the next is tried beside it
OPEN_TIMEOUT = 10.0  # seconds to agree on a stream's protocol
WRITE_TIMEOUT = 30.0  # seconds without taking a batch after which a connection is cut
FRAME_TIMEOUT = 60.0  # seconds for a frame to arrive whole
MAX_CONNECTIONS = 256
MAX_STREAMS = 48  # that one peer may have open to us
MAX_IN_FLIGHT = 64  # requests of one peer that are being served
MAX_UNREAD = 32 << 20  # bytes a connection may have sent that nobody has read
REQUEST_RATE, REQUEST_BURST = 1000.0, 2000.0  # requests of one peer: a second, and at once
GOSSIP_RATE, GOSSIP_BURST = 50.0, 500.0  # announcements that one neighbour may pass on: a second, and at once
READ_SIZE = 256 << 10
BATCH_SIZE = 256 << 10

ANNOUNCE_INTERVAL = 30.0  # seconds between announcements of one node: gossip costs every node some milliseconds
ANNOUNCE_GRACE = 0.8  # of the interval: messages arrive less evenly than they leave
MAX_ANNOUNCEMENT = 1024
MAX_GOSSIP_FRAME = 64 << 10
MAX_ANNOUNCERS = 8192
GOSSIP = (TProtocol("/meshsub/1.2.0"), TProtocol("/meshsub/1.1.0"))

Post = Callable[..., None]  # runs a function with arguments in the asyncio loop, from any thread

# libp2p reports every stranger's garbage as an error; what matters is logged here, in words.
logging.getLogger("libp2p").setLevel(logging.CRITICAL)


def run(bridge: Bridge) -> None:
    """One life, from listening to the end; in the calling thread. Raises what ended it."""
    trio.run(Wire(bridge).main)


class BoundedYamux(Yamux):
    """Yamux that hangs up on a peer that ignores the receive windows; the library merely logs it."""

    async def _read_data_body(self, length: int) -> bytes:
        if length + sum(map(len, self.stream_buffers.values())) > MAX_UNREAD:
            raise trio.TooSlowError  # the one error at which the library's reader closes the connection
        return await super()._read_data_body(length)


class Muxer(MuxerMultistream):
    """The library's own makes a plain Yamux, whatever class it is given for it."""

    async def new_conn(self, conn: ISecureConn, peer_id: ID) -> IMuxedConn:
        await self.select_transport(conn)  # there is but one; this is where both sides agree on it
        return BoundedYamux(conn, peer_id, is_initiator=conn.is_initiator)


class Pipe:
    """Frames both ways over one stream."""

    def __init__(self, take: Callable[[Envelope], Awaitable[None]]) -> None:
        self._take = take
        self._outbox: deque[tuple[bytes, Callable[[bool], object]]] = deque()
        self._wake = trio.Event()
        self._closed = False

    def put(self, frame: bytes, moved: Callable[[bool], object]) -> None:
        """Queue a frame; `moved(True)` is called when it starts on its way, `moved(False)` when it never will."""
        if self._closed:
            moved(False)
        else:
            self._outbox.append((frame, moved))
            self._wake.set()

    async def run(self, stream: INetStream, cut: Callable[[], Awaitable[None]]) -> FogchainError:
        """Until either side ends; returns why. `cut` closes the connection of a peer that takes nothing."""
        why: FogchainError = Unavailable("it takes no more data")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, stream, cut, nursery.cancel_scope)
            try:
                await self._read(stream)
            except FogchainError as error:
                why = error
            except StreamError:
                why = Unavailable("the connection broke")
            except Exception as error:  # noqa: BLE001 - libp2p lets KeyError and worse out when a connection dies
                why = Unavailable(f"the connection broke ({type(error).__name__})")
            # Never cancel the writer: half a Noise message on the wire would spoil the whole connection.
            self._close()
            await stream.reset()
        self._close()
        await stream.reset()
        return why

    async def _read(self, stream: INetStream) -> None:
        reader = FrameReader()
        deadline = float("inf")
        while True:
            data = b""
            with trio.CancelScope(deadline=deadline) as scope:
                data = await stream.read(READ_SIZE)
            if scope.cancelled_caught:
                raise BadMessage(f"half a frame, and no more of it for {FRAME_TIMEOUT:g} s")
            if not data:
                raise Unavailable("it closed the stream")
            envelopes = reader.feed(data)
            for envelope in envelopes:
                await self._take(envelope)
            if not reader.pending:
                deadline = float("inf")
            elif envelopes or deadline == float("inf"):
                deadline = trio.current_time() + FRAME_TIMEOUT

    async def _write(self, stream: INetStream, cut: Callable[[], Awaitable[None]], scope: trio.CancelScope) -> None:
        try:
            while not self._closed:
                if not self._outbox:
                    self._wake = trio.Event()
                    await self._wake.wait()
                    continue
                batch: list[bytes] = []
                size = 0
                while self._outbox and size < BATCH_SIZE:
                    frame, moved = self._outbox.popleft()
                    moved(True)
                    batch.append(frame)
                    size += len(frame)
                with trio.move_on_after(WRITE_TIMEOUT) as patience:
                    await stream.write(b"".join(batch))
                if patience.cancelled_caught:
                    await cut()
                    scope.cancel()
                    return
        except Exception:  # noqa: BLE001 - whatever it is, this stream can't be written to
            scope.cancel()

    def _close(self) -> None:
        self._closed = True
        self._wake.set()
        while self._outbox:
            self._outbox.popleft()[1](False)


class Link:
    """The one stream on which we send a peer our requests of one subject."""

    def __init__(self, peer_id: str, subject: str, post: Post) -> None:
        self.peer_id, self.subject = peer_id, subject
        self.pipe = Pipe(self._take)
        self._post = post
        self._calls: dict[int, Call] = {}
        self._last = 0

    def submit(self, call: Call, payload: bytes) -> None:
        self._last += 1
        self._calls[self._last] = call

        def moved(written: bool) -> None:
            call.sent = written

        self.pipe.put(frames.encode(Envelope(self._last, Kind.REQUEST, payload)), moved)

    def forget(self, call: Call) -> None:
        """Nobody waits for this answer any more; when it comes, it is passed over."""
        self._calls = {number: each for number, each in self._calls.items() if each is not call}

    async def _take(self, envelope: Envelope) -> None:
        if envelope.kind is Kind.REQUEST or envelope.id > self._last:
            raise BadMessage(f"peer {short(self.peer_id)} answers what was not asked")
        call = self._calls.pop(envelope.id, None)
        if call is None:
            return
        if envelope.kind is Kind.ANSWER:
            self._post(call.settle, envelope.payload)
        else:
            self._post(call.refuse, frames.decode_error(envelope.payload))

    def fail(self, why: FogchainError) -> None:
        """The stream is gone: so are the requests on it."""
        for call in self._calls.values():
            kind: type[FogchainError] = Unavailable if call.sent else Unsent
            if isinstance(why, BadMessage | NotSpoken):
                kind = type(why)
            text = f"peer {short(self.peer_id)} did not answer on {self.subject!r}: {why.message}"
            self._post(call.settle, kind(text, hint=why.hint))
        self._calls.clear()


class Mesh(GossipSub):
    """Gossipsub that goes on whatever a heartbeat meets; the library's own would end the whole host."""

    async def heartbeat(self) -> None:
        while True:
            try:
                await super().heartbeat()
            except Exception as error:  # noqa: BLE001
                log.info("p2p.heartbeat", error=why_of(error))
            await trio.sleep(self.heartbeat_interval)


class Gossip(Pubsub):
    """Pubsub that outlives a malformed message, and takes only so many from each neighbour, whoever made them."""

    may_forward: Callable[[str], bool]

    async def push_msg(self, msg_forwarder: ID, msg: rpc_pb2.Message) -> None:
        if msg_forwarder != self.my_id and not self.may_forward(str(msg_forwarder)):
            return
        try:
            await super().push_msg(msg_forwarder, msg)
        except Exception as error:  # noqa: BLE001
            log.debug("p2p.gossip", peer=str(msg_forwarder), error=why_of(error))


class Guest:
    """What one peer has under way with us."""

    def __init__(self) -> None:
        self.bucket = TokenBucket(REQUEST_RATE, REQUEST_BURST, trio.current_time())
        self.gossip = TokenBucket(GOSSIP_RATE, GOSSIP_BURST, trio.current_time())
        self.slots = trio.Semaphore(MAX_IN_FLIGHT)
        self.streams = 0


class Wire(INotifee):
    """One life of the libp2p host. Everything but the constructor runs in the trio thread."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._post = bridge.post
        self._connections: dict[str, list[INetConn]] = {}
        self._guests: dict[str, Guest] = {}
        self._links: dict[tuple[str, str], Link] = {}
        self._select = MultiselectClient()
        self._pace = Pace(ANNOUNCE_INTERVAL * ANNOUNCE_GRACE, MAX_ANNOUNCERS)
        self._gossip: Gossip | None = None
        self._unsaid: bytes | None = None

    async def main(self) -> None:
        self.token = trio.lowlevel.current_trio_token()
        listen = self._bridge.listen
        for addr in listen:
            _check_port_is_free(addr)
        self._host = self._make_host(listen)
        self._swarm = cast(Any, self._host.get_network())  # its interface lacks half of what it has
        serve = self._swarm.common_stream_handler
        self._swarm.upgrader.muxer_multistream = Muxer({TProtocol(YAMUX): BoundedYamux}, int(OPEN_TIMEOUT))
        self._swarm.set_stream_handler(lambda stream: self._guard(stream, serve))
        self._swarm.register_notifee(self)
        for subject in tuple(self._bridge.subjects):
            self.serve(subject)
        async with self._host.run([Multiaddr(addr) for addr in listen]):
            await self._swarm.auto_connector.stop()  # it dials whatever strangers claim to be addresses
            listeners = self._swarm.listeners
            bound = tuple(str(listeners[addr].get_addrs()[0]) for addr in listen if addr in listeners)
            if len(bound) < len(listen):
                where = ", ".join(listen)
                raise Conflict(f"can't listen on all of {where}", hint="choose other addresses in [p2p] listen")
            async with trio.open_nursery() as nursery:
                self.nursery = nursery
                self._post(self._bridge.began, self, bound)
                await self._run_gossip()

    def _make_host(self, listen: Sequence[str]) -> IHost:
        keys = create_new_key_pair(self._bridge.seed)
        return libp2p.new_host(
            key_pair=keys,
            sec_opt={NOISE: NoiseTransport(keys, create_noise_key_pair().private_key)},  # the default takes plaintext
            muxer_opt={TProtocol(YAMUX): BoundedYamux},
            listen_addrs=[Multiaddr(addr) for addr in listen],
            connection_config=ConnectionConfig(
                max_connections=MAX_CONNECTIONS,
                min_connections=0,
                low_watermark=0,
                high_watermark=MAX_CONNECTIONS,
                inbound_upgrade_timeout=DIAL_TIMEOUT,
                outbound_upgrade_timeout=DIAL_TIMEOUT,
            ),
            disable_identify_address_discovery=True,
        )

    def start_soon(self, work: Callable[..., Awaitable[object]], *args: Any) -> None:
        try:
            self.nursery.start_soon(work, *args)
        except RuntimeError:
            pass  # this life is ending; the bridge then fails whatever waits for it

    def stop(self) -> None:
        self.start_soon(self._stop)

    async def _stop(self) -> None:
        with trio.move_on_after(2):
            async with trio.open_nursery() as nursery:
                for peer_id in list(self._connections):
                    for connection in list(self._connections[peer_id]):
                        nursery.start_soon(self._cut, peer_id, connection)
        self.nursery.cancel_scope.cancel()

    # Connections

    async def dial(self, peer_id: str, addrs: Sequence[str]) -> None:
        """Try the addresses in order, each a little after the one before; the first to answer wins.

        Not `host.connect`: that tries one address, then refuses the peer for a minute, and takes 250 ms at least.
        """
        peer = ID.from_base58(peer_id)
        reasons: dict[str, str] = {}
        async with trio.open_nursery() as nursery:

            async def attempt(addr: str, failed: trio.Event) -> None:
                try:
                    with trio.fail_after(DIAL_TIMEOUT):
                        await self._swarm.dial_addr(Multiaddr(addr), peer)
                except Exception as error:  # noqa: BLE001 - the next address may do
                    reasons[addr] = why_of(error)
                    failed.set()
                else:
                    nursery.cancel_scope.cancel()

            for addr in addrs:
                failed = trio.Event()
                nursery.start_soon(attempt, addr, failed)
                with trio.move_on_after(DIAL_STAGGER):
                    await failed.wait()
        if not self._connections.get(peer_id):
            tried = "; ".join(_dial_failure(addr, reasons.get(addr, "no answer")) for addr in addrs)
            raise Unavailable(f"peer {short(peer_id)} can't be reached ({tried})", hint="is that node running?")

    def hang_up(self, peer_id: str) -> None:
        for connection in list(self._connections.get(peer_id, ())):
            self.start_soon(self._cut, peer_id, connection)

    async def _cut(self, peer_id: str, connection: Any) -> None:
        """Close the socket itself: a polite goodbye waits for the very peer that does not listen."""
        self._gone(peer_id, connection)
        with trio.move_on_after(1):
            try:
                await connection.muxed_conn.secured_conn.close()
            except Exception as error:  # noqa: BLE001 - closed is closed
                log.debug("p2p.close", peer=peer_id, error=str(error))

    def _came(self, peer_id: str, connection: INetConn) -> None:
        connections = self._connections.setdefault(peer_id, [])
        if connection not in connections:
            connections.append(connection)
            self._post(self._bridge.peers.connected, peer_id)

    def _gone(self, peer_id: str, connection: INetConn) -> None:
        connections = self._connections.get(peer_id, [])
        if connection in connections:
            connections.remove(connection)
            if not connections:
                del self._connections[peer_id]
                self._guests.pop(peer_id, None)
                self._post(self._bridge.peers.disconnected, peer_id)

    async def connected(self, network: INetwork, conn: INetConn) -> None:
        if not conn.is_closed:
            self._came(str(conn.muxed_conn.peer_id), conn)

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:
        peer = conn.muxed_conn.peer_id
        self._gone(str(peer), conn)
        if str(peer) not in self._connections and self._host.get_peerstore().has_peer(peer):
            self._host.get_peerstore().clear_peerdata(peer)  # or passing strangers fill the memory

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None: ...
    async def closed_stream(self, network: INetwork, stream: INetStream) -> None: ...
    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None: ...
    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None: ...

    # Announcements

    async def _run_gossip(self) -> None:
        """Carry announcements until the end.

        The library's own settings would have its mesh mended every two minutes, and drop what one forwarder brings too
        fast. Who says too much is told here by who made a message, not by who passed it on.
        """
        topic = self._bridge.topic
        mesh = Mesh(
            protocols=GOSSIP,
            degree=6,
            degree_low=4,
            degree_high=12,
            heartbeat_interval=1,
            adaptive_gossip_enabled=False,
            spam_protection_enabled=False,
            eclipse_protection_enabled=False,
        )
        gossip = Gossip(
            self._host,
            mesh,
            strict_signing=True,
            max_subscriptions_per_rpc=8,
            max_subscriptions_per_peer=8,
            max_inbound_rpc_size=MAX_GOSSIP_FRAME,
            allowed_topics={topic},
        )
        gossip.may_forward = self._may_forward
        gossip.set_topic_validator(topic, self._may_speak, False)
        async with background_trio_service(gossip), background_trio_service(mesh):
            await gossip.wait_until_ready()
            heard = await gossip.subscribe(topic)
            self._gossip = gossip
            if self._unsaid is not None:
                self.announce(self._unsaid)
            while True:
                message = await heard.get()
                origin = str(ID(message.from_id))
                if origin != str(self._host.get_id()):
                    self._post(self._bridge.announced, origin, message.data)

    def _may_forward(self, peer_id: str) -> bool:
        guest = self._guests.get(peer_id)
        return guest is not None and guest.gossip.allows(trio.current_time())

    def _may_speak(self, forwarder: ID, message: rpc_pb2.Message) -> bool:
        """Whether an announcement is taken and passed on. Its signature has been checked: it is by whom it says."""
        own = forwarder == self._host.get_id()
        if len(message.data) > MAX_ANNOUNCEMENT:
            return False
        if own or self._pace.allows(str(ID(message.from_id)), trio.current_time()):
            return True
        self._post(self._bridge.overheard, self._pace.refused)
        return False

    def announce(self, data: bytes) -> None:
        if self._gossip is not None:
            self.start_soon(self._gossip.publish, self._bridge.topic, data)
        else:
            self._unsaid = data

    # Requests of ours

    def submit(self, peer_id: str, subject: str, call: Call, payload: bytes) -> None:
        link = self._links.get((peer_id, subject))
        if link is None:
            link = self._links[peer_id, subject] = Link(peer_id, subject, self._post)
            self.start_soon(self._run_link, link)
        link.submit(call, payload)

    def forget(self, peer_id: str, subject: str, call: Call) -> None:
        link = self._links.get((peer_id, subject))
        if link is not None:
            link.forget(call)

    async def _run_link(self, link: Link) -> None:
        why: FogchainError = Unavailable("the network layer stopped")
        try:
            connection, stream = await self._open(link.peer_id, link.subject)
            why = await link.pipe.run(stream, lambda: self._cut(link.peer_id, connection))
        except FogchainError as error:
            why = error
        finally:
            del self._links[link.peer_id, link.subject]
            link.fail(why)

    async def _open(self, peer_id: str, subject: str) -> tuple[INetConn, INetStream]:
        connections = self._connections.get(peer_id)
        if not connections:
            raise Unsent("it is not connected")
        connection: Any = connections[-1]
        try:
            with trio.fail_after(OPEN_TIMEOUT):
                stream: INetStream = await connection.new_stream()
                talk = MultiselectCommunicator(stream)
                await self._select.handshake(talk)
                await self._select.try_select(talk, _protocol(subject))
        except ProtocolNotSupportedError:
            await stream.reset()
            raise NotSpoken(f"it does not speak {_protocol(subject)}", hint="it may run another version") from None
        except Exception as error:
            await self._cut(peer_id, connection)  # a connection on which no stream opens is dead
            raise Unsent(f"the connection broke ({why_of(error)})") from error
        return connection, stream

    # Requests of theirs

    def serve(self, subject: str) -> None:
        async def handler(stream: INetStream) -> None:
            await self._on_stream(subject, stream)

        self._host.set_stream_handler(_protocol(subject), handler)

    async def _guard(self, stream: Any, serve: Callable[[INetStream], Awaitable[None]]) -> None:
        """Nothing raised while a stream is served may get out: it would end the whole host."""
        peer_id = str(stream.muxed_conn.peer_id)
        if stream.swarm_conn is None or stream.swarm_conn.is_closed:
            return
        self._came(peer_id, stream.swarm_conn)  # the first stream may be faster than the news of its connection
        guest = self._guests.setdefault(peer_id, Guest())
        guest.streams += 1
        try:
            if guest.streams <= MAX_STREAMS:
                await serve(stream)
            else:
                await stream.reset()
        except Exception as error:  # noqa: BLE001
            log.debug("p2p.stream", peer=peer_id, error=why_of(error))
        finally:
            guest.streams -= 1

    async def _on_stream(self, subject: str, stream: Any) -> None:
        peer_id = str(stream.muxed_conn.peer_id)
        guest = self._guests[peer_id]

        async def take(envelope: Envelope) -> None:
            if envelope.kind is not Kind.REQUEST:
                raise BadMessage("an answer where requests belong")
            await trio.sleep(guest.bucket.take(trio.current_time()))
            await guest.slots.acquire()
            self._post(self._bridge.requested, self, pipe, guest, peer_id, subject, envelope)

        pipe = Pipe(take)
        why = await pipe.run(stream, lambda: self._cut(peer_id, stream.swarm_conn))
        if isinstance(why, BadMessage):
            log.info("p2p.bad_message", peer=peer_id, subject=subject, reason=why.message)

    def answer(self, pipe: Pipe, guest: Guest, frame: bytes) -> None:
        pipe.put(frame, lambda written: guest.slots.release())


def _protocol(subject: str) -> TProtocol:
    return TProtocol(f"/fogchain/{subject}/1.0.0")


def _check_port_is_free(addr: str) -> None:
    """libp2p listens with SO_REUSEPORT, so that two nodes on one port would share its callers. Raises Conflict."""
    _, kind, ip, _, port = addr.split("/")
    family = socket.AF_INET6 if kind == "ip6" else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((ip, int(port)))
    except OSError as error:
        raise Conflict(
            f"can't listen on {addr}: {error.strerror or error}",
            hint="another program may have that port: choose another in [p2p] listen, or /tcp/0 for any free one",
        ) from error


def why_of(error: BaseException) -> str:
    """The root of a chain of library errors, in a few words."""
    while True:
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        elif error.__cause__ is not None:
            error = error.__cause__
        else:
            break
    if isinstance(error, trio.TooSlowError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error) or type(error).__name__)[:200]


def _dial_failure(addr: str, why: str) -> str:
    """In words for the person who sees the provider's state."""
    return f"nothing listens at {addr}" if "refused" in why else f"{addr}: {why}"
