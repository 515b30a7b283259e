"""What the events come to: the book of accounts, sessions, jobs, cases, slashes, nodes and parameters. Pure: a book is
anything with these maps.

Money is conserved event by event, as the contracts do it; what would go below zero means that an event is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from fogchain.chain import events as on
from fogchain.chain.records import (
    MAX_VERDICT_TIME,
    NOBODY,
    AccountRecord,
    BatchRecord,
    CaseRecord,
    Delivery,
    JobRecord,
    JobState,
    NodeRecord,
    NumbersRecord,
    ParametersRecord,
    RatingRecord,
    Reason,
    Reveal,
    Round,
    SessionRecord,
    SlashRecord,
    Unbonding,
)
from fogchain.errors import CorruptData

R = TypeVar("R")

LATEST = "latest"  # under which the newest parameters are kept a second time

REVIEW = "review"  # the first tag of what a buyer says of a session

_NO_JOB = bytes(32)  # where a slash waits for the event after it, which names its job
_EMPTY = AccountRecord()


class Book(Protocol):
    """The state as maps by key; a missing account is an empty one."""

    @property
    def accounts(self) -> MutableMapping[str, AccountRecord]: ...
    @property
    def sessions(self) -> MutableMapping[bytes, SessionRecord]: ...
    @property
    def jobs(self) -> MutableMapping[bytes, JobRecord]: ...
    @property
    def cases(self) -> MutableMapping[bytes, CaseRecord]: ...
    @property
    def slashes(self) -> MutableMapping[bytes, SlashRecord]: ...
    @property
    def nodes(self) -> MutableMapping[str, NodeRecord]: ...
    @property
    def parameters(self) -> MutableMapping[str, ParametersRecord]: ...  # by version, and the newest
    @property
    def numbers(self) -> MutableMapping[str, NumbersRecord]: ...
    @property
    def batches(self) -> MutableMapping[str, BatchRecord]: ...
    @property
    def ratings(self) -> MutableMapping[str, RatingRecord]: ...


def apply(book: Book, event: on.Event) -> None:
    """Changes the book by one event, in the chain's order. Raises CorruptData when it can't follow from the book."""
    rule = _RULES.get(type(event))
    if rule is not None:
        rule(book, event)


# ---------------------------------------------------------------- token and market


def _token(book: Book, event: on.Event) -> None:
    match event:
        case on.Transfer(_, source, to, value):
            if source != NOBODY:
                _move(book, source, token=-value)
            if to != NOBODY:
                _move(book, to, token=value)


def _market(book: Book, event: on.Event) -> None:
    match event:
        case on.VoucherClaimed(_, session, buyer, provider, paid, fee, total):
            record = _known(book.sessions, session, "session")
            book.sessions[session] = replace(record, claimed=total, fees=record.fees + fee)
            _move(book, buyer, locked=-(paid + fee), spent=paid + fee)
            _earn(book, provider, paid, fee)
        case on.Deposited(_, owner, amount):
            _move(book, owner, free=amount)
        case on.Withdrawn(_, owner, amount):
            _move(book, owner, free=-amount)
        case on.SessionOpened(at, session, buyer, provider, job, cap, expiry, fee_bps):
            book.sessions[session] = SessionRecord(
                session, buyer, provider, job, cap, 0, 0, fee_bps, expiry, open=True, opened=at.block, closed=None
            )
            _move(book, buyer, free=-cap, locked=cap)
        case on.SessionToppedUp(_, session, cap):
            record = _known(book.sessions, session, "session")
            more = cap - record.cap
            book.sessions[session] = replace(record, cap=cap)
            _move(book, record.buyer, free=-more, locked=more)
        case on.SessionClosed(at, session, buyer, _, _, refunded):
            record = _known(book.sessions, session, "session")
            book.sessions[session] = replace(record, open=False, closed=at.block)
            _move(book, buyer, locked=-refunded, free=refunded)
        case on.BatchPaid(_, buyer, payee, paid, fee):
            _move(book, buyer, free=-(paid + fee), spent=paid + fee)
            _earn(book, payee, paid, fee)
            key = f"{buyer}/{payee}"
            was = book.batches.get(key, BatchRecord(buyer, payee, 0, 0, 0))
            book.batches[key] = replace(was, paid=was.paid + paid, fees=was.fees + fee, payments=was.payments + 1)
        case on.BatchNumbers(_, buyer, word, bits):
            book.numbers[f"{buyer}/{word}"] = NumbersRecord(buyer, word, bits)
        case on.FeesCollected(_, provider, fees, _):
            _move(book, provider, withheld=-fees)
        case on.ParametersSet(at, version, court, window, fee_bps, multiple):
            parameters = ParametersRecord(version, court, window, fee_bps, multiple, at.time)
            book.parameters[str(version)] = book.parameters[LATEST] = parameters
        case _:
            _job(book, event)


def _job(book: Book, event: on.Event) -> None:
    match event:
        case on.JobOpened(at, job, buyer, provider, price, rate, breach, input_by, due, late_by, work):
            under = _known(book.parameters, LATEST, "set of parameters")
            book.jobs[job] = JobRecord(
                job, buyer, provider, price, rate, breach, input_by, due, late_by, work,
                under.version, under.fee_bps, JobState.OPEN, opened=at.time, since=at.time, deadline=late_by,
            )  # fmt: skip
            _move(book, buyer, free=-price, locked=price)
        case on.JobDelivered(at, job, result, fuel):
            record = _known(book.jobs, job, "job")
            window = _known(book.parameters, str(record.version), "version").challenge_window
            delivery = Delivery(result, fuel, at.time)
            _enter(book, record, JobState.DELIVERED, at, at.time + window, delivery=delivery)
        case on.JobChallenged(at, job, court, bond):
            record = _known(book.jobs, job, "job")
            _enter(book, record, JobState.CHALLENGED, at, at.time + MAX_VERDICT_TIME)
            if bond:
                _move(book, record.buyer, free=-bond, locked=bond)
                _move(book, court, free=bond)
        case on.JobSettled(at, job, paid, fee, refund, reason):
            record = _known(book.jobs, job, "job")
            _settle(book, record, at, paid, fee, refund, Reason(reason))
            _earn(book, record.provider, paid, fee)
        case on.ReplicasPaid(at, job, replicas, paid, fee, refund):
            record = _known(book.jobs, job, "job")
            _settle(book, record, at, paid * len(replicas), fee * len(replicas), refund, Reason.QUORUM)
            for replica in replicas:
                _earn(book, replica, paid, fee)
        case on.JobCancelled(at, job, _):
            _refund(book, job, JobState.CANCELLED, at)
        case on.JobExpired(at, job, _):
            _refund(book, job, JobState.EXPIRED, at)
            _attribute_slash(book, job)
        case on.JobSlashed(at, job, _):
            _refund(book, job, JobState.SLASHED, at)
            _attribute_slash(book, job)


def _enter(book: Book, record: JobRecord, state: JobState, at: on.At, deadline: int | None, **changes: Any) -> None:
    book.jobs[record.id] = replace(record, state=state, since=at.time, deadline=deadline, **changes)


def _settle(book: Book, record: JobRecord, at: on.At, paid: int, fee: int, refund: int, why: Reason) -> None:
    _enter(book, record, JobState.SETTLED, at, None, paid=paid, fee=fee, refund=refund, reason=why)
    _move(book, record.buyer, locked=-(paid + fee + refund), free=refund, spent=paid + fee)


def _refund(book: Book, job: bytes, state: JobState, at: on.At) -> None:
    record = _known(book.jobs, job, "job")
    _enter(book, record, state, at, None, refund=record.price)
    _move(book, record.buyer, locked=-record.price, free=record.price)


# ---------------------------------------------------------------- stake


def _stake(book: Book, event: on.Event) -> None:
    match event:
        case on.Bonded(_, owner, amount):
            _move(book, owner, bonded=amount)
        case on.UnbondStarted(_, owner, amount, release):
            queue = _account(book, owner).queue
            if queue and queue[-1].release == release:
                amount_there = queue[-1].amount
                queue = queue[:-1]
            else:
                amount_there = 0
            _move(book, owner, bonded=-amount)
            _queue(book, owner, (*queue, Unbonding(amount_there + amount, release)))
        case on.UnbondCancelled(_, owner, amount, release):
            queue = _account(book, owner).queue
            left = tuple(entry for entry in queue if entry != Unbonding(amount, release))
            if len(left) != len(queue) - 1:
                raise CorruptData(f"the events of {owner} do not add up: nothing such was unbonding")
            _move(book, owner, bonded=amount)
            _queue(book, owner, left)
        case on.StakeWithdrawn(_, owner, amount):
            queue = _account(book, owner).queue
            while amount > 0 and queue:
                amount -= queue[0].amount
                queue = queue[1:]
            if amount:
                raise CorruptData(f"the events of {owner} do not add up: more than was unbonding is withdrawn")
            _queue(book, owner, queue)
        case on.RewardsClaimed(_, owner, amount):
            _move(book, owner, rewards=amount)
        case on.Compensated(at, owner, to, paid, from_bond):
            _seize(book, owner, paid, from_bond)
            slash = SlashRecord(
                _NO_JOB, owner, to, NOBODY, paid, 0, 0, breach=True, at=at.time, transaction=at.transaction
            )
            book.slashes[_NO_JOB] = slash
        case on.Slashed(at, owner, victim, finder, from_bond, to_victim, to_finder, burnt):
            _seize(book, owner, to_victim + to_finder + burnt, from_bond)
            book.slashes[_NO_JOB] = SlashRecord(
                _NO_JOB, owner, victim, finder, to_victim, to_finder, burnt,
                breach=False, at=at.time, transaction=at.transaction,
            )  # fmt: skip
        case on.DelegateChanged(_, delegator, _, to):
            account = _account(book, delegator)
            book.accounts[delegator] = replace(account, delegate="" if to == NOBODY else to)
        case on.DelegateVotesChanged(_, delegate, _, votes):
            book.accounts[delegate] = replace(_account(book, delegate), votes=votes)


def _seize(book: Book, owner: str, taken: int, from_bond: int) -> None:
    """As the contract does it: the bond first, then what is unbonding, latest first."""
    _move(book, owner, bonded=-from_bond)
    queue, left = _account(book, owner).queue, taken - from_bond
    while left > 0 and queue:
        last = queue[-1]
        queue = queue[:-1]
        if last.amount > left:
            queue = (*queue, replace(last, amount=last.amount - left))
        left -= min(left, last.amount)
    if left:
        raise CorruptData(f"the events of {owner} do not add up: more than its bond was taken")
    _queue(book, owner, queue)


def _attribute_slash(book: Book, job: bytes) -> None:
    """The slash just before in the same transaction, if there was one, is for this job."""
    if _NO_JOB in book.slashes:
        book.slashes[job] = replace(book.slashes.pop(_NO_JOB), job=job)


def _queue(book: Book, owner: str, queue: tuple[Unbonding, ...]) -> None:
    book.accounts[owner] = replace(_account(book, owner), queue=queue)


# ---------------------------------------------------------------- court


def _court(book: Book, event: on.Event) -> None:
    match event:
        case on.SeatsSet(_, auditor, seats):
            book.accounts[auditor] = replace(_account(book, auditor), seats=seats)
        case on.CaseOpened(at, job, finder, provider, bond, verdict_by):
            book.cases[job] = CaseRecord(job, finder, provider, bond, at.time, verdict_by, at.transaction)
        case on.SeedNamed(_, job, number, seed_block):
            case = _known(book.cases, job, "case")
            rounds = (*case.rounds[:number], Round(seed_block))
            book.cases[job] = replace(case, rounds=rounds)
        case on.CommitteeDrawn(_, job, _, members, commit_by, reveal_by):
            _in_round(book, job, members=members, commit_by=commit_by, reveal_by=reveal_by)
        case on.Committed(_, job, _, auditor, _):
            _in_round(book, job, committed=(*_round(book, job).committed, auditor))
        case on.Revealed(_, job, _, auditor, result, fuel):
            _in_round(book, job, reveals=(*_round(book, job).reveals, Reveal(auditor, result, fuel)))
        case on.Verdict(at, job, guilty, _, slash, pay):
            case = _known(book.cases, job, "case")
            book.cases[job] = replace(
                case, closed=at.time, transaction=at.transaction, guilty=guilty, slash=slash, pay=pay
            )
            if case.bond:
                _move(book, case.finder, locked=-case.bond)
            for auditor in _right(book, job, guilty) if pay else ():
                _move(book, auditor, audit_pay=pay)
        case on.AuditPayCollected(_, auditor, amount):
            _move(book, auditor, audit_pay=-amount)


def _round(book: Book, job: bytes) -> Round:
    rounds = _known(book.cases, job, "case").rounds
    if not rounds:
        raise CorruptData(f"an event names a committee of the case 0x{job.hex()}, which has none")
    return rounds[-1]


def _in_round(book: Book, job: bytes, **changes: Any) -> None:
    now = replace(_round(book, job), **changes)
    case = book.cases[job]
    book.cases[job] = replace(case, rounds=(*case.rounds[:-1], now))


def _right(book: Book, job: bytes, guilty: bool) -> list[str]:
    """Who of the last committee said what the verdict says."""
    reveals = _round(book, job).reveals
    if guilty:
        (answer, _), *_ = Counter((reveal.result, reveal.fuel) for reveal in reveals).most_common(1)
    else:
        delivery = _known(book.jobs, job, "job").delivery
        answer = (delivery.result, delivery.fuel) if delivery else (b"", 0)
    return [reveal.auditor for reveal in reveals if (reveal.result, reveal.fuel) == answer]


# ---------------------------------------------------------------- registry


def _registry(book: Book, event: on.Event) -> None:
    match event:
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
            book.nodes[owner] = replace(_known(book.nodes, owner, "node"), counted=counted)
        case on.NewFeedback(_, _, buyer, _, value) if event.tag1 == REVIEW:
            about = _known(book.sessions, event.feedback_hash, "session")
            book.sessions[about.id] = replace(about, rating=value)
            pair = f"{event.provider}/{buyer}"
            said = book.ratings.get(pair, RatingRecord(event.provider, buyer, 0, 0, 0))
            book.ratings[pair] = replace(
                said, sessions=said.sessions + 1, points=said.points + value, paid=said.paid + about.claimed
            )


_RULES = {
    kind: rule
    for contract, rule in {
        "FogToken": _token,
        "FogMarket": _market,
        "FogStake": _stake,
        "FogCourt": _court,
        "FogRegistry": _registry,
    }.items()
    for kind in on.FOLLOWED[contract]
}


# ---------------------------------------------------------------- accounts


def _known(records: MutableMapping[Any, R], key: bytes | str | int, what: str) -> R:
    try:
        return records[key]
    except KeyError as error:
        shown = "0x" + key.hex() if isinstance(key, bytes) else key
        raise CorruptData(f"an event names {what} {shown}, of which there is no record") from error


def _account(book: Book, owner: str) -> AccountRecord:
    return book.accounts.get(owner, _EMPTY)


def _earn(book: Book, payee: str, paid: int, fee: int) -> None:
    _move(book, payee, free=paid, earned=paid, fees=fee, withheld=fee)


def _move(book: Book, owner: str, **changes: int) -> None:
    was = _account(book, owner)
    amounts = {name: getattr(was, name) + change for name, change in changes.items()}
    if any(amount < 0 for amount in amounts.values()):
        raise CorruptData(f"the events of {owner} do not add up: they leave it {amounts} base units")
    book.accounts[owner] = replace(was, **amounts)
