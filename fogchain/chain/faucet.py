"""Gives ETH and FOG on a local chain, where anvil lets everybody set balances and act for the treasury."""

from __future__ import annotations

import asyncio
import time

from fogchain.chain.calls import Calls
from fogchain.chain.deployment import Deployment
from fogchain.chain.rpc import Rpc, RpcError
from fogchain.errors import Conflict, PaymentRequired, Unavailable
from fogchain.units import format_fog

# anvil's published development account 0 (mnemonic "test test … junk"): everybody has its key, it guards nothing.
TREASURY = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
TREASURY_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")


async def fund(rpc: Rpc, deployment: Deployment, address: str, eth: int, fog: int, timeout: float = 60.0) -> None:
    """Adds `eth` wei and `fog` base units to `address`, and returns when they are there.

    Raises Conflict on a chain that is not anvil's, PaymentRequired when the treasury is empty, Unavailable.
    """
    version = await rpc.call("web3_clientVersion")
    if not str(version).startswith("anvil"):
        raise Conflict("this chain has no faucet", hint="ask its operator, or use a faucet of that network")
    if eth:
        balance = int(await rpc.call("eth_getBalance", address, "latest"), 16)
        await rpc.call("anvil_setBalance", address, hex(balance + eth))
    if not fog:
        return
    call = Calls(deployment).transfer(address, fog)
    order = {"from": TREASURY, "to": call.to, "data": "0x" + call.data.hex(), "gas": hex(call.gas)}
    deadline = time.monotonic() + timeout
    transaction: str | None = None
    while time.monotonic() < deadline:
        try:
            if transaction is None:
                transaction = await rpc.call("eth_sendTransaction", order)
            receipt, known = await rpc.strict(
                [("eth_getTransactionReceipt", [transaction]), ("eth_getTransactionByHash", [transaction])]
            )
        except RpcError as error:
            raise Conflict(f"the treasury's account can't be used on this chain: {error.reason}") from error
        if receipt is not None:
            if receipt["status"] != "0x1":
                raise PaymentRequired(f"the treasury has not got {format_fog(fog)}", hint="ask for less")
            return
        if known is None:
            transaction = None  # the chain came back from an older state
        await asyncio.sleep(0.05)
    raise Unavailable("the local chain mines no blocks", hint="look at it with `fogchain chain status`")
