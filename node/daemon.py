"""The daemon: one process per machine. Composes the services here and nowhere else; owns start and stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy import MetaData

from fogchain import __version__
from fogchain.chain.auctions import Auctions
from fogchain.chain.calls import Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.deployment import Deployment, write_atomically
from fogchain.chain.index import EventIndex
from fogchain.chain.sender import Sender
from fogchain.config import PASSWORD_VARIABLE, DataFolder, NodeConfig, load_config
from fogchain.database import open_database
from fogchain.errors import BadInput, CorruptData, Unavailable
from fogchain.folderlock import take
from fogchain.identity import NodeIdentity
from fogchain.jobs import fetched as fetched_blobs
from fogchain.jobs import store as job_store
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.fetched import Fetched
from fogchain.jobs.quota import Storage
from fogchain.jobs.store import JobStore
from fogchain.wallet import keystore
from fogchain.wallet.keystore import Wallet, find_password
from node.api import once
from node.api.app import create_app
from node.api.server import ApiServer
from node.buying import make_buyer
from node.data import Data
from node.devices import Devices
from node.feed import Feed
from node.fleet import store as fleet_store
from node.harvest import journal as harvest_journal
from node.harvesting import load_policy
from node.p2p.host import P2PHost
from node.parts import Life, Parts
from node.plugs import NetworkPlug
from node.refusals import Refusals
from node.selling import Selling
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
from node.trade.ledger import Ledger
from node.trade.printing import Printing
from node.trade.provider import Provider

log = structlog.get_logger(__name__)

LAYOUT = 2  # of node.db; to be raised whenever a table, or what is kept in one, changes; a new one is just made
CHAIN_PATIENCE = 60.0  # seconds to wait at start for a chain that does not answer yet


class Node:
    """Everything a node runs. `start`, then `wait` until told to stop, then `stop`."""

    def __init__(self, folder: DataFolder) -> None:
        """Takes the folder. Raises NotFound, BadInput, CorruptData, Conflict (already running)."""
        self.folder = folder
        self.config: NodeConfig = load_config(folder)
        if "provider" in self.config.node.roles:
            load_policy(folder.policy)  # one with an error is told before anything has started
        self._lock = take(folder)
        self._life = Life()
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
        self._life.then(engine.dispose)
        storage = Storage(BlobStore(folder.blobs), config.data.quota)
        refusals = self.refusals

        client = ChainClient(config.chain.rpc_url, deployment)
        self._life.ends_with(client.close)
        await _connect(client)
        index = EventIndex(client, folder.chain_database)
        self._life.keep(index.run(), "event-index")
        sender = Sender(client, wallet.key, folder.chain_database)
        await sender.start()
        self._life.ends_with(sender.stop)

        host = P2PHost(
            seed=identity.libp2p_seed,
            listen=_ports(folder, config.p2p.listen),
            network=deployment.domain.network,
            mdns=config.p2p.mdns,
            bootstrap=config.p2p.bootstrap,
        )
        host.refused, host.refused_by_peer = refusals.note, self.refused_by_peers.note
        await host.start()
        self._life.ends_with(host.stop)
        _keep_ports(folder, host.addresses)
        parts = Parts(
            folder=folder,
            config=config,
            wallet=wallet,
            identity=identity,
            deployment=deployment,
            client=client,
            index=index,
            sender=sender,
            calls=Calls(deployment),
            engine=engine,
            storage=storage,
            network=NetworkPlug(host, storage.store, index),
            store=JobStore(engine),
            ledger=Ledger(engine),
            refusals=refusals,
        )
        services = await self._trade(parts)
        server = ApiServer(create_app(services, token, __version__, config.signin, refusals.note))
        self.url = await server.start(config.api.host, config.api.port)
        self._life.ends_with(server.stop)
        folder.api_file.parent.mkdir(exist_ok=True)
        write_atomically(folder.api_file, json.dumps({"url": self.url, "pid": os.getpid()}).encode())
        self._life.then(lambda: folder.api_file.unlink(missing_ok=True))
        self._life.keep(services.beat(), "beat")
        self._life.then(lambda: setattr(services, "stopping", True))
        log.info("node is up", name=config.node.name, api=self.url, peer=host.peer_id, wallet=wallet.address)

    async def _trade(self, parts: Parts) -> Services:
        """Start the roles this node has, and the services that the API shows."""
        config, life = parts.config, self._life
        book: ProviderBook | None = None
        buyer: Buyer | None = None
        provider: Provider | None = None
        selling = Selling(parts, life) if "provider" in config.node.roles else None
        auctioneer = Auctioneer(
            database=parts.engine,
            wallet=parts.wallet,
            auctions=Auctions(parts.client),
            index=parts.index,
            network=parts.network,
            sender=parts.sender,
            calls=parts.calls,
            offered=lambda: _offered(parts, selling),
        )
        if "buyer" in config.node.roles:
            buyer, book = make_buyer(parts, auctioneer, life)
        if selling is not None:
            provider = await selling.start(auctioneer)
        roles = [role for role in (buyer, provider) if role is not None]
        readable = [*roles, *([selling.gateway] if selling and selling.gateway else [])]
        parts.network.share(
            lambda peer, sha256: any(each.may_read(peer, sha256) for each in readable),
            provider.held_for.owned if provider else lambda owner, sha256: False,
            buyer.sources if buyer else lambda peer, sha256: [],
        )
        services = self._services(parts, auctioneer, book, buyer, provider, selling)
        life.keep(services.data.tend(), "storage")
        parts.news.services = services
        life.keep(auctioneer.run(), "auction")
        for role in roles:
            await role.start()
            life.ends_with(role.stop)
        return services

    def _services(
        self,
        parts: Parts,
        auctioneer: Auctioneer,
        book: ProviderBook | None,
        buyer: Buyer | None,
        provider: Provider | None,
        selling: Selling | None,
    ) -> Services:
        fleet = selling.fleet if selling else None
        return Services(
            config=parts.config,
            wallet=parts.wallet,
            client=parts.client,
            calls=parts.calls,
            index=parts.index,
            sender=parts.sender,
            blobs=parts.blobs,
            network=parts.network,
            peers=parts.network.count,
            book=book,
            auctioneer=auctioneer,
            buyer=buyer,
            store=parts.store,
            provider=provider,
            ledger=parts.ledger,
            feed=Feed(),
            answers=once.Answers(parts.engine),
            data=lambda machine: Data(
                storage=parts.storage,
                store=parts.store,
                ledger=parts.ledger,
                buyer=buyer,
                fetched=Fetched(parts.engine),
                retention=parts.config.data.retention / 1000,
                machine=machine,
                printing=Printing(parts.network),
            ),
            refusals=self.refusals,
            refused_by_peers=self.refused_by_peers,
            fleet=Devices(
                selling.gateway if selling else None,
                parts.network.peer_id,
                fleet.own_place if fleet else lambda: None,
            ),
            harvesting=selling.harvesting(provider) if selling and provider else None,
        )

    def ask_to_stop(self) -> None:
        self._stop.set()

    async def wait(self) -> None:
        """Until a signal or `ask_to_stop`."""
        await self._stop.wait()

    async def stop(self) -> None:
        """Graceful: running tasks end as orders still to do, everything is on disk, the chain hears nothing more."""
        await self._life.end()
        self._lock.close()


def _offered(parts: Parts, selling: Selling | None) -> Offered | None:
    """What this node has for the auction."""
    mine = [record for record in parts.index.providers() if record.owner.lower() == parts.wallet.address]
    if selling is None or selling.provider is None or not mine:
        return None
    offer = selling.provider.offer
    sells = parts.config.provider.auction and offer is not None
    return Offered(mine[0].resource_class, offer.price if offer else 0, mine[0].counted if sells else 0)


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
