"""Follows the contracts' events into a local database, and back when the chain goes back."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import structlog

from fogchain.chain.client import ChainClient, Head
from fogchain.chain.events import At, Decoder, Event, ParametersSet, RolledBack
from fogchain.chain.records import (
    AccountRecord,
    BatchRecord,
    CaseRecord,
    JobRecord,
    NodeRecord,
    ParametersRecord,
    RatingRecord,
    SessionRecord,
    SlashRecord,
)
from fogchain.chain.rpc import Request, RpcError
from fogchain.chain.store import KEPT_CHECKPOINTS, Store
from fogchain.errors import CorruptData, Unavailable

T = TypeVar("T")

_log = structlog.get_logger(__name__)

_HEALTHY = 15.0  # seconds since the last answer
CLOCK_OFF = 60.0  # seconds between this machine's clock and the chain's, from which on the chain's counts
_FIRST_RANGE = 2_000  # blocks asked for at once; halved when the node refuses, doubled while answers are small
_MAX_RANGE = 50_000
_FULL_ANSWER = 2_000  # logs, above which the range does not grow
_SAVE_EMPTY = 200  # blocks without an event after which the place is saved all the same
_MAX_PAUSE = 2.0  # seconds between tries to reach a chain that is away


class EventIndex:
    """`run` it; questions are answered from disk at any time, also while the chain is away."""

    def __init__(self, client: ChainClient, db_path: Path) -> None:
        """Opens the database. Raises CorruptData when it is none; one of another network is emptied."""
        self.head: Head | None = None  # the newest block that is in
        self.detail = "not started"  # in words, why it is not healthy
        self._client = client
        self._rpc = client.rpc
        self._start = client.deployment.block
        self._decoder = Decoder(client.deployment)
        self._store = Store(db_path, client.deployment.domain.network)
        for parameters in self._store.all_parameters():
            self._decoder.follow_court(parameters.court)
        self._callbacks: list[Callable[[list[Event]], None]] = []
        self._waiters: list[Callable[[], bool]] = []
        self._urgent = asyncio.Event()
        self._range = _FIRST_RANGE
        self._at: tuple[int, str] | None = next(iter(self._store.checkpoints()), None)  # up to which everything is in
        self._answered = 0.0
        self._block_time = 1.0
        self._moved = 0.0
        self._looked = 0.0  # when the head was last seen
        self._chain_clock: float | None = None  # block time less the monotonic clock's, when a block last arrived
        self._rebuilt = False

    # ---- questions

    def now(self) -> float:
        """Unix time as everybody on the chain has it: this machine's, unless its clock is wrong by the chain's."""
        here, off = time.time(), self.clock_off()
        return here - off if abs(off) > CLOCK_OFF else here

    def clock_off(self) -> float:
        """Seconds by which this machine's clock is ahead of the chain's; 0 until a block was seen to arrive."""
        return time.time() - time.monotonic() - self._chain_clock if self._chain_clock is not None else 0.0

    @property
    def healthy(self) -> bool:
        """The chain answered within the last 15 s and everything up to its head is in."""
        return self.head is not None and not self.detail and time.monotonic() - self._answered < _HEALTHY

    def account(self, address: str) -> AccountRecord:
        """Zeros for an address without events."""
        return self._store.account(address)

    def session(self, session: bytes) -> SessionRecord | None:
        return self._store.session(session)

    def sessions(self, *, buyer: str | None = None, provider: str | None = None) -> list[SessionRecord]:
        """Newest first."""
        return self._store.sessions_of(buyer, provider)

    def open_sessions(self, provider: str) -> list[SessionRecord]:
        """Oldest first."""
        return self._store.open_sessions_of(provider)

    def unrated_sessions(self, buyer: str) -> list[SessionRecord]:
        """The buyer's that are closed and of which he has published nothing, in the order of their end."""
        return self._store.unrated_sessions(buyer)

    def ratings_of(self, provider: str) -> list[RatingRecord]:
        """What each buyer has published of his sessions with the provider."""
        return self._store.ratings_of(provider)

    def job(self, job: bytes) -> JobRecord | None:
        return self._store.job(job)

    def jobs(self, *, buyer: str | None = None, provider: str | None = None) -> list[JobRecord]:
        """Newest first."""
        return self._store.jobs_of(buyer, provider)

    def jobs_due(self, now: int) -> list[JobRecord]:
        """Those that anyone may end at block time `now` (`Calls.end_job`), longest due first."""
        return self._store.jobs_due(now)

    def case(self, job: bytes) -> CaseRecord | None:
        return self._store.case(job)

    def cases(self, first: int, limit: int) -> tuple[list[CaseRecord], int]:
        """Newest first, from the `first` on; and how many there are."""
        return self._store.cases_page(first, limit)

    def court_of(self, job: JobRecord) -> str:
        """Who judges the job, and nobody else."""
        return self._store.parameters_of(job.version).court

    def slash(self, job: bytes) -> SlashRecord | None:
        """What the job cost its provider's bond. Its evidence: the job's delivery and the reveals of its case."""
        return self._store.slash(job)

    def slashes(self) -> list[SlashRecord]:
        """Newest first."""
        return self._store.all_slashes()

    def parameters(self) -> ParametersRecord | None:
        """Those of jobs and sessions that are opened now; None before any event is in."""
        return self._store.newest_parameters()

    def all_parameters(self) -> list[ParametersRecord]:
        """By version."""
        return self._store.all_parameters()

    def is_settled(self, buyer: str, number: int) -> bool:
        """Whether the buyer paid his job `number` in a batch."""
        return self._store.is_settled(buyer, number)

    def batches(self, buyer: str, payee: str) -> BatchRecord:
        """What the one has paid the other in batches; zeros when nothing."""
        return self._store.batches_between(buyer, payee)

    def after(self, place: tuple[int, int], limit: int) -> list[Event]:
        """Events in the chain's order after the one at (block, log); the last block's are all there."""
        return self._store.after(place, limit)

    def history(self, kinds: Sequence[type[Event]], limit: int = 100, before: At | None = None) -> list[Event]:
        """The newest events of these kinds, newest first; `before` that of the last one for the next page."""
        return self._store.history(kinds, limit, before)

    def providers(self) -> list[NodeRecord]:
        """All registered nodes, in the order of their newest registration. The signatures are not checked."""
        return self._store.all_nodes()

    def event_count(self) -> int:
        return self._store.event_count()

    def subscribe(self, callback: Callable[[list[Event]], None]) -> Callable[[], None]:
        """Calls `callback`, in the event loop, with the events of each batch once they are in; `RolledBack` comes
        before the events that replace what was undone. Returns what ends the subscription."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    async def wait_for(self, predicate: Callable[[], T | None], timeout: float) -> T:
        """The first true value of `predicate`, which is asked now and after each batch. Raises Unavailable."""
        value = predicate()
        if value:
            return value
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def ask() -> bool:
            if not done.done():
                try:
                    if value := predicate():
                        done.set_result(value)
                except Exception as error:  # noqa: BLE001 - it is the caller's, and goes to him
                    done.set_exception(error)
            return done.done()

        self._waiters.append(ask)
        self._urgent.set()
        try:
            return await asyncio.wait_for(done, timeout)
        except TimeoutError as error:
            raise Unavailable(
                f"the chain did not show what was waited for within {timeout:g} s",
                hint=self.detail or "it may still come; look at the chain with `fogchain chain status`",
            ) from error
        finally:
            if ask in self._waiters:
                self._waiters.remove(ask)

    # ---- following

    async def run(self) -> None:
        """Follows the chain until cancelled; a chain that is away is waited for."""
        pause = 0.0
        while True:
            self._urgent.clear()
            try:
                await self.catch_up()
                pause = self._pace()
            except (Unavailable, RpcError) as error:
                if not self.detail or self.head is None:
                    _log.warning("the chain can't be followed", reason=error.message)
                self.detail = error.message
                pause = min(max(2 * pause, 0.1), _MAX_PAUSE)
                await asyncio.sleep(pause)
                continue
            except CorruptData as error:
                await self._start_over(error)
                continue
            except sqlite3.OperationalError as error:
                if not self.detail:
                    _log.error("the index can't be written", reason=str(error))
                self.detail = f"the index of the chain can't be written: {error}; free some space on the disk"
                await asyncio.sleep(_MAX_PAUSE)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), pause)

    async def catch_up(self) -> None:
        """Takes in everything up to the present head. Raises Unavailable, RpcError, CorruptData."""
        while True:
            head = await self._client.head()
            if self._at is not None and not await self._still_there(head):
                await self._go_back()
                continue
            if (self._at is None or self._at[0] < head.number) and not await self._take_in(head):
                continue
            if self._at is not None and self._at[0] >= head.number:
                break
        self._seen(head)

    def close(self) -> None:
        self._store.close()

    def _pace(self) -> float:
        """Seconds to the next look: short while somebody waits."""
        if self._waiters:
            return min(max(self._block_time / 3, 0.04), 1.0)
        return min(max(self._block_time * 2, 0.5), 4.0)

    def _seen(self, head: Head) -> None:
        now = time.monotonic()
        if self.head is not None and head.number > self.head.number:
            each = (now - self._moved) / (head.number - self.head.number)
            self._block_time += 0.2 * (min(each, 60.0) - self._block_time)
            if now - self._looked < _HEALTHY:  # else it may be an old one
                self._chain_clock = head.timestamp - now
        if self.head is None or head.hash != self.head.hash:
            self._moved = now
        if self.detail and self.head is not None:
            _log.info("the chain is followed again", block=head.number)
        self.head, self.detail, self._answered, self._looked = head, "", now, now
        self._rebuilt = False
        self._ask()

    async def _still_there(self, head: Head) -> bool:
        assert self._at is not None
        number, hash_ = self._at
        if head.number < number:
            return False
        if head.number == number:
            return head.hash == hash_
        if head.number == number + 1:
            return head.parent == hash_
        block = await self._rpc.call("eth_getBlockByNumber", hex(number), False)
        return block is not None and block["hash"] == hash_

    async def _go_back(self) -> None:
        """To the newest checkpoint that is still on the chain; to nothing when none is."""
        known = self._store.checkpoints()
        found: tuple[int, str] | None = None
        for start in range(0, len(known), 32):
            part = known[start : start + 32]
            blocks = await self._rpc.strict(("eth_getBlockByNumber", [hex(number), False]) for number, _ in part)
            hashes = [block["hash"] if block else None for block in blocks]
            found = next((place for place, now in zip(part, hashes, strict=True) if place[1] == now), None)
            if found:
                break
        if found and found == known[0]:
            # Only empty blocks were replaced.
            self._at = found
            return
        if found:
            self._store.go_back(found[0])
        else:
            self._store.wipe()
        self._at = found
        block = found[0] if found else self._start - 1
        _log.warning("the chain went back", to_block=block)
        self._tell([RolledBack(At(block, 0, ""))])

    async def _take_in(self, head: Head) -> bool:
        """One range of blocks. False when it has to be asked for again."""
        first = self._start if self._at is None else self._at[0] + 1
        last = min(head.number, first + self._range - 1)
        if last < first:  # a deployment's block can be ahead of a chain that went back
            raise Unavailable(f"the chain is at block {head.number}, the contracts begin at {self._start}")
        before = self._at
        questions: list[Request] = [
            ("eth_getLogs", [{**self._decoder.filter, "fromBlock": hex(first), "toBlock": hex(last)}]),
            ("eth_getBlockByNumber", [hex(last), False]),
            ("eth_getBlockByNumber", [hex(before[0] if before else 0), False]),
        ]
        logs, end, begin = await self._rpc.batch(questions)
        if isinstance(logs, RpcError):
            if last == first:
                raise logs
            self._range = max((last - first + 1) // 2, 1)
            return False
        for answer in (end, begin):
            if isinstance(answer, RpcError):
                raise answer
        same = end is not None and (before is None or (begin is not None and begin["hash"] == before[1]))
        if not same or (logs and int(logs[-1]["blockNumber"], 16) == last and logs[-1]["blockHash"] != end["hash"]):
            return False  # the chain moved under the question
        await self._date(logs)
        events = [event for log in logs if (event := self._decode(log)) is not None]
        named = [event for event in events if isinstance(event, ParametersSet)]
        if sum(self._decoder.follow_court(event.court, event.at.block, event.at.index) for event in named):
            return False  # a new one: its events may be in these blocks already
        place = (last, end["hash"])
        saved = self._store.checkpoints()[:1]
        if events or not saved or last - saved[0][0] >= _SAVE_EMPTY:
            self._store.add(events, *place, undoable=head.number - last < KEPT_CHECKPOINTS)
        self._at = place
        self._answered = time.monotonic()
        if len(logs) < _FULL_ANSWER and last - first + 1 == self._range:
            self._range = min(self._range * 2, _MAX_RANGE)
        elif len(logs) > 4 * _FULL_ANSWER:
            self._range = max(self._range // 2, 1)
        if events:
            self._tell(events)
            await asyncio.sleep(0)
        return True

    async def _date(self, logs: list[dict[str, Any]]) -> None:
        """Gives each log the time of its block, which not every node tells with it."""
        blocks = sorted({log["blockNumber"] for log in logs if "blockTimestamp" not in log})
        found = await self._rpc.strict(("eth_getBlockByNumber", [number, False]) for number in blocks)
        times = {number: block["timestamp"] for number, block in zip(blocks, found, strict=True) if block}
        for log in logs:
            if "blockTimestamp" not in log:
                if log["blockNumber"] not in times:
                    raise Unavailable("the chain moved while its blocks were read")
                log["blockTimestamp"] = times[log["blockNumber"]]

    def _decode(self, log: dict[str, Any]) -> Event | None:
        """None also for a log that does not decode, such as a registration whose endpoints are not UTF-8."""
        try:
            return self._decoder.decode(log)
        except ValueError as error:
            _log.warning("an event is left out", transaction=log.get("transactionHash"), reason=str(error))
            return None

    def _tell(self, events: list[Event]) -> None:
        for callback in list(self._callbacks):
            try:
                callback(events)
            except Exception as error:  # noqa: BLE001 - the index outlives its listeners
                _log.error("a listener to the chain's events broke", exc_info=error)
        self._ask()

    def _ask(self) -> None:
        self._waiters = [ask for ask in self._waiters if not ask()]

    async def _start_over(self, error: CorruptData) -> None:
        """Events that do not add up: the node gave too few of them, or the file was damaged."""
        _log.error("the index is built anew", reason=error.message)
        self.detail = error.message
        self._store.wipe()
        self._at = None
        if self._rebuilt:
            await asyncio.sleep(_MAX_PAUSE)  # it is the node: no use in asking at once
        self._rebuilt = True
