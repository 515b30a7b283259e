"""What the tests on a real chain share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from coincurve import PrivateKey

from fogchain.chain.calls import Call
from fogchain.chain.client import ChainClient
from fogchain.chain.index import EventIndex
from fogchain.chain.local import LocalChain
from fogchain.chain.records import NOBODY
from fogchain.chain.sender import Sender, TxResult

FOG = 10**18
ETH = 10**18


async def until(condition: Callable[[], Awaitable[object]], timeout: float = 20.0) -> object:
    """The first true value of `condition`, asked again and again."""
    deadline = time.monotonic() + timeout
    while True:
        value = await condition()
        if value:
            return value
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


@dataclass
class Party:
    """A wallet and what sends its transactions."""

    key: PrivateKey
    sender: Sender

    @property
    def address(self) -> str:
        return self.sender.address

    async def send(self, call: Call) -> TxResult:
        """Its gas limit must be enough with some to spare."""
        mined = await self.sender.send(call)
        assert mined.gas_used < 0.95 * call.gas, f"{call.what}: {mined.gas_used} of {call.gas} gas"
        return mined


async def party(chain: LocalChain, client: ChainClient, database: Path, fog: int = 100 * FOG) -> Party:
    """Started, with 1 ETH and `fog`."""
    key = PrivateKey()
    sender = Sender(client, key, database)
    await chain.fund(sender.address, ETH, fog)
    await sender.start()
    return Party(key, sender)


@asynccontextmanager
async def following(client: ChainClient, database: Path) -> AsyncIterator[EventIndex]:
    index = EventIndex(client, database)
    task = asyncio.create_task(index.run())
    try:
        yield index
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        index.close()


async def later(client: ChainClient, seconds: int) -> None:
    """Moves the chain's clock."""
    await client.rpc.call("evm_increaseTime", seconds)
    await client.rpc.call("evm_mine")


async def agrees(index: EventIndex, client: ChainClient, parties: list[str], sessions: list[bytes]) -> bool:
    """Whether the index shows what the contracts say."""
    for address in parties:
        record, bond, auditor = index.account(address), await client.bond(address), await client.auditor(address)
        said = (
            await client.token_balance(address),
            await client.free_balance(address),
            await client.locked_balance(address),
            await client.withheld(address),
            await client.unbonding(address),
            (bond.bonded, bond.slashable, bond.votes, bond.delegate),
            (auditor.seats, auditor.earned),
        )
        shown = (
            record.token,
            record.free,
            record.locked,
            record.withheld,
            list(record.queue),
            (record.bonded, record.bonded + record.unbonding, record.votes, record.delegate or NOBODY),
            (record.seats, record.audit_pay),
        )
        if shown != said:
            return False
    for session in sessions:
        there, found = await client.session(session), index.session(session)
        if there.buyer == NOBODY:
            if found is not None:
                return False
        elif found is None or (found.cap, found.claimed, found.open, found.expiry, found.fee_bps) != (
            there.cap, there.claimed, there.open, there.expiry, there.fee_bps,
        ):  # fmt: skip
            return False
    return True
