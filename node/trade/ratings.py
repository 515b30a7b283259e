"""The buyer publishes how sessions with its providers went, for others to see: one transaction a job.

That is done when a job is paid and its sessions are closed; a session that a silent provider leaves open is spoken of
when it is closed after its expiry. What is still to be said is read off the chain's own events, and each transaction
goes under a tag of the job's, so a node that is killed at any moment says nothing twice. No job waits for it, and what
can't be published now is tried again later.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import structlog

from fogchain.chain.calls import Calls
from fogchain.chain.index import EventIndex
from fogchain.chain.records import SessionRecord
from fogchain.chain.sender import Sender
from fogchain.errors import Conflict, CorruptData, FogchainError, NotFound
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.store import JobStore

log = structlog.get_logger(__name__)

PAUSE, LONG_PAUSE = 3.0, 30.0  # seconds between looks; after one that brought trouble
CONFIRMATIONS = 4  # blocks on top of a session's end before it counts
MOST_AT_ONCE = 50  # sessions in one transaction
TRIES = 3  # of a session: a chain that went back may have found it open, and skipped it


class Ratings:
    """`run` it."""

    def __init__(
        self,
        *,
        address: str,
        store: JobStore,
        index: EventIndex,
        sender: Sender,
        calls: Calls,
        operator_of: Callable[[str], str],
    ) -> None:
        """`address`: the buyer's wallet; `operator_of`: who runs the node of a wallet."""
        self._address, self._operator_of = address, operator_of
        self._store, self._index, self._sender, self._calls = store, index, sender, calls
        self._tried: Counter[bytes] = Counter()  # sessions, in this run
        self._silent: set[bytes] = set()  # sessions of which nothing is to be said

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            pause = LONG_PAUSE
            try:
                await self.look()
                pause = PAUSE
            except FogchainError as error:
                log.info("ratings wait", why=error.message)
            except Exception as error:  # a full disk, say
                log.error("ratings wait", exc_info=error)
            await asyncio.sleep(pause)

    async def look(self) -> None:
        """Publish what can be. Raises PaymentRequired, Unavailable; then the rest stays to be published."""
        jobs: dict[bytes, list[SessionRecord]] = {}
        for session in self._index.unrated_sessions(self._address):
            if session.id not in self._silent and self._tried[session.id] < TRIES and self._is_final(session):
                jobs.setdefault(session.job, []).append(session)
        unpaid = set(self._store.open_jobs()) if jobs else set()
        for job, sessions in jobs.items():
            if job.hex() not in unpaid:
                await self._publish(job.hex(), sessions)

    async def _publish(self, job: str, sessions: list[SessionRecord]) -> None:
        if (tag := self._next_tag(job)) is None:
            return
        values = self._values(job, sessions)
        self._silent.update(session.id for session in sessions if session.id not in values)
        some = sorted(values.items())[:MOST_AT_ONCE]
        if not some:
            return
        try:
            done = await self._sender.send(self._calls.review(some), tag=tag)
            self._tried.update(session for session, _ in some)
            log.info("ratings are published", job=job[:12], sessions=len(some), gas=done.gas_used)
        except Conflict as error:  # the contract's word, which another look does not change
            log.warning("ratings are refused", job=job[:12], why=error.message)
            self._silent.update(values)

    def _next_tag(self, job: str) -> str | None:
        """None while what was said of the job before is on its way, or not in the index yet."""
        number = 0
        while self._sender.knows(tag := f"review-{job}-{number}"):
            try:
                done = self._sender.result(tag)
            except Conflict:  # mined, and refused
                number += 1
                continue
            head = self._index.head
            if done is None or head is None or head.number < done.block:
                return None
            number += 1
        return tag

    def _values(self, job: str, sessions: list[SessionRecord]) -> dict[bytes, int]:
        """By session what its provider's runs in this job came to, out of 100."""
        try:
            machine: JobMachine = self._store.load(job)[0]
        except (NotFound, CorruptData):  # a job of another folder, or one that was deleted
            return {}
        rated = {provider: outcomes.rating for provider, outcomes in machine.outcomes().items()}
        found = {session.id: rated.get(session.provider) for session in sessions if not self._is_own(session.provider)}
        return {session: value for session, value in found.items() if value is not None}

    def _is_own(self, provider: str) -> bool:
        """Whether one hand runs both sides, as far as the registry knows: it takes no word of the one on the other."""
        a, b = self._operator_of(provider), self._operator_of(self._address)
        return a == b or a == self._address or b == provider

    def _is_final(self, session: SessionRecord) -> bool:
        head = self._index.head
        return session.closed is not None and head is not None and head.number >= session.closed + CONFIRMATIONS
