"""A fleet in one process: gateway and devices as they are, with a network, sandboxes and harvesters in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from sqlalchemy import Engine

from fogchain.database import open_database
from fogchain.errors import BadInput, FogchainError, Unavailable
from fogchain.jobs.blobname import name_of
from fogchain.jobs.spec import BlobRef, Limits, ResultFile, ResultManifest, RunSpec, TaskSpec
from fogchain.market.messages import Exit
from node.fleet import store
from node.fleet.codes import Code
from node.fleet.device import Device
from node.fleet.gateway import Gateway
from node.fleet.known import Attempt, Settings
from node.fleet.messages import Result, Saved, Wishes, hash_of
from node.fleet.ports import Condition, Handler
from node.fleet.roster import Spans, State
from node.p2p.address import peer_id_of

OFFLINE = 0.6  # seconds, as is everything here
PATIENCE = 20.0
MODULE = b"a program"


def peer(number: int) -> str:
    return peer_id_of(bytes([number]) * 32)


GATEWAY = peer(1)


def spec(text: str = "") -> RunSpec:
    return RunSpec(
        module=BlobRef(sha256=name_of(MODULE), size=len(MODULE)),
        limits=Limits(fuel=1000, memory=1 << 20, time=1000, output=1 << 16, checkpoint=1 << 16),
        task=TaskSpec(args=(text,)),
    )


class Hub:
    """Everybody's requests; those of and to a peer that is `cut` come to nothing."""

    def __init__(self) -> None:
        self.doors: dict[str, dict[str, Handler]] = {}
        self.cut: set[str] = set()

    async def ask(self, sender: str, to: str, subject: str, payload: bytes) -> bytes:
        await asyncio.sleep(0)
        if {sender, to} & self.cut or subject not in self.doors.get(to, {}):
            raise Unavailable("nobody answers")
        return await self.doors[to][subject](sender, payload)


class Line:
    """`node.fleet.ports.Network` of one peer."""

    def __init__(self, hub: Hub, peer_id: str) -> None:
        self._hub, self.peer_id = hub, peer_id
        self.endpoints = ("/ip4/127.0.0.1/tcp/4001",)
        hub.doors.setdefault(peer_id, {})

    def serve(self, subject: str, handler: Handler) -> None:
        self._hub.doors[self.peer_id][subject] = handler

    async def request(self, peer_id: str, subject: str, payload: bytes, *, timeout: float) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await self._hub.ask(self.peer_id, peer_id, subject, payload)
        except TimeoutError as error:
            raise Unavailable("no answer in time") from error

    async def fetch(self, peer_id: str, ref: BlobRef) -> None:
        if {self.peer_id, peer_id} & self._hub.cut:
            raise Unavailable("nobody answers")


class Owner:
    """`node.fleet.ports.Harvest`: what an owner at the device wants."""

    def __init__(self) -> None:
        self.intent = "auto"
        self.here = False  # the owner is there and wants the machine
        self.policy = "old"

    def condition(self) -> Condition:
        willing = self.intent == "auto" and not self.here
        return Condition(
            state="idle" if willing else "blocked",
            intent=self.intent,
            takes_work=willing,
            standing=self.intent == "pause",
            detail="" if willing else "its owner is there",
            sensors={"battery.charge": "81 %"},
            policy="the policy",
            policy_hash=hash_of(self.policy),
        )

    def tell(self, intent: str) -> None:
        self.intent = intent

    def adopt(self, text: str) -> None:
        if "bad" in text:
            raise BadInput("line 1, guard 'x': it would flap")
        self.policy = text


class Sandbox:
    """`node.fleet.ports.Box`: runs end when they are let."""

    slots, memory, rate, engines = 2, 1 << 30, 10**9, ("wasmtime-1/fog-1",)

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.began: list[str] = []
        self.specs: list[RunSpec] = []
        self.evict: asyncio.Future[str] | None = None

    def room(self, spec: RunSpec) -> None:
        pass

    async def run(self, attempt: str, spec: RunSpec, seed: bytes) -> Result:
        self.began.append(spec.task.args[0])
        self.specs.append(spec)
        self.evict = asyncio.get_running_loop().create_future()
        letting = asyncio.create_task(self.let.wait())
        await asyncio.wait((letting, self.evict), return_when=asyncio.FIRST_COMPLETED)
        if self.evict.done():
            raise Unavailable(self.evict.result())
        return result(attempt, spec.task.args[0])

    def discard(self, attempt: str) -> None:
        pass


def result(attempt: str, text: str) -> Result:
    content = text.encode()
    manifest = ResultManifest(
        exit=Exit.OK, code=0, files=(ResultFile(name="stdout", sha256=name_of(content), size=len(content)),)
    )
    return Result(attempt=attempt, exit=0, fuel=7, manifest=manifest.encode(), files={"stdout": content}, took=5)


class Member:
    """A device's process, in this one."""

    def __init__(self, hub: Hub, peer_id: str, revision: int = -1) -> None:
        self.peer_id, self.owner, self.box = peer_id, Owner(), Sandbox()
        self.line = Line(hub, peer_id)
        self.heard: list[Wishes] = []
        self.device = Device(
            network=self.line, gateway=GATEWAY, harvest=self.owner, box=self.box, version="1",
            revision=revision, told=self.heard.append,
        )  # fmt: skip
        self.device.serve()
        self.task = asyncio.create_task(self.device.run())

    async def kill(self) -> None:
        """As by `kill -9`: no goodbye."""
        self.task.cancel()
        for run in list(self.device._runs.values()):
            run.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class Fleet:
    def __init__(self, folder: Path, spans: Spans | None = None) -> None:
        self.hub, self.folder = Hub(), folder
        self.spans = spans or Spans(offline=OFFLINE, standing=60.0)
        self.wall = 1_000_000.0
        self.members: list[Member] = []
        self.engine: Engine = open_database(folder / "node.db", store.tables, 1)
        self.begin()

    def begin(self) -> None:
        self.gateway = Gateway(
            network=Line(self.hub, GATEWAY),
            network_name="31337-0xabc",
            node_key=bytes([1]) * 32,
            store=store.FleetStore(self.engine),
            settings=Settings("oak", "1", 0.1, self.spans),
            check_policy=Owner().adopt,
            changed=lambda: None,
            wall=lambda: self.wall,
        )
        self.gateway.serve()
        self.ticking = asyncio.create_task(self.gateway.run())

    async def restart(self) -> None:
        self.ticking.cancel()
        self.begin()

    async def join(self, number: int, code: Code | None = None, name: str = "pi") -> str:
        """The device's name. Raises as the gateway does."""
        from node.fleet import messages

        code = code or self.gateway.invite(None)
        asked = messages.encode(messages.Join(secret=code.secret, name=name, version="1"))
        answer = await self.hub.ask(peer(number), GATEWAY, messages.JOIN, asked)
        return messages.decode(messages.Welcome, answer).name

    async def device(self, number: int) -> Member:
        """One that has joined and takes work."""
        await self.join(number)
        return await self.run(number)

    async def run(self, number: int) -> Member:
        member = Member(self.hub, peer(number))
        self.members.append(member)
        await until(lambda: self.state(number) is State.READY)
        return member

    def state(self, number: int) -> State:
        return self.gateway.find(peer(number)).member.state

    def give(self, number: int, text: str, taken: list[str]) -> Attempt:
        """A run for this device; what comes of it is added to `taken`."""

        async def accept(found: Result) -> bool:
            content = found.files["stdout"].decode()
            if content != text:
                return False
            taken.append(content)
            self.gateway.end(attempt, accepted=True)
            return True

        async def keep(saved: Saved) -> None:
            raise Unavailable("no checkpoints here")

        blobs = frozenset({name_of(MODULE)})
        attempt = self.gateway.give(peer(number), f"run-{text}", spec(text).encode(), b"seed", blobs, accept, keep)
        return attempt

    async def stop(self) -> None:
        for member in self.members:
            await member.kill()
        self.ticking.cancel()
        self.engine.dispose()


@contextlib.asynccontextmanager
async def fleet_in(folder: Path, spans: Spans | None = None) -> AsyncIterator[Fleet]:
    fleet = Fleet(folder, spans)
    try:
        yield fleet
    finally:
        await fleet.stop()


async def until(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(0.01)


async def refused(work: Awaitable[object]) -> FogchainError:
    try:
        await work
    except FogchainError as error:
        return error
    raise AssertionError("it was not refused")
