"""The money of one job: capped sessions with its providers, or for batches the budget held free in the market."""

from __future__ import annotations

import asyncio

import structlog

from fogchain.errors import FogchainError, PaymentRequired
from fogchain.jobs.events import CapRaised
from fogchain.jobs.machine import Share
from fogchain.units import MAX_UINT96, cost, format_fog
from node.trade.openjob import OpenJob

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
        purpose = f"account-{self._machine.id}"
        while self._machine.ended is None:
            try:
                async with self._account:
                    if purpose not in self._around.funding.promised:
                        await self.fund(self._machine.spec.budget, purpose)
                self._job.open.add(share.provider)
                self._job.problems.pop(share.provider, None)
                self._job.wake.set()
                return
            except FogchainError as error:
                self._job.problems[share.provider] = f"no money to pay with yet: {error.message}"
                self._job.changed(set())
                await asyncio.sleep(3)

    async def _open_session(self, share: Share) -> None:
        around, machine = self._around, self._machine
        session, tag = bytes.fromhex(share.session[2:]), f"open-{share.session}"
        if share.provider in self.opening:
            return
        self.opening.add(share.provider)
        try:
            while machine.ended is None or not self.never_opens(tag):
                try:
                    if not around.sender.knows(tag):
                        await self.fund(share.cap, tag)
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
            around.funding.promised.pop(tag, None)

    def never_opens(self, tag: str) -> bool:
        """The opening was never handed to the chain, or the chain has refused it. A session that was open and is gone
        from the index has been undone by the chain, and comes again."""
        if not self._around.sender.knows(tag):
            return True
        try:
            self._around.sender.result(tag)
        except FogchainError:
            return True
        return False

    async def fund(self, cap: int, purpose: str) -> None:
        """See that the market holds `cap` free for us, moving what is missing from the wallet.

        The first session brings in what the whole budget needs, so that the others find it there.
        """
        around = self._around
        async with around.funding.lock:
            address = around.wallet.address
            free = await self._unpromised(address)
            if free < cap:
                rest = self._machine.spec.budget - sum(
                    share.cap for share in self._machine.shares.values() if self._job.session_open(share)
                )
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
                tag, again = f"deposit-{purpose}-{missing}", 0
                while around.sender.result(tag) is not None:  # made before, and another session has locked it since
                    again += 1
                    tag = f"deposit-{purpose}-{missing}-{again}"
                await around.sender.send(around.calls.deposit(missing), tag=tag)
            around.funding.promised[purpose] = cap

    async def _unpromised(self, address: str) -> int:
        """What is free in the market and not about to be locked by a session on its way to the chain."""
        around = self._around
        while True:
            under_way = {tag for tag in around.funding.promised if around.sender.result(tag) is None}
            free = await around.client.free_balance(address)
            if under_way == {tag for tag in around.funding.promised if around.sender.result(tag) is None}:
                return free - sum(around.funding.promised[tag] for tag in under_way)

    def raise_cap(self, share: Share) -> None:
        """The session's cap, not the budget, is what hinders: lock some more."""
        if share.provider not in self._raising:
            self._raising.add(share.provider)
            self._job.spawn(self._top_up(share))

    async def _top_up(self, share: Share) -> None:
        around, spec = self._around, self._machine.spec
        step = min(max(share.cap // 2, 4 * cost(spec.limits.fuel, share.price)), spec.budget - share.cap)
        cap = share.cap + step
        tag = f"top-{share.session}-{cap}"
        try:
            if step <= 0:
                return
            if not around.sender.knows(tag):
                await self.fund(step, tag)
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
            around.funding.promised.pop(tag, None)
