"""Deploys the contracts to any chain; what was begun is finished or, where that can't be, begun anew."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from coincurve import PrivateKey

from fogchain.chain.abi import artifact
from fogchain.chain.deployment import CONTRACTS, Deployment, write_atomically
from fogchain.chain.reverts import Reverted
from fogchain.chain.rpc import Rpc, RpcError
from fogchain.chain.transaction import created_address, fees_for, sign_transaction, suggested_tip
from fogchain.errors import PaymentRequired, Unavailable
from fogchain.units import format_eth
from fogchain.wallet.eip712 import address_of

SUPPLY = 10**27  # base units: all the FOG there will ever be, as in contracts/libraries/ConstantsLib.sol
UNBONDING_PERIOD = 7 * 24 * 3600  # seconds

_log = structlog.get_logger(__name__)
_ORDER = ("token", "stake", "market", "registry")


@dataclass(frozen=True, slots=True)
class _Plan:
    """The contracts' addresses follow from the deployer and his nonce, so that a restart knows where to look."""

    chain_id: int
    deployer: str
    first_nonce: int
    block: int

    def address(self, place: int) -> str:
        return created_address(self.deployer, self.first_nonce + place)


async def deploy(
    rpc: Rpc, key: PrivateKey, target: Path, *, public_url: str | None = None, timeout: float = 300.0
) -> Deployment:
    """Deploys with the account of `key`, which also gets the whole supply of tokens, and writes `target`.

    Progress is in `target` with the suffix `.part`: after a crash the same call goes on where it stopped.
    Raises PaymentRequired without ETH for gas, Reverted when the chain refuses a contract, Unavailable when nothing
    is mined within `timeout` seconds.
    """
    deployer = address_of(key.public_key)
    chain_id, nonce, block = (
        int(word, 16)
        for word in await rpc.strict(
            [("eth_chainId", []), ("eth_getTransactionCount", [deployer, "latest"]), ("eth_blockNumber", [])]
        )
    )
    part = target.with_name(target.name + ".part")
    plan = await _unfinished(part, rpc, chain_id, deployer, nonce) or _Plan(chain_id, deployer, nonce, block)
    write_atomically(part, json.dumps({field: getattr(plan, field) for field in _Plan.__slots__}).encode())

    arguments: dict[str, tuple[Any, ...]] = {
        "token": ([deployer], [SUPPLY]),
        "stake": (plan.address(0), UNBONDING_PERIOD),
        "market": (plan.address(0),),
        "registry": (deployer, plan.address(2), plan.address(1)),  # until there is a timelock, the deployer
    }
    deadline = time.monotonic() + timeout
    for place, field in enumerate(_ORDER):
        if await _has_code(rpc, plan.address(place)):
            continue
        code = artifact(CONTRACTS[field]).deployment_code(*arguments[field])
        await _create(rpc, key, plan, place, CONTRACTS[field], code, deadline)
    addresses = {field: plan.address(place) for place, field in enumerate(_ORDER)}
    deployment = Deployment(chain_id=chain_id, block=plan.block, rpc_url=public_url, **addresses)
    deployment.save(target)
    part.unlink(missing_ok=True)
    _log.info("contracts deployed", chain_id=chain_id, market=deployment.market, block=plan.block)
    return deployment


async def _unfinished(part: Path, rpc: Rpc, chain_id: int, deployer: str, nonce: int) -> _Plan | None:
    """The plan in `part`, if it can still be carried out: its next contract is the deployer's next transaction."""
    plan = _read(part)
    if plan is None or (plan.chain_id, plan.deployer) != (chain_id, deployer):
        return None
    for place in range(len(_ORDER)):
        if not await _has_code(rpc, plan.address(place)):
            return plan if plan.first_nonce + place == nonce else None
    return plan


def _read(part: Path) -> _Plan | None:
    try:
        return _Plan(**json.loads(part.read_text()))
    except (OSError, ValueError, TypeError):
        return None


async def _create(rpc: Rpc, key: PrivateKey, plan: _Plan, place: int, name: str, code: bytes, deadline: float) -> None:
    block, balance = await rpc.strict(
        [("eth_getBlockByNumber", ["latest", False]), ("eth_getBalance", [plan.deployer, "latest"])]
    )
    fees = fees_for(int(block["baseFeePerGas"], 16), await suggested_tip(rpc))
    try:
        estimate = await rpc.call("eth_estimateGas", {"from": plan.deployer, "data": "0x" + code.hex()})
    except RpcError as error:
        raise Reverted(f"{name} can't be deployed: {error.reason}") from error
    gas = int(estimate, 16) * 5 // 4
    if int(balance, 16) < gas * fees.most:
        raise PaymentRequired(
            f"{plan.deployer} has {format_eth(int(balance, 16), 6)}, deploying {name} may take "
            f"{format_eth(gas * fees.most, 6)}",
            hint="send it ETH for gas and run the same again: it goes on where it stopped",
        )
    nonce = plan.first_nonce + place
    signed = sign_transaction(key, plan.chain_id, nonce, fees, gas, None, code)
    _log.info("deploying", contract=name, transaction=signed.hash)
    while True:
        receipt = await _receipt(rpc, signed.hex, signed.hash)
        if receipt is not None:
            break
        if time.monotonic() > deadline:
            raise Unavailable(
                f"{name} is not mined yet (transaction {signed.hash})", hint="run the same again: it goes on from here"
            )
        await asyncio.sleep(0.05)
    if receipt["status"] != "0x1":
        raise Reverted(f"the chain refused {name} (transaction {signed.hash})")


async def _receipt(rpc: Rpc, raw: str, transaction: str) -> dict[str, Any] | None:
    """Sends as often as it is asked for: a node that knows the transaction says so, one that lost it takes it again."""
    receipt = await rpc.call("eth_getTransactionReceipt", transaction)
    if receipt is None:
        known = await rpc.call("eth_getTransactionByHash", transaction)
        if known is None:
            try:
                await rpc.call("eth_sendRawTransaction", raw)
            except RpcError as error:
                _log.warning("the deployment's transaction was not taken", reason=error.reason)
    return dict(receipt) if receipt else None


async def _has_code(rpc: Rpc, address: str) -> bool:
    return await rpc.call("eth_getCode", address, "latest") not in ("0x", "0x0", None)
