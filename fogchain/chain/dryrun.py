"""What the chain says to a call that is only tried: before it is sent, and again when it was mined and failed."""

from __future__ import annotations

from typing import Any

from fogchain.chain.calls import Call
from fogchain.chain.outbox import Failure, Mined
from fogchain.chain.reverts import explain
from fogchain.chain.rpc import Rpc, RpcError
from fogchain.chain.transaction import Fees
from fogchain.errors import FogchainError, PaymentRequired, Unavailable
from fogchain.units import format_eth


def question(address: str, call: Call) -> dict[str, str]:
    """The first parameter of `eth_call`."""
    return {
        "from": address,
        "to": call.to,
        "data": "0x" + call.data.hex(),
        "gas": hex(call.gas),
        "value": hex(call.value),
    }


def refusal(address: str, call: Call, answer: Any, balance: int, fees: Fees) -> FogchainError | None:
    """Why `call` can't be sent, from the answer to the question and the wallet's balance in wei; None when it can.

    Raises Unavailable when the chain's node could not try it.
    """
    if isinstance(answer, RpcError):
        words = answer.reason.lower()
        if answer.data or answer.number == 3 or "revert" in words or "out of gas" in words:
            return explain(answer.data, call.what, answer.reason)
        if "insufficient funds" not in words:
            raise Unavailable(f"the chain's node can't try {call.what}: {answer.reason}")
    needed = call.gas * fees.most + call.value
    if balance < needed or isinstance(answer, RpcError):
        return PaymentRequired(
            f"{call.what} may take {format_eth(needed, 9)}, the wallet has {format_eth(balance, 9)}",
            hint=f"send ETH for gas to {address}",
        )
    return None


async def outcome(rpc: Rpc, address: str, call: Call, receipt: dict[str, Any]) -> Mined:
    """What became of a transaction, with the reason if it failed."""
    failure = None
    if int(receipt["status"], 16) != 1:
        failure = await _why(rpc, address, call, receipt)
    return Mined(
        receipt["transactionHash"],
        int(receipt["blockNumber"], 16),
        receipt["blockHash"],
        int(receipt["gasUsed"], 16),
        int(receipt.get("effectiveGasPrice") or "0x0", 16),
        failure,
    )


async def _why(rpc: Rpc, address: str, call: Call, receipt: dict[str, Any]) -> Failure:
    """Runs it again on the state after its block, where what came before it in the block counts, else before."""
    if int(receipt["gasUsed"], 16) >= call.gas:
        return Failure(f"{call.what} ran out of its {call.gas} gas")
    block = int(receipt["blockNumber"], 16)
    questions = [("eth_call", [question(address, call), hex(number)]) for number in (block, block - 1)]
    data, reason = b"", ""
    for answer in await rpc.batch(questions):
        if isinstance(answer, RpcError):
            data, reason = answer.data, answer.reason
            break
    refused = explain(data, call.what, reason)
    return Failure(refused.message, refused.hint, refused.name)
