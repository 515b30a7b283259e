"""The provider's side: takes orders, runs them, hands over receipts, collects vouchers and claims them.

An order's way: checked → on disk (acknowledged) → inputs fetched → run → result in the blob store and receipt on disk
→ handed to the buyer, again and again until it is acknowledged. A restart goes on from what is on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress

import structlog

from fogchain.chain.calls import Calls
from fogchain.chain.index import EventIndex
from fogchain.chain.sender import Sender
from fogchain.config import ProviderSection
from fogchain.errors import FogchainError, NotFound, PaymentRequired, Unavailable
from fogchain.identity import NodeIdentity
from fogchain.jobs.quota import Storage
from fogchain.jobs.spec import RunSpec
from fogchain.market.messages import Offer
from fogchain.units import format_fog
from fogchain.wallet.eip712 import Domain, sign, verify
from fogchain.wallet.keystore import Wallet
from node.trade import checkpoints, printing, wire
from node.trade.acceptance import Acceptance
from node.trade.account import Accounts
from node.trade.auctionstore import Award
from node.trade.checkpoints import Shelf
from node.trade.claims import Claims
from node.trade.credit import CreditLine
from node.trade.handover import Handover
from node.trade.issuer import Issuer
from node.trade.leases import Leases
from node.trade.ledger import Ledger, LedgerOrder, OrderState, account_of
from node.trade.ports import Capacity, Gate, Network, Sandbox
from node.trade.registration import Registration
from node.trade.runs import Runs
from node.trade.sources import HeldFor
from node.trade.transfers import encode_amounts
from node.trade.uptime import Uptime
from node.trade.wire import Promise, SignedOrder, SignedVoucher, Status

log = structlog.get_logger(__name__)

ANNOUNCE_INTERVAL = 31.0  # seconds; the network takes one in 30 s
NOTICE_TIMEOUT = 1.0  # seconds that a node that stops gives its buyers to hear of it
HANDBACK_TIMEOUT = 5.0  # and for which one that hands orders back tries to say so


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
        gate: Gate,
        capacity: Callable[[], Capacity],
        index: EventIndex,
        sender: Sender,
        calls: Calls,
        changed: Callable[[], None],
    ) -> None:
        self._issuer, self._wallet, self._domain, self._gate = issuer, wallet, domain, gate
        self._ledger, self._network, self._sandbox = ledger, network, sandbox
        self._index, self._changed = index, changed
        self._accounts = Accounts(ledger, index, wallet.address, config.on_account, self._account_moved)
        self._credit = CreditLine(ledger, self._accounts, config.increment, config.on_account, index.now)
        self._runs = Runs(
            wallet=wallet,
            domain=domain,
            slots=lambda: capacity().slots,
            ledger=ledger,
            storage=storage,
            network=network,
            sandbox=sandbox,
            gate=gate,
            credit=self._credit,
            uptime=uptime,
            now=index.now,
            delivered=self._delivered,
            handed_back=self._handed_back,
            changed=changed,
        )
        self._leases = Leases(
            lease=config.lease / 1000, ledger=ledger, network=network, runs=self._runs, changed=changed
        )
        self._handover = Handover(
            wallet=wallet, domain=domain, ledger=ledger, network=network, heard=self._leases.hear, changed=changed
        )
        self._claims = Claims(
            address=wallet.address,
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
            capacity=capacity,
            index=index,
            accounts=self._accounts,
            credit=self._credit,
        )
        self.registration = Registration(
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
        self._shelf = Shelf(ledger, storage, sandbox)
        self.held_for = HeldFor()
        self._tasks: set[asyncio.Task[None]] = set()

    # ---------------------------------------------------------------- life

    async def start(self) -> None:
        self._network.serve("offer", self._on_offer)
        self._network.serve("order", self._on_order)
        self._network.serve("status", self._on_status)
        self._network.serve("cancel", self._on_cancel)
        self._network.serve("progress", self._on_progress)
        self._network.serve(printing.SUBJECT, self._on_printed)
        self._network.serve(checkpoints.SUBJECT, self._shelf.answer)
        self._network.serve("voucher", self._on_voucher)
        self._network.serve("reasons", self._on_reasons)
        for known in self._ledger.queued():
            self.held_for.learn(known.peer, RunSpec.decode(known.signed.spec))
            self._runs.launch(known.digest)
        for known in self._ledger.unhanded():
            self._handover.push(known.digest)
        self._spawn(self._issuer.run())
        self._spawn(self._announce())
        self._spawn(self.registration.run())
        self._spawn(self._claims.run())
        self._spawn(self._accounts.run())
        self._spawn(self._leases.run())

    async def stop(self) -> None:
        await self._give_notice()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(self._runs.stop(), self._handover.stop(), *tasks, return_exceptions=True)

    def stand_down(self, cause: str) -> None:
        """This machine takes no more for now: what waits goes back to its buyers, who are told."""
        self._runs.hand_back(cause)
        self._spawn(self._give_notice())

    async def _give_notice(self) -> None:
        """Tell the buyers of open sessions to order elsewhere, until this node answers their question for an offer."""

        async def tell(peer: str) -> None:
            with suppress(FogchainError):
                await self._network.request(peer, "leaving", wire.EMPTY, timeout=NOTICE_TIMEOUT)

        await asyncio.gather(*map(tell, {held.peer for held in self._ledger.open_sessions()}))

    def capacity_changed(self) -> None:
        """What `capacity` says is another now."""
        self._runs.capacity_changed()

    @property
    def running(self) -> int:
        return len(self._runs.running)

    @property
    def registered(self) -> bool:
        return self.registration.done

    @property
    def busy(self) -> bool:
        """Whether there is an order to run."""
        return self._runs.busy

    @property
    def offer(self) -> Offer | None:
        return self._issuer.newest

    @property
    def sandbox(self) -> Sandbox:
        return self._sandbox

    def may_read(self, peer_id: str, sha256: str) -> bool:
        """Whether this peer may fetch this blob from us: it is part of a result it ordered, or a checkpoint of one."""
        return self._handover.may_read(peer_id, sha256) or self._shelf.may_read(peer_id, sha256)

    # ---------------------------------------------------------------- offers

    async def _announce(self) -> None:
        """Tell all, seldom, that there is an offer: those who want it ask for it."""
        while True:
            try:
                self._check_open()
                offer = self._issuer.current().offer
                endpoints = tuple(endpoint for endpoint in self._network.endpoints if len(endpoint) <= 128)
                said = wire.Announcement(self._domain.digest(offer), offer.issued, endpoints[: wire.MAX_ENDPOINTS])
                self._network.announce(said.encode())
            except FogchainError as error:
                log.debug("nothing to announce", why=error.message)
            await asyncio.sleep(ANNOUNCE_INTERVAL)

    async def _on_offer(self, _peer: str, data: bytes) -> bytes:
        wire.read_empty(data)
        self._check_open()
        return self._issuer.current().encode()

    def _check_open(self) -> None:
        if why := self._gate.why_not():
            raise Unavailable(f"this node takes no work now: {why}")

    # ---------------------------------------------------------------- orders

    async def _on_order(self, peer: str, data: bytes) -> bytes:
        signed = SignedOrder.decode(data)
        digest = self._domain.digest(signed.order)
        known = self._ledger.get(digest)
        self._leases.hear(peer)
        if known is None:
            self._check_open()
            self._acceptance.check(signed)
            promise = sign(self._wallet.key, self._domain, signed.order)
            self._ledger.take(digest, peer, signed, promise)
            self.held_for.learn(peer, RunSpec.decode(signed.spec))
            self._runs.launch(digest)
            self._changed()
            return Promise(wire.QUEUED, promise).encode()
        if known.peer != peer:
            verify(self._domain, signed.order, signed.signature, signed.order.buyer)
            self._ledger.take(digest, peer, signed, known.promise)
        if known.state == wire.DELIVERED and not known.handed:
            self._handover.push(digest, afresh=True)
        return Promise(self._state(known), known.promise).encode()

    def _state(self, known: LedgerOrder | OrderState) -> str:
        if known.state == wire.DROPPED and known.verdict == wire.LAPSED:
            return wire.LAPSED
        if known.state == wire.DROPPED and wire.cause_of(known.verdict) is not None:
            return wire.HANDED_BACK
        if known.state == wire.QUEUED and self._runs.stood(known.digest)[0]:
            return wire.STANDING
        if known.digest in self._runs.running:
            return wire.RUNNING
        return wire.UNPAID if known.state == wire.QUEUED and self._credit.is_waiting(known.digest) else known.state

    async def _on_status(self, peer: str, data: bytes) -> bytes:
        statuses = []
        self._leases.hear(peer)
        digests = wire.decode_digests(data)
        here = self._ledger.states(digests)
        for digest in digests:
            known = here.get(digest)
            if known is None or known.peer != peer:  # a buyer with a new node key sends its orders again first
                statuses.append(Status(wire.UNKNOWN))
                continue
            stood = int(self._runs.stood(digest)[1]) if known.state == wire.QUEUED else 0
            statuses.append(Status(self._state(known), stood, wire.cause_of(known.verdict) or ""))
            if known.state == wire.DELIVERED and not known.handed:
                self._handover.push(digest)
        return wire.encode_status(statuses)

    async def _on_progress(self, peer: str, data: bytes) -> bytes:
        return encode_amounts(
            self._runs.fetching.get(digest) if (known := self._ledger.get(digest)) and known.peer == peer else None
            for digest in wire.decode_digests(data)
        )

    async def _on_printed(self, peer: str, data: bytes) -> bytes:
        digest, since = printing.decode_request(data)
        known = self._ledger.get(digest)
        if known is None or known.peer != peer or digest not in self._runs.running:
            return printing.NOTHING
        self._leases.hear(peer)
        return await asyncio.to_thread(printing.read_printed, self._sandbox.printed(digest.hex()), since)

    async def _on_cancel(self, peer: str, data: bytes) -> bytes:
        unneeded, breached = wire.decode_cancel(data)
        self._leases.hear(peer)
        for digests, verdict in ((unneeded, ""), (breached, wire.BREACHED)):
            for digest in digests:
                known = self._ledger.get(digest)
                if known and known.peer == peer and self._runs.drop(digest, verdict):
                    log.info("order called back", order=digest.hex()[:12], why=verdict or "not needed")
        self._changed()
        return wire.EMPTY

    def _handed_back(self, digest: bytes) -> None:
        """Its buyer places it elsewhere as soon as it hears; should this word be lost, the next status says so too."""
        self._credit.moved()
        self._changed()
        if (known := self._ledger.get(digest)) is not None:
            self._spawn(self._say_back(known.peer, {digest: wire.cause_of(known.verdict) or ""}))

    async def _say_back(self, peer: str, causes: dict[bytes, str]) -> None:
        with suppress(FogchainError):
            await self._network.request(peer, "handback", wire.encode_handback(causes), timeout=HANDBACK_TIMEOUT)

    def _delivered(self, digest: bytes) -> None:
        self._handover.push(digest)
        self._changed()

    # ---------------------------------------------------------------- money

    async def _on_reasons(self, peer: str, data: bytes) -> bytes:
        self._ledger.told(peer, wire.decode_reasons(data))
        return wire.EMPTY

    async def _on_voucher(self, peer: str, data: bytes) -> bytes:
        signed = SignedVoucher.decode(data)
        self._leases.hear(peer)
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
            if account_of(known.order) == session and self._runs.drop(known.digest):
                log.info("order dropped: its session is closed", order=known.digest.hex()[:12])

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
