"""The buyer's side: takes jobs, keeps one driver for each until it is paid, and answers what providers hand over."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

import structlog

from fogchain import units
from fogchain.api.models import Quote
from fogchain.errors import (
    BadInput,
    Conflict,
    CorruptData,
    FogchainError,
    NotFound,
    PaymentRequired,
    TooLarge,
    Unavailable,
)
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.quota import MAKE_ROOM
from fogchain.jobs.spec import JobSpec, check_sum_of_inputs
from fogchain.market.messages import SERVED_PRIVACY
from fogchain.market.reasons import Reason
from fogchain.market.verification import AUDIT_FLOOR
from node.trade import wire
from node.trade.driver import JobDriver
from node.trade.funding import account_left
from node.trade.openjob import Surroundings, room_of
from node.trade.sources import holders
from node.trade.wire import SignedCommitment, SignedReceipt

log = structlog.get_logger(__name__)

REMEMBERED = 64  # finished jobs kept in memory
RECLAIM_INTERVAL = 10.0
STANDSTILL = 5.0  # seconds before a job whose driver died is taken up anew


class Buyer:
    """Jobs of this node. Every job that was acknowledged is on disk and is driven to its end, over any restart."""

    def __init__(self, around: Surroundings, ended: Callable[[JobMachine], None]) -> None:
        self._around = around
        self._ended = ended
        self._drivers: dict[str, JobDriver] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._finished: OrderedDict[str, JobMachine] = OrderedDict()
        self._answers: OrderedDict[str, dict[bytes, tuple[str, Reason]]] = OrderedDict()  # to receipts of such jobs
        self._reclaimer: asyncio.Task[None] | None = None
        around.storage.promised.append(lambda: sum(driver.promised() for driver in self._drivers.values()))

    async def start(self) -> None:
        self._around.network.serve("receipt", self._on_receipt)
        self._around.network.serve("leaving", self._on_leaving)
        self._around.network.serve("commit", self._on_commit)
        self._around.network.serve("heartbeat", self._on_heartbeat)
        self._around.network.serve("handback", self._on_handback)
        for job_id in self._around.store.open_jobs():
            try:
                machine, seq = self._around.store.load(job_id)
            except CorruptData as error:  # one damaged job must not keep the others from going on
                log.error("a job can't be taken up", job=job_id[:12], why=error.message)
                continue
            if machine.paid is not None:
                self._around.store.close(job_id, machine.outcomes())
            else:
                self._drive(machine, seq)
        self._reclaimer = asyncio.create_task(self._reclaim())

    async def stop(self) -> None:
        tasks = [*self._running.values(), *([self._reclaimer] if self._reclaimer else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def may_read(self, peer_id: str, sha256: str) -> bool:
        """Whether this peer may fetch this blob from us: it serves a job that has it as module or input."""
        return any(
            driver.readable(sha256) and any(share.peer == peer_id for share in driver.machine.shares.values())
            for driver in self._drivers.values()
        )

    def sources(self, peer_id: str, sha256: str) -> list[str]:
        """Peers that have a blob of ours, for one that may have it, too."""
        found: dict[str, None] = {}
        for driver in self._drivers.values():
            if driver.readable(sha256):
                found |= dict.fromkeys(holders(driver.machine, driver.started, peer_id, sha256))
        return list(found)

    # ---------------------------------------------------------------- jobs

    def quote(self, spec: JobSpec) -> tuple[Quote, list[str]]:
        """What the job would cost with the providers that match now, the balance not considered."""
        ready, reasons = self._around.book.matching(spec)
        barred = [known for known in ready if self._around.why_barred(known.address)]
        ready = [known for known in ready if known not in barred]
        reasons += [f"{known.name}: {self._around.why_barred(known.address)}" for known in barred]
        if spec.privacy not in SERVED_PRIVACY:
            reasons.append(f"privacy {spec.privacy!r} is served by nobody yet; {', '.join(SERVED_PRIVACY)} is")
        chosen = ready[: self._around.config.max_providers]
        prices = [known.offer.price for known in chosen if known.offer]
        dearest = max(prices, default=0)
        runs = len(spec.tasks) * spec.replicas
        if spec.verify.level == "L1":
            share = spec.verify.sample if spec.verify.sample is not None else AUDIT_FLOOR
            runs += -(-runs * share // 10_000)
        most = min(spec.budget, units.cost(runs * spec.limits.fuel, dearest))
        single = units.cost(spec.limits.fuel, min(prices, default=0))
        if prices and single > spec.budget:
            reasons.append(
                f"the budget of {units.format_fog(spec.budget)} does not cover one task at its fuel limit, "
                f"{units.format_fog(single)}: raise budget or lower limits.fuel"
            )
        operators, needed = len({self._around.book.operator_of(known.address) for known in chosen}), spec.operators
        if 0 < operators < needed:
            reasons.append(
                f"level {spec.verify.level} needs {needed} providers of different operators, to compare their results; "
                f"{operators} match"
            )
        quote = Quote(
            tasks=len(spec.tasks),
            providers=len(chosen),
            slots=sum(known.offer.slots for known in chosen if known.offer),
            cheapest=min(prices, default=None),
            dearest=max(prices, default=None),
            most=most,
            budget=spec.budget,
            free=0,
            missing=0,
            reasons=reasons,
            level=spec.verify.level,
            replicas=spec.replicas,
            operators=operators,
            deadline=spec.deadline,
            grace=spec.grace,
            penalty=spec.penalty_at(dearest),
            privacy=spec.privacy,
        )
        return quote, reasons

    async def submit(self, spec: JobSpec, key: str | None) -> str:
        """Accept a job: on disk when this returns its id. The same key and spec give the same job.

        Raises BadInput (missing blobs, too much input, a budget too small for one task), PaymentRequired, Conflict;
        TooLarge or Unavailable when this node has no room for a single result.
        """
        around, most = self._around, room_of(spec)
        if key is not None and (known := around.store.by_key(key)) is not None:
            if self.machine(known).spec != spec:
                raise Conflict("that idempotency key was used for another job", hint="use a new key for a new job")
            return known
        check_sum_of_inputs(spec)
        for sha256, size in spec.blobs().items():
            if not around.blobs.has(sha256):
                raise BadInput(f"blob {sha256} was not uploaded", hint="put the module and all inputs before the job")
            if around.blobs.size(sha256) != size:
                raise BadInput(f"blob {sha256} has {around.blobs.size(sha256)} bytes, the job says {size}")
        if most > around.storage.quota:
            raise TooLarge(around.storage.lack(most), hint="lower limits.output, or raise data.quota in config.toml")
        if not around.storage.pieces(most, 1):
            raise Unavailable(f"no room for a result: {around.storage.lack(most)}", hint=MAKE_ROOM)
        quote, _ = self.quote(spec)
        if quote.cheapest is not None and units.cost(spec.limits.fuel, quote.cheapest) > spec.budget:
            raise BadInput(
                quote.reasons[-1] if quote.reasons else "the budget is too small", hint="see `fogchain job submit`"
            )
        address = around.wallet.address
        owned = await around.client.free_balance(address) + await around.client.token_balance(address)
        if owned < spec.budget:
            raise PaymentRequired(
                f"the budget is {units.format_fog(spec.budget)}; wallet and market hold {units.format_fog(owned, 4)}",
                hint=f"send FOG to {address}, or lower the budget",
            )
        created = around.index.now()
        seed = spec.model_dump_json().encode() + address.encode() + secrets.token_bytes(16)
        job_id = hashlib.sha256(seed).hexdigest()
        try:
            around.store.add(job_id, spec, created, key)
        except Conflict:
            if key is None or (known := around.store.by_key(key)) is None or self.machine(known).spec != spec:
                raise
            return known  # the same request came twice at the same time
        self._drive(JobMachine(job_id, spec, created), 0)
        return job_id

    def cancel(self, job_id: str) -> None:
        """Raises Conflict when the job has ended already."""
        driver = self._drivers.get(job_id)
        if driver is None or driver.machine.ended is not None:
            raise Conflict("that job has ended already")
        driver.cancel("cancelled by the buyer")

    def machine(self, job_id: str) -> JobMachine:
        """The job as it stands. Raises NotFound."""
        if (driver := self._drivers.get(job_id)) is not None:
            return driver.machine
        if job_id not in self._finished:
            self._finished[job_id], _ = self._around.store.load(job_id)
            while len(self._finished) > REMEMBERED:
                self._finished.popitem(last=False)
        self._finished.move_to_end(job_id)
        return self._finished[job_id]

    def forget(self, job_id: str) -> None:
        """A finished job was deleted."""
        self._finished.pop(job_id, None)

    def driver(self, job_id: str) -> JobDriver | None:
        """The job's driver while it is not paid."""
        return self._drivers.get(job_id)

    @property
    def promised(self) -> int:
        """What running jobs on account may still come to: the market has to hold it free, since nothing is locked."""
        return sum(self._promised_by(driver.machine) for driver in self._drivers.values())

    def _promised_by(self, machine: JobMachine) -> int:
        if machine.spec.pay != "batch" or machine.paid is not None or not machine.shares:
            return 0
        return account_left(machine, self._around.settlement)

    @property
    def balance_lock(self) -> asyncio.Lock:
        """Held while the free balance is looked at and then moved: by jobs that bring money in, and by their owner."""
        return self._around.funding.lock

    def busy_with(self, provider: str) -> bool:
        """Whether this provider has orders of ours."""
        shares = (driver.machine.shares.get(provider) for driver in self._drivers.values())
        return any(share is not None and share.out for share in shares)

    @property
    def drivers(self) -> list[JobDriver]:
        return list(self._drivers.values())

    def _drive(self, machine: JobMachine, seq: int) -> None:
        driver = JobDriver(machine, seq, self._around)
        self._drivers[machine.id] = driver
        task = asyncio.create_task(self._run(driver))
        self._running[machine.id] = task

    async def _run(self, driver: JobDriver) -> None:
        job_id = driver.machine.id
        while driver.machine.paid is None:
            try:
                await driver.run()
            except Exception as error:  # a full disk, say, or a defect: the log is right, whatever memory holds
                log.error("a job stands still", job=job_id[:12], exc_info=error)
                await asyncio.sleep(STANDSTILL)
                driver = JobDriver(*self._around.store.load(job_id), self._around)
                self._drivers[job_id] = driver
        machine = driver.machine
        self._around.store.close(machine.id, machine.outcomes())
        self._finished[machine.id] = machine
        self._answers[machine.id] = driver.answers()
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        self._drivers.pop(machine.id, None)
        self._around.suspects.clear()
        for other in self._drivers.values():
            self._around.suspects.update(other.machine.distrusted)
        self._running.pop(machine.id, None)
        self._ended(machine)

    async def _on_leaving(self, peer: str, data: bytes) -> bytes:
        wire.read_empty(data)
        log.info("a provider stops", peer=peer)
        self._around.book.silent(peer, "it said that it stops for now")
        return wire.EMPTY

    async def _on_receipt(self, peer: str, data: bytes) -> bytes:
        signed = SignedReceipt.decode(data)
        for answers in self._answers.values():  # of jobs that are paid: their providers were away when it was said
            if (known := answers.get(signed.receipt.order)) is not None:
                return wire.encode_verdict(*known)
        return wire.encode_verdict(*await self._driver_of(signed.receipt.order).receive(peer, signed))

    async def _on_commit(self, _peer: str, data: bytes) -> bytes:
        signed = SignedCommitment.decode(data)
        return wire.encode_word(await self._driver_of(signed.commitment.order).commit(signed))

    async def _on_handback(self, peer: str, data: bytes) -> bytes:
        for digest, cause in wire.decode_handback(data).items():
            with suppress(NotFound):
                self._driver_of(digest).handed_back(peer, digest, cause)
        return wire.EMPTY

    async def _on_heartbeat(self, peer: str, data: bytes) -> bytes:
        for digest, seconds in wire.decode_heartbeat(data).items():
            with suppress(NotFound):
                self._driver_of(digest).beat(peer, digest, seconds)
        return wire.EMPTY

    def _driver_of(self, order: bytes) -> JobDriver:
        for driver in self._drivers.values():
            if driver.attempt_of(order) is not None:
                return driver
        raise NotFound("this node has no such order open")

    async def _reclaim(self) -> None:
        """Take back what is locked in sessions that expired without being closed."""
        around = self._around
        while True:
            for session in around.index.sessions(buyer=around.wallet.address):
                if session.open and session.expiry < around.index.now() - 5:
                    tag = around.sender.next_tag(f"reclaim-{session.id.hex()}")
                    with suppress(FogchainError):
                        await around.sender.send(around.calls.close_session(session.id), tag=tag)
            await asyncio.sleep(RECLAIM_INTERVAL)
