"""A whole market on one machine: chain, providers and buyer, each a process of its own, under one folder.

    FOLDER/chain/        the local chain       FOLDER/oak/ …      the providers' data folders
    FOLDER/buyer/        the buyer's           FOLDER/logs/       what each process printed

The demo, the benchmarks and the tests with real processes stand on this. Processes that die are started again when
`supervised`; all of them end with the process that started them, however it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from fogchain.api.client import AsyncClient
from fogchain.api.models import NodeStatus
from fogchain.chain.deployment import Deployment
from fogchain.chain.faucet import fund
from fogchain.chain.rpc import Rpc
from fogchain.config import DataFolder
from fogchain.errors import FogchainError, Unavailable
from fogchain.nodefolder import create_node
from fogchain.units import parse_eth, parse_fog

log = structlog.get_logger(__name__)

PROVIDER_NAMES = ("oak", "birch", "cedar", "maple", "willow", "aspen", "hazel", "rowan")
START_TIMEOUT = 60.0
STOP_TIMEOUT = 10.0
POLL = 0.1
RESTART_PAUSE = 0.5

_PR_SET_PDEATHSIG = 1


@dataclass
class Member:
    """One process of the network."""

    name: str
    argv: list[str]
    log_path: Path
    folder: DataFolder | None = None  # of a node
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0
    wanted: bool = True  # False: it was stopped on purpose
    watcher: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process and self.process.returncode is None else None


class LocalNetwork:
    """`start`, use `buyer` (the buyer's API) and `members`, `stop`. Starting on an old folder goes on from there."""

    def __init__(
        self,
        folder: Path,
        *,
        providers: int = 3,
        buyers: int = 1,
        slots: int = 1,
        price: str = "0.5 FOG/Gfuel",
        lost_after: str = "6 s",
        purse: str = "1000 FOG",
        block_time: float = 0.25,
        supervised: bool = True,
        mdns: bool = True,
        commands: dict[str, Sequence[str]] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        fleets: Mapping[str, Mapping[str, Any]] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`commands` gives a provider another program than `python -m node`, as `[argv…]` before `--data DIR`.
        `settings`: by node's name, more for its section `[provider]` or `[buyer]`; `fleets`: for `[fleet]`. Without
        `mdns` the nodes find each other by the registry alone. `say` is told each step in words."""
        self.folder = folder
        self.names = PROVIDER_NAMES[:providers]
        self.buyers = ("buyer", *(f"buyer{number}" for number in range(2, buyers + 1)))
        self.members: dict[str, Member] = {}
        self._slots, self._price, self._lost_after, self._block_time = slots, price, lost_after, block_time
        self._purse = parse_fog(purse)  # what a new buyer's wallet gets
        self._mdns = mdns
        self._supervised, self._commands, self._say = supervised, commands or {}, say
        self._settings, self._fleets = settings or {}, fleets or {}
        self._buyer: AsyncClient | None = None
        self._clients: dict[str, AsyncClient] = {}

    @property
    def buyer(self) -> AsyncClient:
        """The API of the buyer's node."""
        return self._clients["buyer"]

    def client(self, name: str) -> AsyncClient:
        """The API of the node `name`."""
        return self._clients[name]

    @property
    def deployment(self) -> Deployment:
        return Deployment.load(self.folder / "chain" / "deployment.json")

    @property
    def rpc_url(self) -> str:
        return str(json.loads((self.folder / "chain" / "chain.json").read_text())["rpc_url"])

    # ---------------------------------------------------------------- life

    async def start(self) -> None:
        """Bring everything up until the buyer sees every provider ready. Raises Unavailable naming what is missing."""
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        try:
            await self.start_chain()
            await self.start_nodes()
        except BaseException:
            await self.stop()
            raise

    async def start_chain(self) -> None:
        self._say("starting the local chain and deploying the contracts")
        chain = self.folder / "chain"
        argv = [
            sys.executable, "-m", "fogchain.cli.main", "chain", "up",
            "--data", str(chain), "--block-time", str(self._block_time),
        ]  # fmt: skip
        member = await self.launch("chain", argv)

        def is_up() -> bool:
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                return member.pid is not None and json.loads((chain / "chain.json").read_text())["pid"] == member.pid
            return False

        await self._until(is_up, "chain")

    async def start_nodes(self) -> None:
        self._say(f"starting {len(self.names)} providers and a buyer")
        names = (*self.names, *self.buyers)
        deployment, rpc_url = self.deployment, self.rpc_url
        wallets = await asyncio.gather(*(asyncio.to_thread(self._create, name, deployment, rpc_url) for name in names))
        addresses = dict(zip(names, wallets, strict=True))
        await self._fund(deployment, rpc_url, {name: address for name, address in addresses.items() if address})
        for name in names:
            await self.launch_node(name)
        await asyncio.gather(*(self.ready(name) for name in names))
        await self.providers_ready(len(self.names))

    async def join(self, name: str) -> None:
        """One more provider comes, and its API answers."""
        deployment, rpc_url = self.deployment, self.rpc_url
        address = await asyncio.to_thread(self._create, name, deployment, rpc_url)
        if address:
            await self._fund(deployment, rpc_url, {name: address})
        self.names = (*self.names, name)
        await self.launch_node(name)
        await self.ready(name)

    async def stop(self) -> None:
        """End every process, nodes before the chain."""
        for client in self._clients.values():
            await client.close()
        self._clients.clear()
        others = [member for member in self.members.values() if member.name != "chain"]
        await asyncio.gather(*(self.end(member.name) for member in others))
        if "chain" in self.members:
            await self.end("chain")

    def _create(self, name: str, deployment: Deployment, rpc_url: str) -> str | None:
        """Make the node's folder; its wallet's address when it is new."""
        folder = DataFolder(self.folder / name)
        if folder.config.exists():
            return None
        buyer = name in self.buyers
        wallet = create_node(
            folder,
            name=name,
            roles=("buyer",) if buyer else ("provider",),
            rpc_url=rpc_url,
            deployment=deployment,
            light=True,
            provider={} if buyer else self._provider_settings(name),
            buyer={"lost_after": self._lost_after, **self._settings.get(name, {})} if buyer else {},
            p2p={"listen": ["/ip4/127.0.0.1/tcp/0"], "mdns": self._mdns},
            fleet=self._fleets.get(name),
        )
        return wallet.address

    def _provider_settings(self, name: str) -> dict[str, Any]:
        more = self._settings.get(name, {})
        price = {} if "multiplier" in more else {"price": self._price}
        return {"slots": self._slots, **price, **more}

    async def _fund(self, deployment: Deployment, rpc_url: str, addresses: dict[str, str]) -> None:
        rpc = Rpc(rpc_url)
        try:
            for name, address in addresses.items():
                fog = self._purse if name in self.buyers else 0
                await fund(rpc, deployment, address, parse_eth("10 ETH"), fog)
        finally:
            await rpc.close()

    # ---------------------------------------------------------------- nodes

    async def launch_node(self, name: str) -> None:
        """Start a node's process; `ready` waits for it."""
        folder = DataFolder(self.folder / name)
        command = self._commands.get(name, (sys.executable, "-m", "node"))
        folder.api_file.unlink(missing_ok=True)
        await self.launch(name, [*command, "--data", str(folder.root)], folder)

    async def ready(self, name: str) -> NodeStatus:
        """Wait until a node's API answers; its client is `client(name)`."""
        member = self.members[name]
        assert member.folder is not None
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT
        while asyncio.get_running_loop().time() < deadline:
            if (client := await self._client(name, member.folder)) is not None:
                with contextlib.suppress(FogchainError):
                    return await client.status()
            if member.pid is None and not self._supervised:
                break
            await asyncio.sleep(POLL)
        raise Unavailable(f"{name} did not come up: {_tail(member.log_path)}", hint=f"read {member.log_path}")

    async def _client(self, name: str, folder: DataFolder) -> AsyncClient | None:
        """A client for the address the node says it has now."""
        try:
            place = json.loads(folder.api_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        if place["pid"] != self.members[name].pid and name not in self._commands:
            return None  # of the process before this one
        old = self._clients.pop(name, None)
        if old is not None:
            await old.close()
        self._clients[name] = AsyncClient(place["url"], folder.token.read_text().strip())
        return self._clients[name]

    async def providers_ready(self, count: int, timeout: float = START_TIMEOUT) -> None:
        """Wait until the buyer has a fresh offer from `count` registered providers."""
        deadline = asyncio.get_running_loop().time() + timeout
        found: list[str] = []
        while asyncio.get_running_loop().time() < deadline:
            providers = await self.buyer.providers()
            if sum(provider.state == "ready" for provider in providers) >= count:
                return
            found = [
                f"{provider.name or provider.address}: {provider.state} {provider.detail}" for provider in providers
            ]
            await asyncio.sleep(POLL)
        raise Unavailable(f"the buyer does not see {count} providers ready; it sees: {'; '.join(found) or 'none'}")

    # ---------------------------------------------------------------- processes

    async def launch(self, name: str, argv: list[str], folder: DataFolder | None = None) -> Member:
        """Start a process whose output goes to logs/<name>.log."""
        member = self.members.get(name) or Member(name, argv, self.folder / "logs" / f"{name}.log", folder)
        member.argv, member.wanted = argv, True
        self.members[name] = member
        await self._spawn(member)
        if self._supervised and member.watcher is None:
            member.watcher = asyncio.create_task(self._watch(member), name=f"watch-{name}")
        return member

    async def _spawn(self, member: Member) -> None:
        with member.log_path.open("ab") as output:
            member.process = await asyncio.create_subprocess_exec(
                *member.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is ours to pass on, in order
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    async def _watch(self, member: Member) -> None:
        while True:
            assert member.process is not None
            code = await member.process.wait()
            if not member.wanted:
                return
            member.restarts += 1
            self._say(f"{member.name} ended unexpectedly (code {code}); starting it again")
            await asyncio.sleep(RESTART_PAUSE)
            if member.wanted:
                await self._spawn(member)

    async def kill(self, name: str) -> None:
        """`kill -9`; a supervised process comes back by itself."""
        member = self.members[name]
        if member.process is not None and member.process.returncode is None:
            member.process.kill()
            await member.process.wait()

    async def end(self, name: str) -> None:
        """Stop a process and leave it stopped."""
        member = self.members[name]
        member.wanted = False
        if member.watcher is not None:
            member.watcher.cancel()
            member.watcher = None
        process = member.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _until(self, condition: Callable[[], bool], name: str) -> None:
        member = self.members[name]
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT
        while not condition():
            dead = member.process is None or member.process.returncode is not None
            if (dead and not self._supervised) or member.restarts > 3 or asyncio.get_running_loop().time() > deadline:
                raise Unavailable(f"{name} did not come up: {_tail(member.log_path)}", hint=f"read {member.log_path}")
            await asyncio.sleep(POLL)


def _die_with_parent() -> None:
    """In the child, before exec: end when the parent does, even by kill -9."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _tail(path: Path) -> str:
    """The last line a process printed."""
    with contextlib.suppress(OSError):
        lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
        for line in reversed(lines):
            if line.startswith("error:"):
                return line
        if lines:
            return lines[-1][:300]
    return "it printed nothing"
