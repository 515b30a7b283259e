"""One account's statement: what each event did to its balances, line by line. Pure: a fold over the event index.

An account has four balances: `wallet` (the token), `free` and `locked` (in the market), `bonded` (in the stake, with
what is unbonding). A line says what came into any of them and what left one, so that a move between two of one's own
balances shows on both sides, and

    balances before + what came in - what went out = balances after

holds for every line. The balances are the ledger's (`fogchain.chain.ledger`), and so the chain's, to the base unit.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Literal

from fogchain.chain import events as on
from fogchain.chain.ledger import apply
from fogchain.chain.records import (
    NOBODY,
    AccountRecord,
    BatchRecord,
    CaseRecord,
    JobRecord,
    NodeRecord,
    NumbersRecord,
    ParametersRecord,
    RatingRecord,
    SessionRecord,
    SlashRecord,
)
from fogchain.units import format_fog

LineKind = Literal[
    "transfer", "deposit", "withdrawal",
    "session opened", "session raised", "session closed", "voucher claimed", "batch payment",
    "job opened", "job paid", "refund", "penalty", "challenge", "verdict",
    "bond", "unbonding", "bond withdrawn", "reward", "slash", "audit pay",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Balances:
    """Base units of FOG."""

    wallet: int = 0
    free: int = 0
    locked: int = 0
    bonded: int = 0

    @property
    def total(self) -> int:
        return self.wallet + self.free + self.locked + self.bonded

    @classmethod
    def of(cls, account: AccountRecord) -> Balances:
        return cls(account.token, account.free, account.locked, account.bonded + account.unbonding)


@dataclass(frozen=True, slots=True)
class Line:
    at: on.At
    kind: LineKind
    job: str  # hex, empty where there is none
    counterparty: str  # an address, empty where there is none
    came: int  # into the account's balances, in base units
    went: int  # out of them
    fee: int  # the market's, within what was paid or beside what was earned
    after: Balances


@dataclass(slots=True)
class MemoryBook:
    """The ledger's maps, in memory."""

    accounts: dict[str, AccountRecord] = field(default_factory=dict)
    sessions: dict[bytes, SessionRecord] = field(default_factory=dict)
    jobs: dict[bytes, JobRecord] = field(default_factory=dict)
    cases: dict[bytes, CaseRecord] = field(default_factory=dict)
    slashes: dict[bytes, SlashRecord] = field(default_factory=dict)
    nodes: dict[str, NodeRecord] = field(default_factory=dict)
    parameters: dict[str, ParametersRecord] = field(default_factory=dict)
    numbers: dict[str, NumbersRecord] = field(default_factory=dict)
    batches: dict[str, BatchRecord] = field(default_factory=dict)
    ratings: dict[str, RatingRecord] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _About:
    """What a line says of an event beside its amounts."""

    kind: LineKind
    job: bytes = b""
    counterparty: str = ""
    fee: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    at: on.At
    about: _About
    change: Balances


class Statement:
    """The lines of one account. `feed` it all events from the deployment on, in the chain's order."""

    def __init__(self, owner: str, contracts: Iterable[str] = ()) -> None:
        """`contracts`: addresses of the deployment's own, with whom no transfer stands alone."""
        self.lines: list[Line] = []
        self._owner = owner.lower()
        self._contracts = frozenset(address.lower() for address in contracts)
        self._book = MemoryBook()
        self._now = Balances()

    @property
    def balances(self) -> Balances:
        """After the last line."""
        return self._now

    def feed(self, events: Iterable[on.Event]) -> None:
        """Takes whole transactions. Raises CorruptData for events that do not add up."""
        for _, group in groupby(events, key=lambda event: (event.at.block, event.at.transaction)):
            self._transaction(list(group))

    def between(self, first: int, end: int) -> tuple[Balances, list[Line], Balances]:
        """Lines of block times from `first` up to before `end`, and the balances before and after them."""
        opening, found = Balances(), []
        for line in self.lines:
            if line.at.time < first:
                opening = line.after
            elif line.at.time < end:
                found.append(line)
        return opening, found, found[-1].after if found else opening

    def _transaction(self, events: list[on.Event]) -> None:
        entries = []
        for event in events:
            about, before = self._about(event), self._account
            apply(self._book, event)
            change = _difference(Balances.of(before), Balances.of(self._account))
            if change != Balances() or (about and self._pays_wallet(event)):
                entries.append(_Entry(event.at, about or _About("transfer"), change))
        for entry in self._joined(entries):
            self._write(entry)

    @property
    def _account(self) -> AccountRecord:
        return self._book.accounts.get(self._owner, AccountRecord())

    def _pays_wallet(self, event: on.Event) -> bool:
        """Whether a transfer to this account follows that the event is the reason of."""
        match event:
            case on.RewardsClaimed(_, owner) | on.AuditPayCollected(_, owner):
                return owner == self._owner
            case on.Compensated(_, _, to):
                return to == self._owner
            case on.Slashed(_, _, victim, finder):
                return self._owner in (victim, finder)
            case on.RewardsFunded(_, by):
                return by == self._owner
        return False

    def _joined(self, entries: list[_Entry]) -> list[_Entry]:
        """A transfer to or from one of the contracts is the wallet's side of another line of its transaction."""
        found = [entry for entry in entries if not self._is_side(entry)]
        for side in filter(self._is_side, entries):
            fit = [n for n, entry in enumerate(found) if not entry.change.wallet and entry.about.kind != "transfer"]
            moves = [n for n in fit if found[n].change.total == -side.change.wallet]
            reasons = [n for n in fit if found[n].change == Balances()]
            if place := (moves or reasons)[:1]:
                one = found[place[0]]
                found[place[0]] = replace(one, change=replace(one.change, wallet=side.change.wallet))
            else:
                found.append(side)
        return [entry for entry in found if entry.change != Balances()]

    def _is_side(self, entry: _Entry) -> bool:
        return entry.about.kind == "transfer" and entry.about.counterparty in self._contracts

    def _write(self, entry: _Entry) -> None:
        at, about = entry.at, entry.about
        moves = [getattr(entry.change, name) for name in _BALANCES]
        self._now = Balances(*(getattr(self._now, name) + move for name, move in zip(_BALANCES, moves, strict=True)))
        came, went = sum(move for move in moves if move > 0), -sum(move for move in moves if move < 0)
        self.lines.append(Line(at, about.kind, about.job.hex(), about.counterparty, came, went, about.fee, self._now))

    def _about(self, event: on.Event) -> _About | None:
        """Looked up before the event is applied: what it names is then still there."""
        book, me = self._book, self._owner
        match event:
            case on.Transfer(_, source, to):
                other = to if source == me else source
                return _About("transfer", counterparty="" if other == NOBODY else other)
            case on.Deposited():
                return _About("deposit")
            case on.Withdrawn():
                return _About("withdrawal")
            case on.SessionOpened(_, _, _, provider, job):
                return _About("session opened", job, provider)
            case on.SessionToppedUp(_, session):
                known = book.sessions.get(session)
                return _About("session raised", known.job, known.provider) if known else None
            case on.SessionClosed(_, session, _, provider):
                known = book.sessions.get(session)
                return _About("session closed", known.job if known else b"", provider)
            case on.VoucherClaimed(_, session, buyer, provider, _, fee):
                known = book.sessions.get(session)
                job = known.job if known else b""
                return _About("voucher claimed", job, provider if buyer == me else buyer, fee)
            case on.BatchPaid(_, buyer, payee, _, fee):
                return _About("batch payment", counterparty=payee if buyer == me else buyer, fee=fee)
            case on.JobOpened(_, job, _, provider):
                return _About("job opened", job, provider)
            case on.JobSettled(_, job, _, fee):
                return self._of_job("job paid", job, fee)
            case on.ReplicasPaid(_, job, replicas, _, fee):
                return self._of_job("job paid", job, fee if me in replicas else fee * len(replicas))
            case on.JobCancelled(_, job) | on.JobExpired(_, job) | on.JobSlashed(_, job):
                return self._of_job("refund", job)
            case on.JobChallenged(_, job):
                return self._of_job("challenge", job)
            case on.Verdict(_, job):
                return self._of_job("verdict", job)
            case on.Bonded():
                return _About("bond")
            case on.UnbondStarted() | on.UnbondCancelled():
                return _About("unbonding")
            case on.StakeWithdrawn():
                return _About("bond withdrawn")
            case on.RewardsClaimed():
                return _About("reward")
            case on.RewardsFunded():
                return _About("reward")
            case on.AuditPayCollected():
                return _About("audit pay")
            case on.Compensated(_, owner, to):
                return _About("penalty", counterparty=to if owner == me else owner)
            case on.Slashed(_, owner, victim):
                return _About("slash", counterparty=victim if owner == me else owner)
        return None

    def _of_job(self, kind: LineKind, job: bytes, fee: int = 0) -> _About:
        known = self._book.jobs.get(job)
        other = "" if known is None else known.provider if known.buyer == self._owner else known.buyer
        return _About(kind, job, other, fee)


_BALANCES = tuple(field.name for field in fields(Balances))


def _difference(before: Balances, after: Balances) -> Balances:
    return Balances(*(getattr(after, name) - getattr(before, name) for name in _BALANCES))


# ---------------------------------------------------------------- CSV

COLUMNS = (
    "time", "block", "kind", "job", "job name", "counterparty", "counterparty name", "in", "out", "fee",
    "wallet", "free", "locked", "bonded", "transaction",
)  # fmt: skip


def to_csv(
    opening: Balances,
    lines: Iterable[Line],
    closing: Balances,
    job_names: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
) -> str:
    """As RFC 4180 has it: a header, the opening balance, the lines, the closing balance. Amounts in FOG, exact; times
    in UTC. `names`: of addresses."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerow(_balance_row("opening balance", opening))
    for line in lines:
        row = (
            datetime.fromtimestamp(line.at.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), str(line.at.block), line.kind,
            line.job, (job_names or {}).get(line.job, ""),
            line.counterparty, (names or {}).get(line.counterparty, ""),
            *(_plain(amount) for amount in (line.came, line.went, line.fee)), *_amounts(line.after),
            line.at.transaction,
        )  # fmt: skip
        writer.writerow(map(harmless, row))
    writer.writerow(_balance_row("closing balance", closing))
    return out.getvalue()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: names come from strangers."""
    return "'" + cell if cell[:1] in _FORMULA else cell


_FORMULA = frozenset("=+-@\t\r\n|%")


def _balance_row(what: str, balances: Balances) -> list[str]:
    return ["", "", what, *[""] * 7, *_amounts(balances), ""]


def _amounts(balances: Balances) -> list[str]:
    return [_plain(getattr(balances, name)) for name in _BALANCES]


def _plain(amount: int) -> str:
    return format_fog(amount).removesuffix(" FOG")
