"""ERC-2612 permits: lets a contract take tokens by signature, without an approval transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from coincurve import PrivateKey

from fogchain.chain.deployment import Deployment
from fogchain.wallet.eip712 import Address, Domain, address_of, sign

Uint256 = Annotated[int, "uint256"]


@dataclass(frozen=True, slots=True)
class Permit:
    owner: Address
    spender: Address
    value: Uint256
    nonce: Uint256
    deadline: Uint256


def sign_permit(key: PrivateKey, deployment: Deployment, amount: int, nonce: int, deadline: int) -> bytes:
    """For the market to take `amount` until `deadline` (Unix seconds); `nonce` is the token's `nonces(owner)`.

    The token's EIP-712 domain has the same name and version as the market's, under its own address.
    """
    permit = Permit(address_of(key.public_key), deployment.market, amount, nonce, deadline)
    return sign(key, Domain(deployment.chain_id, deployment.token), permit)
