"""The daemon: one process per machine. Composes the services here and nowhere else; owns start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import Engine, MetaData

from fogchain import __version__
from fogchain.chain.auctions import Auctions
from fogchain.chain.calls import Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.deployment import Deployment, write_atomically
from fogchain.chain.index import EventIndex
from fogchain.chain.sender import Sender
from fogchain.config import PASSWORD_VARIABLE, DataFolder, NodeConfig, ProviderSection, load_config
from fogchain.database import open_database
from fogchain.errors import BadInput, CorruptData, Unavailable
from fogchain.folderlock import take
from fogchain.identity import NodeIdentity
from fogchain.jobs import fetched as fetched_blobs
from fogchain.jobs import store as job_store
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.fetched import Fetched
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.quota import Storage
from fogchain.jobs.spec import BlobRef, RunSpec
from fogchain.jobs.store import JobStore
from fogchain.market.checkpointing import mean_stay
from fogchain.market.engines import Runtime
from fogchain.market.messages import Exit
from fogchain.wallet import keystore
from fogchain.wallet.keystore import Wallet, find_password
from node import views
from node.api import once
from node.api.app import create_app
from node.api.server import ApiServer
from node.data import Data
from node.devices import Devices
from node.executor.backend import Backend, HarvestedBackend
from node.executor.pool import Evicted, Executor, RunRequest
from node.executor.rayexecutor import RayExecutor
from node.feed import Feed
from node.fleet import store as fleet_store
from node.fleet.gateway import Gateway
from node.fleetbackend import FleetBackend
from node.fleetroom import capacity_of, make_gateway
from node.harvest import journal as harvest_journal
from node.harvesting import Harvesting, load_policy
from node.idle import FleetGate, Idle
from node.p2p.address import PeerAddress, PeerFound, PeerUp, node_key_of, peer_id_of
from node.p2p.blobs import fetch_blob, serve_blobs, serve_sources
from node.p2p.host import P2PHost
from node.refusals import Refusals
from node.services import Services
from node.trade import auctionstore as trade_auction
from node.trade import gauge as trade_gauge
from node.trade import issuer as trade_issuer
from node.trade import ledger as trade_ledger
from node.trade import settlement as trade_settlement
from node.trade import uptime as trade_uptime
from node.trade.auctioneer import Auctioneer, Offered
from node.trade.book import ProviderBook
from node.trade.buyer import Buyer
from node.trade.driver import JobDriver
from node.trade.gauge import Gauge, Gauged
from node.trade.issuer import Issuer
from node.trade.ledger import Ledger
from node.trade.openjob import Funding, Surroundings
from node.trade.ports import Capacity, HandedBack, Handler, Progress, Ran
from node.trade.printing import Printing
from node.trade.provider import Provider
from node.trade.ratings import Ratings
from node.trade.settlement import Settlement
from node.trade.uptime import Uptime

log = structlog.get_logger(__name__)

LAYOUT = 2  # of node.db; to be raised whenever a table, or what is kept in one, changes; a new one is just made
CHAIN_PATIENCE = 60.0  # seconds to wait at start for a chain that does not answer yet
BLOB_TIMEOUT = 60.0


class Node:
    """Everything a node runs. `start`, then `wait` until told to stop, then `stop`."""

    def __init__(self, folder: DataFolder) -> None:
        """Takes the folder. Raises NotFound, BadInput, CorruptData, Conflict (already running)."""
        self.folder = folder
        self.config: NodeConfig = load_config(folder)
        if "provider" in self.config.node.roles:
            load_policy(folder.policy)  # one with an error is told before anything has started
        self._lock = take(folder)
        self._stack = contextlib.AsyncExitStack()
        self._stop = asyncio.Event()
        self.refusals = Refusals()
        self.refused_by_peers = Refusals()
        self.url = ""

    async def start(self) -> None:
        """Bring everything up, in the order in which things need each other. On an error nothing is left running."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        folder, config = self.folder, self.config
        wallet = _unlock(folder)
        identity = NodeIdentity.load(folder.seed)
        token = _read_token(folder.token)
        deployment = Deployment.load(config.chain.deployment)
        engine = open_database(folder.database, _tables(), LAYOUT)
        self._stack.callback(engine.dispose)
        storage = Storage(BlobStore(folder.blobs), config.data.quota)
        blobs = storage.store
        feed = Feed()
        refusals = self.refusals

        client = ChainClient(config.chain.rpc_url, deployment)
        self._stack.push_async_callback(client.close)
        await _connect(client)
        index = EventIndex(client, folder.chain_database)
        self._keep(index.run(), "event-index")
        sender = Sender(client, wallet.key, folder.chain_database)
        await sender.start()
        self._stack.push_async_callback(sender.stop)

        host = P2PHost(
            seed=identity.libp2p_seed,
            listen=_ports(folder, config.p2p.listen),
            network=deployment.domain.network,
            mdns=config.p2p.mdns,
            bootstrap=config.p2p.bootstrap,
        )
        host.refused, host.refused_by_peer = refusals.note, self.refused_by_peers.note
        await host.start()
        self._stack.push_async_callback(host.stop)
        _keep_ports(folder, host.addresses)
        network = _Network(host, blobs, index)

        services = await self._trade(
            wallet, identity, deployment, client, index, sender, engine, storage, network, feed
        )
        server = ApiServer(create_app(services, token, __version__, config.signin, refusals.note))
        self.url = await server.start(config.api.host, config.api.port)
        self._stack.push_async_callback(server.stop)
        folder.api_file.parent.mkdir(exist_ok=True)
        write_atomically(folder.api_file, json.dumps({"url": self.url, "pid": os.getpid()}).encode())
        self._stack.callback(lambda: folder.api_file.unlink(missing_ok=True))
        self._keep(services.beat(), "beat")
        self._stack.callback(lambda: setattr(services, "stopping", True))
        log.info("node is up", name=config.node.name, api=self.url, peer=host.peer_id, wallet=wallet.address)

    async def _trade(
        self,
        wallet: Wallet,
        identity: NodeIdentity,
        deployment: Deployment,
        client: ChainClient,
        index: EventIndex,
        sender: Sender,
        engine: Engine,
        storage: Storage,
        network: _Network,
        feed: Feed,
    ) -> Services:
        """Start the roles this node has, and the services that the API shows."""
        config, calls = self.config, Calls(deployment)
        store, ledger, blobs = JobStore(engine), Ledger(engine), storage.store
        watchers: list[Services] = []

        def node_changed() -> None:
            for services in watchers:
                services.node_changed()

        def providers_changed() -> None:
            for services in watchers:
                services.providers_changed()

        def job_changed(driver: JobDriver, touched: set[int]) -> None:
            for services in watchers:
                services.job_changed(driver, touched)

        def job_ended(machine: JobMachine) -> None:
            for services in watchers:
                services.job_ended(machine)

        book: ProviderBook | None = None
        buyer: Buyer | None = None
        provider: Provider | None = None
        gateway: Gateway | None = None
        fleet: FleetBackend | None = None

        def machine_changed() -> None:
            node_changed()
            if fleet is not None:
                fleet_changed()

        def fleet_changed() -> None:
            if provider is not None:
                provider.capacity_changed()
            for services in watchers:
                services.fleet_changed()

        idle: Idle | None = None

        def offered() -> Offered | None:
            mine = [r for r in index.providers() if r.owner.lower() == wallet.address]
            if provider is None or not mine:
                return None
            sells = config.provider.auction and provider.offer is not None
            return Offered(
                mine[0].resource_class,
                provider.offer.price if provider.offer else 0,
                mine[0].counted if sells else 0,
            )

        auctioneer = Auctioneer(
            database=engine,
            wallet=wallet,
            auctions=Auctions(client),
            index=index,
            network=network,
            sender=sender,
            calls=calls,
            offered=offered,
        )
        if "buyer" in config.node.roles:
            book = ProviderBook(
                own_address=wallet.address,
                domain=deployment.domain,
                network=network,
                index=index,
                changed=providers_changed,
                stale_after=config.buyer.stale_after / 1000,
                record=store.record,
                refused=self.refusals.note,
            )
            settlement = Settlement(
                engine=engine, address=wallet.address, client=client, index=index, sender=sender, calls=calls
            )
            self._keep(settlement.run(), "settlement")
            around = Surroundings(
                wallet=wallet,
                domain=deployment.domain,
                config=config.buyer,
                store=store,
                storage=storage,
                network=network,
                book=book,
                client=client,
                index=index,
                auctioneer=auctioneer,
                sender=sender,
                calls=calls,
                funding=Funding(),
                settlement=settlement,
                changed=job_changed,
                refusals=self.refusals,
            )
            buyer = Buyer(around, job_ended)
            if config.buyer.rate:
                ratings = Ratings(
                    address=wallet.address,
                    store=store,
                    index=index,
                    sender=sender,
                    calls=calls,
                    operator_of=book.operator_of,
                )
                self._keep(ratings.run(), "ratings")
            network.listen_for(book)
            gauge = Gauge(
                engine=engine,
                book=book,
                network=network,
                busy=buyer.busy_with,
                after=config.buyer.measure_after / 1000,
            )
            book.score, book.observe = gauge.score, gauge.observe
            self._keep(gauge.run(), "gauge")
            self._keep(book.run(), "provider-book")
        if "provider" in config.node.roles:
            local = _backend(self.folder.work, config.provider, node_changed)
            executor: Backend = local
            idle = Idle(
                policy=load_policy(self.folder.policy),
                config=config.harvest,
                data=self.folder.root,
                executor=local,
                engine=engine,
                changed=machine_changed,
            )
            if config.fleet.enabled:
                gateway = make_gateway(
                    config, network, deployment.domain.network, identity.node_key, engine, fleet_changed
                )
                executor = fleet = FleetBackend(
                    executor,
                    gateway,
                    folder=self.folder.work,
                    slots=config.provider.slots,
                    memory=config.provider.memory,
                    works=partial(_works, config, idle),
                    around=idle.run,
                    blobs=blobs,
                    fetch=network.fetch,
                )
                self._keep(gateway.run(), "fleet")
            await executor.start()
            self._stack.push_async_callback(executor.stop)
            rate = await executor.measure_rate()
            uptime = Uptime(engine, time.time())
            watched = idle.run if fleet is None else _unwatched
            sandbox = _Sandbox(executor, watched, stay=partial(_stay, idle, uptime))
            await idle.start()
            self._stack.push_async_callback(idle.stop)

            def capacity() -> Capacity:
                own = Capacity(config.provider.slots, config.provider.memory, rate)
                return capacity_of(fleet) if fleet is not None else own

            issuer = Issuer(
                name=config.node.name,
                wallet=wallet,
                identity=identity,
                domain=deployment.domain,
                config=config.provider,
                capacity=capacity,
                engines=lambda: sandbox.engines,
                database=engine,
                base_price=partial(_base_price, client),
                uptime=uptime,
                chances=idle.chances,
                now=index.now,
            )
            provider = Provider(
                issuer=issuer,
                sold_to=auctioneer.sold_to,
                uptime=uptime,
                wallet=wallet,
                identity=identity,
                domain=deployment.domain,
                config=config.provider,
                fuel_rate=rate,
                ledger=ledger,
                storage=storage,
                network=network,
                sandbox=sandbox,
                capacity=capacity,
                gate=idle if fleet is None else FleetGate(idle, capacity),
                index=index,
                sender=sender,
                calls=calls,
                changed=node_changed,
            )
            if fleet is None:
                idle.stood_down = provider.stand_down
            gauged = Gauged(sandbox=sandbox, blobs=blobs, busy=partial(_is_busy, provider, idle))
            network.serve("gauge", gauged.answer)
        roles = [role for role in (buyer, provider) if role is not None]
        readable = [*roles, *([gateway] if gateway is not None else [])]
        network.share(
            lambda peer, sha256: any(each.may_read(peer, sha256) for each in readable),
            provider.held_for.owned if provider else lambda owner, sha256: False,
            buyer.sources if buyer else lambda peer, sha256: [],
        )
        services = Services(
            config=config,
            wallet=wallet,
            client=client,
            calls=calls,
            index=index,
            sender=sender,
            blobs=blobs,
            network=network,
            peers=network.count,
            book=book,
            auctioneer=auctioneer,
            buyer=buyer,
            store=store,
            provider=provider,
            ledger=ledger,
            feed=feed,
            answers=once.Answers(engine),
            data=lambda machine: Data(
                storage=storage,
                store=store,
                ledger=ledger,
                buyer=buyer,
                fetched=Fetched(engine),
                retention=config.data.retention / 1000,
                machine=machine,
                printing=Printing(network),
            ),
            refusals=self.refusals,
            refused_by_peers=self.refused_by_peers,
            fleet=Devices(gateway, network.peer_id, fleet.own_place if fleet is not None else lambda: None),
            harvesting=self._harvesting(idle, provider) if idle and provider else None,
        )
        self._keep(services.data.tend(), "storage")
        watchers.append(services)
        self._keep(auctioneer.run(), "auction")
        for role in roles:
            await role.start()
            self._stack.push_async_callback(role.stop)
        return services

    def _harvesting(self, idle: Idle, provider: Provider) -> Harvesting:
        return Harvesting(
            harvester=idle.harvester,
            probes=idle,
            journal=idle.journal,
            file=self.folder.policy,
            cores=self.config.provider.slots,
            running=lambda: idle.running,
            survival=lambda: views.survival_of(provider.offer),
        )

    def _keep(self, work: Coroutine[None, None, None], name: str) -> None:
        """A task that goes on until the node stops."""
        task = asyncio.create_task(work, name=name)
        self._stack.push_async_callback(_end, task)

    def ask_to_stop(self) -> None:
        self._stop.set()

    async def wait(self) -> None:
        """Until a signal or `ask_to_stop`."""
        await self._stop.wait()

    async def stop(self) -> None:
        """Graceful: running tasks end as orders still to do, everything is on disk, the chain hears nothing more."""
        await self._stack.aclose()
        self._lock.close()


class _Network:
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


def _backend(folder: Path, config: ProviderSection, changed: Callable[[], None]) -> HarvestedBackend:
    """What `provider.executor` names."""
    if config.executor == "ray":
        return RayExecutor(
            folder, config.slots, memory_cap=config.memory, wanted=config.runtimes, address=config.ray_address,
            changed=changed,
        )  # fmt: skip
    return Executor(folder, config.slots, memory_cap=config.memory, wanted=config.runtimes, changed=changed)


class _Sandbox:
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


def _is_busy(provider: Provider, idle: Idle) -> bool:
    return provider.busy or bool(idle.why_not())


@contextlib.asynccontextmanager
async def _unwatched() -> AsyncIterator[None]:
    """Of a run whose machine is another."""
    yield


def _works(config: NodeConfig, idle: Idle) -> bool:
    """Whether a fleet's gateway runs tasks itself now."""
    return config.fleet.works and not idle.why_not()


async def serve(folder: DataFolder) -> None:
    """Run a node until SIGINT or SIGTERM."""
    node = Node(folder)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, node.ask_to_stop)
    await node.start()
    print(f"node {node.config.node.name} is up: {node.url}", flush=True)
    await node.wait()
    print("stopping", flush=True)
    await node.stop()


def _stay(idle: Idle, uptime: Uptime) -> float:
    """Seconds, on average, by what this node says of itself in its offers."""
    *_, last = idle.chances(uptime.record())
    return mean_stay(last)


async def _base_price(client: ChainClient, resource_class: bytes) -> int:
    """Of a Gfuel, now."""
    per_gfuel, _ = await client.read("pricing", "basePrice", resource_class)
    return int(per_gfuel)


async def _connect(client: ChainClient) -> None:
    """Wait for the chain a while: it may be starting beside us, or restarting."""
    deadline = asyncio.get_running_loop().time() + CHAIN_PATIENCE
    while True:
        try:
            await client.connect()
            return
        except Unavailable as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            log.info("waiting for the chain", why=error.message)
            await asyncio.sleep(0.5)


def _ports(folder: DataFolder, listen: Sequence[str]) -> list[str]:
    """The listen addresses, with the port used last time where any will do: peers then find a restarted node at once,
    and its registry record stays true."""
    try:
        known = json.loads(folder.p2p_file.read_text())["port"]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("", known))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return list(listen)
    return [f"{address.removesuffix('/0')}/{known}" if address.endswith("/tcp/0") else address for address in listen]


def _keep_ports(folder: DataFolder, addresses: Sequence[str]) -> None:
    folder.p2p_file.parent.mkdir(exist_ok=True)
    ports = [int(address.split("/tcp/")[1].split("/")[0]) for address in addresses if "/tcp/" in address]
    if ports:
        write_atomically(folder.p2p_file, json.dumps({"port": ports[0]}).encode())


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _unlock(folder: DataFolder) -> Wallet:
    password = find_password(folder)
    if password is None:
        raise BadInput(
            "the node has no password for its wallet",
            hint=f"set ${PASSWORD_VARIABLE}, or write the password into {folder.password} (mode 0600)",
        )
    return keystore.load(folder.keystore, password)


def _read_token(path: Path) -> str:
    try:
        token = path.read_text().strip()
    except FileNotFoundError:
        token = ""
    if len(token) < 32:
        raise CorruptData(
            f"the API token {path} is missing or too short", hint="restore it, or write 64 random hex digits into it"
        )
    return token


def _tables() -> MetaData:
    """The buyer's, the provider's and the API's tables, in one database."""
    merged = MetaData()
    rooms = (
        job_store,
        trade_auction,
        trade_gauge,
        trade_ledger,
        trade_issuer,
        trade_uptime,
        once,
        fetched_blobs,
        trade_settlement,
        fleet_store,
        harvest_journal,
    )
    for source in (room.tables for room in rooms):
        for table in source.tables.values():
            table.to_metadata(merged)
    return merged
