"""What the events come to: accounts, sessions, provider records. Pure: a book is anything with the four maps.

Money is conserved event by event, as the contracts do it; what would go below zero means that an event is missing.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from typing import Protocol

from fogchain.chain import events as on
from fogchain.errors import CorruptData

NOBODY = "0x" + "0" * 40


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """One address's money, in base units."""

    token: int = 0  # in the wallet
    free: int = 0  # in the market
    locked: int = 0  # in open sessions as buyer
    earned: int = 0  # claimed as provider, in all
    spent: int = 0  # claimed by providers, in all
    bonded: int = 0
    unbonding: int = 0


@dataclass(frozen=True, slots=True)
class SessionRecord:
    id: bytes
    buyer: str
    provider: str
    job: bytes
    cap: int
    claimed: int
    expiry: int  # Unix seconds
    open: bool
    opened: int  # block
    closed: int | None  # block


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A provider's record; the signature binds `node_key` to `owner` (`fogchain.identity.check_binding`), unchecked."""

    owner: str
    node_key: bytes
    operator: str  # who runs it, by his signature
    resource_class: bytes  # 32 bytes
    slots: int
    capacity: int  # what it declares, Gfuel per epoch of 600 s
    counted: int  # the part of it that the owner's bond covers
    endpoints: str
    signature: bytes
    block: int  # of the newest registration


class Book(Protocol):
    """The state as maps by key; a missing account is an empty one."""

    @property
    def accounts(self) -> MutableMapping[str, AccountRecord]: ...
    @property
    def sessions(self) -> MutableMapping[bytes, SessionRecord]: ...
    @property
    def nodes(self) -> MutableMapping[str, NodeRecord]: ...


_EMPTY = AccountRecord()


def apply(book: Book, event: on.Event) -> None:
    """Changes the book by one event, in the chain's order. Raises CorruptData when it can't follow from the book."""
    match event:
        case on.Transfer(_, source, to, value):
            if source != NOBODY:
                _move(book, source, token=-value)
            if to != NOBODY:
                _move(book, to, token=value)
        case on.Deposited(_, owner, amount):
            _move(book, owner, free=amount)
        case on.Withdrawn(_, owner, amount):
            _move(book, owner, free=-amount)
        case on.SessionOpened(at, session, buyer, provider, job, cap, expiry):
            book.sessions[session] = SessionRecord(
                session, buyer, provider, job, cap, 0, expiry, open=True, opened=at.block, closed=None
            )
            _move(book, buyer, free=-cap, locked=cap)
        case on.SessionToppedUp(_, session, cap):
            record = _session(book, session)
            more = cap - record.cap
            book.sessions[session] = replace(record, cap=cap)
            _move(book, record.buyer, free=-more, locked=more)
        case on.VoucherClaimed(_, session, buyer, provider, paid, total):
            book.sessions[session] = replace(_session(book, session), claimed=total)
            _move(book, buyer, locked=-paid, spent=paid)
            _move(book, provider, earned=paid)
        case on.SessionClosed(at, session, buyer, _, _, refunded):
            book.sessions[session] = replace(_session(book, session), open=False, closed=at.block)
            _move(book, buyer, locked=-refunded, free=refunded)
        case on.Bonded(_, owner, amount):
            _move(book, owner, bonded=amount)
        case on.UnbondStarted(_, owner, amount, _):
            _move(book, owner, bonded=-amount, unbonding=amount)
        case on.UnbondCancelled(_, owner, amount, _):
            _move(book, owner, bonded=amount, unbonding=-amount)
        case on.StakeWithdrawn(_, owner, amount):
            _move(book, owner, unbonding=-amount)
        case on.NodeRegistered(at, owner, key, operator, kind, slots, capacity, endpoints, signature):
            counted = book.nodes[owner].counted if owner in book.nodes else 0
            book.nodes[owner] = NodeRecord(
                owner, key, operator, kind, slots, capacity, counted, endpoints, signature, at.block
            )
        case on.NodeDeregistered(_, owner, _):
            book.nodes.pop(owner, None)
        case on.NodeDisowned(_, operator, owner, _):
            if owner in book.nodes and book.nodes[owner].operator == operator:
                book.nodes[owner] = replace(book.nodes[owner], operator=owner)
        case on.CapacityCounted(_, owner, _, counted):
            book.nodes[owner] = replace(_node(book, owner), counted=counted)


def _session(book: Book, session: bytes) -> SessionRecord:
    try:
        return book.sessions[session]
    except KeyError as error:
        raise CorruptData(f"an event names session 0x{session.hex()}, which was never opened") from error


def _node(book: Book, owner: str) -> NodeRecord:
    try:
        return book.nodes[owner]
    except KeyError as error:
        raise CorruptData(f"an event counts the capacity of {owner}, who has no node on record") from error


def _move(
    book: Book,
    owner: str,
    token: int = 0,
    free: int = 0,
    locked: int = 0,
    earned: int = 0,
    spent: int = 0,
    bonded: int = 0,
    unbonding: int = 0,
) -> None:
    was = book.accounts.get(owner, _EMPTY)
    now = AccountRecord(
        was.token + token,
        was.free + free,
        was.locked + locked,
        was.earned + earned,
        was.spent + spent,
        was.bonded + bonded,
        was.unbonding + unbonding,
    )
    if now.token < 0 or now.free < 0 or now.locked < 0 or now.bonded < 0 or now.unbonding < 0:
        raise CorruptData(f"the events of {owner} do not add up: {now}")
    book.accounts[owner] = now
