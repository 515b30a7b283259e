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
from fogchain.chain.ledger import NOBODY, AccountRecord, NodeRecord
from fogchain.chain.store import Store
from fogchain.errors import CorruptData

A, B = "0x" + "a" * 40, "0x" + "b" * 40
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
    with pytest.raises(CorruptData, match="never opened"):
        store.add([on.VoucherClaimed(at(1), KEY, A, B, 1, 1)], 1, "h1")


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
    with pytest.raises(CorruptData, match="no node on record"):
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
        [store.account(owner) for owner in (A, B)],
        store.sessions_of(None, None),
        store.all_nodes(),
        store.event_count(),
        store.checkpoints(),
    )


def grow(block: int, kind: int, amount: int) -> list[on.Event]:
    """Events that are possible at any time."""
    session = bytes([kind]) * 16 + block.to_bytes(16, "big")
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
            on.SessionOpened(at(block, 1), session, A, B, KEY, amount, 99),
            on.SessionToppedUp(at(block, 2), session, 2 * amount),
            on.VoucherClaimed(at(block, 3), session, A, B, amount, amount),
        ],
        [
            on.Deposited(at(block), A, amount),
            on.SessionOpened(at(block, 1), session, A, B, KEY, amount, 99),
            on.SessionClosed(at(block, 2), session, A, B, 0, amount),
        ],
        [on.Bonded(at(block), A, amount), on.UnbondStarted(at(block, 1), A, amount, 5)],
        [on.NodeDisowned(at(block), A, B, amount)],
        [],
    ]
    return choices[kind]


@given(steps=st.lists(st.tuples(st.integers(0, 8), st.integers(1, 10**20)), min_size=1, max_size=25), data=st.data())
@settings(max_examples=40, deadline=None)
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
