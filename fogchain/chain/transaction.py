"""EIP-1559 transactions: fees, signing, the address of what one creates.

Source: EIP-1559, EIP-2718 (type 2). The tests compare with eth_account, which takes ten times as long.
"""

from __future__ import annotations

from dataclasses import dataclass

import rlp  # type: ignore[import-untyped]
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
    fields: list[object] = [chain_id, nonce, fees.tip, fees.most, gas, target, value, data, []]
    digest = keccak(b"\x02" + rlp.encode(fields))
    signature = key.sign_recoverable(digest, hasher=None)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    raw = b"\x02" + rlp.encode([*fields, signature[64], r, s])
    return Signed(raw, "0x" + keccak(raw).hex())


def created_address(sender: str, nonce: int) -> str:
    """Where the contract lands that `sender` creates with transaction `nonce`; lower case."""
    return "0x" + keccak(rlp.encode([bytes.fromhex(sender[2:]), nonce]))[12:].hex()
