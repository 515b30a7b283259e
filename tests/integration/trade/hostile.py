"""Peers that keep to no rules: a wallet with money and a host of their own, and what an honest node would say only as
long as it serves them."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from coincurve import PrivateKey
from wasmtime import wat2wasm

from fogchain import cbor
from fogchain.api.models import NodeStatus
from fogchain.bench.e2e import SPIN
from fogchain.chain.calls import CPU, Calls, session_id
from fogchain.chain.client import ChainClient, SessionState
from fogchain.chain.deployment import Deployment
from fogchain.chain.faucet import fund
from fogchain.chain.sender import Sender
from fogchain.errors import FogchainError, NotFound, Unavailable
from fogchain.identity import NodeIdentity
from fogchain.jobs.blobname import name_of
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.spec import BlobRef, Limits, ResultFile, ResultManifest, RunSpec, TaskSpec
from fogchain.market.messages import BY_RECORD, Agreement, Exit, Offer, Receipt, TaskOrder, Voucher
from fogchain.units import MAX_UINT96, parse_eth, parse_fog, parse_price
from fogchain.wallet.eip712 import Domain, sign
from fogchain.wallet.keystore import Wallet
from node.executor.version import ENGINE
from node.p2p.blobs import serve_blobs
from node.p2p.host import P2PHost, PeerAddress
from node.trade import wire
from node.trade.wire import Promise, SignedOffer, SignedOrder, SignedReceipt, SignedVoucher

PRICE = parse_price("0.5 FOG/Gfuel")
FUEL = 100_000_000
TERMS = Agreement(price=PRICE, fee=100, level=1, sample=BY_RECORD, grace=60, penalty=0, privacy="direct")
FUNDS = parse_fog("1000 FOG")
LOUD_BYTES = 150_000  # more than travels inside a receipt
LOUD = f"""
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const {LOUD_BYTES}))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
"""
LOUD_OUTPUT = name_of(bytes(LOUD_BYTES))


async def until(condition: Callable[[], Any], patience: float = 20.0, what: str = "") -> Any:
    """The first true value of `condition`, which may be a coroutine function."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, f"not in {patience:g} s: {what or condition}"
        await asyncio.sleep(0.05)


def states_in(answer: bytes, count: int) -> list[str]:
    """What a provider says of so many orders that it was asked about."""
    return [status.state for status in wire.decode_status(answer, count)]


@dataclass(frozen=True)
class SessionTerms:
    provider: str
    job: bytes
    session: bytes


class Rogue:
    """A wallet, a node key and a host. `start` funds it and puts it on the network."""

    money = 0  # base units of FOG to begin with

    def __init__(self, folder: Path, deployment: Deployment, rpc_url: str) -> None:
        folder.mkdir(parents=True)
        self.deployment, self.domain = deployment, deployment.domain
        self.wallet = Wallet.of(PrivateKey())
        self.identity = NodeIdentity.create(folder / "seed")
        self.client = ChainClient(rpc_url, deployment)
        self.sender = Sender(self.client, self.wallet.key, folder / "chain.db")
        self.calls = Calls(deployment)
        self.blobs = BlobStore(folder / "blobs")
        self.host = P2PHost(
            seed=self.identity.libp2p_seed, listen=["/ip4/127.0.0.1/tcp/0"], network=self.domain.network, mdns=False
        )
        self.fetched: list[tuple[str, str]] = []  # (peer, blob) that was asked for

    async def start(self) -> None:
        await self.sender.start()
        await self.host.start()
        serve_blobs(self.host, self.blobs, self._gives)
        await fund(self.client.rpc, self.deployment, self.wallet.address, parse_eth("10 ETH"), self.money)

    async def stop(self) -> None:
        await self.host.stop()
        await self.sender.stop()
        await self.client.close()

    def _gives(self, peer: str, sha256: str) -> bool:
        self.fetched.append((peer, sha256))
        return True

    async def meet(self, node: NodeStatus) -> None:
        await self.host.connect(PeerAddress(node.peer_id, tuple(node.listen)))

    async def ask(self, peer: str, subject: str, payload: bytes, timeout: float = 20) -> bytes:
        return await self.host.request(peer, subject, payload, timeout=timeout)


class RogueBuyer(Rogue):
    """Opens sessions and signs whatever a test wants signed. Takes every receipt, and answers it with `verdict`."""

    money = FUNDS

    def __init__(self, folder: Path, deployment: Deployment, rpc_url: str) -> None:
        super().__init__(folder, deployment, rpc_url)
        self.verdict = wire.ACCEPTED
        self.receipts: dict[bytes, list[SignedReceipt]] = {}
        self._attempt = 0
        spin, loud = (self.blobs.put(bytes(wat2wasm(source))) for source in (SPIN, LOUD))
        self.spin = BlobRef(sha256=spin, size=self.blobs.size(spin))
        self.loud = BlobRef(sha256=loud, size=self.blobs.size(loud))

    async def start(self) -> None:
        await super().start()
        self.host.serve("receipt", self._on_receipt)
        await self.sender.send(self.calls.approve(MAX_UINT96))
        await self.sender.send(self.calls.deposit(FUNDS))

    async def _on_receipt(self, _peer: str, data: bytes) -> bytes:
        signed = SignedReceipt.decode(data)
        self.receipts.setdefault(signed.receipt.order, []).append(signed)
        return wire.encode_verdict(self.verdict, self.verdict)

    async def open(self, provider: str, cap: int = parse_fog("1 FOG"), lasts: int = 3600) -> SessionTerms:
        """A session on the chain, for a job of its own."""
        job = hashlib.sha256(f"{self.wallet.address} {time.time_ns()}".encode()).digest()
        await self.sender.send(self.calls.open_session(provider, cap, int(time.time()) + lasts, job))
        return SessionTerms(provider, job, session_id(self.wallet.address, provider, job))

    async def state(self, session: bytes) -> SessionState:
        return await self.client.session(session)

    def run_spec(
        self, rounds: int = 1000, fuel: int = FUEL, memory: int = 1 << 24, loud: bool = False, time: int = 20_000
    ) -> RunSpec:
        module = self.loud if loud else self.spin
        limits = Limits(fuel=fuel, memory=memory, time=time, output=1 << 20)
        return RunSpec(module=module, limits=limits, task=TaskSpec(args=(str(rounds),)))

    def order(self, terms: SessionTerms, run: RunSpec | None = None, **changes: Any) -> SignedOrder:
        """An order that is right but for `changes`: fields of the order or its terms, `domain`, `key`, and
        `sent` for the spec."""
        run = run or self.run_spec()
        self._attempt += 1
        domain, key = changes.pop("domain", self.domain), changes.pop("key", self.wallet.key)
        sent = changes.pop("sent", run.encode())
        now = int(time.time())
        fields = Agreement.__dataclass_fields__
        order = TaskOrder(
            buyer=self.wallet.address,
            provider=terms.provider,
            session=terms.session,
            job=terms.job,
            task=0,
            attempt=self._attempt,
            spec=run.digest,
            fuel_limit=run.limits.fuel,
            engine=ENGINE,
            issued=now,
            deadline=now + 600,
            sealed=0,
            terms=replace(TERMS, **{name: changes.pop(name) for name in fields if name in changes}),
        )
        order = replace(order, **changes)
        return SignedOrder(order, sign(key, domain, order), sent)

    async def place(self, peer: str, signed: SignedOrder) -> str:
        """The provider's answer, once it has seen the session on the chain."""
        deadline = time.monotonic() + 20
        while True:
            try:
                return Promise.decode(await self.ask(peer, "order", signed.encode())).state
            except Unavailable as error:
                if "not seen the payment session" not in error.message or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.1)

    async def delivered(self, signed: SignedOrder, patience: float = 20.0) -> SignedReceipt:
        digest = self.domain.digest(signed.order)
        await until(lambda: digest in self.receipts, patience, "no receipt came")
        return self.receipts[digest][0]

    def voucher(
        self,
        terms: SessionTerms,
        amount: int,
        *,
        last: bool = False,
        key: PrivateKey | None = None,
        domain: Domain | None = None,
        signed_for: bytes | None = None,
    ) -> bytes:
        """A voucher's message, its signature by `key` in `domain` over the session `signed_for`."""
        signed = Voucher(signed_for or terms.session, amount)
        signature = sign(key or self.wallet.key, domain or self.domain, signed)
        return SignedVoucher(Voucher(terms.session, amount), signature, last).encode()


Trick = Callable[["RogueProvider", bytes], Coroutine[None, None, None]]


class RogueProvider(Rogue):
    """A provider with an offer nobody can beat. Each order it gets is for the next of `tricks`, in turn."""

    def __init__(
        self, folder: Path, deployment: Deployment, rpc_url: str, tricks: Sequence[Trick] = (), **offer: Any
    ) -> None:
        super().__init__(folder, deployment, rpc_url)
        self.orders: dict[bytes, SignedOrder] = {}
        self.played: dict[str, bytes] = {}  # by trick, the order it was first played on
        self.answers: dict[bytes, str | FogchainError] = {}  # by order, what the buyer said to its receipt
        self.buyer = ""  # peer id of the one that ordered last
        self.promising = self.wallet.key  # signs what it accepts
        self.lies: dict[str, bytes] = {}  # what it gives for a blob of this name
        self._tricks, self._offer = tricks, offer
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        await super().start()
        for subject, handler in (
            ("offer", self._on_offer),
            ("order", self._on_order),
            ("status", self._on_status),
            ("cancel", self._on_cancel),
            ("blob", self._on_blob),
        ):
            self.host.serve(subject, handler)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await super().stop()

    async def register(self, node_key: bytes | None = None) -> None:
        endpoints = ",".join(address.split("/p2p/")[0] for address in self.host.addresses)
        binding = self.identity.bind(self.wallet.address, self.domain)
        await self.sender.send(self.calls.register(node_key or self.identity.node_key, binding, 8, endpoints))

    async def _on_offer(self, _peer: str, _data: bytes) -> bytes:
        now = int(time.time())
        offer = Offer(
            provider=self.wallet.address,
            node=self.identity.node_key,
            resource_class=CPU,
            multiplier=0,
            price=1,
            regions="",
            survival_10m=10_000,
            survival_1h=10_000,
            survival_2h=10_000,
            slots=2**32 - 1,
            memory=2**64 - 1,
            fuel_rate=2**64 - 1,
            engines=ENGINE,
            on_account=0,
            issued=now,
            expiry=now + 300,
        )
        offer = replace(offer, **self._offer)
        return SignedOffer(offer, sign(self.wallet.key, self.domain, offer), "rogue").encode()

    async def _on_order(self, peer: str, data: bytes) -> bytes:
        signed = SignedOrder.decode(data)
        digest = self.domain.digest(signed.order)
        self.buyer = peer
        if digest not in self.orders:
            trick = self._tricks[len(self.orders) % len(self._tricks)]
            self.orders[digest] = signed
            self.played.setdefault(trick.__name__, digest)
            task = asyncio.create_task(trick(self, digest))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return Promise(wire.QUEUED, sign(self.promising, self.domain, signed.order)).encode()

    async def _on_status(self, _peer: str, data: bytes) -> bytes:
        return wire.encode_status([wire.Status(self.state_of(digest)) for digest in wire.decode_digests(data)])

    def state_of(self, digest: bytes) -> str:
        return wire.QUEUED

    async def _on_cancel(self, _peer: str, _data: bytes) -> bytes:
        return wire.EMPTY

    async def _on_blob(self, _peer: str, data: bytes) -> bytes:
        _, sha256, offset, length, _ = cbor.loads(data)
        lie = self.lies.get(sha256.hex())
        if lie is None:
            raise NotFound("there is no such blob here")
        return cbor.dumps([1, len(lie), lie[offset : offset + length]])

    async def hand_over(
        self,
        digest: bytes,
        manifest: bytes,
        *,
        blobs: dict[bytes, bytes] | None = None,
        key: PrivateKey | None = None,
        salt: bytes = b"",
        **changes: Any,
    ) -> None:
        """Hand over a receipt that is right but for `changes`, and keep what the buyer says to it."""
        now = int(time.time())
        receipt = Receipt(digest, hashlib.sha256(manifest).digest(), 1000, int(Exit.OK), now, now)
        receipt = replace(receipt, **changes)
        signature = sign(key or self.wallet.key, self.domain, receipt)
        message = SignedReceipt(receipt, signature, manifest, blobs or {}, salt=salt).encode()
        try:
            self.answers[digest] = wire.decode_verdict(await self.ask(self.buyer, "receipt", message))[0]
        except FogchainError as error:
            self.answers[digest] = error


class Staller(RogueProvider):
    """Takes a few orders and does nothing but say how well it goes; then it has no room for more."""

    STATES: ClassVar = ("running", "delivered", "toggling", "queued", "wonderful")

    def __init__(self, folder: Path, deployment: Deployment, rpc_url: str) -> None:
        super().__init__(folder, deployment, rpc_url, [nothing])
        self._asked = 0

    async def _on_order(self, peer: str, data: bytes) -> bytes:
        if (
            len(self.orders) >= len(self.STATES)
            and self.domain.digest(SignedOrder.decode(data).order) not in self.orders
        ):
            raise Unavailable("this node's queue is full")
        return await super()._on_order(peer, data)

    def state_of(self, digest: bytes) -> str:
        self._asked += 1
        state = self.STATES[list(self.orders).index(digest)]
        return (wire.QUEUED, wire.RUNNING)[self._asked // 5 % 2] if state == "toggling" else state


class Mute(RogueProvider):
    """Takes orders and never says a word of them again."""

    def __init__(self, folder: Path, deployment: Deployment, rpc_url: str) -> None:
        super().__init__(folder, deployment, rpc_url, [nothing])

    async def _on_status(self, _peer: str, _data: bytes) -> bytes:
        await asyncio.sleep(3600)
        return b""


async def nothing(_: RogueProvider, _order: bytes) -> None:
    """Take the order and leave it."""


# What a liar hands over. Each name is a trick; its docstring ends with what the buyer should say of the run.


async def forged_signature(liar: RogueProvider, order: bytes) -> None:
    """nothing comes of it"""
    await liar.hand_over(order, manifest(), key=PrivateKey())


async def other_manifest(liar: RogueProvider, order: bytes) -> None:
    """manifest's hash differs"""
    await liar.hand_over(order, manifest(), result=b"\1" * 32)


async def too_much_fuel(liar: RogueProvider, order: bytes) -> None:
    """more fuel than the order allows"""
    await liar.hand_over(order, manifest(), fuel=liar.orders[order].order.fuel_limit + 1)


async def other_ending(liar: RogueProvider, order: bytes) -> None:
    """different endings"""
    await liar.hand_over(order, manifest(), exit=int(Exit.TRAP))


async def unknown_ending(liar: RogueProvider, order: bytes) -> None:
    """unknown ending 99"""
    await liar.hand_over(order, manifest(), exit=99)


async def early_timeout(liar: RogueProvider, order: bytes) -> None:
    """time limit passed; it did not"""
    await liar.hand_over(order, b"", exit=int(Exit.TIMEOUT))


async def no_manifest(liar: RogueProvider, order: bytes) -> None:
    """not what its receipt says"""
    await liar.hand_over(order, b"garbage")


async def escaping_name(liar: RogueProvider, order: bytes) -> None:
    """a result file named"""
    await liar.hand_over(order, manifest("../../key", b"x"), blobs={hashlib.sha256(b"x").digest(): b"x"})


async def flood(liar: RogueProvider, order: bytes) -> None:
    """more output than the order allows"""
    await liar.hand_over(order, manifest("stdout", b"x", size=1 << 39))


async def missing_blob(liar: RogueProvider, order: bytes) -> None:
    """no such blob"""
    await liar.hand_over(order, manifest("stdout", b"never there"))


async def wrong_bytes_inside(liar: RogueProvider, order: bytes) -> None:
    """does not hash to its name"""
    await liar.hand_over(order, manifest("stdout", b"true"), blobs={hashlib.sha256(b"true").digest(): b"lies"})


async def wrong_bytes_fetched(liar: RogueProvider, order: bytes) -> None:
    """is not what its name says"""
    true, lie = b"true" * 1000, b"lies" * 1000
    liar.lies[name_of(true)] = lie
    await liar.hand_over(order, manifest("stdout", true))


async def wrong_size_of_what_the_buyer_has(liar: RogueProvider, order: bytes) -> None:
    """bytes, not 5"""
    module = RunSpec.decode(liar.orders[order].spec).module
    file = ResultFile(name="stdout", sha256=module.sha256, size=5)
    await liar.hand_over(order, ResultManifest(exit=0, code=0, files=(file,)).encode())


LIES: tuple[Trick, ...] = (
    forged_signature, other_manifest, too_much_fuel, other_ending, unknown_ending, early_timeout, no_manifest,
    escaping_name, flood, missing_blob, wrong_bytes_inside, wrong_bytes_fetched, wrong_size_of_what_the_buyer_has,
)  # fmt: skip


def manifest(name: str = "", content: bytes = b"", size: int | None = None) -> bytes:
    """A result manifest of one file, or of none."""
    sha256 = hashlib.sha256(content).digest()
    files = [[name, sha256, len(content) if size is None else size]] if name else []
    return cbor.dumps([1, 0, 0, files])
