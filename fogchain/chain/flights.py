"""The transactions on their way: who waits for each, and where it stands; what is true of it is in the outbox."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from fogchain.chain.calls import Call
from fogchain.chain.outbox import Entry, Outbox, State
from fogchain.chain.reverts import Reverted
from fogchain.errors import BadInput, Conflict, FogchainError, Unavailable


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
class Flight:
    """What this run of the program remembers of an entry that is not mined yet."""

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

    def end(self, result: TxResult | FogchainError) -> None:
        """Tell whoever waits, unless that was done before."""
        if self.done.done():
            return
        if isinstance(result, TxResult):
            self.done.set_result(result)
        else:
            self.done.set_exception(result)


class Flights:
    """All of one wallet that is not final, as the outbox has it and as it is asked for."""

    def __init__(self, box: Outbox) -> None:
        self.box = box
        self.by_tag: dict[str, Flight] = {}  # not mined yet
        self.queue: deque[Flight] = deque()  # of these, those without a nonce
        self.sent: dict[int, Flight] = {}  # and those with one
        self.mined: dict[int, Entry] = {}  # by nonce: watched until final
        self.top_mined = -1
        self._unsaved: list[Flight] = []
        self._load()

    def _load(self) -> None:
        for entry in self.box.unfinished():
            if entry.state is State.MINED:
                assert entry.nonce is not None
                self.mined[entry.nonce] = entry
            else:
                self.take_up(entry)
        self.top_mined = self.box.top_mined_nonce()

    def reload(self, why: FogchainError) -> None:
        """Begin anew with what is on disk, which alone is true. Whoever waits learns why."""
        self.end_all(why)
        self._forget()
        self._load()

    def close(self) -> None:
        """What is on its way stays on disk; those who wait for it get Unavailable."""
        self.save_new()
        self.box.close()
        for flight in self.by_tag.values():
            flight.end(
                Unavailable(f"stopped while {flight.entry.call.what} was on its way", hint="a restart goes on with it")
            )
        self._forget()

    def _forget(self) -> None:
        self._unsaved = []
        for where in (self.by_tag, self.queue, self.sent, self.mined):
            where.clear()

    def add(self, entry: Entry) -> Flight:
        """A new one, which `save_new` will write."""
        flight = self.take_up(entry)
        self._unsaved.append(flight)
        return flight

    def take_up(self, entry: Entry) -> Flight:
        """Into memory, on disk or not yet. A caller who waits already keeps waiting for the same future."""
        flight = self.by_tag.get(entry.tag)
        if flight is None:
            done: asyncio.Future[TxResult] = asyncio.get_running_loop().create_future()
            done.add_done_callback(lambda future: future.cancelled() or future.exception())  # nobody may be waiting
            flight = self.by_tag[entry.tag] = Flight(entry, done)
        if entry.nonce is None:
            self.queue.append(flight)
        else:
            self.sent[entry.nonce] = flight
        return flight

    def save_new(self) -> None:
        if self._unsaved:
            self.box.add(flight.entry for flight in self._unsaved)
            self._unsaved = []

    def drop(self, flight: Flight, why: FogchainError) -> None:
        """It can't be sent: its tag is free again."""
        self.queue.remove(flight)
        self.box.remove(flight.entry)
        del self.by_tag[flight.entry.tag]
        flight.end(why)

    def requeue(self, flight: Flight) -> None:
        """Another transaction used its nonce: it needs a new one."""
        entry = flight.entry
        del self.sent[flight.nonce]
        entry.state, entry.nonce, entry.copies = State.QUEUED, None, []
        flight.missing, flight.broadcast = 0, False
        self.box.requeue(entry)
        self.queue.appendleft(flight)

    def land(self, found: list[Flight]) -> None:
        """These were mined, and their entries say how."""
        self.box.update(flight.entry for flight in found)
        for flight in found:
            del self.sent[flight.nonce]
            self.by_tag.pop(flight.entry.tag, None)
            self.mined[flight.nonce] = flight.entry
            self.top_mined = max(self.top_mined, flight.nonce)
            try:
                flight.end(result_of(flight.entry))
            except Reverted as error:
                flight.end(error)

    def take_back(self, entries: list[Entry]) -> None:
        """The chain no longer has these: they are on their way again."""
        for entry in entries:
            assert entry.nonce is not None
            self.mined.pop(entry.nonce, None)
            entry.state, entry.mined = State.SENT, None
            self.take_up(entry)
        self.box.update(entries)

    def finish(self, entries: list[Entry]) -> None:
        """These lie so deep that they are done with."""
        if not entries:
            return
        for entry in entries:
            assert entry.nonce is not None
            entry.state = State.FINAL
            del self.mined[entry.nonce]
        self.box.update(entries)

    def end_all(self, why: FogchainError) -> None:
        for flight in self.by_tag.values():
            flight.end(why)

    def pending(self) -> list[Pending]:
        return [
            Pending(
                entry.tag,
                entry.call.what,
                str(entry.state),
                entry.nonce,
                entry.copies[-1].hash if entry.copies else None,
            )
            for entry in (flight.entry for flight in self.by_tag.values())
        ]


def check_same(entry: Entry, call: Call) -> None:
    """Raises Conflict when the entry's tag names another transaction than `call`."""
    if (entry.call.to, entry.call.data, entry.call.value) != (call.to, call.data, call.value):
        raise Conflict(
            f"the tag {entry.tag!r} names another transaction ({entry.call.what})", hint="give each deed its own tag"
        )


def result_of(entry: Entry) -> TxResult:
    """Raises Reverted when it was mined and refused, BadInput when it is not mined."""
    mined = entry.mined
    if mined is None:
        raise BadInput(f"{entry.tag!r} is not mined")
    if mined.failure is not None:
        raise Reverted(mined.failure.message, hint=mined.failure.hint, name=mined.failure.name)
    return TxResult(entry.tag, mined.hash, mined.block, mined.gas_used, mined.gas_used * mined.gas_price)
