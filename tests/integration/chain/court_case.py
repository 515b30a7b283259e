"""A cheat before the court of a real local chain: accounts that anvil lets anybody act for, and one whole case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak
from on_chain import ETH, FOG, until

from fogchain.chain.calls import Call, Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.contracts import encode_call
from fogchain.chain.local import LocalChain

SALT = b"\x5a" * 32
TRUE, FALSE = bytes(keccak(b"the result")), bytes(keccak(b"something else"))
FUEL = 4 * 10**9


@dataclass(frozen=True)
class Stage:
    """A chain and what can be done on it in anybody's name."""

    chain: LocalChain
    client: ChainClient

    async def act(self, account: str, *calls: Call) -> None:
        """One after the other; each must succeed."""
        for call in calls:
            order = {"from": account, "to": call.to, "data": "0x" + call.data.hex(), "gas": hex(call.gas)}
            transaction = await self.client.rpc.call("eth_sendTransaction", order)
            receipt: Any = await until(lambda: self.client.rpc.call("eth_getTransactionReceipt", transaction))  # noqa: B023
            assert receipt["status"] == "0x1", call.what

    async def pass_time(self, seconds: int) -> None:
        """Block time, in the next block."""
        then = (await self.client.head()).timestamp + seconds
        await self.client.rpc.call("evm_increaseTime", seconds)

        async def passed() -> bool:
            return (await self.client.head()).timestamp >= then

        await until(passed)

    async def pass_blocks(self, count: int) -> None:
        last = (await self.client.head()).number + count

        async def passed() -> bool:
            return (await self.client.head()).number >= last

        await until(passed)

    async def person(self, digit: str, *, bond: int = 0, seats: int = 0) -> str:
        """An account with 10 ETH and 1,000 FOG beyond its bond."""
        return await self.bring("0x" + digit * 40, bond=bond, seats=seats)

    async def bring(self, address: str, *, bond: int = 0, seats: int = 0) -> str:
        await self.client.rpc.call("anvil_impersonateAccount", address)
        await self.chain.fund(address, 10 * ETH, bond + 1000 * FOG)
        calls = Calls(self.client.deployment)
        if bond:
            await self.act(address, calls.approve(bond, self.client.deployment.stake), calls.bond(bond))
        if seats:
            await self.act(address, self.call("court", "enlist", seats))
        return address

    def call(self, contract: str, function: str, *values: Any) -> Call:
        return encode_call(self.client.deployment, contract, function, values)


@dataclass(frozen=True)
class Convicted:
    job: bytes
    buyer: str
    provider: str
    auditors: tuple[str, ...]


async def convict_a_cheat(stage: Stage, *, silent: int = 0) -> Convicted:
    """A job of 10 FOG whose delivery is false: challenged, judged by three auditors, slashed. With `silent` auditors
    that reveal nothing a second committee, of five, is drawn."""
    buyer, provider = await stage.person("b"), await stage.person("c", bond=1000 * FOG)
    auditors = [
        await stage.person(digit, bond=1000 * FOG, seats=1) for digit in "1234567"[: 5 + silent if silent else 3]
    ]
    calls = Calls(stage.client.deployment)
    await stage.act(buyer, calls.approve(100 * FOG), calls.deposit(100 * FOG))
    now = (await stage.client.head()).timestamp
    terms = (buyer, provider, 10 * FOG, 0, 0, now + 3600, now + 7200, now + 10_800, keccak(b"work"))
    job = bytes(await stage.client.read("market", "hashTerms", terms))
    await stage.act(buyer, stage.call("market", "open", terms, b""))
    await stage.act(provider, stage.call("market", "deliver", terms, FALSE, FUEL))
    at = (await stage.client.read("market", "job", job))[3]
    delivery = (FALSE, FUEL, at)
    await stage.act(buyer, stage.call("market", "challenge", terms, delivery))
    await _judge(stage, job, auditors, silent)
    await stage.act(buyer, stage.call("court", "close", terms, delivery))
    if silent:
        await _judge(stage, job, auditors, 0)
        await stage.act(buyer, stage.call("court", "close", terms, delivery))
    return Convicted(job, buyer, provider, tuple(auditors))


async def _judge(stage: Stage, job: bytes, auditors: Sequence[str], silent: int) -> None:
    """Draws the committee and lets its members, but for the first `silent`, say the truth."""
    while True:
        await stage.pass_blocks(2)  # the seed block has to be over
        await stage.act(auditors[0], stage.call("court", "draw", job))
        case = await stage.client.read("court", "caseOf", job)
        if case[3]:  # else no committee was found, and another block draws
            break
    members = await stage.client.read("court", "committee", job, case[6])
    speaking = list(members)[silent:]
    for member in speaking:
        commitment = await stage.client.read("court", "hashCommitment", job, member, TRUE, FUEL, SALT)
        await stage.act(member, stage.call("court", "commit", job, bytes(commitment)))
    await stage.pass_time(600)
    for member in speaking:
        await stage.act(member, stage.call("court", "reveal", job, TRUE, FUEL, SALT))
    if silent:
        await stage.pass_time(600)
