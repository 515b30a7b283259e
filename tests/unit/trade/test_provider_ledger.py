"""The provider's ledger on a real file: orders, receipts and vouchers over restarts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from coincurve import PrivateKey

from fogchain.database import open_database
from fogchain.market.messages import BY_RECORD, ON_ACCOUNT, Agreement, Exit, Receipt, TaskOrder
from fogchain.units import GFUEL, MAX_UINT64, MAX_UINT96, WEI, cost
from fogchain.wallet.eip712 import Domain, sign
from node.trade.ledger import Ledger, LedgerOrder, account_of, tables
from node.trade.wire import ACCEPTED, BREACHED, DELIVERED, DROPPED, QUEUED, SUPERSEDED, SignedOrder, SignedReceipt

DOMAIN = Domain(31337, "0x" + "77" * 20)
KEY = PrivateKey(b"\1" * 32)
PROMISE = b"\4" * 65
SESSION, OTHER = b"\1" * 32, b"\2" * 32


class Reopened:
    """A ledger whose file is closed and opened anew before each call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = open_database(path, tables, 1)

    def __call__(self) -> Ledger:
        self._engine.dispose()
        self._engine = open_database(self._path, tables, 1)
        return Ledger(self._engine)

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Reopened]:
    reopened = Reopened(tmp_path / "node.db")
    yield reopened
    reopened.close()


def order(attempt: int, session: bytes = SESSION, price: int = WEI, fuel: int = GFUEL) -> tuple[bytes, SignedOrder]:
    made = TaskOrder(
        buyer="0x" + "11" * 20,
        provider="0x" + "22" * 20,
        session=session,
        job=session[::-1],
        task=attempt,
        attempt=attempt,
        spec=b"\3" * 32,
        fuel_limit=fuel,
        engine="wasmtime-50/fog-1",
        issued=1,
        deadline=2,
        sealed=0,
        terms=Agreement(price, 100, 1, BY_RECORD, 0, 0, "direct"),
    )
    return DOMAIN.digest(made), SignedOrder(made, sign(KEY, DOMAIN, made), b"spec")


def receipt(digest: bytes, fuel: int, end: Exit = Exit.OK) -> SignedReceipt:
    made = Receipt(digest, b"\5" * 32, fuel, int(end), 1, 2)
    return SignedReceipt(made, sign(KEY, DOMAIN, made), b"manifest", {b"\6" * 32: b"blob"}, "detail")


def found(ledger: Ledger, digest: bytes) -> LedgerOrder:
    known = ledger.get(digest)
    assert known is not None
    return known


def test_an_order_is_there_after_a_restart_as_it_was_taken(ledger: Reopened) -> None:
    digest, signed = order(1)
    ledger().take(digest, "peer", signed, PROMISE)
    known = found(ledger(), digest)
    assert known.signed == signed and known.peer == "peer" and known.state == QUEUED and known.receipt is None
    assert [waiting.digest for waiting in ledger().queued()] == [digest]
    assert ledger().get(b"\0" * 32) is None
    assert ledger().job_of(SESSION) == SESSION[::-1]
    assert ledger().job_of(OTHER) is None


def test_the_same_order_again_changes_only_where_its_buyer_is(ledger: Reopened) -> None:
    digest, signed = order(1)
    ledger().take(digest, "peer", signed, PROMISE)
    ledger().deliver(digest, receipt(digest, 10), 5.0)
    ledger().take(digest, "moved", signed, PROMISE)
    known = found(ledger(), digest)
    assert (known.peer, known.state, known.number) == ("moved", DELIVERED, 1)
    assert ledger().counts() == (0, 1)


def test_orders_are_run_in_the_order_they_came(ledger: Reopened) -> None:
    digests = []
    for attempt in (5, 3, 9, 1):
        digest, signed = order(attempt)
        ledger().take(digest, "peer", signed, PROMISE)
        digests.append(digest)
    assert [known.digest for known in ledger().queued()] == digests


def test_a_receipt_is_kept_until_it_is_handed_over_and_never_changed(ledger: Reopened) -> None:
    digest, signed = order(1)
    ledger().take(digest, "peer", signed, PROMISE)
    first = receipt(digest, 400_000_000)
    ledger().deliver(digest, first, 5.0)
    ledger().deliver(digest, receipt(digest, 999_999_999), 6.0)
    assert found(ledger(), digest).receipt == first
    assert [known.digest for known in ledger().unhanded()] == [digest]
    assert ledger().exposure(SESSION) == 4 * WEI // 10
    ledger().handed(digest, ACCEPTED)
    assert ledger().unhanded() == []
    assert found(ledger(), digest).verdict == ACCEPTED
    assert ledger().exposure(SESSION) == 4 * WEI // 10


@pytest.mark.parametrize("verdict", [SUPERSEDED, "refused: bad-message"])
def test_what_the_buyer_does_not_accept_frees_the_session_again(ledger: Reopened, verdict: str) -> None:
    digest, signed = order(1)
    ledger().take(digest, "peer", signed, PROMISE)
    ledger().deliver(digest, receipt(digest, GFUEL), 5.0)
    ledger().handed(digest, verdict)
    assert ledger().exposure(SESSION) == 0


def test_exposure_counts_waiting_orders_at_their_limit_and_each_session_alone(ledger: Reopened) -> None:
    for attempt in range(3):
        ledger().take(*_with_peer(order(attempt)))
    ledger().take(*_with_peer(order(9, OTHER, price=2 * WEI)))
    assert ledger().exposure(SESSION) == 3 * WEI
    assert ledger().exposure(OTHER) == 2 * WEI
    digest, _ = order(0)
    ledger().deliver(digest, receipt(digest, 1), 5.0)
    assert ledger().exposure(SESSION) == 2 * WEI + cost(1, WEI)
    failed, _ = order(1)
    ledger().deliver(failed, receipt(failed, 12345, Exit.CRASHED), 5.0)
    assert ledger().exposure(SESSION) == WEI + cost(1, WEI)


def _with_peer(made: tuple[bytes, SignedOrder]) -> tuple[bytes, str, SignedOrder, bytes]:
    return made[0], "peer", made[1], PROMISE


def test_amounts_wider_than_the_databases_integers_survive(ledger: Reopened) -> None:
    digest, signed = order(1, price=MAX_UINT96, fuel=MAX_UINT64)
    ledger().take(digest, "peer", signed, PROMISE)
    assert ledger().exposure(SESSION) == cost(MAX_UINT64, MAX_UINT96)
    ledger().hold(SESSION, MAX_UINT96, b"\7" * 65, last=False)
    held = ledger().held(SESSION)
    assert held is not None and held.amount == MAX_UINT96 and held.signature == b"\7" * 65


def test_a_dropped_order_is_not_run_and_a_delivered_one_not_dropped(ledger: Reopened) -> None:
    (first, signed), (second, other) = order(1), order(2)
    ledger().take(first, "peer", signed, PROMISE)
    ledger().take(second, "peer", other, PROMISE)
    assert ledger().drop(first)
    assert not ledger().drop(first)
    assert not ledger().drop(b"\0" * 32)
    assert [known.digest for known in ledger().queued()] == [second]
    assert ledger().exposure(SESSION) == WEI
    ledger().deliver(first, receipt(first, GFUEL), 5.0)
    assert found(ledger(), first).state == DROPPED and ledger().exposure(SESSION) == WEI
    ledger().deliver(second, receipt(second, GFUEL), 5.0)
    assert not ledger().drop(second)
    assert found(ledger(), second).state == DELIVERED
    ledger().take(first, "peer", signed, PROMISE)
    assert found(ledger(), first).state == DROPPED, "an order that was called back stays so"


@pytest.mark.parametrize("delivered", [True, False])
def test_a_broken_promise_costs_its_penalty_delivered_too_late_or_never_and_an_account_is_closed_less_it(
    ledger: Reopened, delivered: bool
) -> None:
    buyer, penalty = order(0)[1].order.buyer, WEI // 10

    def made(attempt: int) -> tuple[bytes, SignedOrder]:
        plain = order(attempt)[1].order
        mine = replace(plain, session=ON_ACCOUNT, deadline=10, terms=replace(plain.terms, penalty=penalty))
        return DOMAIN.digest(mine), SignedOrder(mine, sign(KEY, DOMAIN, mine), b"spec")

    (good, first), (broken, second) = made(1), made(2)
    for digest, signed in ((good, first), (broken, second)):
        ledger().take(digest, "peer", signed, PROMISE)
    ledger().deliver(good, receipt(good, GFUEL), 2.0)
    ledger().handed(good, ACCEPTED, "ok")
    if delivered:
        ledger().deliver(broken, receipt(broken, GFUEL), 3.0)
        ledger().handed(broken, BREACHED, "penalty")
        assert found(ledger(), broken).reason == "penalty"
    else:
        assert ledger().drop(broken, BREACHED)
    account = account_of(first.order)
    assert ledger().penalties(account) == penalty
    assert ledger().delivered_on_account(buyer, accepted=True) == WEI - penalty
    assert ledger().delivered_on_account(buyer, accepted=False) == (2 * WEI if delivered else WEI), "no more credit"
    ledger().close_accounts(buyer)
    assert [(held.closed, held.amount) for held in ledger().sessions()] == [(True, WEI - penalty)]


def test_the_newest_voucher_is_held_whatever_order_they_come_in(ledger: Reopened) -> None:
    ledger().take(*_with_peer(order(1)))
    start = ledger().held(SESSION)
    assert start is not None and (start.amount, start.signature, start.last, start.closed) == (0, b"", False, False)
    for amount in (30, 10, 50, 50, 20):
        ledger().hold(SESSION, amount, bytes([amount]) * 65, last=False)
    ledger().hold(SESSION, 40, b"\0" * 65, last=True)
    ledger().hold(SESSION, 45, b"\0" * 65, last=False)
    held = ledger().held(SESSION)
    assert held == replace(start, amount=50, signature=bytes([50]) * 65, last=True)
    ledger().hold(OTHER, 10, b"\0" * 65, last=True)
    assert ledger().held(OTHER) is None
    assert [open_.session for open_ in ledger().open_sessions()] == [SESSION]
    ledger().close(SESSION, 7)
    assert ledger().open_sessions() == []
    assert len(ledger().sessions()) == 1


def test_pages_show_delivered_orders_newest_first_also_of_one_job(ledger: Reopened) -> None:
    mine = []
    for attempt in range(8):
        digest, signed = order(attempt, SESSION if attempt % 2 else OTHER)
        ledger().take(digest, "peer", signed, PROMISE)
        if attempt != 5:
            ledger().deliver(digest, receipt(digest, 1), 5.0)
            mine.append(digest)
    rows, total = ledger().page(3, None)
    assert total == 7
    assert [row.digest for row in rows] == mine[:-4:-1]
    rest, _ = ledger().page(10, rows[-1].number)
    assert [row.digest for row in (*rows, *rest)] == mine[::-1]
    first, of_job = ledger().page(2, None, SESSION[::-1].hex())
    assert of_job == 3 and [row.order.attempt for row in first] == [7, 3]
    second, _ = ledger().page(2, first[-1].number, SESSION[::-1].hex())
    assert [row.order.attempt for row in second] == [1]
    assert ledger().page(5, None, "00" * 32) == ([], 0)
