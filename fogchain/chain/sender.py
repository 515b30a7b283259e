"""Sends transactions: each tag once, in nonce order, through restarts, fee rises, reorganisations and an absent chain.

One task does everything that concerns nonces, so there is nothing to lock: it takes what was asked for and puts it
through the `pipeline`, again and again, until it lies 64 blocks deep.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import uuid
from pathlib import Path

import structlog
from coincurve import PrivateKey

from fogchain.chain.calls import Call
from fogchain.chain.client import ChainClient
from fogchain.chain.flights import Flights, Pending, TxResult, check_same, result_of
from fogchain.chain.outbox import Entry, Outbox
from fogchain.chain.pipeline import Pipeline
from fogchain.chain.reverts import Reverted
from fogchain.chain.rpc import RpcError
from fogchain.errors import CorruptData, FogchainError, Unavailable
from fogchain.wallet.eip712 import address_of

__all__ = ["Pending", "Sender", "TxResult"]

_log = structlog.get_logger(__name__)

_MAX_PAUSE = 2.0  # seconds between tries to reach a chain that is away


class Sender:
    """One per wallet: nonces belong to it alone."""

    def __init__(self, client: ChainClient, key: PrivateKey, db_path: Path) -> None:
        self.address = address_of(key.public_key)
        self._client, self._key, self._path = client, key, db_path
        self._flights: Flights | None = None  # while it runs
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._fatal: FogchainError | None = None
        self._down = False

    async def start(self) -> None:
        """Takes up what an earlier run left. Returns at once, also while the chain is away. Raises CorruptData."""
        if self._task is not None:
            return
        self._flights = Flights(Outbox(self._path))
        pipeline = Pipeline(self._client, self._key, self.address, self._flights)
        self._task = asyncio.create_task(self._run(self._flights, pipeline), name="chain-sender")
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """What is on its way stays on disk; those who wait for it get Unavailable."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._flights is not None:
            self._flights.close()
            self._flights = None

    async def send(self, call: Call, *, tag: str | None = None) -> TxResult:
        """Resolves when mined. A `tag` names what is done: it is done once, however often and after however many
        restarts it is asked for; every asker gets the one result. Without a tag every call is a new transaction.

        Raises Reverted when the contract refuses, before (nothing was sent, the tag is free again) or after mining;
        PaymentRequired when the wallet has no ETH for gas; Conflict when the tag was used for something else;
        CorruptData when the outbox is of another wallet or chain. A chain that is away is waited for.
        """
        flights = self._running()
        if self._fatal is not None:
            raise self._fatal
        tag = tag or f"once:{uuid.uuid4().hex}"
        flight = flights.by_tag.get(tag)
        if flight is None:
            found = flights.box.find(tag)
            if found is not None:
                check_same(found, call)
                return result_of(found)
            flight = flights.add(Entry(tag, call))
        check_same(flight.entry, call)
        self._wake.set()
        return await asyncio.shield(flight.done)

    def knows(self, tag: str) -> bool:
        """Whether a transaction of this tag was ever handed in, whatever became of it."""
        return self._running().box.find(tag) is not None

    def result(self, tag: str) -> TxResult | None:
        """What became of a tag, None if it is unknown or on its way. Raises Reverted if it was mined and refused."""
        if self._flights is None or tag in self._flights.by_tag:
            return None
        found = self._flights.box.find(tag)
        return result_of(found) if found else None

    def next_tag(self, tag: str, *, anew: bool = False) -> str:
        """The first of `tag`, `tag-1`, … that the chain has not refused; with `anew` nor done.

        For what stays to be done after a refusal: one that came before what it needs, since the chain went back, is
        right when it is asked for again."""
        number, found = 0, tag
        while self._is_over(found, anew):
            number += 1
            found = f"{tag}-{number}"
        return found

    def _is_over(self, tag: str, anew: bool) -> bool:
        try:
            return self.result(tag) is not None and anew
        except Reverted:
            return True

    def pending(self) -> list[Pending]:
        """What is not mined yet, oldest first."""
        return self._flights.pending() if self._flights is not None else []

    def _running(self) -> Flights:
        if self._flights is None:
            raise Unavailable("the sender is not running")
        return self._flights

    # ---- the one task

    async def _run(self, flights: Flights, pipeline: Pipeline) -> None:
        pause = 0.0
        while True:
            self._wake.clear()
            try:
                flights.save_new()
                if pipeline.has_work:
                    await pipeline.step()
                    self._seen_up(flights, pipeline)
                pause = pipeline.pace()
            except Unavailable as error:
                self._seen_down(flights, error)
                pause = min(max(2 * pause, 0.1), _MAX_PAUSE)
            except CorruptData as error:
                self._fail(error)
                return
            except sqlite3.OperationalError as error:
                # Whoever waits learns it, and what is on disk is taken up.
                told = Unavailable(f"{self._path} can't be written: {error}", hint="free some space on the disk")
                _log.error("transactions wait", reason=told.message)
                flights.reload(told)
                pipeline.begin_anew()
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

    def _seen_down(self, flights: Flights, error: Unavailable) -> None:
        if not self._down:
            _log.warning("the chain is away, transactions wait", reason=error.message, waiting=len(flights.by_tag))
        self._down = True

    def _seen_up(self, flights: Flights, pipeline: Pipeline) -> None:
        if self._down:
            _log.info("the chain is back", waiting=len(flights.by_tag))
            self._down = False
            pipeline.broadcast_all()
            self._wake.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Nobody waits for ever, whatever ended the task."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the sender broke", exc_info=error)
            self._fail(Unavailable(f"the sender broke: {error!r}", hint="restart the node: nothing is lost"))

    def _fail(self, error: FogchainError) -> None:
        _log.error("transactions can't be sent", reason=error.message)
        self._fatal = error
        if self._flights is not None:
            self._flights.end_all(error)
