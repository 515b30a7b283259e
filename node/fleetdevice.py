"""`python -m node.fleetdevice join|run`: a device of a fleet, in the foreground. `fogchain fleet join|run` end up here.

No wallet, no chain, no API: a node key, a sandbox under its own harvester, and one peer, the gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from pathlib import Path

import structlog

from fogchain import __version__
from fogchain.chain.deployment import write_atomically
from fogchain.errors import BadInput, Conflict, FogchainError, NotFound
from fogchain.folderlock import take
from fogchain.identity import NodeIdentity
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.quota import Pin, Storage
from fogchain.jobs.spec import BlobRef
from fogchain.units import parse_size
from node.devicefolder import DeviceConfig, DeviceFolder, Said
from node.fleet import messages
from node.fleet.codes import Code
from node.fleet.device import Device, Dismissed
from node.fleet.messages import Join, Welcome, Wishes
from node.fleet.ports import Handler
from node.fleetbox import LocalBox
from node.fleetharvest import DeviceHarvest, make_harvest
from node.harvest import profile
from node.p2p.address import PeerAddress, peer_id_of
from node.p2p.blobs import fetch_blob, serve_blobs
from node.p2p.host import P2PHost

log = structlog.get_logger(__name__)

JOIN_PATIENCE = 30.0  # seconds
BLOB_TIMEOUT = 60.0
TEND = 600.0  # seconds between looks at what can go


# -------------------------------------------------------------------- joining


async def join(folder: DeviceFolder, code: Code, values: dict[str, object], policy: str) -> Welcome:
    """Become a device of the code's gateway. Raises Conflict for a folder that belongs to another gateway, Forbidden
    for a code that is not good, Unavailable when the gateway can't be reached: the code is good still, then."""
    gateway = peer_id_of(code.gateway)
    if folder.config.exists() and folder.load().gateway != gateway:
        raise Conflict(f"{folder.root} belongs to a device of another gateway", hint="give another folder with --data")
    folder.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.root.chmod(0o700)
    seed = folder.data.seed
    identity = NodeIdentity.load(seed) if seed.exists() else NodeIdentity.create(seed)
    host = P2PHost(seed=identity.libp2p_seed, listen=("/ip4/0.0.0.0/tcp/0",), network=code.network, mdns=False)
    await host.start()
    try:
        host.learn(PeerAddress(gateway, code.addresses))
        asked = messages.encode(Join(secret=code.secret, name=str(values["name"])[:40], version=__version__[:40]))
        answer = await host.request(gateway, messages.JOIN, asked, timeout=JOIN_PATIENCE)
        welcome = messages.decode(Welcome, answer)
    finally:
        await host.stop()
    if not folder.data.policy.exists() or policy:
        write_atomically(folder.data.policy, (policy or 'profile = "dedicated"\n').encode())
    folder.save(
        {
            **values,
            "name": welcome.name,
            "gateway": gateway,
            "network": code.network,
            "addresses": list(code.addresses),
        }
    )
    folder.keep(Said(addresses=code.addresses))
    return welcome


# -------------------------------------------------------------------- running


class _Network:
    """`node.fleet.ports.Network` of a device."""

    def __init__(self, host: P2PHost, blobs: BlobStore) -> None:
        self._host, self._blobs = host, blobs

    @property
    def peer_id(self) -> str:
        return self._host.peer_id

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(address.split("/p2p/")[0] for address in self._host.addresses)

    def serve(self, subject: str, handler: Handler) -> None:
        self._host.serve(subject, handler)

    async def request(self, peer_id: str, subject: str, payload: bytes, *, timeout: float) -> bytes:
        return await self._host.request(peer_id, subject, payload, timeout=timeout)

    async def fetch(self, peer_id: str, ref: BlobRef) -> None:
        await fetch_blob(self._host, self._blobs, peer_id, ref, timeout=BLOB_TIMEOUT)


async def serve(folder: DeviceFolder) -> int:
    """Work until SIGINT or SIGTERM, or until the gateway wants no more of this device: then 1."""
    config = folder.load()
    lock = take(folder.data)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with contextlib.AsyncExitStack() as stack:
            working = asyncio.create_task(_work(folder, config, stack))
            stopping = asyncio.create_task(stopped.wait())
            try:
                await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
                if working.done():
                    working.result()
            finally:
                for task in (working, stopping):
                    task.cancel()
                await asyncio.gather(working, stopping, return_exceptions=True)
    finally:
        folder.status.unlink(missing_ok=True)
        lock.close()
    return 0


async def _work(folder: DeviceFolder, config: DeviceConfig, stack: contextlib.AsyncExitStack) -> None:
    identity = NodeIdentity.load(folder.data.seed)
    said = folder.said()
    storage = Storage(BlobStore(folder.data.blobs), config.quota)
    host = P2PHost(seed=identity.libp2p_seed, listen=config.listen, network=config.network, mdns=config.mdns)
    harvest: DeviceHarvest = make_harvest(folder, config, lambda: device.news())
    box = LocalBox(harvest.backend, harvest.around, storage, config)
    network = _Network(host, storage.store)

    def told(wishes: Wishes) -> None:
        nonlocal said
        now = Said(wishes.revision, tuple(wishes.addresses) or said.addresses)
        if now != said:
            folder.keep(now)
            host.learn(PeerAddress(config.gateway, now.addresses))
            said = now

    device = Device(
        network=network,
        gateway=config.gateway,
        harvest=harvest,
        box=box,
        version=__version__,
        revision=said.revision,
        told=told,
        changed=lambda: _show(folder, config, device, harvest),
    )
    storage.pins.append(lambda: dict.fromkeys(device.needed() | box.offered, Pin("", "device")))

    await box.start()
    stack.push_async_callback(box.stop)
    await harvest.start()
    stack.push_async_callback(harvest.stop)
    serve_blobs(host, storage.store, lambda peer, sha256: peer == config.gateway and sha256 in box.offered)
    device.serve()
    await host.start()
    stack.push_async_callback(host.stop)
    host.learn(PeerAddress(config.gateway, said.addresses or config.addresses))
    stack.push_async_callback(device.stop)
    tending = asyncio.create_task(_tend(storage))
    stack.callback(tending.cancel)
    print(f"device {config.name} is up", flush=True)
    await device.run()


async def _tend(storage: Storage) -> None:
    while True:
        await asyncio.sleep(TEND)
        await asyncio.to_thread(storage.collect)


def _show(folder: DeviceFolder, config: DeviceConfig, device: Device, harvest: DeviceHarvest) -> None:
    now = harvest.condition()
    status = {
        "name": config.name,
        "pid": os.getpid(),
        "at": time.time(),
        "gateway": config.gateway,
        "link": device.link.state,
        "trouble": device.link.trouble,
        "state": now.state,
        "intent": now.intent,
        "takes_work": now.takes_work,
        "detail": now.detail,
        "runs": device.running,
        "policy": now.policy,
        "version": __version__,
    }
    try:
        folder.show(status)
    except OSError as error:
        log.warning("its status can't be written", why=str(error))


# -------------------------------------------------------------------- the program


def main() -> int:
    options = _options()
    level = getattr(logging, options.log_level.upper())
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    folder = DeviceFolder(options.data.absolute())
    try:
        if options.step == "join":
            return _join(folder, options)
        return asyncio.run(serve(folder))
    except Dismissed as error:
        print(f"error: the gateway: {error.message}", file=sys.stderr)
        print(f"  try: {error.hint}", file=sys.stderr)
    except FogchainError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  try: {error.hint}", file=sys.stderr)
    return 1


def _join(folder: DeviceFolder, options: argparse.Namespace) -> int:
    code = Code.parse(options.code)
    policy = _policy(options)
    parse_size(options.memory)
    values: dict[str, object] = {
        "name": options.name or os.uname().nodename.split(".")[0] or "device",
        "slots": options.slots,
        "memory": options.memory,
    }
    values |= {"listen": options.listen} if options.listen else {}
    values |= {} if options.mdns else {"mdns": False}
    welcome = asyncio.run(join(folder, code, values, policy))
    print(f"{welcome.name} is a device of {welcome.gateway}; start it: fogchain fleet run --data {folder.root}")
    return 0


def _policy(options: argparse.Namespace) -> str:
    """Raises BadInput for one that is not used."""
    if options.profile and options.policy:
        raise BadInput("profile and policy exclude each other", hint="give one of them")
    if options.policy:
        try:
            text = Path(options.policy).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise NotFound(f"the policy {options.policy} can't be read: {error}") from error
    else:
        text = f'profile = "{options.profile}"\n' if options.profile else ""
    if text:
        profile.read(text, str(options.policy or "the policy"))
    return text


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m node.fleetdevice", description="a device of a fleet")
    steps = parser.add_subparsers(dest="step", required=True)
    joining, running = steps.add_parser("join"), steps.add_parser("run")
    for each in (joining, running):
        each.add_argument("--data", type=Path, required=True)
        each.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    joining.add_argument("code")
    joining.add_argument("--name")
    joining.add_argument("--slots", type=int, default=1)
    joining.add_argument("--memory", default="512 MiB")
    joining.add_argument("--profile")
    joining.add_argument("--policy")
    joining.add_argument("--listen", action="append")
    joining.add_argument("--no-mdns", dest="mdns", action="store_false")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
