"""How far data has come: an order's inputs at its provider, a result at its buyer.

subject    from → to          request                  answer
progress   buyer → provider   [1, [order digest, …]]   [1, [[bytes here, bytes in all] | null, …]]
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fogchain import cbor
from fogchain.errors import BadMessage
from fogchain.jobs.spec import BlobRef
from fogchain.units import MAX_UINT64

SHOWN_FROM = 1 << 20  # bytes below which a transfer is over before anybody looks

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Amount:
    """Bytes."""

    here: int
    total: int


class Transfers(Generic[K]):
    """Transfers under way, each of several blobs, by what they are for."""

    def __init__(self) -> None:
        self._known: dict[K, dict[str, Amount]] = {}

    def begin(self, key: K, refs: Iterable[BlobRef]) -> None:
        self._known[key] = {ref.sha256: Amount(0, ref.size) for ref in refs}

    def meter(self, key: K, sha256: str) -> Callable[[int, int], None]:
        """To be called with the bytes of this blob that are here, and in all."""

        def measure(here: int, total: int) -> None:
            if key in self._known:
                self._known[key][sha256] = Amount(here, total)

        return measure

    def set(self, key: K, amount: Amount | None) -> None:
        """Somebody else measured."""
        if amount is None:
            self._known.pop(key, None)
        else:
            self._known[key] = {"": amount}

    def end(self, key: K) -> None:
        self._known.pop(key, None)

    def get(self, key: K) -> Amount | None:
        parts = self._known.get(key)
        if parts is None:
            return None
        return Amount(sum(part.here for part in parts.values()), sum(part.total for part in parts.values()))


def encode_amounts(amounts: Iterable[Amount | None]) -> bytes:
    return cbor.dumps([1, [[amount.here, amount.total] if amount else None for amount in amounts]])


def decode_amounts(data: bytes, count: int) -> list[Amount | None]:
    """Raises BadMessage."""
    value: Any = cbor.loads(data)
    if not isinstance(value, list) or len(value) != 2 or value[0] != 1 or not isinstance(value[1], list):
        raise BadMessage("not the progress of orders")
    if len(value[1]) != count:
        raise BadMessage("not the progress of each order")
    return [_amount(pair) for pair in value[1]]


def _amount(pair: Any) -> Amount | None:
    if pair is None:
        return None
    if not isinstance(pair, list) or [type(part) for part in pair] != [int, int] or not 0 <= pair[0] <= pair[1]:
        raise BadMessage("progress that is none")
    if pair[1] > MAX_UINT64:
        raise BadMessage("progress beyond any blob")
    return Amount(pair[0], pair[1])
