"""How far data has come: what is measured adds up, what a stranger says is checked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain import cbor
from fogchain.api.models import TransferView
from fogchain.cli.live import transfers
from fogchain.errors import BadMessage
from fogchain.jobs.spec import BlobRef
from node.trade.transfers import Amount, Transfers, decode_amounts, encode_amounts

amounts = st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)).map(lambda pair: Amount(min(pair), max(pair)))


def test_parts_of_one_transfer_add_up_until_it_ends() -> None:
    moving: Transfers[int] = Transfers()
    moving.begin(7, [BlobRef(sha256="a" * 64, size=100), BlobRef(sha256="b" * 64, size=50)])
    assert moving.get(7) == Amount(0, 150)
    moving.meter(7, "a" * 64)(40, 100)
    moving.meter(7, "b" * 64)(50, 50)
    assert moving.get(7) == Amount(90, 150)
    late = moving.meter(7, "a" * 64)
    moving.end(7)
    late(100, 100)
    assert moving.get(7) is None


@given(st.lists(st.none() | amounts, max_size=20))
def test_amounts_survive_the_wire(found: list[Amount | None]) -> None:
    assert decode_amounts(encode_amounts(found), len(found)) == found
    with pytest.raises(BadMessage):
        decode_amounts(encode_amounts(found), len(found) + 1)


SAID = [None, [2, []], [1], [1, [[2, 1]]], [1, [[-1, 1]]], [1, [[0.5, 1]]], [1, [[0, 2**70]]]]


@pytest.mark.parametrize("said", SAID)
def test_what_is_no_progress_is_refused(said: object) -> None:
    with pytest.raises(BadMessage):
        decode_amounts(cbor.dumps(said), 1)


def test_a_watcher_reads_the_sum_of_all_tasks() -> None:
    moving = [
        TransferView(what="inputs", here=8 << 20, total=40 << 20),
        TransferView(what="inputs", here=4 << 20, total=40 << 20),
        TransferView(what="result", here=1 << 20, total=2 << 20),
    ]
    assert transfers(moving) == "fetching inputs: 12 MiB of 80 MiB, fetching result: 1 MiB of 2 MiB"
