"""EIP-1559 transactions: fees, signing, the address of what one creates.

Source: EIP-1559, EIP-2718 (type 2), RLP (Yellow Paper, appendix B). The tests compare with eth_account, which takes
ten times as long; signing is what bounds the sender.
"""

from __future__ import annotations

from dataclasses import dataclass

from coincurve import PrivateKey
from eth_hash.auto import keccak

from fogchain.chain.rpc import Rpc, RpcError

_GWEI = 10**9
_MIN_TIP = 1  # wei; nodes replace a transaction only if this grows too, so it can't be 0


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei per gas: `most` in all, of which at most `tip` goes to the block's producer."""

    most: int
    tip: int

    def raised(self, wanted: Fees) -> Fees:
        """For a replacement under the same nonce: nodes want at least +10 %, the usual is +12.5 %, on both fields."""
        return Fees(max(self.most + self.most // 8 + 1, wanted.most), max(self.tip + self.tip // 8 + 1, wanted.tip))


def fees_for(base_fee: int, tip: int) -> Fees:
    """Twice the base fee leaves room for six full blocks in a row, each of which raises it by 12.5 %."""
    tip = max(tip, _MIN_TIP)
    return Fees(2 * base_fee + tip, tip)


async def suggested_tip(rpc: Rpc) -> int:
    """What the node says its peers pay; 1 gwei from nodes that do not say."""
    try:
        return int(await rpc.call("eth_maxPriorityFeePerGas"), 16)
    except RpcError:
        return _GWEI


@dataclass(frozen=True, slots=True)
class Signed:
    raw: bytes
    hash: str  # 0x hex

    @property
    def hex(self) -> str:
        return "0x" + self.raw.hex()


def sign_transaction(
    key: PrivateKey, chain_id: int, nonce: int, fees: Fees, gas: int, to: str | None, data: bytes, value: int = 0
) -> Signed:
    """`to` None creates a contract from `data`."""
    target = bytes.fromhex(to[2:]) if to else b""
    numbers = (chain_id, nonce, fees.tip, fees.most, gas)
    fields = [*map(_number, numbers), _text(target), _number(value), _text(data), _EMPTY_LIST]
    digest = keccak(b"\x02" + _sequence(fields))
    signature = key.sign_recoverable(digest, hasher=None)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    raw = b"\x02" + _sequence([*fields, _number(signature[64]), _number(r), _number(s)])
    return Signed(raw, "0x" + keccak(raw).hex())


def created_address(sender: str, nonce: int) -> str:
    """Where the contract lands that `sender` creates with transaction `nonce`; lower case."""
    return "0x" + keccak(_sequence([_text(bytes.fromhex(sender[2:])), _number(nonce)]))[12:].hex()


_EMPTY_LIST = b"\xc0"


def _text(raw: bytes) -> bytes:
    if len(raw) == 1 and raw[0] < 0x80:
        return raw
    return _head(0x80, len(raw)) + raw


def _number(value: int) -> bytes:
    return _text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _sequence(encoded: list[bytes]) -> bytes:
    body = b"".join(encoded)
    return _head(0xC0, len(body)) + body


def _head(base: int, length: int) -> bytes:
    if length < 56:
        return bytes([base + length])
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(size)]) + size
