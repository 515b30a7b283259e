"""Brings in what the provider holds: vouchers are claimed, several in one transaction, and sessions closed in time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from fogchain.chain.calls import Calls
from fogchain.chain.index import EventIndex
from fogchain.chain.sender import Sender
from fogchain.errors import FogchainError
from fogchain.market.credit import Claimable, due_claims
from fogchain.units import format_fog
from node.trade.ledger import HeldVoucher, Ledger

log = structlog.get_logger(__name__)

CLAIM_MARGIN = 120  # seconds before a session's expiry at which what is held is claimed at the latest
TEND_INTERVAL = 2.0
MOST_AT_ONCE = 100  # vouchers in one transaction: some 3 million gas
RETRY = 3.0  # seconds after a claim that failed
TRANSACTION_GAS = 21_000  # what every transaction costs beside what it does


class Claims:
    """`run` it. Sessions whose job is over, or that expire soon, are claimed and closed; of the others the vouchers are
    claimed once `claim_above` is unclaimed in all."""

    def __init__(
        self,
        *,
        address: str,
        ledger: Ledger,
        index: EventIndex,
        sender: Sender,
        calls: Calls,
        claim_above: int,
        closed: Callable[[bytes], None],
    ) -> None:
        """`address`: this provider. `closed` hears of each session that the chain has closed, once its end is in the
        ledger."""
        self._address = address
        self._ledger, self._index, self._sender, self._calls = ledger, index, sender, calls
        self._above, self._closed = claim_above, closed
        self._wake = asyncio.Event()
        self._busy: dict[bytes, asyncio.Task[None]] = {}
        self._many: asyncio.Task[None] | None = None
        self._tried: set[tuple[bytes, int]] = set()  # vouchers that were claimed with others, or skipped

    def wake(self) -> None:
        """Something is due before the next look."""
        self._wake.set()

    async def run(self) -> None:
        try:
            while True:
                try:
                    self._tend(self._index.now())
                except FogchainError as error:  # a full disk, say; what is due stays due
                    log.error("sessions can't be looked after", why=error.message)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), TEND_INTERVAL)
                self._wake.clear()
        finally:
            tasks = [*self._busy.values(), *([self._many] if self._many else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close_unused(self, session: bytes) -> None:
        """Ends a session in which nothing was run."""
        with suppress(FogchainError):
            tag = self._sender.next_tag(f"close-{session.hex()}-0")
            await self._sender.send(self._calls.close_session(session), tag=tag)

    def _look_back(self) -> None:
        """When the chain goes back, what ended a session may come again before what opened it, and be refused."""
        for record in self._index.open_sessions(self._address):
            held = self._ledger.held(record.id)
            if held is not None and held.closed and not held.on_account:
                log.warning(
                    "a session that was closed is open again: the chain went back", session=record.id.hex()[:12]
                )
                self._ledger.reopen(record.id)

    def _tend(self, now: float) -> None:
        self._look_back()
        over: list[HeldVoucher] = []
        open_: list[tuple[HeldVoucher, Claimable]] = []
        for held in self._ledger.open_sessions():
            record = self._index.session(held.session)
            if record is None:
                continue  # not mined, or rolled back and about to come again
            if not record.open:
                self._ledger.close(held.session, record.claimed)
                self._closed(held.session)
                continue
            ends = held.last or now > record.expiry - CLAIM_MARGIN
            open_.append((held, Claimable(held.session, held.amount, record.claimed, record.expiry, ends)))
            if ends:
                over.append(held)
        if self._many is not None:
            return  # what it claims, or what is then left, is looked at when it is done
        fresh = {
            held.session: held
            for held, one in open_
            if one.unclaimed and (one.session, one.signed) not in self._tried and one.session not in self._busy
        }
        due = due_claims([one for _, one in open_ if one.session in fresh], now, self._above, CLAIM_MARGIN)
        together = [fresh[one.session] for one in due] + [held for held in over if held.session in fresh]
        if due or len(together) > 1:
            self._many = asyncio.create_task(self._claim(together[:MOST_AT_ONCE]))
            self._many.add_done_callback(self._claimed)
            return
        for held in over:
            if held.session not in self._busy:
                task = asyncio.create_task(self._end(held))
                self._busy[held.session] = task
                task.add_done_callback(partial(self._ended, held.session))

    def _ended(self, session: bytes, _task: asyncio.Task[None]) -> None:
        self._busy.pop(session, None)

    def _claimed(self, _task: asyncio.Task[None]) -> None:
        self._many = None
        self._wake.set()

    async def _claim(self, many: list[HeldVoucher]) -> None:
        """All of these in one transaction: one that can't be claimed is skipped by the contract, and stops no other."""
        claims = [(held.session, held.amount, held.signature) for held in many]
        name = hashlib.sha256(b"".join(session + amount.to_bytes(12, "big") for session, amount, _ in claims))
        try:
            tag = self._sender.next_tag(f"claims-{name.hexdigest()[:32]}")
            done = await self._sender.send(self._calls.claim_many(claims), tag=tag)
            await self._index.wait_for(lambda: (head := self._index.head) is not None and head.number >= done.block, 30)
        except FogchainError as error:
            log.error("vouchers could not be claimed", vouchers=len(many), why=error.message)
            await asyncio.sleep(RETRY)
            return
        self._tried.update((held.session, held.amount) for held in many)
        log.info(
            "vouchers claimed",
            vouchers=len(many),
            signed=format_fog(sum(held.amount for held in many)),
            gas=done.gas_used,
            gas_each=done.gas_used // len(many),
            gas_saved=(len(many) - 1) * TRANSACTION_GAS,
            transaction=done.hash,
        )

    async def _end(self, held: HeldVoucher) -> None:
        """Claim what is left, close the session, and so free the rest of its cap for the buyer."""
        key = held.session.hex()
        record = self._index.session(held.session)
        if record is not None and held.amount > record.claimed:
            call, deed = self._calls.claim_and_close(held.session, held.amount, held.signature), "close"
        else:
            call, deed = self._calls.close_session(held.session), "end"
        try:
            done = await self._sender.send(call, tag=self._sender.next_tag(f"{deed}-{key}-{held.amount}"))
            await self._index.wait_for(lambda: self._is_closed(held.session), 30)
            log.info("session closed", session=key[:12], signed=format_fog(held.amount), gas=done.gas_used)
        except FogchainError as error:
            log.error("a session could not be claimed", session=key[:12], why=error.message)
            await asyncio.sleep(RETRY)

    def _is_closed(self, session: bytes) -> bool:
        record = self._index.session(session)
        return record is not None and not record.open
