"""Drives one job: asks the job machine what should happen next, and does it over network and chain.

Every decision is an event on disk before it leaves the node, so that a killed and restarted buyer replays the log and
goes on: it sends the same orders again (their providers know them), the same vouchers, and the same transactions.
"""

from __future__ import annotations

import asyncio

from fogchain.jobs.events import Distrusted, Ended
from fogchain.jobs.machine import JobMachine
from node.trade.checkpoints import JobCheckpoints
from node.trade.funding import JobFunding
from node.trade.openjob import OpenJob, Surroundings
from node.trade.orders import JobOrders
from node.trade.payment import JobPayment
from node.trade.receipts import JobReceipts
from node.trade.sessions import JobSessions
from node.trade.transfers import Transfers
from node.trade.watch import JobWatch

TICK = 1.0


class JobDriver:
    """One job of this buyer. `run` returns when the job is paid."""

    def __init__(self, machine: JobMachine, seq: int, around: Surroundings) -> None:
        self.machine, self._around = machine, around
        self._inputs = frozenset(machine.spec.blobs())
        self._job = OpenJob(machine, seq, around, lambda tasks: around.changed(self, tasks))
        self._funding = JobFunding(self._job)
        self._receipts = JobReceipts(self._job)
        self._checkpoints = JobCheckpoints(self._job)
        self._watch = JobWatch(self._job, self._receipts, self._checkpoints)
        self._orders = JobOrders(self._job, self._funding, self._watch)
        self._sessions = JobSessions(self._job, self._funding, self._watch, self._orders)
        self._payment = JobPayment(self._job, self._funding)
        self.receive, self.commit, self.beat = self._receipts.receive, self._receipts.commit, self._watch.beat
        self.handed_back = self._watch.handed_back
        self.receiving, self.attempt_of = self._receipts.receiving, self._receipts.attempt_of
        self.answers = self._receipts.answers

    async def run(self) -> None:
        """Bring the job to its end and pay for it. Cancelling this stops the work and loses nothing."""
        try:
            for run in self.machine.runs.values():
                if run.state == "out" and not self.machine.ended:
                    self._job.spawn(self._watch.deliver(run))
            for share in self.machine.shares.values():
                self._job.spawn(self._watch.watch(share))
                if self._job.session_open(share):
                    self._job.open.add(share.provider)
                else:
                    self._job.spawn(self._funding.begin(share))
            while self.machine.paid is None:
                if self._job.broken is not None:
                    raise self._job.broken
                self._step()
                try:
                    await asyncio.wait_for(self._job.wake.wait(), TICK)
                except TimeoutError:
                    continue
                self._job.wake.clear()
        finally:
            for task in list(self._job.tasks):
                task.cancel()
            await asyncio.gather(*self._job.tasks, return_exceptions=True)

    def _step(self) -> None:
        machine, now = self.machine, self._job.now()
        if self._job.unwritten:
            self._job.record()
        if (verdict := machine.verdict_of(now)) is not None:
            self._job.record(Ended(now, *verdict))
        self._share_suspects(now)
        if machine.ended is None:
            self._sessions.plan(now)
            self._orders.dispatch(now)
            self._orders.close_juries(now)
        self._payment.vouch(now)
        self._payment.tell(now)
        if machine.ended is not None:
            self._around.auctioneer.leave(machine.id)
            self._payment.settle(now)

    def _share_suspects(self, now: float) -> None:
        """Who was shown wrong in another open job of this buyer is neither trusted nor paid here."""
        for share in list(self.machine.shares.values()):
            if not share.distrusted and share.operator in self._around.suspects:
                self._job.record(Distrusted(now, share.provider, "its operator was shown wrong in another job"))

    def cancel(self, detail: str) -> None:
        """End the job; what was delivered is paid."""
        if self.machine.ended is None:
            self._job.record(Ended(self._job.now(), "cancelled", detail))

    # ---------------------------------------------------------------- what is shown

    def readable(self, sha256: str) -> bool:
        """Whether the job's providers need this blob."""
        return sha256 in self._inputs or sha256 in self.machine.archives

    @property
    def started(self) -> set[int]:
        """Attempts their provider says are in the sandbox now."""
        return self._job.started

    @property
    def standing(self) -> set[int]:
        """Attempts that stand still at their providers."""
        return self._job.standing

    @property
    def progress(self) -> dict[int, int]:
        """Attempt to the seconds that its provider says it has been running."""
        return self._job.progress

    @property
    def problems(self) -> dict[str, str]:
        """Provider to what hinders it now, in words."""
        return self._job.problems

    @property
    def transfers(self) -> Transfers[int]:
        """Attempt to how far its inputs or its result have come."""
        return self._job.transfers

    def order_of(self, attempt: int) -> tuple[str, bytes]:
        """The peer that has this attempt's order, and the order's digest."""
        run = self.machine.runs[attempt]
        return self.machine.shares[run.provider].peer, self._job.digest(run)

    def promised(self) -> int:
        """Bytes of results that may still come here."""
        return self._job.promised()

    @property
    def waiting(self) -> str:
        """Why nothing can be placed, in words."""
        return self._job.waiting

    @property
    def unpaid(self) -> set[int]:
        """Attempts that their providers don't begin before more is signed for."""
        return self._job.unpaid
