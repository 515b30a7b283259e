"""Transactions for keys that are elsewhere: what the API plans is what the contracts take."""

from __future__ import annotations

import pytest
from coincurve import PrivateKey
from on_chain import ETH, FOG, until

from fogchain.api.models import TransactionRequest, UnsignedTransaction
from fogchain.chain.calls import Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.local import LocalChain
from fogchain.chain.transaction import fees_for, sign_transaction
from fogchain.errors import PaymentRequired
from fogchain.wallet.eip712 import address_of
from node.accounts import Accounts

pytestmark = pytest.mark.chain


async def send(client: ChainClient, key: PrivateKey, step: UnsignedTransaction) -> str:
    """As the wallet elsewhere does; waits for the block."""
    sender, head = address_of(key.public_key), await client.head()
    nonce = int(await client.rpc.call("eth_getTransactionCount", sender, "pending"), 16)
    signed = sign_transaction(
        key, client.deployment.chain_id, nonce, fees_for(head.base_fee, 1), int(step.gas, 16), step.to,
        bytes.fromhex(step.data[2:]), int(step.value, 16),
    )  # fmt: skip
    await client.rpc.call("eth_sendRawTransaction", signed.hex)

    async def mined() -> bool:
        return (await client.transaction(signed.hash)).block is not None

    await until(mined)
    return signed.hash


async def test_plans_are_carried_out_step_by_step(client: ChainClient, funded: PrivateKey) -> None:
    accounts, owner = Accounts(client, Calls(client.deployment)), address_of(funded.public_key)
    for action, amount, steps in (
        ("deposit", 600 * FOG, ["the approval of tokens", "the deposit"]),
        ("withdraw", 100 * FOG, ["the withdrawal"]),
        ("bond", 50 * FOG, ["the approval of tokens", "the bond"]),
    ):
        plan = await accounts.plan(owner, TransactionRequest(action=action, amount=amount))
        assert [step.what for step in plan.steps] == steps
        assert (plan.chain_id, plan.sender) == (client.deployment.chain_id, owner)
        for step in plan.steps:
            assert (await accounts.transaction(await send(client, funded, step))).state == "mined"
    account = await accounts.account(owner)
    assert (account.token, account.free, account.bonded) == (450 * FOG, 500 * FOG, 50 * FOG)
    assert await client.allowance(owner) == 0, "no approval outlives its deed"
    assert await client.allowance(owner, client.deployment.stake) == 0


async def test_what_the_money_does_not_cover_is_refused_before_anything_is_signed(
    chain: LocalChain, client: ChainClient, funded: PrivateKey
) -> None:
    accounts, owner = Accounts(client, Calls(client.deployment)), address_of(funded.public_key)
    for action, words in (
        ("deposit", "1000 FOG is in the"),
        ("bond", "1000 FOG is in the"),
        ("withdraw", "0 FOG is free"),
    ):
        with pytest.raises(PaymentRequired, match=words):
            await accounts.plan(owner, TransactionRequest(action=action, amount=1001 * FOG))
    poor = address_of(PrivateKey().public_key)
    await chain.fund(poor, 0, FOG)
    with pytest.raises(PaymentRequired, match="no ETH for gas"):
        await accounts.plan(poor, TransactionRequest(action="deposit", amount=FOG))


async def test_a_transaction_the_contract_refused_says_why(client: ChainClient, funded: PrivateKey) -> None:
    accounts, owner = Accounts(client, Calls(client.deployment)), address_of(funded.public_key)
    plan = await accounts.plan(owner, TransactionRequest(action="deposit", amount=FOG))
    view = await accounts.transaction(await send(client, funded, plan.steps[1]))  # without its approval
    assert view.state == "failed" and "may take 0 FOG" in view.detail
    assert (await accounts.transaction("0x" + "00" * 32)).state == "unknown"
    assert (await client.eth_balance(owner)) < 10 * ETH
