"""Reads from one deployment's contracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from fogchain.chain.abi import artifact
from fogchain.chain.deployment import CONTRACTS, Deployment
from fogchain.chain.reverts import explain
from fogchain.chain.rpc import Rpc, RpcError
from fogchain.errors import Conflict, NotFound, Unavailable


@dataclass(frozen=True, slots=True)
class Head:
    """A block: its number, hashes in 0x hex, and time in Unix seconds."""

    number: int
    hash: str
    parent: str
    timestamp: int
    base_fee: int  # wei per gas

    @classmethod
    def of(cls, block: dict[str, Any]) -> Head:
        return cls(
            int(block["number"], 16),
            block["hash"],
            block["parentHash"],
            int(block["timestamp"], 16),
            int(block.get("baseFeePerGas") or "0x0", 16),
        )


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session as the market has it now. `buyer` is the zero address if it never was."""

    buyer: str
    cap: int
    provider: str
    claimed: int
    expiry: int
    open: bool
    job: bytes


@dataclass(frozen=True, slots=True)
class TransactionState:
    """`detail`: why the contract refused it."""

    state: Literal["unknown", "pending", "mined", "failed"]
    block: int | None = None
    detail: str = ""


class ChainClient:
    """All calls raise Unavailable when the RPC endpoint does not answer, RpcError when it refuses."""

    def __init__(self, rpc_url: str, deployment: Deployment) -> None:
        self.rpc = Rpc(rpc_url)
        self.deployment = deployment

    async def connect(self) -> Head:
        """Checks that the endpoint is of the right chain and that the contracts are there; the newest block.

        Raises Conflict for another chain, NotFound for an address without code, Unavailable.
        """
        wanted = self.deployment
        addresses = wanted.addresses
        code_calls = [("eth_getCode", [address, "latest"]) for address in addresses.values()]
        chain_id, block, *codes = await self.rpc.strict(
            [("eth_chainId", []), ("eth_getBlockByNumber", ["latest", False]), *code_calls]
        )
        if int(chain_id, 16) != wanted.chain_id:
            raise Conflict(
                f"{self.rpc.url} is chain {int(chain_id, 16)}, the deployment is on chain {wanted.chain_id}",
                hint="use the RPC address and the deployment file of one and the same network",
            )
        for (name, address), code in zip(addresses.items(), codes, strict=True):
            if code in ("0x", "0x0", None):
                raise NotFound(
                    f"there is no {name} at {address} on {self.rpc.url}",
                    hint="the chain was replaced or is not in step yet; take the deployment file anew",
                )
        return Head.of(block)

    async def head(self) -> Head:
        return Head.of(await self.rpc.call("eth_getBlockByNumber", "latest", False))

    async def eth_balance(self, address: str) -> int:
        """In wei."""
        return int(await self.rpc.call("eth_getBalance", address, "latest"), 16)

    async def token_balance(self, address: str) -> int:
        return int(await self.read("token", "balanceOf", address))

    async def allowance(self, owner: str, spender: str | None = None) -> int:
        """What `spender`, the market unless named, may take of the owner's tokens."""
        return int(await self.read("token", "allowance", owner, spender or self.deployment.market))

    async def free_balance(self, address: str) -> int:
        """In the market, not locked in sessions."""
        return int(await self.read("market", "free", address))

    async def locked_balance(self, address: str) -> int:
        """In open sessions as buyer."""
        return int(await self.read("market", "locked", address))

    async def bonded(self, address: str) -> int:
        return int(await self.read("stake", "bonded", address))

    async def permit_nonce(self, owner: str) -> int:
        """The nonce that the token wants in the owner's next ERC-2612 permit."""
        return int(await self.read("token", "nonces", owner))

    async def session(self, session: bytes) -> SessionState:
        return SessionState(*await self.read("market", "session", session))

    async def domain_separator(self) -> bytes:
        return bytes(await self.read("market", "domainSeparator"))

    async def transaction(self, hash: str) -> TransactionState:
        """How far a transaction is, whoever sent it."""
        sent, receipt = await self.rpc.strict(
            [("eth_getTransactionByHash", [hash]), ("eth_getTransactionReceipt", [hash])]
        )
        if receipt is None:
            return TransactionState("pending" if sent is not None else "unknown")
        block = int(receipt["blockNumber"], 16)
        if int(receipt["status"], 16) == 1:
            return TransactionState("mined", block)
        again = {key: sent[key] for key in ("from", "to", "gas", "value")} | {"data": sent["input"]}
        try:
            await self.rpc.call("eth_call", again, hex(block))  # the same as then, more or less: it is for the words
        except RpcError as error:
            return TransactionState("failed", block, explain(error.data, "the transaction", error.reason).message)
        return TransactionState("failed", block, "the contract refused it")

    async def has_code(self, address: str) -> bool:
        """Whether a contract is there."""
        return await self.rpc.call("eth_getCode", address, "latest") not in ("0x", "0x0", None)

    async def logs(self, first: int, last: int, filter: dict[str, Any]) -> list[dict[str, Any]]:
        """The raw logs of blocks `first` to `last`, both included, that pass the filter's `address` and `topics`."""
        found = await self.rpc.call("eth_getLogs", {**filter, "fromBlock": hex(first), "toBlock": hex(last)})
        return list(found)

    async def read(self, contract: str, function: str, *values: Any) -> Any:
        """Calls a view of `token`, `stake`, `market` or `registry`; one value, or a tuple. Raises Reverted."""
        view = artifact(CONTRACTS[contract]).functions[function]
        call = {"to": getattr(self.deployment, contract), "data": "0x" + view.encode(*values).hex()}
        try:
            answer = await self.rpc.call("eth_call", call, "latest")
        except RpcError as error:
            if error.data:
                raise explain(error.data, f"the question {function}") from error
            raise
        try:
            return view.decode(bytes.fromhex(answer[2:]))
        except ValueError as error:
            raise Unavailable(
                f"{contract} at {call['to']} does not answer {function} as it should",
                hint="the chain is not in step yet, or the deployment file is of another network",
            ) from error

    async def close(self) -> None:
        await self.rpc.close()
