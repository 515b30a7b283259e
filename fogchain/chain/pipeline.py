"""What a wallet's transactions go through, one step after the other, at every look at the chain.

    asked for ──tried──▶ signed ──▶ broadcast ──mined──▶ watched ──64 blocks──▶ final

On the way fees are raised, lost nonces filled, and what a reorganisation undid is followed anew.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any

import structlog
from coincurve import PrivateKey

from fogchain.chain.calls import Call
from fogchain.chain.client import ChainClient, Head
from fogchain.chain.dryrun import outcome, question, refusal
from fogchain.chain.flights import Flight, Flights
from fogchain.chain.outbox import Copy, Entry, State
from fogchain.chain.rpc import RpcError
from fogchain.chain.transaction import Fees, fees_for, sign_transaction, suggested_tip
from fogchain.errors import CorruptData

_log = structlog.get_logger(__name__)

FINAL_DEPTH = 64  # blocks on top, after which a transaction is not watched any more
_MAX_IN_FLIGHT = 512  # nonces given out and not mined
_BATCH = 128  # requests in one HTTP body
_LOST_AFTER = 3  # heads seen while the chain has no trace of a nonce that must be there
_DEAR_AFTER = 2  # blocks without progress under a base fee above what was offered
_REPEAT_AFTER = 6  # blocks without progress: the node may have dropped it
_STUCK_AFTER = 30  # blocks without progress: offer more
_TIP_AGE = 60.0  # seconds for which a suggested tip is good

_KNOWN = ("already known", "already imported", "known transaction", "already exists")
_TOO_CHEAP = ("underpriced", "fee too low", "less than block base fee")


class Pipeline:
    """Only the sender's one task calls this: there is nothing to lock."""

    def __init__(self, client: ChainClient, key: PrivateKey, address: str, flights: Flights) -> None:
        self._client, self._rpc = client, client.rpc
        self._key, self._address = key, address
        self._flights = flights
        self._next_nonce: int | None = None
        self._head: Head | None = None
        self._used = 0  # nonces of the account that are mined
        self._progress = 0  # block at which that last moved
        self._gap = 0  # heads seen while the chain waits for a nonce that is not ours
        self._tip: tuple[int, float] | None = None
        self._verified = 0.0
        self._block_time = 1.0  # seconds, as observed
        self._head_seen = 0.0

    @property
    def has_work(self) -> bool:
        return bool(self._flights.by_tag or self._flights.mined or self._next_nonce is None)

    def pace(self) -> float:
        """Seconds to the next step: a few a block while something is on its way."""
        flights = self._flights
        if any(self._ready(flight) for flight in flights.queue) and len(flights.sent) < _MAX_IN_FLIGHT:
            return 0.0
        if flights.by_tag:
            return min(max(self._block_time / 3, 0.04), 1.5)
        return min(max(self._block_time * 4, 0.5), 15.0) if flights.mined else 60.0

    def begin_anew(self) -> None:
        """The flights were loaded from disk: nonces are counted again."""
        self._next_nonce = None

    def broadcast_all(self) -> None:
        """The chain's node was away and may have lost its pool."""
        for flight in self._flights.sent.values():
            flight.broadcast = False

    async def step(self) -> None:
        if self._next_nonce is None:
            await self._begin()
        await self._look()
        await self._collect()
        await self._verify()
        self._take_lost_nonces()
        await self._fill_gaps()
        await self._admit()
        await self._rebid()
        await self._broadcast()

    async def _begin(self) -> None:
        chain_id, genesis, waiting = await self._rpc.strict(
            [
                ("eth_chainId", []),
                ("eth_getBlockByNumber", ["0x0", False]),
                ("eth_getTransactionCount", [self._address, "pending"]),
            ]
        )
        wanted = self._client.deployment.chain_id
        if int(chain_id, 16) != wanted:
            raise CorruptData(
                f"the chain at {self._rpc.url} has id {int(chain_id, 16)}, the deployment is on chain {wanted}",
                hint="use the RPC address and the deployment file of one network",
            )
        box = self._flights.box
        box.claim(self._address, wanted, genesis["hash"] if genesis else None)
        self._next_nonce = max(int(waiting, 16), box.top_nonce() + 1)

    # ---- what the chain has

    @property
    def _newest(self) -> Head:
        assert self._head is not None
        return self._head

    @property
    def _still(self) -> int:
        """Blocks without progress."""
        return self._newest.number - self._progress

    async def _look(self) -> None:
        """The head and how many of our nonces are used; a step back of either means that the chain went back."""
        block, count = await self._rpc.strict(
            [("eth_getBlockByNumber", ["latest", False]), ("eth_getTransactionCount", [self._address, "latest"])]
        )
        head, used = Head.of(block), int(count, 16)
        before, now = self._head, time.monotonic()
        if before is None or head.number < before.number:
            self._progress = head.number
            self._verified = 0.0
            for flight in self._flights.sent.values():
                flight.sent_at = min(flight.sent_at, head.number)
        elif head.number > before.number:
            each = (now - self._head_seen) / (head.number - before.number)
            self._block_time += 0.2 * (min(each, 60.0) - self._block_time)
        if before is None or head.hash != before.hash:
            self._head_seen = now
        if used != self._used:
            self._progress = head.number
        self._head, self._used = head, used
        if used <= self._flights.top_mined:
            gone = self._flights.box.finished_from(used)
            _log.warning("the chain went back, transactions are sent again", count=len(gone), from_nonce=used)
            self._flights.take_back(gone)
            self._flights.top_mined = used - 1

    async def _collect(self) -> None:
        """Receipts of those whose nonces are used."""
        sent = self._flights.sent
        found: list[Flight] = []
        for flight, receipt in await self._receipts([sent[nonce] for nonce in sorted(sent) if nonce < self._used]):
            if receipt is not None:
                flight.entry.mined = await outcome(self._rpc, self._address, flight.entry.call, receipt)
                flight.entry.state = State.MINED
                found.append(flight)
        if found:
            self._flights.land(found)

    async def _receipts(self, flights: Sequence[Flight]) -> list[tuple[Flight, dict[str, Any] | None]]:
        asked = [(flight, copy.hash) for flight in flights for copy in flight.entry.copies]
        answers: dict[int, dict[str, Any]] = {}
        for start in range(0, len(asked), _BATCH):
            part = asked[start : start + _BATCH]
            results = await self._rpc.strict(("eth_getTransactionReceipt", [hash_]) for _, hash_ in part)
            for (flight, _), receipt in zip(part, results, strict=True):
                if receipt is not None:
                    answers[id(flight)] = receipt
        return [(flight, answers.get(id(flight))) for flight in flights]

    async def _verify(self) -> None:
        """Whether the blocks of watched transactions are still the chain's; those deep enough are done with."""
        flights, now = self._flights, time.monotonic()
        if not flights.mined or now - self._verified < max(4 * self._block_time, 0.5):
            return
        hashes: dict[int, str] = {}
        numbers = sorted({entry.mined.block for entry in flights.mined.values() if entry.mined})
        for start in range(0, len(numbers), _BATCH):
            part = numbers[start : start + _BATCH]
            blocks = await self._rpc.strict(("eth_getBlockByNumber", [hex(number), False]) for number in part)
            hashes |= {number: block["hash"] for number, block in zip(part, blocks, strict=True) if block}
        moved = [e for e in flights.mined.values() if e.mined and hashes.get(e.mined.block) != e.mined.block_hash]
        if moved:
            _log.warning("the chain was reorganised, transactions are followed again", count=len(moved))
            flights.take_back(moved)
        self._verified = now
        flights.finish(
            [e for e in flights.mined.values() if e.mined and self._newest.number - e.mined.block >= FINAL_DEPTH]
        )

    # ---- nonces

    def _take_lost_nonces(self) -> None:
        """Nonces that another program used: who had them gets new ones."""
        for flight in [flight for nonce, flight in self._flights.sent.items() if nonce < self._used]:
            if flight.looked_at != self._newest.number:
                flight.looked_at = self._newest.number
                flight.missing += 1
            if flight.missing >= _LOST_AFTER:
                _log.warning("another transaction used the nonce, a new one is taken", tag=flight.entry.tag)
                self._flights.requeue(flight)

    async def _fill_gaps(self) -> None:
        """Whoever had the nonces before ours lost them with a chain that went back: ours would wait for ever."""
        sent = self._flights.sent
        waiting = [nonce for nonce in sent if nonce >= self._used]
        if not waiting or self._used in sent:
            self._gap = 0
            return
        if self._still < _REPEAT_AFTER:
            return
        self._gap += 1
        if self._gap < _LOST_AFTER:
            return
        missing = [nonce for nonce in range(self._used, max(waiting)) if nonce not in sent][:_BATCH]
        _log.warning("nonces are missing before our own, empty transactions fill them", count=len(missing))
        fees = await self._fees()
        empty = Call(self._address, b"", 21_000, 0, "an empty transaction")
        fillers = [self._flights.take_up(Entry(f"fill:{uuid.uuid4().hex}", empty)) for _ in missing]
        self._flights.box.add(flight.entry for flight in fillers)
        for flight, nonce in zip(fillers, missing, strict=True):
            self._flights.queue.remove(flight)
            self._sign(flight, nonce, fees)
        self._flights.box.sign(flight.entry for flight in fillers)
        self._gap = 0

    # ---- signing and sending

    async def _admit(self) -> None:
        """Tries what is queued against the newest block, signs what passes."""
        flights = self._flights
        flights.save_new()  # what came while the chain was asked
        room = min(_MAX_IN_FLIGHT - len(flights.sent), _BATCH)
        ready = [flight for flight in flights.queue if self._ready(flight)][: max(room, 0)]
        if not ready:
            return
        questions = [("eth_call", [question(self._address, flight.entry.call), "latest"]) for flight in ready]
        balance, *answers = await self._rpc.batch([("eth_getBalance", [self._address, "latest"]), *questions])
        if isinstance(balance, RpcError):
            raise balance
        fees = await self._fees()
        wei = int(balance, 16)
        refusals = [
            refusal(self._address, flight.entry.call, answer, wei, fees)
            for flight, answer in zip(ready, answers, strict=True)
        ]
        passed: list[Flight] = []
        top = max((nonce for nonce in flights.sent if nonce >= self._used), default=-1)
        assert self._next_nonce is not None
        for flight, refused in zip(ready, refusals, strict=True):
            if refused is None:
                flights.queue.remove(flight)
                self._sign(flight, self._next_nonce, fees)
                top = self._next_nonce
                self._next_nonce += 1
                passed.append(flight)
            elif flight.hold is None and top >= self._used:
                flight.hold = top  # it may build on what is on its way, as a deposit does on its approval
            else:
                flights.drop(flight, refused)
        flights.box.sign(flight.entry for flight in passed)

    def _ready(self, flight: Flight) -> bool:
        return flight.hold is None or flight.hold < self._used

    async def _rebid(self) -> None:
        """Offers more for what does not get through."""
        dear, stuck = self._dear(), self._stuck()
        if stuck:
            self._progress = self._newest.number  # the next ones are given their time, too
        if not dear and not stuck:
            return
        wanted = await self._fees()
        chosen = sorted({*dear, *stuck}, key=lambda flight: flight.nonce)
        for flight in chosen:
            fees = flight.entry.copies[-1].fees.raised(wanted)
            _log.info("a transaction is replaced with higher fees", tag=flight.entry.tag, most=fees.most, tip=fees.tip)
            self._sign(flight, flight.nonce, fees)
        self._flights.box.sign(flight.entry for flight in chosen)

    def _dear(self) -> list[Flight]:
        """Those that the base fee has outgrown."""
        if self._still < _DEAR_AFTER:
            return []
        sent = self._flights.sent.values()
        return [f for f in sent if f.nonce >= self._used and f.entry.copies[-1].fees.most < self._newest.base_fee]

    def _stuck(self) -> list[Flight]:
        """The one that all others wait for, when it was broadcast and no block takes it."""
        lowest = self._flights.sent.get(self._used)
        if lowest is None or self._still < _STUCK_AFTER:
            return []
        if not lowest.broadcast or self._newest.number - lowest.sent_at < _REPEAT_AFTER:
            return []
        return [lowest]

    async def _broadcast(self) -> None:
        """Sends what no node has, and again what stays away for long."""
        sent = self._flights.sent
        due = [sent[nonce] for nonce in sorted(sent) if nonce >= self._used and self._is_due(sent[nonce])]
        for start in range(0, len(due), _BATCH):
            part = due[start : start + _BATCH]
            raws = ["0x" + flight.entry.copies[-1].raw.hex() for flight in part]
            answers = await self._rpc.batch(("eth_sendRawTransaction", [raw]) for raw in raws)
            for flight, answer in zip(part, answers, strict=True):
                flight.sent_at, flight.broadcast = self._newest.number, True
                if isinstance(answer, RpcError):
                    await self._not_taken(flight, answer.reason)

    def _is_due(self, flight: Flight) -> bool:
        waited = self._newest.number - flight.sent_at
        return not flight.broadcast or (self._still >= _REPEAT_AFTER and waited >= _REPEAT_AFTER)

    async def _not_taken(self, flight: Flight, reason: str) -> None:
        words, tag = reason.lower(), flight.entry.tag
        if any(known in words for known in _KNOWN) or "nonce too low" in words:
            return  # a node has it already, or it was mined since the last look
        if any(cheap in words for cheap in _TOO_CHEAP):
            _log.info("a transaction's fees are too low for the node", tag=tag, reason=reason)
            self._sign(flight, flight.nonce, flight.entry.copies[-1].fees.raised(await self._fees()))
            self._flights.box.sign([flight.entry])
            return
        _log.warning("the node did not take a transaction", tag=tag, reason=reason)

    def _sign(self, flight: Flight, nonce: int, fees: Fees) -> None:
        call, entry = flight.entry.call, flight.entry
        signed = sign_transaction(
            self._key, self._client.deployment.chain_id, nonce, fees, call.gas, call.to, call.data, call.value
        )
        entry.nonce, entry.state = nonce, State.SENT
        entry.copies = [*entry.copies, Copy(signed.hash, signed.raw, fees)]
        flight.broadcast = False
        self._flights.sent[nonce] = flight

    async def _fees(self) -> Fees:
        now = time.monotonic()
        if self._tip is None or now - self._tip[1] > _TIP_AGE:
            self._tip = await suggested_tip(self._rpc), now
        return fees_for(self._newest.base_fee, self._tip[0])
