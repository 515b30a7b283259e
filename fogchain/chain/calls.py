"""Transactions to the contracts, as values: what to call, with which data and how much gas.

Gas limits are the measured cost of the dearest path and a margin; what is not used is not paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError
from eth_hash.auto import keccak

from fogchain.chain.abi import artifact
from fogchain.chain.deployment import CONTRACTS, Deployment
from fogchain.chain.ledger import NOBODY
from fogchain.errors import BadInput

CPU = b"cpu".ljust(32, b"\0")  # the resource class of a node that says nothing else


@dataclass(frozen=True, slots=True)
class Call:
    to: str
    data: bytes
    gas: int
    value: int = 0  # wei
    what: str = "the transaction"  # for messages: "the deposit"


def session_id(buyer: str, provider: str, job: bytes) -> bytes:
    """The id that the market gives the session of `job` between the two; 32 bytes."""
    return bytes(keccak(encode(("address", "address", "bytes32"), (buyer, provider, job))))


class Calls:
    """Builds calls to one deployment. All raise BadInput for a value that does not fit its Solidity type."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    # ---- token

    def approve(self, amount: int, spender: str | None = None) -> Call:
        """Lets `spender`, the market unless named, take up to `amount` from the wallet."""
        return self._call(
            "token", "approve", (spender or self._deployment.market, amount), 70_000, "the approval of tokens"
        )

    def transfer(self, to: str, amount: int) -> Call:
        return self._call("token", "transfer", (to, amount), 80_000, "the transfer of tokens")

    def pay(self, to: str, amount: int) -> Call:
        """Sends ETH; `to` may be a contract that does little on receiving it."""
        return Call(to, b"", 60_000, amount, "the transfer of ETH")

    # ---- market

    def deposit(self, amount: int) -> Call:
        """Needs an approval of `amount` for the market."""
        return self._call("market", "deposit", (amount,), 140_000, "the deposit")

    def deposit_with_permit(self, amount: int, deadline: int, signature: bytes) -> Call:
        """`signature`: the wallet's 65 bytes over the token's ERC-2612 permit for the market (`wallet.permit`)."""
        r, s, v = signature[:32], signature[32:64], signature[64]
        return self._call("market", "depositWithPermit", (amount, deadline, v, r, s), 200_000, "the deposit")

    def withdraw(self, amount: int) -> Call:
        return self._call("market", "withdraw", (amount,), 120_000, "the withdrawal")

    def open_session(self, provider: str, cap: int, expiry: int, job: bytes) -> Call:
        """Locks `cap` of the buyer's free balance for `provider`; `expiry` in Unix seconds of block time."""
        return self._call("market", "openSession", (provider, cap, expiry, job), 220_000, "the opening of a session")

    def top_up(self, session: bytes, amount: int) -> Call:
        return self._call("market", "topUp", (session, amount), 110_000, "the top-up of a session")

    def claim(self, session: bytes, amount: int, signature: bytes) -> Call:
        """Pays the provider what voucher `amount` is above what was claimed before."""
        return self._call("market", "claim", (session, amount, signature), 180_000, "the claim of a voucher")

    def claim_and_close(self, session: bytes, amount: int, signature: bytes) -> Call:
        """By the provider: as claim, then closes; the rest of the cap is free for the buyer again."""
        return self._call("market", "claimAndClose", (session, amount, signature), 220_000, "the claim of a voucher")

    def close_session(self, session: bytes) -> Call:
        """By the provider at any time, by the buyer from the expiry on."""
        return self._call("market", "closeSession", (session,), 110_000, "the closing of a session")

    # ---- registry

    def register(
        self,
        node_key: bytes,
        node_signature: bytes,
        slots: int,
        endpoints: str,
        *,
        resource_class: bytes = CPU,
        capacity: int = 0,
    ) -> Call:
        """A node that its owner runs himself. `node_signature`: NodeIdentity.bind, 64 bytes; `endpoints`: at most
        1024 bytes, multiaddrs; `capacity`: Gfuel per epoch of 600 s."""
        length = len(endpoints.encode())
        if length > 1024:
            raise BadInput(f"{length} bytes of endpoints are more than the registry takes", hint="at most 1024")
        gas = 330_000 + 40 * (length + 64)
        node = (node_key, node_signature, resource_class, slots, capacity, endpoints, NOBODY, 0, b"")
        return self._call("registry", "register", (node,), gas, "the registration")

    def refresh_capacity(self, owner: str) -> Call:
        """Counts anew how much of the owner's capacity his bond covers; anyone may."""
        return self._call("registry", "refresh", (owner,), 120_000, "the counting of a node's capacity")

    def deregister(self) -> Call:
        return self._call("registry", "deregister", (), 100_000, "the deregistration")

    # ---- stake

    def bond(self, amount: int) -> Call:
        """Needs an approval of `amount` for the stake contract."""
        return self._call("stake", "bond", (amount,), 180_000, "the bond")

    def unbond(self, amount: int) -> Call:
        return self._call("stake", "unbond", (amount,), 180_000, "the unbonding")

    def cancel_unbond(self, index: int) -> Call:
        return self._call("stake", "cancelUnbond", (index,), 400_000, "the cancelling of an unbonding")

    def withdraw_stake(self) -> Call:
        """Takes out all bonds whose unbonding time is over."""
        return self._call("stake", "withdraw", (), 500_000, "the withdrawal of the bond")

    def _call(self, contract: str, function: str, values: tuple[Any, ...], gas: int, what: str) -> Call:
        try:
            data = artifact(CONTRACTS[contract]).functions[function].encode(*values)
        except (EncodingError, ValueError, TypeError, OverflowError) as error:
            raise BadInput(f"{what} can't be written for the contract: {error}") from error
        return Call(getattr(self._deployment, contract), data, gas, 0, what)
