"""The orders of one job that are out: each is sent until it is taken, asked about, and given up when nothing comes."""

from __future__ import annotations

import asyncio
import math
import time

import structlog

from fogchain.errors import FogchainError, Unavailable
from fogchain.jobs.events import Accepted, Failed, Lost
from fogchain.jobs.machine import Run, Share
from fogchain.market.messages import Exit
from fogchain.wallet.eip712 import verify
from node.trade import wire
from node.trade.checkpoints import JobCheckpoints
from node.trade.openjob import REQUEST_TIMEOUT, OpenJob
from node.trade.receipts import HANDING_OVER, JobReceipts
from node.trade.wire import Promise, SignedOrder, Status

log = structlog.get_logger(__name__)

MOST_STANDING = 900.0  # seconds that a run may stand still at its provider; or as long as it may run, if that is more


class JobWatch:
    """Sends orders, asks after them, and withdraws them."""

    def __init__(self, job: OpenJob, receipts: JobReceipts, checkpoints: JobCheckpoints) -> None:
        self._job = job
        self._machine, self._around = job.machine, job.around
        self._receipts, self._checkpoints = receipts, checkpoints
        self._acknowledged: set[int] = set()
        self._withdrawn: set[bytes] = set()
        self._since: dict[tuple[int, str], float] = {}  # attempt and a state to when its provider first said so
        self._returning: set[int] = set()  # attempts that are handed back, whose checkpoint is on its way here
        self._stood: dict[int, int] = {}  # attempt to the seconds that it stood still, as its provider says
        self._heard: dict[str, float] = {}  # provider to when it last said anything, by the monotonic clock

    async def deliver(self, run: Run) -> None:
        """Send the order until its provider has it, or has been silent too long."""
        share = self._machine.shares[run.provider]
        patience = time.monotonic() + self._around.config.lost_after / 1000
        detail = ""
        while run.state == "out" and self._machine.ended is None:
            try:
                answer = await self._around.network.request(
                    share.peer, "order", bytes.fromhex(run.order), timeout=REQUEST_TIMEOUT
                )
                self._promised(run, Promise.decode(answer))
                self._acknowledged.add(run.attempt)
                return
            except Unavailable as error:
                detail = error.message
            except FogchainError as error:
                self._job.fail(run, Failed(self._job.now(), run.attempt, Exit.REFUSED, f"refused: {error.message}"))
                return
            if time.monotonic() > patience:
                self._lose(run, f"did not take the order: {detail}")
                return
            await asyncio.sleep(0.3)

    def _promised(self, run: Run, promise: Promise) -> None:
        """Raises BadSignature when the answer is not the provider's promise to do this order."""
        if run.state == "out" and not run.promise:
            order = SignedOrder.decode(bytes.fromhex(run.order)).order
            verify(self._around.domain, order, promise.signature, run.provider)
            self._job.unwritten.append(Accepted(self._job.now(), run.attempt, promise.signature.hex()))
            self._job.wake.set()
        self._note_state(run, promise.state)

    def _note_status(self, run: Run, status: Status) -> None:
        """Take down how an order stands, and for how long it stood still; never longer than it has been out."""
        self._stood[run.attempt] = min(status.stood, int(self._job.now() - run.sent))
        if status.state == wire.HANDED_BACK:
            self._hand_back(run, status.why)
        else:
            self._note_state(run, status.state)

    def _note_state(self, run: Run, state: str) -> None:
        before, now = run.attempt in self._job.started, time.monotonic()
        since = self._since.setdefault((run.attempt, state), now)  # one that takes its word back gains no time
        if state == wire.DELIVERED and run.commitment:  # it waits for us, until we ask
            since = self._job.asked.get(run.attempt, now)
        if state in (wire.UNKNOWN, wire.DROPPED):
            self._lose(run, "its provider no longer has the order", breach=True)
        elif state == wire.LAPSED:
            self._lose(run, "its provider let it go, since it had not heard of this node for long")
        elif state == wire.HANDED_BACK:
            self._hand_back(run, "")
        elif state not in (wire.QUEUED, wire.UNPAID, wire.RUNNING, wire.STANDING, wire.DELIVERED):
            self._lose(run, f"its provider calls it {state!r}, which says nothing", breach=True)
        elif self._stood.get(run.attempt, 0) > max(MOST_STANDING, self._limit):
            self._hand_back(run, f"it stood still for {self._stood[run.attempt]} s")
        elif now - since > self._patience_with(run, state):
            # One that waits for pay or cover keeps its promise: how far it works ahead of them is its own to say.
            self._lose(run, f"its provider says {state} and nothing comes of it", breach=state != wire.UNPAID)
        elif state == wire.RUNNING and run.state == "out":
            self._job.beats[run.attempt] = self._job.now()
            self._job.started.add(run.attempt)
        stands = state == wire.STANDING and run.state == "out"
        stood = run.attempt in self._job.standing
        (self._job.standing.add if stands else self._job.standing.discard)(run.attempt)
        waited = run.attempt in self._job.unpaid
        (self._job.unpaid.add if state == wire.UNPAID and run.state == "out" else self._job.unpaid.discard)(run.attempt)
        if (
            stands != stood
            or (run.attempt in self._job.started) != before
            or (run.attempt in self._job.unpaid) != waited
        ):
            self._job.changed({run.task})
            self._job.wake.set()

    def _awaited(self) -> str:
        if self._job.on_account:
            return "waits until it is paid, or until more is free in the market to pay it from,"
        return "waits for a voucher"

    def _patience_with(self, run: Run, state: str) -> float:
        """Seconds for which an order may stay in this state at its provider."""
        limit, lost_after = self._limit, self._around.config.lost_after / 1000
        stood = self._stood.get(run.attempt, 0)
        if state in (wire.RUNNING, wire.STANDING):
            return limit + lost_after + stood
        if state == wire.DELIVERED:
            ours = run.attempt in self._job.coming or run.attempt in self._job.refused
            return math.inf if ours else max(HANDING_OVER, lost_after)
        ahead = [attempt for attempt in self._machine.shares[run.provider].live if attempt < run.attempt]
        stood += sum(self._stood.get(attempt, 0) for attempt in ahead)
        return limit * (len(ahead) + 1) + lost_after + stood

    @property
    def _limit(self) -> float:
        """Seconds that a run may take."""
        return self._machine.spec.limits.time / 1000

    def _lose(self, run: Run, detail: str, *, breach: bool = False) -> None:
        if run.state == "out":
            log.info("run lost", job=self._machine.id[:12], task=run.task, provider=run.provider, why=detail)
            self._job.withdraw.setdefault(run.provider, set()).add(self._job.digest(run))
            self._job.record(Lost(self._job.now(), run.attempt, detail, breach))

    def _hand_back(self, run: Run, cause: str) -> None:
        """Its provider's machine is wanted for something else: the task goes elsewhere at once, with what was saved."""
        if run.state != "out" or run.attempt in self._returning:
            return
        if self._machine.worth_asking(run):
            self._returning.add(run.attempt)
            self._job.spawn(self._bring_back(run, cause))
        else:
            self._returned(run, cause)

    async def _bring_back(self, run: Run, cause: str) -> None:
        await self._checkpoints.bring(self._machine.shares[run.provider], [run])
        self._returned(run, cause)

    def _returned(self, run: Run, cause: str) -> None:
        if run.state == "out":
            log.info("run handed back", job=self._machine.id[:12], task=run.task, provider=run.provider, why=cause)
            self._job.withdraw.setdefault(run.provider, set()).add(self._job.digest(run))
            detail = f"handed back: {cause}" if cause else "handed back"
            self._job.record(Lost(self._job.now(), run.attempt, detail, handed_back=True))
            self._job.wake.set()

    def handed_back(self, peer: str, digest: bytes, cause: str) -> None:
        """Its provider says that it hands this order back."""
        run = self._machine.runs[self._job.digests[digest]]
        share = self._machine.shares[run.provider]
        if share.peer == peer:
            self._heard[run.provider] = time.monotonic()
            self._hand_back(run, cause)

    def beat(self, peer: str, digest: bytes, seconds: int) -> None:
        """Its provider says that this order has been running for so long."""
        run = self._machine.runs[self._job.digests[digest]]
        if self._machine.shares[run.provider].peer == peer and run.state == "out":
            self._heard[run.provider] = time.monotonic()
            self._job.progress[run.attempt] = seconds
            self._note_state(run, wire.STANDING if run.attempt in self._job.standing else wire.RUNNING)

    async def watch(self, share: Share) -> None:
        """Ask one provider about its orders; give up on them when it stays silent."""
        around, machine = self._around, self._machine
        lost_after = around.config.lost_after / 1000
        pause = max(0.5, lost_after / 8)
        self._heard[share.provider] = time.monotonic()
        while machine.paid is None:
            over = machine.ended is not None
            live = [machine.runs[attempt] for attempt in share.live]
            stale = [run for run in live if not machine.needed(run)]
            withdraw = self._job.withdraw.setdefault(share.provider, set())
            withdraw.update({self._job.digest(run) for run in stale} - self._withdrawn)
            out = [] if over else [run for run in live if run.attempt in self._acknowledged and run not in stale]
            try:
                if withdraw:
                    asked = sorted(withdraw)
                    breached = [d for d in asked if machine.runs[self._job.digests[d]].breached]
                    message = wire.encode_cancel([d for d in asked if d not in breached], breached)
                    await around.network.request(share.peer, "cancel", message, timeout=REQUEST_TIMEOUT)
                    self._withdrawn.update(asked)
                    withdraw.difference_update(asked)
                    for run in stale:
                        if not over and run.state == "out":
                            self._job.record(Lost(self._job.now(), run.attempt, "no longer needed"))
                if out:
                    digests = [self._job.digest(run) for run in out]
                    answer = await around.network.request(
                        share.peer, "status", wire.encode_list(digests), timeout=min(REQUEST_TIMEOUT, lost_after)
                    )
                    for run, status in zip(out, wire.decode_status(answer, len(digests)), strict=True):
                        self._note_status(run, status)
                    await self._receipts.measure(share.peer, out)
                    self._checkpoints.refresh(share, [run for run in out if run.state == "out"])
                    around.book.heard(share.peer)
                    self._job.problems.pop(share.provider, None)
                    if waiting := sum(run.attempt in self._job.unpaid for run in out):
                        self._job.problems[share.provider] = f"{self._awaited()} before it begins {_orders(waiting)}"
                self._heard[share.provider] = time.monotonic()
            except FogchainError as error:
                silent = time.monotonic() - self._heard[share.provider]
                self._job.problems[share.provider] = f"silent for {silent:.0f} s: {error.message}"
                around.book.silent(share.peer, error.message)
                if silent > lost_after:
                    for run in out:
                        self._lose(run, f"silent for {silent:.0f} s", breach=True)
            if over and not withdraw:
                return
            await asyncio.sleep(pause)


def _orders(count: int) -> str:
    return "an order" if count == 1 else f"{count} orders"
