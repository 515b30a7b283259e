"""The sender against a real chain: order, once-ness, crashes, fee rises, a chain that goes away or back."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from coincurve import PrivateKey
from crashing_sender import COUNT, receiver
from on_chain import FOG, until

from fogchain.chain.calls import Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.local import LocalChain
from fogchain.chain.reverts import Reverted
from fogchain.chain.sender import Sender, TxResult
from fogchain.errors import Conflict, CorruptData, PaymentRequired
from fogchain.wallet.eip712 import address_of

pytestmark = pytest.mark.chain

TO = "0x" + "77" * 20


@pytest.fixture
async def sender(client: ChainClient, funded: PrivateKey, tmp_path: Path) -> AsyncIterator[Sender]:
    sender = Sender(client, funded, tmp_path / "chain.db")
    await sender.start()
    yield sender
    await sender.stop()


async def test_two_hundred_at_once_are_mined_in_order(sender: Sender, client: ChainClient) -> None:
    calls = Calls(client.deployment)
    first = int(await client.rpc.call("eth_getTransactionCount", sender.address, "latest"), 16)
    results = await asyncio.gather(*(sender.send(calls.transfer(TO, FOG + i), tag=f"pay:{i}") for i in range(200)))
    assert await client.token_balance(TO) == sum(FOG + i for i in range(200))
    transactions = await client.rpc.strict(("eth_getTransactionByHash", [result.hash]) for result in results)
    assert [int(tx["nonce"], 16) for tx in transactions] == list(range(first, first + 200))
    assert sender.pending() == []


async def test_a_tag_is_sent_once(sender: Sender, client: ChainClient) -> None:
    call = Calls(client.deployment).transfer(TO, FOG)
    first, second = await asyncio.gather(sender.send(call, tag="pay"), sender.send(call, tag="pay"))
    assert first == second == await sender.send(call, tag="pay") == sender.result("pay")
    assert await client.token_balance(TO) == FOG
    with pytest.raises(Conflict, match="names another transaction"):
        await sender.send(Calls(client.deployment).transfer(TO, 2 * FOG), tag="pay")


@pytest.mark.parametrize("after", [0, 20])
async def test_killed_mid_way_and_restarted_each_is_sent_exactly_once(
    chain: LocalChain, client: ChainClient, funded: PrivateKey, tmp_path: Path, after: int
) -> None:
    program = Path(__file__).with_name("crashing_sender.py")
    arguments = [str(chain.folder / "deployment.json"), str(tmp_path / "chain.db"), funded.secret.hex()]

    async def run(kill_after: int | None) -> dict[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(program), *arguments, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        seen: dict[int, str] = {}
        if kill_after == 0:
            # Before the first result: as soon as anything of it is on the chain.
            address = address_of(funded.public_key)
            await until(lambda: used(client, address))
        else:
            async for line in process.stdout:
                if line[:1].isdigit():
                    number, hash_ = line.split()
                    seen[int(number)] = hash_.decode()
                if len(seen) == kill_after:
                    break
        if kill_after is not None:
            process.kill()
        assert (await process.wait() == 0) == (kill_after is None)
        return seen

    before = await run(after)
    results = await run(None)
    assert sorted(results) == list(range(COUNT))
    assert before.items() <= results.items()
    balances = await asyncio.gather(*(client.token_balance(receiver(number)) for number in range(COUNT)))
    assert balances == [1000 + number for number in range(COUNT)]
    assert await used(client, address_of(funded.public_key)) == COUNT


async def used(client: ChainClient, address: str) -> int:
    return int(await client.rpc.call("eth_getTransactionCount", address, "latest"), 16)


async def test_a_deposit_may_be_asked_for_together_with_its_approval(sender: Sender, client: ChainClient) -> None:
    calls = Calls(client.deployment)
    await asyncio.gather(sender.send(calls.approve(5 * FOG)), sender.send(calls.deposit(5 * FOG)))
    assert await client.free_balance(sender.address) == 5 * FOG


async def test_a_refusal_is_told_in_words_before_anything_is_sent_and_the_tag_stays_free(
    sender: Sender, client: ChainClient
) -> None:
    calls = Calls(client.deployment)
    with pytest.raises(Reverted, match="5 FOG are wanted, 0 FOG are there") as caught:
        await sender.send(calls.withdraw(5 * FOG), tag="out")
    assert caught.value.name == "InsufficientBalance"
    assert await used(client, sender.address) == 0
    await sender.send(calls.approve(5 * FOG))
    await sender.send(calls.deposit(5 * FOG))
    await sender.send(calls.withdraw(5 * FOG), tag="out")


async def test_a_refusal_in_the_block_is_decoded_and_remembered(sender: Sender, client: ChainClient) -> None:
    calls = Calls(client.deployment)
    await sender.send(calls.approve(6 * FOG))
    await sender.send(calls.deposit(6 * FOG))
    # Both pass while they are tried; when they are mined only one can.
    await client.rpc.call("evm_setIntervalMining", 0)
    both = asyncio.gather(
        sender.send(calls.withdraw(4 * FOG), tag="a"),
        sender.send(calls.withdraw(5 * FOG), tag="b"),
        return_exceptions=True,
    )
    await until(lambda: pooled(client, 2))
    await client.rpc.call("evm_setIntervalMining", 1)
    first, second = await both
    assert isinstance(first, TxResult)
    assert isinstance(second, Reverted)
    assert second.name == "InsufficientBalance"
    with pytest.raises(Reverted, match="5 FOG are wanted, 2 FOG are there"):
        await sender.send(calls.withdraw(5 * FOG), tag="b")


async def pooled(client: ChainClient, count: int) -> bool:
    status = await client.rpc.call("txpool_status")
    return int(status["pending"], 16) >= count


async def test_without_eth_for_gas_it_says_so(client: ChainClient, tmp_path: Path) -> None:
    sender = Sender(client, PrivateKey(), tmp_path / "poor.db")
    await sender.start()
    with pytest.raises(PaymentRequired, match="0 ETH") as caught:
        await sender.send(Calls(client.deployment).approve(1))
    assert sender.address in caught.value.hint
    await sender.stop()


@pytest.mark.complaint(4)
async def test_a_base_fee_ten_times_higher_is_met_by_replacement(sender: Sender, client: ChainClient) -> None:
    """Golem's users met stuck transactions and nonce gaps when gas prices rose (yagna 2270, 1886)."""
    calls = Calls(client.deployment)
    await client.rpc.call("evm_setIntervalMining", 0)
    sends = [asyncio.create_task(sender.send(calls.transfer(TO, FOG + i), tag=f"fee:{i}")) for i in range(5)]
    await until(lambda: pooled(client, 5))
    offered = {p.nonce: p.hash for p in sender.pending()}
    originals = await client.rpc.strict(("eth_getTransactionByHash", [hash_]) for hash_ in offered.values())
    # More than was offered, too: on a chain that has been empty for long, the tip is most of that.
    dear = max((await client.head()).base_fee * 10, *(2 * int(tx["maxFeePerGas"], 16) for tx in originals))
    await client.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(dear))
    await client.rpc.call("evm_mine")
    assert await used(client, sender.address) == 0

    async def replaced() -> bool:
        # Keeps the fee up while the sender looks.
        await client.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(dear))
        await client.rpc.call("evm_mine")
        return await used(client, sender.address) == 5

    await until(replaced)
    results = await asyncio.gather(*sends)
    mined = await client.rpc.strict(("eth_getTransactionByHash", [result.hash]) for result in results)
    assert [int(tx["nonce"], 16) for tx in mined] == sorted(offered)
    for old, new in zip(originals, mined, strict=True):
        for field in ("maxFeePerGas", "maxPriorityFeePerGas"):
            assert int(new[field], 16) * 8 >= int(old[field], 16) * 9
    assert await client.token_balance(TO) == 5 * FOG + 10


async def test_another_program_takes_the_nonce(sender: Sender, client: ChainClient) -> None:
    call = Calls(client.deployment).transfer(TO, FOG)
    await client.rpc.call("evm_setIntervalMining", 0)
    send = asyncio.create_task(sender.send(call, tag="pay"))
    await until(lambda: pooled(client, 1))
    await client.rpc.call("anvil_dropAllTransactions")
    await client.rpc.call("anvil_impersonateAccount", sender.address)
    order = {"from": sender.address, "to": TO, "value": "0x1", "nonce": "0x0"}
    await client.rpc.call("eth_sendTransaction", order)
    await client.rpc.call("evm_mine")
    await client.rpc.call("evm_setIntervalMining", 1)
    result = await send
    assert await client.token_balance(TO) == FOG
    mined = await client.rpc.call("eth_getTransactionByHash", result.hash)
    assert int(mined["nonce"], 16) == 1


async def test_a_chain_that_is_away_is_waited_for(chain: LocalChain, funded: PrivateKey, tmp_path: Path) -> None:
    deployment = chain.deployment
    await chain.stop()
    client = ChainClient(str(deployment.rpc_url), deployment)
    sender = Sender(client, funded, tmp_path / "chain.db")
    await sender.start()
    calls = Calls(deployment)
    sends = [asyncio.create_task(sender.send(calls.transfer(TO, FOG), tag=f"later:{i}")) for i in range(3)]
    await asyncio.wait(sends, timeout=0.5)
    assert not any(task.done() for task in sends)
    assert [p.tag for p in sender.pending()] == ["later:0", "later:1", "later:2"]
    await chain.start()
    await asyncio.gather(*sends)
    assert await client.token_balance(TO) == 3 * FOG
    await sender.stop()
    await client.close()


async def test_what_an_older_snapshot_lost_is_sent_again(
    chain: LocalChain, sender: Sender, client: ChainClient
) -> None:
    calls = Calls(client.deployment)
    await sender.send(calls.transfer(TO, FOG), tag="kept")
    await chain.save()
    state = max((chain.folder / "state").glob("*.json.gz"))
    kept = state.read_bytes()
    await asyncio.gather(*(sender.send(calls.transfer(TO, FOG), tag=f"lost:{i}") for i in range(10)))
    assert await client.token_balance(TO) == 11 * FOG
    await chain.stop()
    for newer in (chain.folder / "state").iterdir():
        newer.unlink()
    state.write_bytes(kept)
    await chain.start()
    assert await client.token_balance(TO) < 11 * FOG

    async def whole() -> bool:
        return await client.token_balance(TO) == 11 * FOG and not sender.pending()

    await until(whole)
    results = [await sender.send(calls.transfer(TO, FOG), tag=f"lost:{i}") for i in range(10)]
    receipts = await client.rpc.strict(("eth_getTransactionReceipt", [result.hash]) for result in results)
    assert [receipt["status"] for receipt in receipts] == ["0x1"] * 10
    assert await client.token_balance(TO) == 11 * FOG


async def test_what_a_kill_of_anvil_lost_is_sent_again(chain: LocalChain, sender: Sender, client: ChainClient) -> None:
    """The kill comes in the middle: some are mined and saved, some mined, some on their way."""
    calls = Calls(client.deployment)
    sends = [asyncio.create_task(sender.send(calls.transfer(TO, FOG + i), tag=f"pay:{i}")) for i in range(40)]
    await asyncio.wait(sends, return_when=asyncio.FIRST_COMPLETED)
    late = [asyncio.create_task(sender.send(calls.transfer(TO, FOG + i), tag=f"pay:{i}")) for i in range(40, 60)]
    os.kill(chain.pid, signal.SIGKILL)  # type: ignore[arg-type]
    await asyncio.gather(*sends, *late)

    async def whole() -> bool:
        return await client.token_balance(TO) == sum(FOG + i for i in range(60)) and not sender.pending()

    await until(whole, 40)
    assert await used(client, sender.address) == 60


async def test_the_outbox_of_another_chain_is_refused(
    sender: Sender, client: ChainClient, funded: PrivateKey, tmp_path: Path
) -> None:
    """A local chain that was deleted and begun anew has the same id and the same addresses."""
    await sender.send(Calls(client.deployment).approve(1))
    await sender.stop()
    other = LocalChain(tmp_path / "other", block_time=0.1)
    await other.start()
    there = ChainClient(other.rpc_url, other.deployment)
    lost = Sender(there, funded, tmp_path / "chain.db")
    await lost.start()
    with pytest.raises(CorruptData, match="another chain"):
        await lost.send(Calls(there.deployment).approve(2))
    await lost.stop()
    await there.close()
    await other.stop()


async def test_the_outbox_of_another_wallet_is_refused(sender: Sender, client: ChainClient, tmp_path: Path) -> None:
    await sender.send(Calls(client.deployment).approve(1))
    await sender.stop()
    stranger = Sender(client, PrivateKey(), tmp_path / "chain.db")
    await stranger.start()
    with pytest.raises(CorruptData, match="another wallet"):
        await stranger.send(Calls(client.deployment).approve(1))
    await stranger.stop()


async def test_a_file_that_is_no_database_is_corrupt(client: ChainClient, tmp_path: Path) -> None:
    path = tmp_path / "broken.db"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(CorruptData):
        await Sender(client, PrivateKey(), path).start()
    assert path.read_bytes() == b"not a database" * 1000
