"""Whether what a node books of a run is what buyer and provider have signed. No I/O."""

from __future__ import annotations

from typing import Any

from fogchain.api.models import ReceiptProof, ReceiptView
from fogchain.errors import BadSignature
from fogchain.market.messages import Receipt, TaskOrder
from fogchain.units import cost
from fogchain.wallet.eip712 import Domain, recover_digest


def proof(
    domain: Domain,
    booked: ReceiptView,
    order: TaskOrder,
    receipt: Receipt,
    *,
    order_signature: bytes,
    promise: bytes,
    receipt_signature: bytes,
) -> ReceiptProof:
    """`receipt`: of the figures that are booked, so that a signature over others does not stand under them."""
    signed = _signed(domain, order, order_signature, order.buyer)
    promised = _signed(domain, order, promise, order.provider) if promise else None
    confirmed = _signed(domain, receipt, receipt_signature, order.provider)
    differences = [
        *([] if signed else ["the order does not bear the buyer's signature"]),
        *([] if promised is not False else ["the promise does not bear the provider's signature"]),
        *([] if confirmed else ["the provider's signature is not over these figures"]),
        *([] if receipt.order == domain.digest(order) else ["the receipt is of another order"]),
        *([] if booked.price == order.price else ["the order has another price"]),
        *([] if booked.cost <= cost(booked.fuel, order.price) else ["more is booked than the order allows"]),
    ]
    return ReceiptProof(
        booked=booked,
        buyer=order.buyer.lower(),
        provider=order.provider.lower(),
        order_signed=signed,
        promised=promised,
        receipt_signed=confirmed,
        differences=differences,
    )


def _signed(domain: Domain, message: Any, signature: bytes, signer: str) -> bool:
    try:
        return recover_digest(domain.digest(message), signature) == signer.lower()
    except BadSignature:
        return False
