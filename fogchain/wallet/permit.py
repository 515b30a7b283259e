"""Lets a contract take tokens by signature: ERC-2612 permits, which spare an approval, and ERC-3009 authorizations,
with which somebody else may send the transaction.

The token's EIP-712 domain has the same name and version as the market's, under its own address.
"""

from __future__ import annotations

from dataclasses import dataclass

from coincurve import PrivateKey

from fogchain.chain.deployment import Deployment
from fogchain.wallet.eip712 import Address, Bytes32, Domain, Uint256, address_of, sign


@dataclass(frozen=True, slots=True)
class Permit:
    owner: Address
    spender: Address
    value: Uint256
    nonce: Uint256
    deadline: Uint256


@dataclass(frozen=True, slots=True)
class ReceiveWithAuthorization:
    from_: Address
    to: Address
    value: Uint256
    valid_after: Uint256
    valid_before: Uint256
    nonce: Bytes32


def sign_permit(
    key: PrivateKey, deployment: Deployment, amount: int, nonce: int, deadline: int, *, spender: str | None = None
) -> bytes:
    """For `spender`, the market unless named, to take `amount` until `deadline` (Unix seconds); `nonce` is the token's
    `nonces(owner)`."""
    permit = Permit(address_of(key.public_key), spender or deployment.market, amount, nonce, deadline)
    return sign(key, Domain(deployment.chain_id, deployment.token), permit)


def sign_authorization(
    key: PrivateKey, deployment: Deployment, amount: int, valid_after: int, valid_before: int, nonce: bytes
) -> bytes:
    """For the market to take `amount` in between these times (Unix seconds); `nonce` is any 32 bytes, used once."""
    owner = address_of(key.public_key)
    message = ReceiveWithAuthorization(owner, deployment.market, amount, valid_after, valid_before, nonce)
    return sign(key, Domain(deployment.chain_id, deployment.token), message)
