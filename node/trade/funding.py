"""The money of one job: capped sessions with its providers, or for batches the budget held free in the market."""

from __future__ import annotations

import asyncio

import structlog

from fogchain.errors import FogchainError, PaymentRequired
from fogchain.jobs.events import CapRaised
from fogchain.jobs.machine import JobMachine, Share
from fogchain.units import MAX_UINT96, cost, format_fog
from node.trade.openjob import OpenJob
from node.trade.settlement import Settlement

log = structlog.get_logger(__name__)

SESSION_MARGIN = 600  # seconds a session outlives its job's time limit, for claims


class JobFunding:
    """Opens, raises and covers what the job's providers are paid from."""

    def __init__(self, job: OpenJob) -> None:
        self._job = job
        self._machine, self._around = job.machine, job.around
        self._account = asyncio.Lock()
        self.opening: set[str] = set()
        self._raising: set[str] = set()

    async def begin(self, share: Share) -> None:
        await (self._open_account(share) if self._job.on_account else self._open_session(share))

    async def _open_account(self, share: Share) -> None:
        """Nothing is locked for a provider, but the market must hold the budget free, where all can see it."""
        job, accounts = self._machine.id, self._around.funding.accounts
        while self._machine.ended is None:
            try:
                async with self._account:
                    if job not in accounts:
                        await self.fund(self.account_left, f"account-{job}")
                        accounts[job] = lambda: self.account_left
                        self._around.funding.promised.pop(f"account-{job}", None)
                self._job.open.add(share.provider)
                self._job.problems.pop(share.provider, None)
                self._job.wake.set()
                return
            except FogchainError as error:
                self._job.problems[share.provider] = f"no money to pay with yet: {error.message}"
                self._job.changed(set())
                await asyncio.sleep(3)

    @property
    def account_left(self) -> int:
        """What the job on account may still come to, beyond what its batches have paid."""
        return account_left(self._machine, self._around.settlement)

    async def _open_session(self, share: Share) -> None:
        around, machine = self._around, self._machine
        session = bytes.fromhex(share.session[2:])
        if share.provider in self.opening:
            return
        self.opening.add(share.provider)
        purpose = f"open-{share.session}"
        try:
            if around.sender.knows(around.sender.next_tag(purpose)):
                around.funding.promised[purpose] = share.cap  # it was on its way when this node stopped
            while machine.ended is None or not self.never_opens(share):
                try:
                    tag = around.sender.next_tag(purpose)
                    if not around.sender.knows(tag):
                        await self.fund(share.cap, purpose)
                    expiry = machine.late_by + SESSION_MARGIN
                    call = around.calls.open_session(share.provider, share.cap, expiry, bytes.fromhex(machine.id))
                    await around.sender.send(call, tag=tag)
                    await around.index.wait_for(lambda: around.index.session(session) is not None, 30)
                    self._job.open.add(share.provider)
                    self._job.problems.pop(share.provider, None)
                    self._job.wake.set()
                    return
                except FogchainError as error:
                    self._job.problems[share.provider] = f"no payment session yet: {error.message}"
                    log.warning("session not opened", provider=share.provider, why=error.message)
                    self._job.changed(set())
                    await asyncio.sleep(3)
        finally:
            self.opening.discard(share.provider)
            around.funding.promised.pop(purpose, None)

    def never_opens(self, share: Share) -> bool:
        """The opening was never handed to the chain, or the chain has refused it. A session that was open and is gone
        from the index has been undone by the chain, and comes again."""
        return not self._around.sender.knows(self._around.sender.next_tag(f"open-{share.session}"))

    async def fund(self, cap: int, purpose: str) -> None:
        """See that the market holds `cap` free for us, moving what is missing from the wallet.

        The first session brings in what the whole budget needs, so that the others find it there.
        """
        around = self._around
        async with around.funding.lock:
            address = around.wallet.address
            free = await self._unpromised(address, purpose)
            if free < cap:
                opened = [share for share in self._machine.shares.values() if self._job.session_open(share)]
                rest = cap if self._job.on_account else self._machine.spec.budget - sum(one.cap for one in opened)
                token = await around.client.token_balance(address)
                missing = cap - max(free, 0)
                if token < missing:
                    raise PaymentRequired(
                        f"{format_fog(missing, 4)} more is needed in the market, the wallet has {format_fog(token, 4)}",
                        hint="move FOG to the wallet, or submit with a smaller budget",
                    )
                missing = min(token, max(missing, rest - max(free, 0)))
                if await around.client.allowance(address) < missing:
                    await around.sender.send(around.calls.approve(MAX_UINT96), tag=f"approve-{purpose}")
                # Another session may have locked what the last one brought in.
                tag = around.sender.next_tag(f"deposit-{purpose}-{missing}", anew=True)
                await around.sender.send(around.calls.deposit(missing), tag=tag)
            around.funding.promised[purpose] = cap

    async def _unpromised(self, address: str, purpose: str) -> int:
        """What is free in the market and not about to be locked by others than `purpose`."""
        while True:
            under_way = self._under_way(purpose)
            free = await self._around.client.free_balance(address)
            if under_way == self._under_way(purpose):
                return free - sum(under_way.values())

    def _under_way(self, purpose: str) -> dict[str, int]:
        """What is promised to others: for sessions, until the transaction of that name has locked it."""
        sender, funding = self._around.sender, self._around.funding
        amounts = {
            name: amount for name, amount in funding.promised.items() if sender.result(sender.next_tag(name)) is None
        } | {f"account-{job}": left() for job, left in funding.accounts.items()}
        return {name: amount for name, amount in amounts.items() if name != purpose}

    def raise_cap(self, share: Share) -> None:
        """The session's cap, not the budget, is what hinders: lock some more."""
        if share.provider not in self._raising:
            self._raising.add(share.provider)
            self._job.spawn(self._top_up(share))

    async def _top_up(self, share: Share) -> None:
        around, spec = self._around, self._machine.spec
        step = min(max(share.cap // 2, 4 * cost(spec.limits.fuel, share.price)), spec.budget - share.cap)
        cap = share.cap + step
        purpose = f"top-{share.session}-{cap}"
        tag = around.sender.next_tag(purpose)
        try:
            if step <= 0:
                return
            if around.sender.knows(tag):
                around.funding.promised[purpose] = step
            else:
                await self.fund(step, purpose)
            session = bytes.fromhex(share.session[2:])
            await around.sender.send(around.calls.top_up(session, step), tag=tag)
            await around.index.wait_for(lambda: (r := around.index.session(session)) is not None and r.cap >= cap, 30)
            self._job.record(CapRaised(self._job.now(), share.provider, cap))
            self._job.problems.pop(share.provider, None)
        except FogchainError as error:
            self._job.problems[share.provider] = f"its session can't be raised: {error.message}"
            self._job.changed(set())
            await asyncio.sleep(5)
        finally:
            self._raising.discard(share.provider)
            around.funding.promised.pop(purpose, None)


def account_left(machine: JobMachine, settlement: Settlement) -> int:
    """What a job that is paid in batches may still come to, in base units: nothing is locked for it."""
    most = machine.spec.budget if machine.ended is None else machine.spent
    return max(0, most - sum(settlement.paid(machine.id).values()))
