"""What the providers of one job are paid: vouchers, or bills for batches; why; and when all of it is settled."""

from __future__ import annotations

import asyncio

import structlog

from fogchain.errors import FogchainError
from fogchain.jobs.events import Paid, Signed
from fogchain.jobs.machine import Share
from fogchain.market.messages import Voucher
from fogchain.market.reasons import Reason
from fogchain.wallet.eip712 import sign
from node.trade.funding import JobFunding
from node.trade.openjob import REQUEST_TIMEOUT, OpenJob
from node.trade.verdicts import PATIENCE
from node.trade.wire import SignedVoucher

log = structlog.get_logger(__name__)

VOUCHER_PAUSE = 0.25  # seconds between vouchers to one provider: tasks that end together share one
REASONS_PAUSE = 1.0  # seconds before reasons that did not arrive are told again
CONFIRMATIONS = 4  # blocks on top of a session's end before it counts: a chain that goes back takes the last few along


class JobPayment:
    """Signs what is due, and sees that it arrives."""

    def __init__(self, job: OpenJob, funding: JobFunding) -> None:
        self._job = job
        self._machine, self._around = job.machine, job.around
        self._funding = funding
        self._acked: dict[str, tuple[int, bool]] = {}  # newest voucher the provider has confirmed
        self._vouching: set[str] = set()
        self._retry_at: dict[str, float] = {}
        self._telling: set[str] = set()  # providers that are being told
        self._billing = False  # something was billed because all stood still

    def _stalled(self) -> bool:
        """Whether all that is out waits for vouchers, which wait for checks, which are among what is out."""
        out = [attempt for share in self._machine.shares.values() for attempt in share.live]
        return bool(out) and all(attempt in self._job.unpaid for attempt in out)

    def vouch(self, now: float) -> None:
        """Sign what is due, and see that each provider has its newest voucher."""
        last, stalled = self._machine.ended is not None, self._stalled()
        if self._job.on_account:
            if last or stalled:
                self._bill(now, stalled)
            return
        for share in self._machine.shares.values():
            amount = self._machine.payable(share.provider, pressed=stalled and share.out > 0)
            if amount and (last or now >= self._retry_at.get(share.provider, 0.0)):
                voucher = Voucher(bytes.fromhex(share.session[2:]), amount)
                signature = sign(self._around.wallet.key, self._around.domain, voucher)
                self._job.record(Signed(now, share.provider, amount, signature.hex()))
                self._retry_at[share.provider] = now + VOUCHER_PAUSE
            news = self._acked.get(share.provider) != (share.signed, self._is_last(share))
            worth = share.signed > 0 or (last and self._job.session_open(share))
            if news and worth and share.provider not in self._vouching:
                self._vouching.add(share.provider)
                self._job.spawn(self._send_voucher(share))

    def _bill(self, now: float, stalled: bool) -> None:
        """Have what is due paid in a batch: when the job has ended, or when nothing goes on before something is paid;
        then once that is seen."""
        settlement, job = self._around.settlement, self._machine.id
        if not settlement.is_on_its_way(job):
            if stalled and self._billing:
                self._billing = False
                self._job.unpaid.clear()  # until they say so again
                return
            for share in self._machine.shares.values():
                amount = self._machine.payable(share.provider, pressed=stalled and share.out > 0)
                if amount:
                    self._job.record(Signed(now, share.provider, amount, ""))
                    self._billing = True
        for share in self._machine.shares.values():
            if share.signed:
                settlement.owe(job, share.provider, share.signed)

    def tell(self, now: float) -> None:
        """See that each provider knows why its runs are paid or not."""
        for provider, reasons in self._job.verdicts.due(now).items():
            if provider not in self._telling:
                self._telling.add(provider)
                self._job.spawn(self._send_reasons(self._machine.shares[provider], reasons))

    async def _send_reasons(self, share: Share, reasons: dict[int, Reason]) -> None:
        try:
            await self._job.verdicts.tell(self._around.network, share.peer, reasons)
        except FogchainError as error:
            log.debug("reasons not told yet", provider=share.provider, why=error.message)
            await asyncio.sleep(REASONS_PAUSE)
        finally:
            self._telling.discard(share.provider)
            self._job.wake.set()

    async def _send_voucher(self, share: Share) -> None:
        pause = 0.3
        try:
            while self._machine.paid is None:
                amount, last = share.signed, self._is_last(share)
                if self._acked.get(share.provider) == (amount, last) or self._closed(share):
                    return
                voucher = Voucher(bytes.fromhex(share.session[2:]), amount)
                signature = bytes.fromhex(share.signature)
                if not signature:  # one over nothing ends a session all the same, so it is signed too
                    signature = sign(self._around.wallet.key, self._around.domain, voucher)
                message = SignedVoucher(voucher, signature, last).encode()
                try:
                    await self._around.network.request(share.peer, "voucher", message, timeout=REQUEST_TIMEOUT)
                    self._acked[share.provider] = (amount, last)
                    self._job.unpaid -= set(share.live)  # until it says so again
                    pause = 0.3
                except FogchainError as error:
                    self._job.problems[share.provider] = f"does not take its voucher: {error.message}"
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 15.0)
        finally:
            self._vouching.discard(share.provider)
            self._job.wake.set()

    def _is_last(self, share: Share) -> bool:
        """No voucher follows its newest: a provider closes the session with the one that says so. A job that was
        cancelled a moment ago may still have some to sign."""
        return self._machine.ended is not None and not self._machine.payable(share.provider)

    def _closed(self, share: Share) -> bool:
        record = self._around.index.session(bytes.fromhex(share.session[2:]))
        return record is not None and not record.open

    def _settled(self, share: Share) -> bool:
        """Nothing more is to come between us and this provider."""
        record = self._around.index.session(bytes.fromhex(share.session[2:]))
        if record is None:
            return share.provider not in self._funding.opening and self._funding.never_opens(share)
        if record.closed is not None:
            head = self._around.index.head
            return head is not None and head.number >= record.closed + CONFIRMATIONS
        known = self._around.book.get(share.provider)
        away = known is None or known.state != "ready"
        return record.claimed >= share.signed and away

    def settle(self, now: float) -> None:
        if self._job.verdicts.due(now) and self._machine.ended is not None and now - self._machine.ended.at < PATIENCE:
            return
        if self._job.on_account:
            done = self._around.settlement.is_paid(self._machine.id)
        else:
            done = all(self._settled(share) for share in self._machine.shares.values())
        if done:
            self._around.funding.accounts.pop(self._machine.id, None)
            self._job.record(Paid(now))
