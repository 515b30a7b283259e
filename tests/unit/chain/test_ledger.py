"""What events come to, and that a store goes back exactly to where it was."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fogchain.chain import events as on
from fogchain.chain.ratings import Rating, summed
from fogchain.chain.records import (
    NOBODY,
    AccountRecord,
    Delivery,
    JobState,
    NodeRecord,
    RatingRecord,
    Reason,
    Unbonding,
)
from fogchain.chain.store import Store
from fogchain.errors import CorruptData
from fogchain.market.messages import Terms

A, B, C, COURT = ("0x" + digit * 40 for digit in "abcd")
CPU = b"cpu".ljust(32, b"\0")
KEY, SIGNATURE = b"\x01" * 32, b"\x02" * 64


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "index.db", "1-0x")
    yield store
    store.close()


def at(block: int, index: int = 0) -> on.At:
    return on.At(block, index, "0x" + "0" * 64)


def test_a_withdrawal_without_a_deposit_does_not_add_up_and_changes_nothing(store: Store) -> None:
    store.add([on.Deposited(at(1), A, 5)], 1, "h1")
    with pytest.raises(CorruptData, match="do not add up"):
        store.add([on.Deposited(at(2), A, 1), on.Withdrawn(at(2, 1), A, 7)], 2, "h2")
    assert store.account(A) == AccountRecord(free=5)
    assert store.checkpoints() == [(1, "h1")]
    assert store.event_count() == 1


def test_a_claim_in_an_unknown_session_does_not_add_up(store: Store) -> None:
    with pytest.raises(CorruptData, match="no record"):
        store.add([on.VoucherClaimed(at(1), KEY, A, B, 1, 0, 1)], 1, "h1")


def test_a_node_of_which_the_operator_takes_leave_is_its_owners(store: Store) -> None:
    registered = on.NodeRegistered(at(1), B, KEY, A, CPU, 4, 2**64 - 1, "/a", SIGNATURE)
    store.add([registered, on.CapacityCounted(at(1, 1), B, CPU, 7)], 1, "h1")
    store.add([on.NodeDisowned(at(2), B, B, 9)], 2, "h2")
    assert store.all_nodes() == [NodeRecord(B, KEY, A, CPU, 4, 2**64 - 1, 7, "/a", SIGNATURE, 1)]
    store.add([on.NodeDisowned(at(3), A, B, 9)], 3, "h3")
    assert store.all_nodes()[0].operator == B


def test_a_new_record_keeps_what_was_counted_until_it_is_counted_anew(store: Store) -> None:
    store.add(
        [
            on.NodeRegistered(at(1), B, KEY, B, CPU, 4, 9, "/a", SIGNATURE),
            on.CapacityCounted(at(1, 1), B, CPU, 7),
            on.NodeRegistered(at(1, 2), B, KEY, B, CPU, 2, 8, "/b", SIGNATURE),
        ],
        1,
        "h1",
    )
    assert (store.all_nodes()[0].capacity, store.all_nodes()[0].counted) == (8, 7)
    with pytest.raises(CorruptData, match="no record"):
        store.add([on.CapacityCounted(at(2), A, CPU, 7)], 2, "h2")


def test_a_file_of_an_older_layout_is_built_anew(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(
            "CREATE TABLE node (owner TEXT PRIMARY KEY, slots INTEGER); INSERT INTO node VALUES ('0x', 1);"
            "CREATE TABLE index_owner (network TEXT NOT NULL); INSERT INTO index_owner VALUES ('1-0x');"
        )
    store = Store(path, "1-0x")
    assert store.all_nodes() == []
    store.add([on.NodeRegistered(at(1), B, KEY, B, CPU, 4, 9, "/a", SIGNATURE)], 1, "h1")
    store.close()
    again = Store(path, "1-0x")
    assert [node.owner for node in again.all_nodes()] == [B]
    again.close()


def test_amounts_up_to_the_whole_supply_are_kept_exactly(store: Store) -> None:
    store.add([on.Transfer(at(1), NOBODY, A, 10**27 - 1)], 1, "h1")
    assert store.account(A).token == 10**27 - 1


def everything(store: Store) -> object:
    return (
        [store.account(owner) for owner in (A, B, C, COURT)],
        store.sessions_of(None, None),
        store.jobs_of(None, None),
        store.cases_page(0, 10_000),
        store.all_slashes(),
        store.all_nodes(),
        store.all_parameters(),
        store.ratings_of(B),
        store.unrated_sessions(A),
        [store.is_settled(A, number) for number in range(300)],
        store.history(list(on.Event.__subclasses__()), 10_000),
        store.checkpoints(),
    )


def reviewed(at: on.At, session: bytes, buyer: str, provider: str, value: int) -> on.NewFeedback:
    return on.NewFeedback(at, int(provider, 16), buyer, 1, value, 0, bytes(32), "review", "session", "", "", session)


def test_what_buyers_say_of_sessions_is_kept_by_buyer_and_apart_from_how_jobs_ended(store: Store) -> None:
    names = [bytes([number]) * 32 for number in range(3)]
    store.add(
        [
            *(on.Deposited(at(1, place), buyer, 100) for place, buyer in enumerate((A, C))),
            on.SessionOpened(at(1, 2), names[0], A, B, KEY, 20, 99, 100),
            on.SessionOpened(at(1, 3), names[1], A, B, SIGNATURE[:32], 20, 99, 100),
            on.SessionOpened(at(1, 4), names[2], C, B, KEY, 20, 99, 100),
            on.VoucherClaimed(at(1, 5), names[0], A, B, 9, 1, 10),
            *(
                on.SessionClosed(at(1, 6 + place), name, buyer, B, claimed, 20 - claimed)
                for place, (name, buyer, claimed) in enumerate(zip(names, (A, A, C), (10, 0, 0), strict=True))
            ),
        ],
        1,
        "h1",
    )
    assert {session.id for session in store.unrated_sessions(A)} == set(names[:2])
    job_end = on.NewFeedback(at(2, 3), int(B, 16), A, 2, 0, 0, KEY, "fogchain", "expired", "", "", KEY)
    said = [
        reviewed(at(2, place), name, buyer, B, value)
        for place, (name, buyer, value) in enumerate(zip(names, (A, A, C), (100, 51, 4), strict=True))
    ]
    store.add([*said, job_end], 2, "h2")
    assert store.ratings_of(B) == [RatingRecord(B, A, 2, 151, 10), RatingRecord(B, C, 1, 4, 0)]
    assert [store.session(name).rating for name in names] == [100, 51, 4]  # type: ignore[union-attr]
    assert store.unrated_sessions(A) == store.unrated_sessions(C) == [] == store.ratings_of(A)
    assert summed(store.ratings_of(B)) == Rating(39, 2, 3, 10)  # (75.5 + 4) / 2: each buyer counts once
    assert [event.provider for event in store.history([on.NewFeedback], 9) if isinstance(event, on.NewFeedback)] == (
        [B] * 4
    )


def test_a_review_of_an_unknown_session_does_not_add_up(store: Store) -> None:
    with pytest.raises(CorruptData, match="no record"):
        store.add([reviewed(at(1), KEY, A, B, 100)], 1, "h1")


def opened(block: int, job: bytes, price: int) -> list[on.Event]:
    """A job of A with B, until 2,000, and the parameters and money it needs."""
    return [
        on.ParametersSet(at(block, 0), block, COURT, 600 + block, 100, 40),
        on.Deposited(at(block, 1), A, 2 * price),
        on.JobOpened(at(block, 2), job, A, B, price, 0, price, 100, 1000, 2000, KEY),
    ]


def grow(block: int, kind: int, amount: int) -> list[on.Event]:
    """Events that are possible at any time."""
    name = bytes([kind]) * 16 + block.to_bytes(16, "big")
    paid, fee = amount - amount // 100, amount // 100
    delivered = [*opened(block, name, amount), on.JobDelivered(at(block, 3), name, KEY, 2**64 - 1)]
    choices: list[list[on.Event]] = [
        [on.Deposited(at(block), A, amount)],
        [on.Transfer(at(block), NOBODY, B, amount)],
        [
            on.NodeRegistered(at(block), B, KEY, A, CPU, amount % 100, amount % 2**64, f"/{amount}", SIGNATURE),
            on.CapacityCounted(at(block, 1), B, CPU, amount % 2**64),
        ],
        [on.NodeDeregistered(at(block), B, KEY)],
        [
            on.Deposited(at(block), A, 2 * amount),
            on.SessionOpened(at(block, 1), name, A, B, KEY, amount, 99, 100),
            on.SessionToppedUp(at(block, 2), name, 2 * amount),
            on.VoucherClaimed(at(block, 3), name, A, B, paid, fee, amount),
        ],
        [
            on.Deposited(at(block), A, amount),
            on.SessionOpened(at(block, 1), name, A, B, KEY, amount, 99, 100),
            on.SessionClosed(at(block, 2), name, A, B, 0, amount),
        ],
        [on.Bonded(at(block), A, amount), on.UnbondStarted(at(block, 1), A, amount, block)],
        [on.NodeDisowned(at(block), A, B, amount)],
        [],
        opened(block, name, amount),
        [*delivered, on.JobSettled(at(block, 4), name, paid, fee, 0, 2), on.FeesCollected(at(block, 5), B, fee, 1)],
        [*opened(block, name, amount), on.JobCancelled(at(block, 3), name, A)],
        [
            *opened(block, name, amount),
            on.Bonded(at(block, 3), B, amount),
            on.Compensated(at(block, 4), B, A, amount, amount),
            on.JobExpired(at(block, 5), name, amount),
        ],
        [
            *delivered,
            on.Bonded(at(block, 4), B, amount),
            on.JobChallenged(at(block, 5), name, COURT, amount),
            on.CaseOpened(at(block, 6), name, A, B, amount, 9000),
            on.SeedNamed(at(block, 7), name, 0, block + 1),
            on.CommitteeDrawn(at(block, 8), name, 0, (C, COURT, NOBODY), 10, 20),
            on.Committed(at(block, 9), name, 0, C, KEY),
            on.Revealed(at(block, 10), name, 0, C, SIGNATURE[:32], 5),
            on.Withdrawn(at(block, 11), COURT, amount),
            on.Verdict(at(block, 12), name, True, 0, amount, 7),
            on.Slashed(at(block, 13), B, A, NOBODY, amount, amount, 0, 0),
            on.JobSlashed(at(block, 14), name, amount),
        ],
        [
            on.Deposited(at(block), A, amount),
            on.BatchNumbers(at(block, 1), A, 0, amount),
            on.BatchPaid(at(block, 2), A, C, paid, fee),
        ],
        [on.DelegateChanged(at(block), A, NOBODY, C), on.DelegateVotesChanged(at(block, 1), C, 0, amount)],
        [
            on.Deposited(at(block), A, 2 * amount),
            on.SessionOpened(at(block, 1), name, A, B, KEY, amount, 99, 100),
            on.VoucherClaimed(at(block, 2), name, A, B, paid, fee, amount),
            on.SessionClosed(at(block, 3), name, A, B, amount, 0),
            reviewed(at(block, 4), name, A, B, amount % 101),
        ],
    ]
    return choices[kind]


@given(steps=st.lists(st.tuples(st.integers(0, 16), st.integers(1, 10**20)), min_size=1, max_size=25), data=st.data())
@settings(max_examples=60, deadline=None)
def test_going_back_restores_exactly_what_was(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    store = Store(tmp_path_factory.mktemp("ledger") / "index.db", "1-0x")
    seen: dict[int, object] = {}
    for block, (kind, amount) in enumerate(steps, 1):
        store.add(grow(block, kind, amount), block, f"h{block}")
        seen[block] = everything(store)
    target = data.draw(st.integers(1, len(steps)))
    store.go_back(target)
    assert everything(store) == seen[target]
    for block in range(target + 1, len(steps) + 1):
        store.add(grow(block, *steps[block - 1]), block, f"h{block}")
        assert everything(store) == seen[block]
    store.close()


# ---------------------------------------------------------------- jobs


def test_a_job_is_on_record_with_all_that_an_outsider_needs_to_end_it(store: Store) -> None:
    when = on.At(1, 3, "0x" + "0" * 64, 500)
    store.add([*opened(1, KEY, 50), on.JobDelivered(when, KEY, SIGNATURE[:32], 2**64 - 1)], 1, "h1")
    job = store.job(KEY)
    assert job is not None
    assert job.terms == Terms(A, B, 50, 0, 50, 100, 1000, 2000, KEY)
    assert job.delivery == Delivery(SIGNATURE[:32], 2**64 - 1, 500)
    assert (job.state, job.since, job.deadline) == (JobState.DELIVERED, 500, 500 + 601)
    assert (store.account(A).free, store.account(A).locked) == (50, 50)
    assert store.jobs_due(1100) == [] and store.jobs_due(1101) == [job]
    store.add([on.JobSettled(at(2), KEY, 30, 1, 19, 2)], 2, "h2")
    assert store.jobs_due(10**9) == []
    account = store.account(B)
    assert (account.free, account.earned, account.fees, account.withheld) == (30, 30, 1, 1)
    assert (store.account(A).free, store.account(A).locked, store.account(A).spent) == (69, 0, 31)
    ended = store.job(KEY)
    assert ended is not None
    assert (ended.state, ended.reason, ended.paid, ended.fee, ended.refund) == (
        JobState.SETTLED, Reason.UNCHALLENGED, 30, 1, 19,
    )  # fmt: skip


def test_an_open_job_is_due_when_its_time_is_over(store: Store) -> None:
    store.add(opened(1, KEY, 50), 1, "h1")
    assert store.jobs_due(1999) == []
    (job,) = store.jobs_due(2000)
    assert (job.state, job.version, job.fee_bps) == (JobState.OPEN, 1, 100)


def test_a_job_keeps_the_parameters_it_was_opened_under(store: Store) -> None:
    store.add(opened(1, KEY, 50), 1, "h1")
    store.add([on.ParametersSet(at(2), 2, C, 86_400, 200, 10)], 2, "h2")
    when = on.At(3, 0, "0x" + "0" * 64, 500)
    store.add([on.JobDelivered(when, KEY, KEY, 1)], 3, "h3")
    job = store.job(KEY)
    assert job is not None and job.deadline == 500 + 601
    assert [parameters.version for parameters in store.all_parameters()] == [1, 2]
    newest = store.newest_parameters()
    assert newest is not None and (newest.version, newest.court, newest.fee_bps) == (2, C, 200)


def test_replicas_are_paid_in_the_providers_place(store: Store) -> None:
    store.add(opened(1, KEY, 50), 1, "h1")
    store.add([on.ReplicasPaid(at(2), KEY, (B, C), 9, 1, 30)], 2, "h2")
    assert [store.account(replica).free for replica in (B, C)] == [9, 9]
    assert (store.account(A).free, store.account(A).locked) == (80, 0)
    job = store.job(KEY)
    assert job is not None
    assert (job.state, job.reason, job.paid, job.fee, job.refund) == (JobState.SETTLED, Reason.QUORUM, 18, 2, 30)


# ---------------------------------------------------------------- bonds and the court


def test_what_is_taken_from_a_bond_goes_as_in_the_contract_latest_unbonding_first(store: Store) -> None:
    store.add(
        [
            on.Bonded(at(1), B, 100),
            on.UnbondStarted(at(1, 1), B, 30, 7),
            on.UnbondStarted(at(1, 2), B, 5, 7),
            on.UnbondStarted(at(1, 3), B, 20, 8),
            on.Slashed(at(1, 4), B, A, NOBODY, 45, 40, 0, 30),
        ],
        1,
        "h1",
    )
    account = store.account(B)
    assert (account.bonded, account.queue, account.unbonding) == (0, (Unbonding(30, 7),), 30)
    with pytest.raises(CorruptData, match="do not add up"):
        store.add([on.Compensated(at(2), B, A, 31, 0)], 2, "h2")
    with pytest.raises(CorruptData, match="nothing such"):
        store.add([on.UnbondCancelled(at(2), B, 30, 8)], 2, "h2")
    with pytest.raises(CorruptData, match="do not add up"):
        store.add([on.StakeWithdrawn(at(2), B, 29)], 2, "h2")
    store.add([on.UnbondCancelled(at(2), B, 30, 7)], 2, "h2")
    assert (store.account(B).bonded, store.account(B).queue) == (30, ())


def test_a_slash_is_kept_with_its_job_and_the_evidence(store: Store) -> None:
    truth, lie = (b"\x07" * 32, 3), (b"\x08" * 32, 4)
    members = (C, COURT, A)
    store.add(
        [
            *opened(1, KEY, 50),
            on.Bonded(at(1, 3), B, 2000),
            on.JobDelivered(at(1, 4), KEY, *lie),
            on.JobChallenged(at(1, 5), KEY, COURT, 50),
            on.CaseOpened(at(1, 6), KEY, A, B, 50, 9000),
            on.SeedNamed(at(1, 7), KEY, 0, 2),
            on.SeedNamed(at(1, 8), KEY, 0, 300),  # the first was too long ago
            on.CommitteeDrawn(at(1, 9), KEY, 0, members, 10, 20),
        ],
        1,
        "h1",
    )
    assert (store.account(A).free, store.account(A).locked) == (0, 100)
    store.add(
        [
            *(on.Committed(at(2, place), KEY, 0, member, KEY) for place, member in enumerate(members)),
            *(on.Revealed(at(2, 3 + place), KEY, 0, member, *truth) for place, member in enumerate(members[:2])),
            on.Revealed(at(2, 5), KEY, 0, A, *lie),
            on.Withdrawn(at(2, 6), COURT, 50),
            on.Verdict(at(2, 7), KEY, True, 0, 1000, 6),
            on.Slashed(at(2, 8), B, A, C, 1000, 50, 200, 750),
            on.JobSlashed(at(2, 9), KEY, 1000),
        ],
        2,
        "h2",
    )
    (slash,) = store.all_slashes()
    assert (slash.job, slash.owner, slash.victim, slash.finder, slash.breach) == (KEY, B, A, C, False)
    assert (slash.to_victim, slash.to_finder, slash.burnt, slash.taken) == (50, 200, 750, 1000)
    case, job = store.case(KEY), store.job(KEY)
    assert case is not None and job is not None and job.delivery is not None
    assert (case.guilty, case.bond, case.slash) == (True, 50, 1000)
    assert [(r.auditor, r.result, r.fuel) for r in case.rounds[-1].reveals] == [
        (C, *truth), (COURT, *truth), (A, *lie),
    ]  # fmt: skip
    assert (job.delivery.result, job.delivery.fuel) == lie
    assert [store.account(member).audit_pay for member in members] == [6, 6, 0]
    assert (store.account(A).free, store.account(A).locked) == (50, 0)
    assert store.account(B).bonded == 1000


def test_a_round_without_an_answer_is_followed_by_the_next(store: Store) -> None:
    store.add(
        [
            *opened(1, KEY, 50),
            on.JobDelivered(at(1, 3), KEY, KEY, 1),
            on.CaseOpened(at(1, 4), KEY, C, B, 0, 9000),
            on.JobChallenged(at(1, 5), KEY, COURT, 0),
            on.SeedNamed(at(1, 6), KEY, 0, 2),
            on.CommitteeDrawn(at(1, 7), KEY, 0, (A, C, COURT), 10, 20),
            on.Revealed(at(1, 8), KEY, 0, A, KEY, 1),
            on.SeedNamed(at(1, 9), KEY, 1, 30),
        ],
        1,
        "h1",
    )
    case = store.case(KEY)
    assert case is not None and case.closed is None and case.guilty is None
    assert [(r.seed_block, len(r.members), len(r.reveals)) for r in case.rounds] == [(2, 3, 1), (30, 0, 0)]


def test_numbers_paid_in_batches_are_known(store: Store) -> None:
    store.add([on.Deposited(at(1), A, 100), on.BatchNumbers(at(1, 1), A, 1, 0b101)], 1, "h1")
    assert [number for number in range(600) if store.is_settled(A, number)] == [256, 258]
    assert not store.is_settled(B, 256)


def test_the_history_of_some_kinds_comes_in_pages_newest_first(store: Store) -> None:
    for block in range(1, 6):
        store.add([on.Deposited(at(block), A, block), on.Bonded(at(block, 1), A, 1)], block, f"h{block}")
    first = store.history([on.Deposited, on.Verdict], 3)
    assert [event.at.block for event in first] == [5, 4, 3]
    assert first[0] == on.Deposited(at(5), A, 5)
    rest = store.history([on.Deposited], 3, first[-1].at)
    assert [event.at.block for event in rest] == [2, 1]
