"""A provider's runs: inputs fetched → a turn in the sandbox → result in the blob store and receipt on disk."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable

import structlog

from fogchain.errors import Conflict, FogchainError, NotFound, Unavailable
from fogchain.jobs.logs import read_logs
from fogchain.jobs.quota import Storage
from fogchain.jobs.spec import BlobRef, RunSpec
from fogchain.market.messages import Exit, Receipt, TaskOrder
from fogchain.wallet.eip712 import Domain, sign
from fogchain.wallet.keystore import Wallet
from node.trade import wire
from node.trade.credit import CreditLine
from node.trade.ledger import Ledger
from node.trade.ports import Gate, HandedBack, Network, Ran, Sandbox
from node.trade.sources import blobs_of
from node.trade.transfers import Transfers
from node.trade.turns import Turns
from node.trade.uptime import Uptime
from node.trade.wire import SignedReceipt

log = structlog.get_logger(__name__)

ZERO = bytes(32)
DISK_PAUSE = 2.0  # seconds between tries to write what a full disk did not take
KEPT_BACK = 900.0  # seconds for which the sandbox keeps what it has of a run that was handed back
AWAY = 900.0  # seconds for which an order waits for a buyer whose inputs can't be had


class Runs:
    """Runs orders that are in the ledger, each until its receipt is there too, `slots` of them at once."""

    def __init__(
        self,
        *,
        wallet: Wallet,
        domain: Domain,
        slots: Callable[[], int],
        ledger: Ledger,
        storage: Storage,
        network: Network,
        sandbox: Sandbox,
        gate: Gate,
        credit: CreditLine,
        uptime: Uptime,
        now: Callable[[], float],
        delivered: Callable[[bytes], None],
        handed_back: Callable[[bytes], None],
        changed: Callable[[], None],
    ) -> None:
        """`delivered` hears of each order whose receipt is on disk, `handed_back` of each that its buyer should place
        elsewhere."""
        self._wallet, self._domain = wallet, domain
        self._ledger, self._blobs, self._network, self._sandbox = ledger, storage.store, network, sandbox
        self._gate, self._credit, self._uptime, self._now = gate, credit, uptime, now
        self._delivered, self._handed_back, self._changed = delivered, handed_back, changed
        self._ran: set[bytes] = set()  # orders whose run has ended, and whose receipt is not on disk yet
        self._closed: dict[bytes, float] = {}  # order to for how long the sandbox had been closed when it came
        self._slots = Turns(slots)
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self.running: dict[bytes, float] = {}  # order to when it went into the sandbox, by the monotonic clock
        self.fetching: Transfers[bytes] = Transfers()

    @property
    def busy(self) -> bool:
        """Whether there is an order to run."""
        return bool(self._tasks)

    def launch(self, digest: bytes) -> None:
        if digest not in self._tasks:
            self._closed[digest] = self._sandbox.closed()[1]
            task = asyncio.create_task(self._execute(digest))
            self._tasks[digest] = task
            task.add_done_callback(lambda _: self._tasks.pop(digest, None))
            task.add_done_callback(lambda _: self._closed.pop(digest, None))
            task.add_done_callback(lambda _: self._ran.discard(digest))
            task.add_done_callback(lambda _: self._credit.ended(digest))

    def capacity_changed(self) -> None:
        """There are more slots than before, or fewer; what runs goes on."""
        self._slots.look()

    def drop(self, digest: bytes, verdict: str = "") -> bool:
        """Run it no more, or not at all. False when it had ended, or was dropped, before."""
        dropped = self._ledger.drop(digest, verdict)
        if dropped and (task := self._tasks.get(digest)) is not None:
            task.add_done_callback(lambda _: self._sandbox.discard(digest.hex()))
            task.cancel()
        return dropped

    def hand_back(self, cause: str) -> int:
        """Let go of all orders that are not in the sandbox, since this machine is wanted for something else: their
        buyers place them elsewhere, and owe and are owed nothing. Returns how many."""
        waiting = [digest for digest in self._tasks if digest not in self.running and digest not in self._ran]
        given = [digest for digest in waiting if self._give_up(digest, cause)]
        for digest in given:
            self._tasks[digest].cancel()
        return len(given)

    def stood(self, digest: bytes) -> tuple[bool, float]:
        """Whether an order that is to run stands still, and for how many seconds it has in all: in the sandbox, or
        before it while nothing could begin."""
        if digest in self.running:
            return self._sandbox.stood(digest.hex())
        if (before := self._closed.get(digest)) is None:
            return False, 0.0
        closed, seconds = self._sandbox.closed()
        return closed, seconds - before

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _execute(self, digest: bytes) -> None:
        known = self._ledger.get(digest)
        if known is None or known.state != wire.QUEUED:
            return
        order, run_id = known.order, digest.hex()
        spec = RunSpec.decode(known.signed.spec)
        try:
            await self._fetch(digest, spec)
            async with self._credit.turn(digest, order, self._slots):
                await self._gate.admitted()
                ran = await self._run(digest, order, spec)
                self._ran.add(digest)
            receipt = self._receipt(digest, order, ran)
        except HandedBack as back:
            self._give_up(digest, back.cause)
            return
        except FogchainError as error:
            log.warning("order failed", order=run_id[:12], why=error.message)
            receipt = self._receipt(digest, order, _refusal(error.message, self._now()))
        await self._deliver(digest, receipt)
        self._delivered(digest)
        self._sandbox.discard(run_id)

    def _give_up(self, digest: bytes, cause: str) -> bool:
        """Drop it, and say so; what the sandbox has saved of it can still be asked for."""
        if not self._ledger.drop(digest, wire.handed_back(cause)):
            return False
        log.info("order handed back", order=digest.hex()[:12], why=cause)
        asyncio.get_running_loop().call_later(KEPT_BACK, self._sandbox.discard, digest.hex())
        self._handed_back(digest)
        return True

    async def _fetch(self, digest: bytes, spec: RunSpec) -> None:
        """Bring module and inputs here, waiting for a buyer that is away, but not for ever: its order holds a place."""
        wanted = [BlobRef(sha256=sha256, size=size) for sha256, size in blobs_of(spec).items()]
        pause, patience = 0.2, self._now() + AWAY
        while missing := [ref for ref in wanted if not self._blobs.has(ref.sha256)]:
            known = self._ledger.get(digest)
            if known is None or known.state != wire.QUEUED:
                raise Conflict("the order was withdrawn")
            self.fetching.begin(digest, missing)
            try:
                for ref in missing:
                    await self._network.fetch(known.peer, ref, self.fetching.meter(digest, ref.sha256))
            except (Unavailable, NotFound) as error:
                if self._now() + pause > min(patience, known.order.deadline):
                    raise
                log.info("inputs not here yet", order=digest.hex()[:12], why=error.message)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10.0)
            finally:
                self.fetching.end(digest)

    async def _run(self, digest: bytes, order: TaskOrder, spec: RunSpec) -> Ran:
        self.running[digest] = time.monotonic()
        self._changed()
        try:
            if order.late_by < self._now():
                raise Conflict("the order's deadline passed before its turn came")
            return await self._sandbox.run(
                digest.hex(),
                spec,
                self._blobs.path(spec.module.sha256),
                self._blobs.path(spec.task.stdin.sha256) if spec.task.stdin else None,
                {name: self._blobs.path(ref.sha256) for name, ref in spec.task.inputs.items()},
                spec.seed,
                self._blobs.path(spec.resume.archive.sha256) if spec.resume else None,
            )
        finally:
            self.running.pop(digest, None)

    def _receipt(self, digest: bytes, order: TaskOrder, ran: Ran) -> SignedReceipt:
        """Put the result into the blob store and sign for it."""
        small: dict[bytes, bytes] = {}
        manifest = b""
        if ran.manifest is not None:
            manifest = ran.manifest.encode()
            room = wire.INLINE_BYTES
            for file in ran.manifest.files:
                sha256 = self._blobs.put_file(ran.files[file.name])
                if file.size <= room:
                    room -= file.size
                    small[bytes.fromhex(sha256)] = self._blobs.read(sha256)
        finished = self._now()  # the machine's own clock may be wrong
        receipt = Receipt(
            order=digest,
            result=hashlib.sha256(manifest).digest() if manifest else ZERO,
            fuel=ran.fuel,
            exit=ran.exit,
            started=int(finished - (ran.finished - ran.started)),
            finished=int(finished),
        )
        printed = read_logs(ran.files) if ran.manifest is None else {}
        signature = sign(self._wallet.key, self._domain, receipt)
        salt = secrets.token_bytes(32) if order.sealed and manifest else b""
        return SignedReceipt(receipt, signature, manifest, small, ran.detail, printed, salt, ran.restarted)

    async def _deliver(self, digest: bytes, receipt: SignedReceipt) -> None:
        """Return once the receipt is on disk; one that is full takes it later."""
        while True:
            try:
                self._ledger.deliver(digest, receipt, self._now())
                self._uptime.ended(sound=Exit(receipt.receipt.exit).deterministic, now=self._now())
                return
            except Unavailable as error:
                log.error("a receipt waits for the disk", order=digest.hex()[:12], why=error.message)
            await asyncio.sleep(DISK_PAUSE)


def _refusal(detail: str, now: float) -> Ran:
    return Ran(Exit.REFUSED, 0, None, {}, now, now, detail)
