"""Whether chain, buyer and providers agree on who owes what, to the base unit.

Everything is asked of the parties themselves: the chain by its RPC, the nodes by their API.
"""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fogchain.api.client import AsyncClient
from fogchain.api.models import Page, ReceiptView, SessionView
from fogchain.api.statement import StatementLine
from fogchain.chain.client import ChainClient
from fogchain.localnet import LocalNetwork

T = TypeVar("T")


async def disagreements(network: LocalNetwork) -> list[str]:
    """What does not agree between the books of a network whose jobs are all paid, in words; empty when all is well.
    Raises Unavailable when one of the parties does not answer."""
    chain = ChainClient(network.rpc_url, network.deployment)
    await chain.connect()
    try:
        buyer = Books(network.buyer, "buyer")
        providers = {name: Books(network.client(name), name) for name in network.names}
        await asyncio.gather(*(books.read() for books in (buyer, *providers.values())))
        in_sessions = {one.job for one in buyer.sessions.values()}
        on_account = [job.id for job in await all_of(network.buyer.jobs) if job.id not in in_sessions]
        await asyncio.gather(*(books.read_jobs(on_account) for books in (buyer, *providers.values())))
        penalties: Counter[str] = Counter()
        for job in on_account:
            penalties.update({share.address: share.penalty for share in (await network.buyer.job(job)).providers})
        found = []
        for books in providers.values():
            found += _sessions(buyer, books) + _receipts(buyer, books)
            found += _batches(buyer, books, set(on_account), penalties[books.address])
        for books in (buyer, *providers.values()):
            found += await _wallet(chain, books) + await _on_chain(chain, books)
        return found
    finally:
        await chain.close()


async def supply(network: LocalNetwork) -> int:
    """FOG of all nodes, wallet and market together, and the fees kept back from them: what no trade changes."""
    chain = ChainClient(network.rpc_url, network.deployment)
    await chain.connect()
    try:
        whole = 0
        for name in ("buyer", *network.names):
            address = (await network.client(name).status()).address
            whole += await chain.token_balance(address) + await chain.free_balance(address)
            whole += await chain.locked_balance(address) + await chain.withheld(address)
        return whole
    finally:
        await chain.close()


class Books:
    """One node's sessions, receipts and statement."""

    def __init__(self, api: AsyncClient, name: str) -> None:
        self.name = name
        self.address = ""
        self.sessions: dict[str, SessionView] = {}
        self.receipts: dict[str, ReceiptView] = {}
        self._api = api

    async def read(self) -> None:
        self.address = (await self._api.status()).address
        self.wallet = await self._api.wallet()
        self.sessions = {one.id: one for one in await all_of(self._api.sessions)}
        self.statement = await self._api.statement(limit=1)
        self.lines = await all_of(self._api.statement)
        await self.read_jobs(sorted({one.job for one in self.sessions.values() if one.job is not None}))

    async def read_jobs(self, jobs: list[str]) -> None:
        for job in jobs:
            ask = functools.partial(self._api.receipts, job=job)
            self.receipts |= {one.order: one for one in await all_of(ask)}

    def batches_with(self, other: str) -> list[StatementLine]:
        return [line for line in self.lines if line.kind == "batch payment" and line.counterparty == other]


def _sessions(buyer: Books, provider: Books) -> list[str]:
    found = []
    for id, theirs in provider.sessions.items():
        ours = buyer.sessions.get(id)
        if ours is None:
            found.append(f"{provider.name} has a session {id} that the buyer does not know")
            continue
        for field in ("cap", "claimed", "fee", "net"):
            if getattr(ours, field) != getattr(theirs, field):
                found.append(
                    f"session {id}: {field} is {getattr(ours, field)} for the buyer, "
                    f"{getattr(theirs, field)} for {provider.name}"
                )
        if ours.claimed != ours.signed:
            found.append(f"session {id}: the buyer signed {ours.signed}, {provider.name} was paid {ours.claimed}")
    return found


def _receipts(buyer: Books, provider: Books) -> list[str]:
    found = []
    owed: Counter[str] = Counter()
    for order, ours in buyer.receipts.items():
        if ours.counterparty != provider.address or ours.state != "accepted":
            continue
        owed[ours.job] += ours.cost
        theirs = provider.receipts.get(order)
        if theirs is None:
            found.append(f"the buyer accepted order {order}, which {provider.name} never delivered")
            continue
        for field in ("job", "task", "result", "fuel", "price", "cost", "exit"):
            if getattr(ours, field) != getattr(theirs, field):
                found.append(
                    f"order {order}: {field} is {getattr(ours, field)} for the buyer, "
                    f"{getattr(theirs, field)} for {provider.name} ({theirs.state}: {theirs.reason_text})"
                )
    for session in provider.sessions.values():
        if session.job is not None and session.claimed + session.penalty != owed[session.job]:
            found.append(
                f"job {session.job}: the buyer accepted work for {owed[session.job]} of {provider.name}, "
                f"which was paid {session.claimed} after penalties of {session.penalty}"
            )
    return found


def _batches(buyer: Books, provider: Books, jobs: set[str], penalties: int) -> list[str]:
    """Jobs without sessions: what was accepted, less penalties, is what the statements of both say was paid."""
    mine = [one for one in buyer.receipts.values() if one.job in jobs and one.counterparty == provider.address]
    owed = sum(one.cost for one in mine if one.state == "accepted") - penalties
    sides = (
        sum(line.went for line in buyer.batches_with(provider.address)),
        sum(line.came + line.fee for line in provider.batches_with(buyer.address)),
    )
    if sides != (owed, owed):
        return [
            f"the buyer accepted work on account for {owed} of {provider.name}; by the statements {sides} were paid"
        ]
    return []


async def _wallet(chain: ChainClient, books: Books) -> list[str]:
    said = books.wallet
    real = (
        await chain.token_balance(books.address),
        await chain.free_balance(books.address),
        await chain.locked_balance(books.address),
    )
    closing = books.statement.closing
    if real != (closing.wallet, closing.free, closing.locked):
        return [f"the statement of {books.name} ends with {closing}, the chain has {real}"]
    if real != (said.token, said.free, said.locked):
        return [f"{books.name} shows {(said.token, said.free, said.locked)}, the chain has {real}"]
    return []


async def _on_chain(chain: ChainClient, books: Books) -> list[str]:
    found = []
    for id, session in books.sessions.items():
        state = await chain.session(bytes.fromhex(id.removeprefix("0x")))
        if state.open != (session.state != "closed"):
            found.append(f"session {id} is {session.state} for {books.name}; on the chain it is not")
        elif state.claimed != session.claimed:
            found.append(f"session {id}: {books.name} shows {session.claimed} paid, the chain has {state.claimed}")
    return found


async def all_of(ask: Callable[..., Coroutine[Any, Any, Page[T]]]) -> list[T]:
    """All items of a paged answer."""
    page = await ask(limit=100)
    items = list(page.items)
    while page.next_cursor is not None:
        page = await ask(limit=100, cursor=page.next_cursor)
        items += page.items
    return items
