"""Accounts whose keys are elsewhere, in a browser or a device: their balances, and transactions for them to sign."""

from __future__ import annotations

import asyncio

from fogchain.api.models import AccountView, TransactionPlan, TransactionRequest, TransactionView, UnsignedTransaction
from fogchain.chain.calls import Call, Calls
from fogchain.chain.client import ChainClient
from fogchain.errors import PaymentRequired
from fogchain.units import format_fog


class Accounts:
    """All from the chain, nothing from this node's own books."""

    def __init__(self, client: ChainClient, calls: Calls) -> None:
        self._client, self._calls = client, calls

    async def account(self, address: str) -> AccountView:
        client = self._client
        eth, token, free, locked, bonded = await asyncio.gather(
            client.eth_balance(address),
            client.token_balance(address),
            client.free_balance(address),
            client.locked_balance(address),
            client.bonded(address),
        )
        return AccountView(address=address, eth=eth, token=token, free=free, locked=locked, bonded=bonded)

    async def plan(self, address: str, wanted: TransactionRequest) -> TransactionPlan:
        """What `address` has to send, an approval first where one is missing. Raises PaymentRequired when the chain
        would refuse it for want of money."""
        account, amount = await self.account(address), wanted.amount
        there, where = account.token, "in the wallet"
        if wanted.action == "withdraw":
            there, where = account.free, "free in the market"
        if amount > there:
            raise PaymentRequired(
                f"{format_fog(there, 6)} is {where}, less than {format_fog(amount)}", hint=f"{wanted.action} less"
            )
        if account.eth == 0:
            raise PaymentRequired(f"{address} has no ETH for gas", hint="send it some")
        deployment = self._client.deployment
        match wanted.action:
            case "withdraw":
                calls = [self._calls.withdraw(amount)]
            case "deposit":
                calls = [*await self._approval(address, deployment.market, amount), self._calls.deposit(amount)]
            case "bond":
                calls = [*await self._approval(address, deployment.stake, amount), self._calls.bond(amount)]
        return TransactionPlan(chain_id=deployment.chain_id, sender=address, steps=[_unsigned(call) for call in calls])

    async def transaction(self, hash: str) -> TransactionView:
        """How far a transaction is, and if the contract refused it, why."""
        found = await self._client.transaction(hash)
        return TransactionView(hash=hash, state=found.state, block=found.block, detail=found.detail)

    async def _approval(self, owner: str, spender: str, amount: int) -> list[Call]:
        """Of exactly this amount: what a browser's wallet signs should let nobody take more later."""
        if await self._client.allowance(owner, spender) >= amount:
            return []
        return [self._calls.approve(amount, spender)]


def _unsigned(call: Call) -> UnsignedTransaction:
    return UnsignedTransaction(
        what=call.what, to=call.to, data="0x" + call.data.hex(), value=hex(call.value), gas=hex(call.gas)
    )
