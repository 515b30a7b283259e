"""What the contracts on a real chain refuse, and that they and the Python side compute the same."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from coincurve import PrivateKey
from on_chain import ETH, FOG

from fogchain.chain.calls import BatchItem, Calls, session_id
from fogchain.chain.client import ChainClient
from fogchain.chain.events import topic_of
from fogchain.chain.local import LocalChain
from fogchain.chain.reverts import Reverted
from fogchain.chain.sender import Sender
from fogchain.errors import BadInput, Conflict, NotFound, Unavailable
from fogchain.market.messages import Terms, Voucher
from fogchain.wallet.eip712 import Domain, address_of, sign
from fogchain.wallet.permit import sign_permit

pytestmark = pytest.mark.chain

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
JOB = b"\x07" * 32


@pytest.fixture
async def buyer(client: ChainClient, funded: PrivateKey, tmp_path: Path) -> AsyncIterator[Sender]:
    sender = Sender(client, funded, tmp_path / "buyer.db")
    await sender.start()
    yield sender
    await sender.stop()


@pytest.fixture
async def provider(chain: LocalChain, client: ChainClient, tmp_path: Path) -> AsyncIterator[Sender]:
    sender = Sender(client, PrivateKey(), tmp_path / "provider.db")
    await chain.fund(sender.address, ETH, 0)
    await sender.start()
    yield sender
    await sender.stop()


@pytest.fixture
async def session(client: ChainClient, buyer: Sender, provider: Sender) -> bytes:
    """An open session with a cap of 10 FOG."""
    calls = Calls(client.deployment)
    await buyer.send(calls.approve(10 * FOG))
    await buyer.send(calls.deposit(10 * FOG))
    expiry = (await client.head()).timestamp + 600
    await buyer.send(calls.open_session(provider.address, 10 * FOG, expiry, JOB))
    return session_id(buyer.address, provider.address, JOB)


async def test_domain_and_session_id_are_the_contracts_own(
    client: ChainClient, buyer: Sender, provider: Sender, session: bytes
) -> None:
    domain = client.deployment.domain
    assert await client.domain_separator() == domain.separator
    assert await client.read("market", "sessionId", buyer.address, provider.address, JOB) == session
    assert await client.read("market", "hashVoucher", session, 5 * FOG) == domain.digest(Voucher(session, 5 * FOG))
    assert (await client.session(session)).buyer == buyer.address


async def test_a_good_voucher_is_paid(
    client: ChainClient, funded: PrivateKey, provider: Sender, session: bytes
) -> None:
    signature = sign(funded, client.deployment.domain, Voucher(session, 4 * FOG))
    await provider.send(Calls(client.deployment).claim(session, 4 * FOG, signature))
    fee = 4 * FOG // 100
    assert await client.free_balance(provider.address) == 4 * FOG - fee
    assert await client.withheld(provider.address) == fee
    await provider.send(Calls(client.deployment).withdraw(4 * FOG - fee))
    assert await client.token_balance(provider.address) == 4 * FOG - fee


@pytest.mark.complaint(3)
async def test_one_voucher_brought_by_two_in_one_block_is_paid_once(
    client: ChainClient, funded: PrivateKey, buyer: Sender, provider: Sender, session: bytes
) -> None:
    """A Golem user's invoice was paid by two transactions (yapapi 659)."""
    voucher = sign(funded, client.deployment.domain, Voucher(session, 4 * FOG))
    call = Calls(client.deployment).claim(session, 4 * FOG, voucher)
    await client.rpc.call("evm_setIntervalMining", 0)
    claims = [asyncio.create_task(who.send(call, tag="the claim")) for who in (provider, buyer)]
    again = asyncio.create_task(provider.send(call, tag="the claim"))  # and the same again, for good measure
    while int((await client.rpc.call("txpool_status"))["pending"], 16) < 2:
        await asyncio.sleep(0.02)
    await client.rpc.call("evm_mine")
    await client.rpc.call("evm_setIntervalMining", 1)
    first, second = await asyncio.gather(*claims, return_exceptions=True)
    assert isinstance(first, Reverted) != isinstance(second, Reverted), (first, second)
    blocks = {await _block_of(client, who.address) for who in (provider, buyer)}
    assert len(blocks) == 1
    with contextlib.suppress(Reverted):
        await again
    assert await client.free_balance(provider.address) + await client.withheld(provider.address) == 4 * FOG
    assert (await client.session(session)).claimed == 4 * FOG
    logs = await client.rpc.call(
        "eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": client.deployment.market}
    )
    assert sum(log["topics"][0] == topic_of("FogMarket", "VoucherClaimed") for log in logs) == 1


async def _block_of(client: ChainClient, address: str) -> int:
    """The block of an account's newest transaction."""
    head = await client.rpc.call("eth_getBlockByNumber", "latest", True)
    while True:
        if any(one["from"] == address for one in head["transactions"]):
            return int(head["number"], 16)
        head = await client.rpc.call("eth_getBlockByNumber", hex(int(head["number"], 16) - 1), True)


async def test_no_bad_voucher_is_paid(
    client: ChainClient, funded: PrivateKey, provider: Sender, session: bytes
) -> None:
    calls, domain, amount = Calls(client.deployment), client.deployment.domain, 4 * FOG
    voucher = Voucher(session, amount)
    good = sign(funded, domain, voucher)
    s = int.from_bytes(good[32:64], "big")
    bad = {
        "signed by somebody else": sign(PrivateKey(), domain, voucher),
        "for another amount": sign(funded, domain, Voucher(session, amount - 1)),
        "for another session": sign(funded, domain, Voucher(b"\x01" * 32, amount)),
        "for another chain": sign(funded, Domain(1, domain.market), voucher),
        "for another market": sign(funded, Domain(domain.chain_id, "0x" + "99" * 20), voucher),
        "malleated": good[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - good[64]]),
        "cut": good[:63],
        "empty": b"",
    }
    for what, signature in bad.items():
        with pytest.raises(Reverted) as caught:
            await provider.send(calls.claim(session, amount, signature))
        assert caught.value.name == "BadSignature", what
    with pytest.raises(Reverted, match="above the session's cap of 10 FOG"):
        await provider.send(calls.claim(session, 11 * FOG, sign(funded, domain, Voucher(session, 11 * FOG))))
    assert await client.free_balance(provider.address) == 0
    await provider.send(calls.claim(session, amount, good))
    with pytest.raises(Reverted, match="claimed already"):
        await provider.send(calls.claim(session, amount, good))


async def test_the_buyer_closes_only_after_the_expiry(client: ChainClient, buyer: Sender, session: bytes) -> None:
    calls = Calls(client.deployment)
    with pytest.raises(Reverted, match="can close the session only from"):
        await buyer.send(calls.close_session(session))
    await client.rpc.call("evm_increaseTime", 601)
    await client.rpc.call("evm_mine")
    await buyer.send(calls.close_session(session))
    assert await client.free_balance(buyer.address) == 10 * FOG
    with pytest.raises(Reverted, match="closed, or was never opened"):
        await buyer.send(calls.close_session(session))


async def test_a_permit_spares_the_approval(client: ChainClient, funded: PrivateKey, buyer: Sender) -> None:
    nonce = await client.permit_nonce(buyer.address)
    deadline = int(time.time()) + 3600
    signature = sign_permit(funded, client.deployment, 3 * FOG, nonce, deadline)
    await buyer.send(Calls(client.deployment).deposit_with_permit(3 * FOG, deadline, signature))
    assert await client.free_balance(buyer.address) == 3 * FOG
    assert await client.allowance(buyer.address) == 0


async def test_the_gas_of_every_call_is_enough(
    client: ChainClient, funded: PrivateKey, buyer: Sender, provider: Sender, session: bytes
) -> None:
    """At their dearest: first use of every storage slot, longest endpoints, fullest unbonding queue."""
    calls, deployment = Calls(client.deployment), client.deployment
    used = {}
    for name, call in {
        "register": calls.register(b"\x01" * 32, b"\x02" * 64, 2**32 - 1, "x" * 1024),
        "approve": calls.approve(1000 * FOG, deployment.stake),
        "bond": calls.bond(100 * FOG),
        "transfer": calls.transfer("0x" + "44" * 20, FOG),
        "top_up": calls.approve(50 * FOG),
    }.items():
        used[name] = (await buyer.send(call)).gas_used / call.gas
    for _ in range(32):
        call = calls.unbond(FOG)
        used["unbond"] = (await buyer.send(call)).gas_used / call.gas
    call = calls.cancel_unbond(0)
    used["cancel_unbond"] = (await buyer.send(call)).gas_used / call.gas
    await client.rpc.call("evm_increaseTime", 8 * 24 * 3600)
    await client.rpc.call("evm_mine")
    call = calls.withdraw_stake()
    used["withdraw_stake"] = (await buyer.send(call)).gas_used / call.gas
    assert max(used.values()) < 0.95, used


async def test_values_that_do_not_fit_are_refused_before_the_chain(client: ChainClient) -> None:
    calls = Calls(client.deployment)
    for attempt in (
        lambda: calls.deposit(-1),
        lambda: calls.deposit(2**96),
        lambda: calls.transfer("0x1234", 1),
        lambda: calls.open_session("0x" + "11" * 20, 1, 2**40, JOB),
        lambda: calls.claim(b"short", 1, b""),
        lambda: calls.claim_many([(b"short", 1, b"")]),
        lambda: calls.cancel_job(Terms("0x" + "11" * 20, "0x" + "22" * 20, 1, 0, 0, 0, 0, 0, b"short")),
        lambda: calls.settle_batch([BatchItem("0x" + "11" * 20, 2**32, 1)]),
        lambda: calls.settle_batch([BatchItem("0x" + "11" * 20, 0, 2**80)]),
        lambda: calls.settle_batch([BatchItem("0x" + "11" * 20, -1, 1)]),
        lambda: calls.register(b"\1" * 32, b"\2" * 64, 1, "x" * 1025),
    ):
        with pytest.raises(BadInput):
            attempt()


async def test_the_wrong_network_is_told_apart(client: ChainClient) -> None:
    here = client.deployment
    other_chain = ChainClient(client.rpc.url, replace(here, chain_id=1))
    with pytest.raises(Conflict, match="chain 31337"):
        await other_chain.connect()
    no_market = ChainClient(client.rpc.url, replace(here, market="0x" + "12" * 20))
    with pytest.raises(NotFound, match="no FogMarket"):
        await no_market.connect()
    nobody = ChainClient("http://127.0.0.1:9", here)
    with pytest.raises(Unavailable, match="does not answer") as caught:
        await nobody.connect()
    assert caught.value.hint
    for other in (other_chain, no_market, nobody):
        await other.close()


async def test_the_supply_is_the_treasurys(client: ChainClient, chain: LocalChain) -> None:
    from fogchain.chain.faucet import TREASURY, TREASURY_KEY

    assert address_of(PrivateKey(TREASURY_KEY).public_key) == TREASURY
    assert await client.token_balance(TREASURY) == 10**9 * FOG
