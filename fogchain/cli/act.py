"""Transactions by command: by the node that runs on the data folder, else signed here with the folder's wallet.

The folder's lock decides which: a wallet's nonces belong to one process.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from fogchain.api.rest import path_of
from fogchain.chain.calls import Call, Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.deployment import Deployment
from fogchain.chain.sender import Sender
from fogchain.cli import output
from fogchain.cli.link import rest_to, wallet_password
from fogchain.cli.once import key_or_new, post_once, told_if_interrupted
from fogchain.config import load_config
from fogchain.errors import Conflict, Unavailable
from fogchain.folder import DataFolder
from fogchain.folderlock import take
from fogchain.wallet import keystore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sent:
    what: str
    hash: str
    block: int

    @property
    def view(self) -> dict[str, str | int]:
        return {"what": self.what, "hash": self.hash, "block": self.block}


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command needs to look at the chain and to write transactions."""

    client: ChainClient
    calls: Calls
    address: str  # the folder's wallet
    again: bool = False  # the command was given before: what it wants may be done, and nothing is to be expected


def look(folder: DataFolder, question: Callable[[Desk], Awaitable[T]]) -> T:
    """What the chain says. Raises NotFound without a wallet, Unavailable."""

    async def ask() -> T:
        async with _desk(folder) as desk:
            return await question(desk)

    return asyncio.run(ask())


def act(folder: DataFolder, plan: Callable[[Desk], Awaitable[Sequence[Call]]], key: str | None = None) -> list[Sent]:
    """Sends what `plan` asks for, one after the other, each once it is mined. Raises Reverted when one is refused.

    With the `key` of an earlier command, what that one sent is not sent again.
    """
    known = key_or_new(key)

    async def do() -> tuple[Sequence[Call], list[Sent] | None]:
        async with _desk(folder) as desk:
            calls = await plan(replace(desk, again=key is not None))
            try:
                lock = take(folder)
            except Conflict:
                return calls, None
            with lock:
                return calls, await _by_hand(folder, desk.client, calls, known)

    with told_if_interrupted(known):
        calls, sent = asyncio.run(do())
    return _by_node(folder, calls, known) if sent is None else sent


def report(sent: Sequence[Sent], as_json: bool, done: str) -> None:
    """`done` says in a line what now is."""
    if as_json:
        output.say_json([one.view for one in sent])
        return
    output.say(done)
    for one in sent:
        output.note(output.dim(f"{one.what}: {one.hash}, block {one.block}"))


@asynccontextmanager
async def _desk(folder: DataFolder) -> AsyncIterator[Desk]:
    address = keystore.address_in(folder.keystore)
    config = load_config(folder)
    client = ChainClient(config.chain.rpc_url, Deployment.load(config.chain.deployment))
    try:
        await client.connect()
        yield Desk(client, Calls(client.deployment), address)
    finally:
        await client.close()


def _by_node(folder: DataFolder, calls: Sequence[Call], key: str) -> list[Sent]:
    try:
        rest_to(folder).json("GET", path_of("node"))
    except Unavailable as error:
        raise Unavailable(
            "another command is using this wallet, or its node is starting or stopping", hint="try again in a moment"
        ) from error
    sent = []
    for call in calls:
        request = {
            "to": call.to,
            "data": "0x" + call.data.hex(),
            "gas": call.gas,
            "value": call.value,
            "what": call.what,
        }
        view = post_once(folder, path_of("wallet", "calls"), json.dumps(request).encode(), _key_of(call, key))
        sent.append(Sent(call.what, view["hash"], view["block"]))
    return sent


async def _by_hand(folder: DataFolder, client: ChainClient, calls: Sequence[Call], key: str) -> list[Sent]:
    sender = Sender(client, keystore.load(folder.keystore, wallet_password(folder)).key, folder.chain_database)
    await sender.start()
    try:
        sent = []
        for call in calls:
            result = await sender.send(call, tag=f"by-hand:{_key_of(call, key)}")  # as a node names it
            sent.append(Sent(call.what, result.hash, result.block))
        return sent
    finally:
        await sender.stop()


def _key_of(call: Call, key: str) -> str:
    """One command may send several: the approval, the bond."""
    return f"{key} {call.what}"
