"""A booked receipt held against the signatures of both parties: no figure can be altered without its showing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from coincurve import PrivateKey

from fogchain.api.models import ReceiptProof, ReceiptView
from fogchain.market.messages import BY_RECORD, Agreement, Receipt, TaskOrder
from fogchain.units import GFUEL, WEI
from fogchain.wallet.eip712 import Domain, address_of, sign
from node.proofs import proof

DOMAIN = Domain(31337, "0x" + "77" * 20)
BUYER, PROVIDER, OTHER = (PrivateKey(bytes([n]) * 32) for n in (1, 2, 3))
ORDER = TaskOrder(
    buyer=address_of(BUYER.public_key),
    provider=address_of(PROVIDER.public_key),
    session=b"\1" * 32,
    job=b"\2" * 32,
    task=0,
    attempt=0,
    spec=b"\3" * 32,
    fuel_limit=GFUEL,
    engine="wasmtime-50/fog-1",
    issued=1,
    deadline=9,
    sealed=0,
    terms=Agreement(WEI, 100, 1, BY_RECORD, 0, 0, "direct"),
)
RECEIPT = Receipt(DOMAIN.digest(ORDER), b"\5" * 32, GFUEL // 2, 0, 2, 3)


def booked(**changes: Any) -> ReceiptView:
    given = ReceiptView(
        order=RECEIPT.order.hex(), job=ORDER.job.hex(), job_name="", task=0, role="buyer", counterparty=ORDER.provider,
        result=RECEIPT.result.hex(), fuel=RECEIPT.fuel, price=WEI, cost=WEI // 2, fee=0, net=WEI // 2, exit="ok",
        state="accepted", started=2, finished=3,
    )  # fmt: skip
    return given.model_copy(update=changes)


def looked_at(
    view: ReceiptView | None = None,
    receipt: Receipt = RECEIPT,
    *,
    order_by: PrivateKey = BUYER,
    promise: bytes = b"",
    receipt_by: PrivateKey = PROVIDER,
) -> ReceiptProof:
    return proof(
        DOMAIN,
        view or booked(),
        ORDER,
        receipt,
        order_signature=sign(order_by, DOMAIN, ORDER),
        promise=promise,
        receipt_signature=sign(receipt_by, DOMAIN, RECEIPT),
    )


def test_what_both_have_signed_stands() -> None:
    found = looked_at(promise=sign(PROVIDER, DOMAIN, ORDER))
    assert (found.order_signed, found.promised, found.receipt_signed, found.differences) == (True, True, True, [])
    assert looked_at().promised is None


@pytest.mark.parametrize(
    "altered",
    [
        {"result": b"\6" * 32},
        {"fuel": RECEIPT.fuel + 1},
        {"exit": 1},
        {"started": 1},
        {"finished": 4},
        {"order": b"\7" * 32},
    ],
)
def test_every_altered_figure_shows(altered: dict[str, Any]) -> None:
    found = looked_at(receipt=replace(RECEIPT, **altered))
    assert not found.receipt_signed
    assert "the provider's signature is not over these figures" in found.differences


def test_signatures_of_others_and_none_show() -> None:
    assert not looked_at(order_by=OTHER).order_signed
    assert not looked_at(receipt_by=OTHER).receipt_signed
    for promise in (sign(OTHER, DOMAIN, ORDER), b"\0" * 65, b"short"):
        found = looked_at(promise=promise)
        assert found.promised is False
        assert found.differences == ["the promise does not bear the provider's signature"]


def test_more_money_than_the_order_allows_shows() -> None:
    assert looked_at(booked(cost=WEI // 2 + 1)).differences == ["more is booked than the order allows"]
    assert looked_at(booked(price=WEI - 1)).differences == ["the order has another price"]
