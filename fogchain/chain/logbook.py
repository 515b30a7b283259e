"""The contracts' logs that pass one filter, kept: only what is new is asked for again.

For what is read seldom and is little: proposals, votes, prices. Balances, sessions, jobs and cases are in the index.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fogchain.chain.abi import EventType, artifact
from fogchain.chain.client import ChainClient, Head
from fogchain.chain.rpc import RpcError

SETTLED = 64  # blocks that may still be replaced; what lies deeper is asked for once


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. `values` by the parameter's name in snake case; `time` in Unix seconds of block time."""

    name: str
    values: Mapping[str, Any]
    address: str
    block: int
    place: int  # in its block
    time: int
    transaction: str

    def __getitem__(self, key: str) -> Any:
        return self.values[key]


class LogBook:
    """The events `names` of one contract, at `addresses`, from the deployment on."""

    def __init__(self, client: ChainClient, contract: str, names: Sequence[str], addresses: Sequence[str]) -> None:
        events = artifact(contract).events
        self._client = client
        self._events: dict[str, EventType] = {"0x" + events[name].topic.hex(): events[name] for name in names}
        self._addresses = list(addresses)
        self._entries: list[Entry] = []
        self._settled: tuple[int, str] | None = None  # number and hash of the newest block that is not asked for again
        self._seen = ""  # hash of the head at the last reading
        self._turn = asyncio.Lock()

    async def read(self) -> list[Entry]:
        """All of them, oldest first. Raises Unavailable, RpcError."""
        async with self._turn:
            head = await self._client.head()
            if head.hash != self._seen:
                await self._extend(head)
                self._seen = head.hash
            return list(self._entries)

    async def _extend(self, head: Head) -> None:
        start = self._client.deployment.block
        if self._settled is not None:
            number, hash = self._settled
            block = await self._client.rpc.call("eth_getBlockByNumber", hex(number), False)
            if block is None or block["hash"] != hash:
                self._settled = None  # the chain went further back than chains do
        first = start if self._settled is None else self._settled[0] + 1
        new = await self._ask(first, head.number, [list(self._events)]) if first <= head.number else []
        self._entries = [entry for entry in self._entries if entry.block < first] + new
        if head.number - SETTLED >= first:
            block = await self._client.rpc.call("eth_getBlockByNumber", hex(head.number - SETTLED), False)
            if block is not None:
                self._settled = head.number - SETTLED, block["hash"]

    async def _ask(self, first: int, last: int, topics: list[Any]) -> list[Entry]:
        """In halves where the node refuses the whole."""
        try:
            raw = await self._client.logs(first, last, {"address": self._addresses, "topics": topics})
        except RpcError:
            if first == last:
                raise
            middle = (first + last) // 2
            return [*await self._ask(first, middle, topics), *await self._ask(middle + 1, last, topics)]
        times = await self._times(raw)
        return [self._entry(log, times) for log in raw]

    def _entry(self, log: dict[str, Any], times: Mapping[str, int]) -> Entry:
        event = self._events[log["topics"][0]]
        return Entry(
            event.name,
            event.decode(log["topics"], log["data"]),
            log["address"].lower(),
            int(log["blockNumber"], 16),
            int(log["logIndex"], 16),
            times[log["blockNumber"]],
            log["transactionHash"],
        )

    async def _times(self, logs: Sequence[dict[str, Any]]) -> dict[str, int]:
        """Of their blocks; most nodes tell with the log."""
        known = {log["blockNumber"]: int(log["blockTimestamp"], 16) for log in logs if log.get("blockTimestamp")}
        unknown = sorted({log["blockNumber"] for log in logs} - known.keys())
        blocks = await self._client.rpc.strict(("eth_getBlockByNumber", [number, False]) for number in unknown)
        return known | {number: int(block["timestamp"], 16) for number, block in zip(unknown, blocks, strict=True)}
