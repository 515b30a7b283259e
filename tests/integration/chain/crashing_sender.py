"""Run as a program: sends 60 transfers, each under its tag, and prints each result. Killed in between by the test."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from coincurve import PrivateKey

from fogchain.chain.calls import Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.deployment import Deployment
from fogchain.chain.sender import Sender

COUNT = 60


def receiver(number: int) -> str:
    return f"0x{0xC0FFEE00 + number:040x}"


async def main(deployment_file: str, database: str, key: str) -> None:
    deployment = Deployment.load(Path(deployment_file))
    assert deployment.rpc_url is not None
    client = ChainClient(deployment.rpc_url, deployment)
    sender = Sender(client, PrivateKey(bytes.fromhex(key)), Path(database))
    await sender.start()

    async def send(number: int) -> None:
        # In waves, so that a kill meets every stage: asked for, signed, broadcast, mined.
        await asyncio.sleep(number // 10 * 0.05)
        call = Calls(deployment).transfer(receiver(number), 1000 + number)
        result = await sender.send(call, tag=f"pay:{number}")
        print(number, result.hash, flush=True)

    await asyncio.gather(*(send(number) for number in range(COUNT)))
    await sender.stop()
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
