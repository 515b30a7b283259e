"""`fogchain wallet send`: through the running node, which owns the wallet's nonces; without one, by itself.

Both keep the transfer in the same outbox on disk under a key, so it is sent once, whatever dies meanwhile.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fogchain.api.rest import path_of
from fogchain.cli import output
from fogchain.cli.link import rest_to, wallet_password
from fogchain.cli.once import PATIENCE, on_its_way, post_once
from fogchain.errors import Unavailable
from fogchain.folder import DataFolder
from fogchain.units import Coin

if TYPE_CHECKING:
    from fogchain.config import NodeConfig


def send(folder: DataFolder, to: str, amount: Coin, key: str) -> dict[str, Any]:
    """A SentView's fields. Raises what the node refuses with; Unavailable when it is still on its way at the end."""
    try:
        rest_to(folder).json("GET", path_of("node"))
    except Unavailable as error:
        if folder.api_file.exists():
            output.note(output.dim(f"{error.message}: sending without it"))
        return _alone(folder, to, amount, key)
    body = json.dumps({"to": to, "amount": str(amount)}).encode()
    return dict(post_once(folder, path_of("wallet", "send"), body, key))


def _alone(folder: DataFolder, to: str, amount: Coin, key: str) -> dict[str, Any]:
    import asyncio
    import logging

    import structlog

    from fogchain.config import load_config
    from fogchain.folderlock import take

    config = load_config(folder)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with take(folder):  # a node that starts meanwhile would use the same nonces
        return asyncio.run(_transfer(folder, config, to, amount, key))


async def _transfer(folder: DataFolder, config: NodeConfig, to: str, amount: Coin, key: str) -> dict[str, Any]:
    import asyncio

    from fogchain.chain.client import ChainClient
    from fogchain.chain.deployment import Deployment
    from fogchain.chain.sender import Sender
    from fogchain.chain.transfer import transfer
    from fogchain.units import format_eth
    from fogchain.wallet import keystore

    client = ChainClient(config.chain.rpc_url, Deployment.load(config.chain.deployment))
    wallet = keystore.load(folder.keystore, wallet_password(folder))
    sender = Sender(client, wallet.key, folder.chain_database)
    try:
        await client.connect()
        await sender.start()
        try:
            async with asyncio.timeout(PATIENCE):
                result = await transfer(client, sender, to, amount, key)
        except TimeoutError as error:
            raise on_its_way(Unavailable(f"not in a block after {PATIENCE:.0f} s"), key) from error
    finally:
        await sender.stop()
        await client.close()
    fee = format_eth(result.fee)
    return {"to": to, "amount": str(amount), "hash": result.hash, "block": result.block, "fee": fee}
