"""The provider's side: takes orders, runs them, hands over receipts, collects vouchers and claims them.

An order's way: checked → on disk (acknowledged) → inputs fetched → run → result in the blob store and receipt on disk
→ handed to the buyer, again and again until it is acknowledged. A restart goes on from what is on disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress

import structlog

from fogchain.chain.calls import Calls
from fogchain.chain.index import EventIndex
from fogchain.chain.sender import Sender
from fogchain.config import ProviderSection
from fogchain.errors import BadMessage, Conflict, FogchainError, NotFound, PaymentRequired, Unavailable
from fogchain.identity import NodeIdentity
from fogchain.jobs.logs import read_logs
from fogchain.jobs.quota import Storage
from fogchain.jobs.spec import BlobRef, ResultManifest, RunSpec
from fogchain.market.messages import Exit, Offer, Receipt, TaskOrder
from fogchain.units import format_fog
from fogchain.wallet.eip712 import Domain, sign, verify
from fogchain.wallet.keystore import Wallet
from node.trade import wire
from node.trade.acceptance import Acceptance
from node.trade.account import Accounts
from node.trade.auctioneer import Award
from node.trade.claims import Claims
from node.trade.credit import CreditLine
from node.trade.issuer import Issuer
from node.trade.ledger import Ledger, LedgerOrder, account_of
from node.trade.ports import Network, Ran, Sandbox
from node.trade.registration import Registration
from node.trade.sources import HeldFor, blobs_of
from node.trade.transfers import Transfers, encode_amounts
from node.trade.uptime import Uptime
from node.trade.wire import Promise, SignedCommitment, SignedOrder, SignedReceipt, SignedVoucher

log = structlog.get_logger(__name__)

ZERO = bytes(32)
ANNOUNCE_INTERVAL = 31.0  # seconds; the network takes one in 30 s
DISK_PAUSE = 2.0  # seconds between tries to write what a full disk did not take
NOTICE_TIMEOUT = 1.0  # seconds that a node that stops gives its buyers to hear of it
AWAY = 900.0  # seconds for which an order waits for a buyer whose inputs can't be had
SEALED_PAUSE = 0.5  # seconds before a sealed answer is offered again
HEARTBEAT = 10.0  # seconds between two words on a long run


class Provider:
    """Sells this machine's slots. `start` returns once it can take orders; `stop` leaves every order on disk."""

    def __init__(
        self,
        *,
        issuer: Issuer,
        sold_to: Callable[[str], Award | None],
        uptime: Uptime,
        wallet: Wallet,
        identity: NodeIdentity,
        domain: Domain,
        config: ProviderSection,
        fuel_rate: int,
        ledger: Ledger,
        storage: Storage,
        network: Network,
        sandbox: Sandbox,
        index: EventIndex,
        sender: Sender,
        calls: Calls,
        changed: Callable[[], None],
    ) -> None:
        self._issuer, self._uptime = issuer, uptime
        self._wallet, self._domain, self._config = wallet, domain, config
        self._ledger, self._storage, self._blobs, self._network, self._sandbox = (
            ledger,
            storage,
            storage.store,
            network,
            sandbox,
        )
        self._index, self._changed = index, changed
        self._now = index.now
        self._slots = asyncio.Semaphore(config.slots)
        self._accounts = Accounts(ledger, index, wallet.address, config.on_account, self._account_moved)
        self._credit = CreditLine(ledger, self._accounts, config.increment, config.on_account)
        self._runs: dict[bytes, asyncio.Task[None]] = {}
        self._running: dict[bytes, float] = {}  # order to when it went into the sandbox, by the monotonic clock
        self._heard: dict[str, float] = {}  # buyer's peer to when it last said anything, likewise
        self._started = time.monotonic()
        self._pushes: dict[bytes, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._granted: dict[str, set[str]] = {}
        self._claims = Claims(
            ledger=ledger,
            index=index,
            sender=sender,
            calls=calls,
            claim_above=config.claim_above,
            closed=self._session_ended,
        )
        self._acceptance = Acceptance(
            address=wallet.address,
            domain=domain,
            config=config,
            issuer=issuer,
            sold_to=sold_to,
            ledger=ledger,
            storage=storage,
            sandbox=sandbox,
            index=index,
            accounts=self._accounts,
            credit=self._credit,
        )
        self._registration = Registration(
            wallet=wallet,
            identity=identity,
            domain=domain,
            issuer=issuer,
            slots=config.slots,
            fuel_rate=fuel_rate,
            network=network,
            index=index,
            sender=sender,
            calls=calls,
            changed=changed,
        )
        self.held_for = HeldFor()
        self.fetching: Transfers[bytes] = Transfers()

    # ---------------------------------------------------------------- life

    async def start(self) -> None:
        self._network.serve("offer", self._on_offer)
        self._network.serve("order", self._on_order)
        self._network.serve("status", self._on_status)
        self._network.serve("cancel", self._on_cancel)
        self._network.serve("progress", self._on_progress)
        self._network.serve("voucher", self._on_voucher)
        self._network.serve("reasons", self._on_reasons)
        for known in self._ledger.queued():
            self.held_for.learn(known.peer, RunSpec.decode(known.signed.spec))
            self._launch(known.digest)
        for known in self._ledger.unhanded():
            self._push(known.digest)
        self._spawn(self._issuer.run())
        self._spawn(self._announce())
        self._spawn(self._registration.run())
        self._spawn(self._claims.run())
        self._spawn(self._accounts.run())
        self._spawn(self._beat())

    async def stop(self) -> None:
        await self._give_notice()
        tasks = [*self._runs.values(), *self._pushes.values(), *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _give_notice(self) -> None:
        """Tell the buyers of open sessions that this node stops, so that they order elsewhere until it is back."""

        async def tell(peer: str) -> None:
            with suppress(FogchainError):
                await self._network.request(peer, "leaving", wire.EMPTY, timeout=NOTICE_TIMEOUT)

        await asyncio.gather(*map(tell, {held.peer for held in self._ledger.open_sessions()}))

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def registered(self) -> bool:
        return self._registration.done

    @property
    def busy(self) -> bool:
        """Whether there is an order to run."""
        return bool(self._runs)

    @property
    def offer(self) -> Offer | None:
        return self._issuer.newest

    @property
    def sandbox(self) -> Sandbox:
        return self._sandbox

    def may_read(self, peer_id: str, sha256: str) -> bool:
        """Whether this peer may fetch this blob from us: it is part of a result it ordered."""
        return sha256 in self._granted.get(peer_id, ())

    # ---------------------------------------------------------------- offers

    async def _announce(self) -> None:
        """Tell all, seldom, that there is an offer: those who want it ask for it."""
        while True:
            try:
                offer = self._issuer.current().offer
                endpoints = tuple(endpoint for endpoint in self._network.endpoints if len(endpoint) <= 128)
                said = wire.Announcement(self._domain.digest(offer), offer.issued, endpoints[: wire.MAX_ENDPOINTS])
                self._network.announce(said.encode())
            except FogchainError as error:
                log.debug("nothing to announce", why=error.message)
            await asyncio.sleep(ANNOUNCE_INTERVAL)

    async def _on_offer(self, _peer: str, data: bytes) -> bytes:
        wire.read_empty(data)
        return self._issuer.current().encode()

    # ---------------------------------------------------------------- orders

    async def _on_order(self, peer: str, data: bytes) -> bytes:
        signed = SignedOrder.decode(data)
        digest = self._domain.digest(signed.order)
        known = self._ledger.get(digest)
        self._hear(peer)
        if known is None:
            self._acceptance.check(signed)
            promise = sign(self._wallet.key, self._domain, signed.order)
            self._ledger.take(digest, peer, signed, promise)
            self.held_for.learn(peer, RunSpec.decode(signed.spec))
            self._launch(digest)
            self._changed()
            return Promise(wire.QUEUED, promise).encode()
        if known.peer != peer:
            verify(self._domain, signed.order, signed.signature, signed.order.buyer)
            self._ledger.take(digest, peer, signed, known.promise)
        if known.state == wire.DELIVERED and not known.handed:
            self._push(digest, afresh=True)
        return Promise(self._state(known), known.promise).encode()

    def _state(self, known: LedgerOrder) -> str:
        if known.state == wire.DROPPED and known.verdict == wire.LAPSED:
            return wire.LAPSED
        if known.digest in self._running:
            return wire.RUNNING
        return wire.UNPAID if known.state == wire.QUEUED and self._credit.is_waiting(known.digest) else known.state

    async def _on_status(self, peer: str, data: bytes) -> bytes:
        states = []
        self._hear(peer)
        for digest in wire.decode_digests(data):
            known = self._ledger.get(digest)
            if known is None or known.peer != peer:  # a buyer with a new node key sends its orders again first
                states.append(wire.UNKNOWN)
                continue
            states.append(self._state(known))
            if known.state == wire.DELIVERED and not known.handed:
                self._push(digest)
        return wire.encode_list(states)

    async def _on_progress(self, peer: str, data: bytes) -> bytes:
        return encode_amounts(
            self.fetching.get(digest) if (known := self._ledger.get(digest)) and known.peer == peer else None
            for digest in wire.decode_digests(data)
        )

    async def _on_cancel(self, peer: str, data: bytes) -> bytes:
        unneeded, breached = wire.decode_cancel(data)
        self._hear(peer)
        for digests, verdict in ((unneeded, ""), (breached, wire.BREACHED)):
            for digest in digests:
                known = self._ledger.get(digest)
                if known and known.peer == peer and self._ledger.drop(digest, verdict):
                    log.info("order called back", order=digest.hex()[:12], why=verdict or "not needed")
                    if (task := self._runs.get(digest)) is not None:
                        task.cancel()
        self._changed()
        return wire.EMPTY

    # ---------------------------------------------------------------- heartbeats and leases

    def _hear(self, peer: str) -> None:
        self._heard[peer] = time.monotonic()

    async def _beat(self) -> None:
        """Say of long runs that they go on, and let go of what nobody seems to wait for."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            now, beats = time.monotonic(), dict[str, dict[bytes, int]]()
            for digest, since in list(self._running.items()):
                if (known := self._ledger.get(digest)) is not None:
                    beats.setdefault(known.peer, {})[digest] = int(now - since)
            for peer, seconds in beats.items():
                with suppress(FogchainError):
                    await self._network.request(peer, "heartbeat", wire.encode_heartbeat(seconds), timeout=HEARTBEAT)
                    self._hear(peer)
            self._lapse(now)

    def _lapse(self, now: float) -> None:
        """A buyer not heard of for the lease's time loses its places in the queue. What runs is finished, what is
        delivered is kept for it until its session ends, and what it signed for is claimed: silence pays."""
        lease = self._config.lease / 1000
        for known in self._ledger.queued():
            silent = now - self._heard.get(known.peer, self._started)
            if known.digest in self._running or silent < lease or not self._ledger.drop(known.digest, wire.LAPSED):
                continue
            log.info("order dropped: its buyer is silent", order=known.digest.hex()[:12], seconds=int(silent))
            if (task := self._runs.get(known.digest)) is not None:
                task.cancel()
            self._changed()

    # ---------------------------------------------------------------- running

    def _launch(self, digest: bytes) -> None:
        if digest not in self._runs:
            task = asyncio.create_task(self._execute(digest))
            self._runs[digest] = task
            task.add_done_callback(lambda _: self._runs.pop(digest, None))
            task.add_done_callback(lambda _: self._credit.ended(digest))

    async def _execute(self, digest: bytes) -> None:
        known = self._ledger.get(digest)
        if known is None or known.state != wire.QUEUED:
            return
        order, run_id = known.order, digest.hex()
        spec = RunSpec.decode(known.signed.spec)
        try:
            await self._fetch(known.digest, spec)
            async with self._credit.turn(digest, order, self._slots):
                self._running[digest] = time.monotonic()
                self._changed()
                try:
                    if order.late_by < self._now():
                        raise Conflict("the order's deadline passed before its turn came")
                    ran = await self._sandbox.run(
                        run_id,
                        spec,
                        self._blobs.path(spec.module.sha256),
                        self._blobs.path(spec.task.stdin.sha256) if spec.task.stdin else None,
                        {name: self._blobs.path(ref.sha256) for name, ref in spec.task.inputs.items()},
                        order.spec,
                    )
                finally:
                    self._running.pop(digest, None)
            receipt = self._receipt(digest, order, ran)
        except FogchainError as error:
            log.warning("order failed", order=run_id[:12], why=error.message)
            receipt = self._receipt(digest, order, _refusal(error.message, self._now()))
        await self._deliver(digest, receipt)
        self._push(digest)
        self._changed()
        self._sandbox.discard(run_id)

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
        return SignedReceipt(receipt, signature, manifest, small, ran.detail, printed, salt)

    # ---------------------------------------------------------------- receipts

    def _push(self, digest: bytes, *, afresh: bool = False) -> None:
        """See that the buyer gets this receipt; `afresh` starts over without waiting out a pause."""
        if (task := self._pushes.get(digest)) is not None:
            if not afresh:
                return
            task.cancel()
        task = asyncio.create_task(self._hand_over(digest))
        self._pushes[digest] = task
        task.add_done_callback(
            lambda done: self._pushes.pop(digest, None) if self._pushes.get(digest) is done else None
        )

    async def _hand_over(self, digest: bytes) -> None:
        pause = 0.5
        while True:
            known = self._ledger.get(digest)
            if known is None or known.receipt is None or known.handed:
                return
            self._grant(known)
            session = self._ledger.held(account_of(known.order))
            if session is not None and session.closed:
                return
            try:
                if known.receipt.salt and not await self._opened(known):
                    await asyncio.sleep(SEALED_PAUSE)
                    continue
                answer = await self._network.request(known.peer, "receipt", known.receipt.encode(), timeout=120)
                self._hear(known.peer)
                self._ledger.handed(digest, *wire.decode_verdict(answer))
                self._changed()
                return
            except (Unavailable, BadMessage) as error:
                log.debug("receipt not handed over yet", order=digest.hex()[:12], why=error.message)
            except FogchainError as error:
                log.warning("the buyer refuses a receipt", order=digest.hex()[:12], why=error.message)
                self._ledger.handed(digest, f"refused: {error.message}"[:200])
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, 15.0)

    async def _opened(self, known: LedgerOrder) -> bool:
        """Commit to a sealed order's answer. True once the buyer asks to see it: the others' answers are fixed too."""
        assert known.receipt is not None
        commitment = known.receipt.receipt.commitment(self._wallet.address, known.receipt.salt)
        signed = SignedCommitment(commitment, sign(self._wallet.key, self._domain, commitment))
        answer = await self._network.request(known.peer, "commit", signed.encode(), timeout=60)
        self._hear(known.peer)
        return wire.decode_word(answer) == wire.OPEN

    def _grant(self, known: LedgerOrder) -> None:
        if known.receipt and known.receipt.manifest:
            names = {file.sha256 for file in ResultManifest.decode(known.receipt.manifest).files}
            self._granted.setdefault(known.peer, set()).update(names)

    # ---------------------------------------------------------------- money

    async def _on_reasons(self, peer: str, data: bytes) -> bytes:
        self._ledger.told(peer, wire.decode_reasons(data))
        return wire.EMPTY

    async def _on_voucher(self, peer: str, data: bytes) -> bytes:
        signed = SignedVoucher.decode(data)
        self._hear(peer)
        voucher = signed.voucher
        held, session = self._ledger.held(voucher.session), self._index.session(voucher.session)
        if held is None and (session is None or session.provider.lower() != self._wallet.address):
            raise NotFound("this node knows no such session")
        # One over nothing is signed too: it ends the session, and session ids are public.
        verify(self._domain, voucher, signed.signature, held.buyer if held else session.buyer if session else "")
        if session is not None and voucher.amount > session.cap:
            raise PaymentRequired(
                f"a voucher over {format_fog(voucher.amount)} in a session capped at {format_fog(session.cap)}"
            )
        if held is None:
            if not signed.last or voucher.amount:
                raise NotFound("this node has run nothing in that session")
            self._spawn(self._claims.close_unused(voucher.session))
            return wire.EMPTY
        self._ledger.hold(voucher.session, voucher.amount, signed.signature, signed.last)
        self._credit.moved()
        if signed.last:
            self._claims.wake()
        self._changed()
        return wire.EMPTY

    def _account_moved(self) -> None:
        self._credit.moved()
        self._changed()

    def _session_ended(self, session: bytes) -> None:
        self._abandon(session)
        self._credit.moved()
        self._changed()

    def _abandon(self, session: bytes) -> None:
        """What is still to run in a closed session would be run for nothing."""
        for known in self._ledger.queued():
            if account_of(known.order) == session and self._ledger.drop(known.digest):
                log.info("order dropped: its session is closed", order=known.digest.hex()[:12])
                if (task := self._runs.get(known.digest)) is not None:
                    task.cancel()

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _refusal(detail: str, now: float) -> Ran:
    return Ran(Exit.REFUSED, 0, None, {}, now, now, detail)
