"""What a provider says of its checkpoints is read only where it holds together."""

from __future__ import annotations

import pytest

from fogchain import cbor
from fogchain.errors import BadMessage
from fogchain.jobs.spec import MAX_INPUT_BYTES, BlobRef
from fogchain.market.messages import Receipt
from node.trade.checkpoints import Offered, decode_offered, encode_offered
from node.trade.wire import SignedReceipt


def test_an_answer_survives_the_wire() -> None:
    offered = [Offered(BlobRef(sha256="ab" * 32, size=10), 5), None]
    assert decode_offered(encode_offered(offered), 2) == offered


@pytest.mark.parametrize(
    "value",
    [
        {},
        [1],
        [2, [None]],
        [1, []],
        [1, [None, None]],
        [1, [[]]],
        [1, [[bytes(31), 1, 1]]],
        [1, [[bytes(32), -1, 1]]],
        [1, [[bytes(32), MAX_INPUT_BYTES + 1, 1]]],
        [1, [[bytes(32), 1, 0]]],
        [1, [[bytes(32), 1, 2**64]]],
        [1, [[bytes(32), True, 1]]],
        [1, [["ab" * 32, 1, 1]]],
    ],
)
def test_what_is_no_answer_is_refused(value: object) -> None:
    with pytest.raises(BadMessage):
        decode_offered(cbor.dumps(value), 1)


def test_a_receipt_says_where_its_run_was_taken_up_again_and_one_that_was_not_is_as_before() -> None:
    receipt = Receipt(bytes(32), bytes(32), 5, 0, 1, 2)
    whole = SignedReceipt(receipt, b"s", b"m", {})
    assert SignedReceipt.decode(whole.encode()) == whole
    assert len(cbor.loads(whole.encode())) == 8
    resumed = SignedReceipt(receipt, b"s", b"m", {}, restarted=7)
    assert SignedReceipt.decode(resumed.encode()) == resumed
    for last in (0, -1, 2**64, "7", None):
        with pytest.raises(BadMessage):
            SignedReceipt.decode(cbor.dumps([*cbor.loads(whole.encode()), last]))
