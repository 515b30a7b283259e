"""What the market's common transactions cost, read from receipts on a real local chain.

Whole transactions: their 21,000, their calldata, what they do. Accounts have been used before, as those of anyone who
comes back have; `gas_stake_first` alone is a newcomer's. The job of `gas_open_and_settle_signed` has a fixed price,
paid in full, and no breach; with a metered price and a breach it costs more, which `say` tells.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coincurve import PrivateKey

from fogchain.bench.report import Metric, Missing
from fogchain.chain.calls import Call, Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.contracts import encode_call
from fogchain.chain.dao import Dao, Support, draft
from fogchain.chain.local import LocalChain
from fogchain.chain.sender import Sender
from fogchain.units import WEI
from fogchain.wallet.eip712 import sign_digest

SUITE = "market"
RUNS = 5
VOTERS = 3
_NOBODY = "0x" + "0" * 40
_RESULT = b"\x01" * 32
_FUEL = 4 * 10**9

Say = Callable[[str], None]


async def run(say: Say = lambda _: None) -> tuple[list[Metric], list[Missing]]:
    """Takes about a minute. Raises Unavailable without anvil."""
    with tempfile.TemporaryDirectory(prefix="fogchain-bench-") as name:
        chain = LocalChain(Path(name) / "chain", block_time=0.1)
        deployment = await chain.start()
        client = ChainClient(chain.rpc_url, deployment)
        bench = _Bench(chain, client, Path(name))
        try:
            await bench.begin()
            figures = {
                "gas_open_and_settle_signed": await bench.single_jobs(),
                "gas_deliver": await bench.deliveries(),
                "gas_settle_quorum3": await bench.quorums(),
                "gas_claim": await bench.claims(),
                "gas_batch100_per_job": await bench.batches(100),
                "gas_batch1000_per_job": await bench.batches(1000),
                "gas_stake_first": await bench.first_stakes(),
                **await bench.votes(),
            }
            dear = await bench.dear_jobs()
            say(f"a metered job with a breach, opened, settled and refunded: {dear} gas")
        finally:
            await bench.end()
            await client.close()
            await chain.stop()
    return [Metric.of(SUITE, name, values) for name, values in figures.items()], []


class _Account:
    def __init__(self, client: ChainClient, folder: Path, name: str) -> None:
        self.key = PrivateKey()
        self.sender = Sender(client, self.key, folder / f"{name}.db")
        self.address = self.sender.address

    async def send(self, *calls: Call) -> list[int]:
        """The gas that each of them used."""
        return [result.gas_used for result in await asyncio.gather(*map(self.sender.send, calls))]

    def sign(self, digest: bytes) -> bytes:
        return sign_digest(self.key, digest)


class _Bench:
    def __init__(self, chain: LocalChain, client: ChainClient, folder: Path) -> None:
        self.chain, self.client, self.folder = chain, client, folder
        self.calls = Calls(client.deployment)
        self.accounts: list[_Account] = []
        self.salt = 0

    async def begin(self) -> None:
        self.buyer, self.provider = await self.account("buyer"), await self.account("provider")
        others = [await self.account(f"replica-{number}") for number in range(3)]
        self.replicas = sorted(others, key=lambda account: int(account.address, 16))
        deployment = self.client.deployment
        await self.buyer.send(self.calls.approve(10_000 * WEI), self.calls.deposit(10_000 * WEI))
        await self.provider.send(
            self.calls.approve(5_000 * WEI, deployment.stake),
            self.calls.bond(5_000 * WEI),
        )
        # Nobody's balance slot is new: each was paid once.
        payees = [account.address for account in (self.provider, *self.replicas)]
        items = b"".join(_item(place, 1_000_000 + place, WEI) for place in range(len(payees)))
        await self.buyer.send(self.call("settleBatch", payees, items))

    async def end(self) -> None:
        await asyncio.gather(*(account.sender.stop() for account in self.accounts))

    async def account(self, name: str, fog: int = 20_000 * WEI) -> _Account:
        account = _Account(self.client, self.folder, name)
        await self.chain.fund(account.address, 100 * WEI, fog)
        await account.sender.start()
        self.accounts.append(account)
        return account

    def call(self, function: str, *values: Any, contract: str = "market") -> Call:
        return encode_call(self.client.deployment, contract, function, values)

    async def terms(self, **changed: int | bytes) -> tuple[Any, ...]:
        self.salt += 1
        now = (await self.client.head()).timestamp
        fields: dict[str, Any] = {
            "buyer": self.buyer.address,
            "provider": self.provider.address,
            "price": 3 * WEI,
            "rate": 0,
            "breach": 0,
            "inputBy": now + 600,
            "due": now + 3600,
            "lateBy": now + 7200,
            "work": self.salt.to_bytes(32, "big"),
        }
        return tuple({**fields, **changed}.values())

    async def opened(self, terms: tuple[Any, ...]) -> tuple[bytes, int]:
        """The job and what its opening cost."""
        job = bytes(await self.client.read("market", "hashTerms", terms))
        word = self.provider.sign(job) if terms[4] else b""
        return job, (await self.buyer.send(self.call("open", terms, word)))[0]

    async def single_jobs(self) -> list[float]:
        return [float(await self._single(await self.terms(), 3 * WEI)) for _ in range(RUNS)]

    async def dear_jobs(self) -> int:
        return await self._single(await self.terms(rate=WEI // 2, breach=WEI // 2), 2 * WEI)

    async def _single(self, terms: tuple[Any, ...], amount: int) -> int:
        job, opening = await self.opened(terms)
        digest = bytes(await self.client.read("market", "hashAcceptance", job, amount))
        word = self.buyer.sign(digest)
        return opening + (await self.provider.send(self.call("settleSigned", terms, amount, word)))[0]

    async def deliveries(self) -> list[float]:
        costs = []
        for _ in range(RUNS):
            terms = await self.terms()
            await self.opened(terms)
            costs += await self.provider.send(self.call("deliver", terms, _RESULT, _FUEL))
        return list(map(float, costs))

    async def quorums(self) -> list[float]:
        costs = []
        for number in range(RUNS):
            work = (_RESULT, 3, [replica.address for replica in self.replicas], number)
            terms = await self.terms(work=bytes(await self.client.read("market", "hashWork", work)))
            job, _ = await self.opened(terms)
            digest = bytes(await self.client.read("market", "hashReplica", job, _RESULT, _FUEL))
            words = [replica.sign(digest) for replica in self.replicas]
            costs += await self.provider.send(self.call("settleQuorum", terms, work, _RESULT, _FUEL, words))
        return list(map(float, costs))

    async def claims(self) -> list[float]:
        session = bytes(
            await self.client.read("market", "sessionId", self.buyer.address, self.provider.address, _RESULT)
        )
        expiry = (await self.client.head()).timestamp + 86_400
        await self.buyer.send(self.call("openSession", self.provider.address, 100 * WEI, expiry, _RESULT))
        costs = []
        for number in range(RUNS + 1):
            amount = (number + 1) * WEI
            digest = bytes(await self.client.read("market", "hashVoucher", session, amount))
            costs += await self.provider.send(self.call("claim", session, amount, self.buyer.sign(digest)))
        return list(map(float, costs[1:]))

    async def batches(self, jobs: int) -> list[float]:
        payees = [replica.address for replica in self.replicas]
        costs = []
        for _ in range(3):
            first, self.salt = self.salt * 4096, self.salt + 1
            amounts = (WEI // 1000 + 123_456_789 * number for number in range(jobs))
            items = b"".join(_item(n % len(payees), first + n, amount) for n, amount in enumerate(amounts))
            costs += await self.buyer.send(self.call("settleBatch", payees, items))
        return [cost / jobs for cost in costs]

    async def first_stakes(self) -> list[float]:
        stake = self.client.deployment.stake
        costs = []
        for number in range(RUNS):
            newcomer = await self.account(f"newcomer-{number}")
            await newcomer.send(self.calls.approve(2**256 - 1, stake))
            costs += await newcomer.send(self.calls.bond(100 * WEI))
        return list(map(float, costs))

    async def votes(self) -> dict[str, list[float]]:
        """Proposing and voting, each voter on every proposal."""
        dao, stake = Dao(self.client), self.client.deployment.stake
        voters = []
        for number in range(VOTERS):
            voter = await self.account(f"voter-{number}", 3_000_000 * WEI)
            await voter.send(
                self.calls.approve(2**256 - 1, stake),
                self.calls.bond(3_000_000 * WEI),
                self.calls.delegate(voter.address),
            )
            voters.append(voter)
        await self._later(1200)  # the total of all bonds is remembered by periods of ten minutes
        proposing, voting = [], []
        for number in range(RUNS):
            plan = draft([self.call("setPricing", _NOBODY)], f"Run {number}")
            proposal = await dao.id_of(plan)
            proposing += await voters[0].send(dao.propose(plan))
            await self._later(int(await self.client.read("governor", "votingDelay")) + 1)
            for voter in voters:
                voting += await voter.send(dao.vote(proposal, Support.FOR))
        return {"gas_propose": list(map(float, proposing)), "gas_vote": list(map(float, voting))}

    async def _later(self, seconds: int) -> None:
        await self.client.rpc.call("evm_increaseTime", hex(seconds))
        await self.client.rpc.call("evm_mine")


def _item(payee: int, number: int, amount: int) -> bytes:
    return payee.to_bytes(2, "big") + number.to_bytes(4, "big") + amount.to_bytes(10, "big")
