"""Sends transactions: each tag once, in nonce order, through restarts, fee rises, reorganisations and an absent chain.

One task does everything that concerns nonces, so there is nothing to lock: it takes what was asked for, tries it
against the newest block, signs and stores it, broadcasts it, and follows it until it lies 64 blocks deep.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from coincurve import PrivateKey

from fogchain.chain.calls import Call
from fogchain.chain.client import ChainClient, Head
from fogchain.chain.outbox import Copy, Entry, Failure, Mined, Outbox, State
from fogchain.chain.reverts import Reverted, explain
from fogchain.chain.rpc import RpcError
from fogchain.chain.transaction import Fees, fees_for, sign_transaction, suggested_tip
from fogchain.errors import BadInput, Conflict, CorruptData, FogchainError, PaymentRequired, Unavailable
from fogchain.units import format_eth
from fogchain.wallet.eip712 import address_of

_log = structlog.get_logger(__name__)

FINAL_DEPTH = 64  # blocks on top, after which a transaction is not watched any more
_MAX_IN_FLIGHT = 512  # nonces given out and not mined
_BATCH = 128  # requests in one HTTP body
_LOST_AFTER = 3  # heads seen while the chain has no trace of a nonce that must be there
_DEAR_AFTER = 2  # blocks without progress under a base fee above what was offered
_REPEAT_AFTER = 6  # blocks without progress: the node may have dropped it
_STUCK_AFTER = 30  # blocks without progress: offer more
_TIP_AGE = 60.0  # seconds for which a suggested tip is good
_MAX_PAUSE = 2.0  # seconds between tries to reach a chain that is away

_KNOWN = ("already known", "already imported", "known transaction", "already exists")


@dataclass(frozen=True, slots=True)
class TxResult:
    """A transaction that was mined and did what it should."""

    tag: str
    hash: str
    block: int
    gas_used: int
    fee: int  # wei


@dataclass(frozen=True, slots=True)
class Pending:
    """A transaction on its way."""

    tag: str
    what: str
    state: str  # "queued" or "sent"
    nonce: int | None
    hash: str | None


@dataclass(slots=True, eq=False)
class _Flight:
    """What this run of the program remembers of an entry."""

    entry: Entry
    done: asyncio.Future[TxResult]
    sent_at: int = 0  # head when last broadcast
    broadcast: bool = False  # a node has it, as far as is known
    looked_at: int = 0  # head when its receipt was last missed
    missing: int = 0  # heads seen without a receipt though the nonce is used
    hold: int | None = None  # refused while transactions up to this nonce were on their way: try again after them

    @property
    def nonce(self) -> int:
        assert self.entry.nonce is not None
        return self.entry.nonce


class Sender:
    """One per wallet: nonces belong to it alone."""

    def __init__(self, client: ChainClient, key: PrivateKey, db_path: Path) -> None:
        self.address = address_of(key.public_key)
        self._client = client
        self._rpc = client.rpc
        self._key = key
        self._path = db_path
        self._box: Outbox | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._fatal: FogchainError | None = None
        self._flights: dict[str, _Flight] = {}  # by tag: not mined yet
        self._unsaved: list[_Flight] = []
        self._queue: deque[_Flight] = deque()
        self._sent: dict[int, _Flight] = {}  # by nonce
        self._mined: dict[int, Entry] = {}  # by nonce: watched until final
        self._top_mined = -1
        self._next_nonce: int | None = None
        self._head: Head | None = None
        self._count = 0
        self._progress = 0  # block at which the account's nonce last moved
        self._gap = 0  # heads seen while the chain waits for a nonce that is not ours
        self._tip: tuple[int, float] | None = None
        self._verified = 0.0
        self._block_time = 1.0  # seconds, as observed
        self._head_seen = 0.0
        self._down = False

    async def start(self) -> None:
        """Takes up what an earlier run left. Returns at once, also while the chain is away. Raises CorruptData."""
        if self._task is not None:
            return
        self._box = Outbox(self._path)
        self._load(self._box)
        self._task = asyncio.create_task(self._run(), name="chain-sender")
        self._task.add_done_callback(self._ended)

    def _load(self, box: Outbox) -> None:
        for entry in box.unfinished():
            if entry.state is State.MINED:
                assert entry.nonce is not None
                self._mined[entry.nonce] = entry
            else:
                self._take_up(entry)
        self._top_mined = box.top_mined_nonce()

    async def stop(self) -> None:
        """What is on its way stays on disk; those who wait for it get Unavailable."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._box is not None:
            self._save_new()
            self._box.close()
            self._box = None
        for flight in self._flights.values():
            if not flight.done.done():
                flight.done.set_exception(
                    Unavailable(
                        f"stopped while {flight.entry.call.what} was on its way", hint="a restart goes on with it"
                    )
                )
        self._forget()

    async def send(self, call: Call, *, tag: str | None = None) -> TxResult:
        """Resolves when mined. A `tag` names what is done: it is done once, however often and after however many
        restarts it is asked for; every asker gets the one result. Without a tag every call is a new transaction.

        Raises Reverted when the contract refuses, before (nothing was sent, the tag is free again) or after mining;
        PaymentRequired when the wallet has no ETH for gas; Conflict when the tag was used for something else;
        CorruptData when the outbox is of another wallet or chain. A chain that is away is waited for.
        """
        if self._box is None or self._task is None:
            raise Unavailable("the sender is not running")
        if self._fatal is not None:
            raise self._fatal
        tag = tag or f"once:{uuid.uuid4().hex}"
        flight = self._flights.get(tag)
        if flight is None:
            found = self._box.find(tag)
            if found is not None:
                _check_same(found, call)
                return _result(found)
            flight = self._take_up(Entry(tag, call))
            self._unsaved.append(flight)
        _check_same(flight.entry, call)
        self._wake.set()
        return await asyncio.shield(flight.done)

    def knows(self, tag: str) -> bool:
        """Whether a transaction of this tag was ever handed in, whatever became of it."""
        return self._require().find(tag) is not None

    def result(self, tag: str) -> TxResult | None:
        """What became of a tag, None if it is unknown or on its way. Raises Reverted if it was mined and refused."""
        if self._box is None or tag in self._flights:
            return None
        found = self._box.find(tag)
        return _result(found) if found else None

    def pending(self) -> list[Pending]:
        """What is not mined yet, oldest first."""
        return [
            Pending(
                entry.tag,
                entry.call.what,
                str(entry.state),
                entry.nonce,
                entry.copies[-1].hash if entry.copies else None,
            )
            for entry in (flight.entry for flight in self._flights.values())
        ]

    # ---- the one task

    async def _run(self) -> None:
        pause = 0.0
        while True:
            self._wake.clear()
            try:
                self._save_new()
                if self._flights or self._mined or self._next_nonce is None:
                    await self._step()
                    self._seen_up()
                    pause = self._pace()
                else:
                    pause = 60.0
            except Unavailable as error:
                self._seen_down(error)
                pause = min(max(2 * pause, 0.1), _MAX_PAUSE)
            except CorruptData as error:
                self._fail(error)
                return
            except sqlite3.OperationalError as error:
                self._go_on_from_disk(error)
                await asyncio.sleep(_MAX_PAUSE)
                continue
            except sqlite3.Error as error:
                self._fail(Unavailable(f"{self._path} can't be written: {error}", hint="make room, then restart"))
                return
            except RpcError as error:
                _log.warning("the chain's node refuses a question", reason=error.reason)
                pause = 1.0
            if self._down:
                await asyncio.sleep(pause)  # asking an absent chain more often brings nothing
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    def _pace(self) -> float:
        """Seconds to the next look: a few looks a block while something is on its way."""
        if any(self._ready(flight) for flight in self._queue) and len(self._sent) < _MAX_IN_FLIGHT:
            return 0.0
        if self._flights:
            return min(max(self._block_time / 3, 0.04), 1.5)
        return min(max(self._block_time * 4, 0.5), 15.0) if self._mined else 60.0

    async def _step(self) -> None:
        if self._next_nonce is None:
            await self._begin()
        await self._look()
        await self._collect()
        await self._verify()
        await self._lost_and_gaps()
        await self._admit()
        await self._rebid()
        await self._broadcast()

    async def _begin(self) -> None:
        box = self._require()
        chain_id, genesis, waiting = await self._rpc.strict(
            [
                ("eth_chainId", []),
                ("eth_getBlockByNumber", ["0x0", False]),
                ("eth_getTransactionCount", [self.address, "pending"]),
            ]
        )
        wanted = self._client.deployment.chain_id
        if int(chain_id, 16) != wanted:
            raise CorruptData(
                f"the chain at {self._rpc.url} has id {int(chain_id, 16)}, the deployment is on chain {wanted}",
                hint="use the RPC address and the deployment file of one network",
            )
        box.claim(self.address, wanted, genesis["hash"] if genesis else None)
        self._next_nonce = max(int(waiting, 16), box.top_nonce() + 1)

    async def _look(self) -> None:
        """The head and how many of our nonces are used; a step back of either means that the chain went back."""
        block, count = await self._rpc.strict(
            [("eth_getBlockByNumber", ["latest", False]), ("eth_getTransactionCount", [self.address, "latest"])]
        )
        head, used = Head.of(block), int(count, 16)
        before, now = self._head, time.monotonic()
        if before is None or head.number < before.number:
            self._progress = head.number
            self._verified = 0.0
            for flight in self._sent.values():
                flight.sent_at = min(flight.sent_at, head.number)
        elif head.number > before.number:
            each = (now - self._head_seen) / (head.number - before.number)
            self._block_time += 0.2 * (min(each, 60.0) - self._block_time)
        if before is None or head.hash != before.hash:
            self._head_seen = now
        if used != self._count:
            self._progress = head.number
        self._head, self._count = head, used
        if used <= self._top_mined:
            self._go_back(used)

    def _go_back(self, used: int) -> None:
        """The chain no longer has what it had mined from nonce `used` on: that is on its way again."""
        box = self._require()
        gone = box.finished_from(used)
        _log.warning("the chain went back, transactions are sent again", count=len(gone), from_nonce=used)
        for entry in gone:
            assert entry.nonce is not None
            self._mined.pop(entry.nonce, None)
            self._again(entry)
        box.update(gone)
        self._top_mined = used - 1

    def _again(self, entry: Entry) -> None:
        entry.state, entry.mined = State.SENT, None
        self._take_up(entry)

    async def _collect(self) -> None:
        """Receipts of those whose nonces are used."""
        ready = [self._sent[nonce] for nonce in sorted(self._sent) if nonce < self._count]
        found: list[_Flight] = []
        for flight, receipt in await self._receipts(ready):
            if receipt is None:
                continue
            flight.entry.mined = await self._outcome(flight.entry, receipt)
            flight.entry.state = State.MINED
            found.append(flight)
        if not found:
            return
        self._require().update(flight.entry for flight in found)
        for flight in found:
            entry = flight.entry
            del self._sent[flight.nonce]
            self._flights.pop(entry.tag, None)
            self._mined[flight.nonce] = entry
            self._top_mined = max(self._top_mined, flight.nonce)
            _settle(flight)

    async def _receipts(self, flights: Sequence[_Flight]) -> list[tuple[_Flight, dict[str, Any] | None]]:
        asked = [(flight, copy.hash) for flight in flights for copy in flight.entry.copies]
        answers: dict[int, dict[str, Any]] = {}
        for start in range(0, len(asked), _BATCH):
            part = asked[start : start + _BATCH]
            results = await self._rpc.strict(("eth_getTransactionReceipt", [hash_]) for _, hash_ in part)
            for (flight, _), receipt in zip(part, results, strict=True):
                if receipt is not None:
                    answers[id(flight)] = receipt
        return [(flight, answers.get(id(flight))) for flight in flights]

    async def _outcome(self, entry: Entry, receipt: dict[str, Any]) -> Mined:
        failure = None
        if int(receipt["status"], 16) != 1:
            failure = await self._why(entry, receipt)
        return Mined(
            receipt["transactionHash"],
            int(receipt["blockNumber"], 16),
            receipt["blockHash"],
            int(receipt["gasUsed"], 16),
            int(receipt.get("effectiveGasPrice") or "0x0", 16),
            failure,
        )

    async def _why(self, entry: Entry, receipt: dict[str, Any]) -> Failure:
        """Runs it again on the state after its block, where what came before it in the block counts, else before."""
        call = entry.call
        if int(receipt["gasUsed"], 16) >= call.gas:
            return Failure(f"{call.what} ran out of its {call.gas} gas")
        block = int(receipt["blockNumber"], 16)
        questions = [("eth_call", [self._as_question(call), hex(number)]) for number in (block, block - 1)]
        data, reason = b"", ""
        for answer in await self._rpc.batch(questions):
            if isinstance(answer, RpcError):
                data, reason = answer.data, answer.reason
                break
        refused = explain(data, call.what, reason)
        return Failure(refused.message, refused.hint, refused.name)

    async def _verify(self) -> None:
        """Whether the blocks of watched transactions are still the chain's; those deep enough are done with."""
        head, now = self._head, time.monotonic()
        assert head is not None
        if not self._mined or now - self._verified < max(4 * self._block_time, 0.5):
            return
        hashes: dict[int, str] = {}
        numbers = sorted({entry.mined.block for entry in self._mined.values() if entry.mined})
        for start in range(0, len(numbers), _BATCH):
            part = numbers[start : start + _BATCH]
            blocks = await self._rpc.strict(("eth_getBlockByNumber", [hex(number), False]) for number in part)
            hashes |= {number: block["hash"] for number, block in zip(part, blocks, strict=True) if block}
        moved = [e for e in self._mined.values() if e.mined and hashes.get(e.mined.block) != e.mined.block_hash]
        if moved:
            _log.warning("the chain was reorganised, transactions are followed again", count=len(moved))
            for entry in moved:
                assert entry.nonce is not None
                del self._mined[entry.nonce]
                self._again(entry)
            self._require().update(moved)
        self._verified = now
        deep = [e for e in self._mined.values() if e.mined and head.number - e.mined.block >= FINAL_DEPTH]
        for entry in deep:
            assert entry.nonce is not None
            entry.state = State.FINAL
            del self._mined[entry.nonce]
        self._require().update(deep)

    async def _lost_and_gaps(self) -> None:
        """Nonces that another program used, and nonces that nobody will use."""
        head = self._head
        assert head is not None
        for flight in [flight for nonce, flight in self._sent.items() if nonce < self._count]:
            if flight.looked_at != head.number:
                flight.looked_at = head.number
                flight.missing += 1
            if flight.missing >= _LOST_AFTER:
                _log.warning("another transaction used the nonce, a new one is taken", tag=flight.entry.tag)
                del self._sent[flight.nonce]
                entry = flight.entry
                entry.state, entry.nonce, entry.copies = State.QUEUED, None, []
                flight.missing, flight.broadcast = 0, False
                self._require().requeue(entry)
                self._queue.appendleft(flight)
        waiting = [nonce for nonce in self._sent if nonce >= self._count]
        if not waiting or self._count in self._sent:
            self._gap = 0
            return
        if head.number - self._progress < _REPEAT_AFTER:
            return
        self._gap += 1
        if self._gap < _LOST_AFTER:
            return
        # Whoever had these nonces lost them with a chain that went back: without them ours would wait for ever.
        missing = [n for n in range(self._count, max(waiting)) if n not in self._sent][:_BATCH]
        _log.warning("nonces are missing before our own, empty transactions fill them", count=len(missing))
        fees = await self._fees()
        fillers = [self._take_up(Entry(f"fill:{uuid.uuid4().hex}", _nothing(self.address))) for _ in missing]
        self._require().add(flight.entry for flight in fillers)
        for flight, nonce in zip(fillers, missing, strict=True):
            self._queue.remove(flight)
            self._sign(flight, nonce, fees)
        self._require().sign(flight.entry for flight in fillers)
        self._gap = 0

    async def _admit(self) -> None:
        """Tries what is queued against the newest block, signs what passes."""
        self._save_new()  # what came while the chain was asked
        room = min(_MAX_IN_FLIGHT - len(self._sent), _BATCH)
        ready = [flight for flight in self._queue if self._ready(flight)][: max(room, 0)]
        if not ready:
            return
        questions = [("eth_call", [self._as_question(flight.entry.call), "latest"]) for flight in ready]
        balance, *answers = await self._rpc.batch([("eth_getBalance", [self.address, "latest"]), *questions])
        if isinstance(balance, RpcError):
            raise balance
        fees = await self._fees()
        wei = int(balance, 16)
        passed: list[_Flight] = []
        top = max((nonce for nonce in self._sent if nonce >= self._count), default=-1)
        assert self._next_nonce is not None
        refusals = [self._refusal(f.entry.call, answer, wei, fees) for f, answer in zip(ready, answers, strict=True)]
        for flight, refusal in zip(ready, refusals, strict=True):
            if refusal is None:
                self._queue.remove(flight)
                self._sign(flight, self._next_nonce, fees)
                top = self._next_nonce
                self._next_nonce += 1
                passed.append(flight)
            elif flight.hold is None and top >= self._count:
                flight.hold = top  # it may build on what is on its way, as a deposit does on its approval
            else:
                self._queue.remove(flight)
                self._drop(flight, refusal)
        self._require().sign(flight.entry for flight in passed)

    def _ready(self, flight: _Flight) -> bool:
        return flight.hold is None or flight.hold < self._count

    def _refusal(self, call: Call, answer: Any, wei: int, fees: Fees) -> FogchainError | None:
        if isinstance(answer, RpcError):
            words = answer.reason.lower()
            if answer.data or answer.number == 3 or "revert" in words or "out of gas" in words:
                return explain(answer.data, call.what, answer.reason)
            if "insufficient funds" not in words:
                raise Unavailable(f"the chain's node can't try {call.what}: {answer.reason}")
        needed = call.gas * fees.most + call.value
        if wei < needed or isinstance(answer, RpcError):
            return PaymentRequired(
                f"{call.what} may take {format_eth(needed, 9)}, the wallet has {format_eth(wei, 9)}",
                hint=f"send ETH for gas to {self.address}",
            )
        return None

    async def _rebid(self) -> None:
        """Offers more for what does not get through."""
        head = self._head
        assert head is not None
        still = head.number - self._progress
        dear = [
            f for f in self._sent.values() if f.nonce >= self._count and f.entry.copies[-1].fees.most < head.base_fee
        ]
        stuck = []
        if still >= _STUCK_AFTER and self._count in self._sent:
            lowest = self._sent[self._count]
            if head.number - lowest.sent_at >= _REPEAT_AFTER and lowest.broadcast:
                stuck = [lowest]
                self._progress = head.number
        if not (still >= _DEAR_AFTER and dear) and not stuck:
            return
        wanted = await self._fees()
        chosen = sorted(set(dear if still >= _DEAR_AFTER else []) | set(stuck), key=lambda flight: flight.nonce)
        for flight in chosen:
            fees = flight.entry.copies[-1].fees.raised(wanted)
            _log.info("a transaction is replaced with higher fees", tag=flight.entry.tag, most=fees.most, tip=fees.tip)
            self._sign(flight, flight.nonce, fees)
        self._require().sign(flight.entry for flight in chosen)

    async def _broadcast(self) -> None:
        """Sends what no node has, and again what stays away for long."""
        head = self._head
        assert head is not None
        still = head.number - self._progress
        due = [
            self._sent[nonce]
            for nonce in sorted(self._sent)
            if nonce >= self._count
            and (
                not self._sent[nonce].broadcast
                or (still >= _REPEAT_AFTER and head.number - self._sent[nonce].sent_at >= _REPEAT_AFTER)
            )
        ]
        for start in range(0, len(due), _BATCH):
            part = due[start : start + _BATCH]
            raws = ["0x" + flight.entry.copies[-1].raw.hex() for flight in part]
            answers = await self._rpc.batch(("eth_sendRawTransaction", [raw]) for raw in raws)
            for flight, answer in zip(part, answers, strict=True):
                flight.sent_at = head.number
                flight.broadcast = True
                if not isinstance(answer, RpcError):
                    continue
                words = answer.reason.lower()
                if any(known in words for known in _KNOWN) or "nonce too low" in words:
                    continue  # a node has it already, or it was mined since the last look
                if "underpriced" in words or "fee too low" in words or "less than block base fee" in words:
                    _log.info(
                        "a transaction's fees are too low for the node", tag=flight.entry.tag, reason=answer.reason
                    )
                    fees = flight.entry.copies[-1].fees.raised(await self._fees())
                    self._sign(flight, flight.nonce, fees)
                    self._require().sign([flight.entry])
                    continue
                _log.warning("the node did not take a transaction", tag=flight.entry.tag, reason=answer.reason)

    # ---- small steps

    def _take_up(self, entry: Entry) -> _Flight:
        """Into memory, on disk or not yet. A caller who waits already keeps waiting for the same future."""
        flight = self._flights.get(entry.tag)
        if flight is None:
            done: asyncio.Future[TxResult] = asyncio.get_running_loop().create_future()
            done.add_done_callback(lambda future: future.cancelled() or future.exception())  # nobody may be waiting
            flight = self._flights[entry.tag] = _Flight(entry, done)
        if entry.nonce is None:
            self._queue.append(flight)
        else:
            self._sent[entry.nonce] = flight
        return flight

    def _save_new(self) -> None:
        if self._unsaved and self._box is not None:
            self._box.add(flight.entry for flight in self._unsaved)
            self._unsaved = []

    def _drop(self, flight: _Flight, why: FogchainError) -> None:
        self._require().remove(flight.entry)
        del self._flights[flight.entry.tag]
        if not flight.done.done():
            flight.done.set_exception(why)

    def _sign(self, flight: _Flight, nonce: int, fees: Fees) -> None:
        call, entry = flight.entry.call, flight.entry
        signed = sign_transaction(
            self._key, self._client.deployment.chain_id, nonce, fees, call.gas, call.to, call.data, call.value
        )
        entry.nonce, entry.state = nonce, State.SENT
        entry.copies = [*entry.copies, Copy(signed.hash, signed.raw, fees)]
        flight.broadcast = False
        self._sent[nonce] = flight

    async def _fees(self) -> Fees:
        now = time.monotonic()
        if self._tip is None or now - self._tip[1] > _TIP_AGE:
            self._tip = await suggested_tip(self._rpc), now
        assert self._head is not None
        return fees_for(self._head.base_fee, self._tip[0])

    def _as_question(self, call: Call) -> dict[str, str]:
        return {
            "from": self.address,
            "to": call.to,
            "data": "0x" + call.data.hex(),
            "gas": hex(call.gas),
            "value": hex(call.value),
        }

    def _require(self) -> Outbox:
        if self._box is None:
            raise Unavailable("the sender is not running")
        return self._box

    def _seen_down(self, error: Unavailable) -> None:
        if not self._down:
            _log.warning("the chain is away, transactions wait", reason=error.message, waiting=len(self._flights))
        self._down = True

    def _seen_up(self) -> None:
        if self._down:
            _log.info("the chain is back", waiting=len(self._flights))
            self._down = False
            for flight in self._sent.values():
                flight.broadcast = False  # the node may have lost its pool
            self._wake.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Nobody waits for ever, whatever ended the task."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the sender broke", exc_info=error)
            self._fail(Unavailable(f"the sender broke: {error!r}", hint="restart the node: nothing is lost"))

    def _forget(self) -> None:
        self._unsaved = []
        for where in (self._flights, self._queue, self._sent, self._mined):
            where.clear()

    def _go_on_from_disk(self, error: sqlite3.OperationalError) -> None:
        """The disk takes no more: whoever waits learns it, and what is on disk, which alone is true, is taken up."""
        told = Unavailable(f"{self._path} can't be written: {error}", hint="free some space on the disk")
        _log.error("transactions wait", reason=told.message)
        for flight in self._flights.values():
            if not flight.done.done():
                flight.done.set_exception(told)
        self._forget()
        self._next_nonce = None
        self._load(self._require())

    def _fail(self, error: FogchainError) -> None:
        _log.error("transactions can't be sent", reason=error.message)
        self._fatal = error
        for flight in self._flights.values():
            if not flight.done.done():
                flight.done.set_exception(error)


def _nothing(address: str) -> Call:
    return Call(address, b"", 21_000, 0, "an empty transaction")


def _check_same(entry: Entry, call: Call) -> None:
    if (entry.call.to, entry.call.data, entry.call.value) != (call.to, call.data, call.value):
        raise Conflict(
            f"the tag {entry.tag!r} names another transaction ({entry.call.what})", hint="give each deed its own tag"
        )


def _result(entry: Entry) -> TxResult:
    mined = entry.mined
    if mined is None:
        raise BadInput(f"{entry.tag!r} is not mined")
    if mined.failure is not None:
        raise Reverted(mined.failure.message, hint=mined.failure.hint, name=mined.failure.name)
    return TxResult(entry.tag, mined.hash, mined.block, mined.gas_used, mined.gas_used * mined.gas_price)


def _settle(flight: _Flight) -> None:
    if flight.done.done():
        return
    try:
        flight.done.set_result(_result(flight.entry))
    except Reverted as error:
        flight.done.set_exception(error)
