"""What a provider knows of a buyer that takes work and does not pay, over all its sessions and over restarts."""

from __future__ import annotations

from pathlib import Path

import pytest
from coincurve import PrivateKey

from fogchain.database import open_database
from fogchain.market.messages import BY_RECORD, Agreement, Exit, Receipt, TaskOrder
from fogchain.units import GFUEL
from fogchain.wallet.eip712 import Domain, sign
from node.trade.ledger import Ledger, tables
from node.trade.wire import ACCEPTED, SUPERSEDED, SignedOrder, SignedReceipt

DOMAIN = Domain(31337, "0x" + "77" * 20)
KEY = PrivateKey(b"\1" * 32)
BUYER, ANOTHER = "0x" + "11" * 20, "0x" + "33" * 20
PRICE = 10  # base units per Gfuel
TERMS = Agreement(PRICE, 100, 1, BY_RECORD, 0, 0, "direct")
FIRST, SECOND = b"\1" * 32, b"\2" * 32


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(open_database(tmp_path / "node.db", tables, 1))


def deliver(ledger: Ledger, number: int, verdict: str, session: bytes = FIRST, end: Exit = Exit.OK) -> None:
    """A run of 7 Gfuel, 70 in all, under a limit of 100."""
    order = TaskOrder(
        BUYER, "0x" + "22" * 20, session, session, number, number, b"\3" * 32, 10 * GFUEL, "e", 1, 2, 0, TERMS
    )  # fmt: skip
    digest = DOMAIN.digest(order)
    ledger.take(digest, "peer", SignedOrder(order, sign(KEY, DOMAIN, order), b"spec"), b"\4" * 65)
    receipt = Receipt(digest, b"\5" * 32, 7 * GFUEL, int(end), 1, 2)
    ledger.deliver(digest, SignedReceipt(receipt, sign(KEY, DOMAIN, receipt), b"", {}), 5.0)
    if verdict:
        ledger.handed(digest, verdict)


def test_work_on_its_way_and_accepted_work_is_no_loss_while_the_session_is_open(ledger: Ledger) -> None:
    deliver(ledger, 1, ACCEPTED)
    deliver(ledger, 2, "")
    assert ledger.loss_on(BUYER) == 0
    assert ledger.exposure(FIRST) == 140


def test_refused_work_is_a_loss_until_payments_make_up_for_it(ledger: Ledger) -> None:
    deliver(ledger, 1, SUPERSEDED)
    deliver(ledger, 2, "refused: no")
    deliver(ledger, 3, SUPERSEDED, end=Exit.TIMEOUT)  # the provider's own trouble
    assert ledger.loss_on(BUYER) == 140 and ledger.loss_on(ANOTHER) == 0
    assert ledger.exposure(FIRST) == 0
    deliver(ledger, 4, ACCEPTED, SECOND)
    ledger.hold(SECOND, 100, b"s" * 65, last=False)
    assert ledger.loss_on(BUYER) == 40


def test_a_session_that_ended_unpaid_is_remembered_and_a_late_voucher_mends_nothing(tmp_path: Path) -> None:
    def reopened() -> Ledger:
        return Ledger(open_database(tmp_path / "node.db", tables, 1))

    deliver(reopened(), 1, ACCEPTED)
    reopened().hold(FIRST, 70, b"s" * 65, last=False)
    assert reopened().loss_on(BUYER) == -70
    reopened().close(FIRST, 30)  # the chain paid less than was signed for
    reopened().hold(FIRST, 1000, b"s" * 65, last=True)
    ledger = reopened()
    assert ledger.loss_on(BUYER) == 40 == ledger.loss_on(BUYER)
