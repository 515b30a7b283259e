"""Reads from one deployment's contracts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fogchain.chain.abi import artifact
from fogchain.chain.deployment import CONTRACTS, Deployment
from fogchain.chain.reverts import explain
from fogchain.chain.rpc import Rpc, RpcError
from fogchain.errors import Conflict, FogchainError, NotFound, Unavailable


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

    async def logs(self, first: int, last: int, filter: dict[str, Any]) -> list[dict[str, Any]]:
        """The raw logs of blocks `first` to `last`, both included, that pass the filter's `address` and `topics`."""
        found = await self.rpc.call("eth_getLogs", {**filter, "fromBlock": hex(first), "toBlock": hex(last)})
        return list(found)

    async def read(self, contract: str, function: str, *values: Any, at: int | None = None) -> Any:
        """Calls a view of a contract of the deployment: one value, or a tuple. `at`: the block, else the newest.

        Raises Reverted.
        """
        view = artifact(CONTRACTS[contract]).functions[function]
        call = {"to": getattr(self.deployment, contract), "data": "0x" + view.encode(*values).hex()}
        try:
            answer = await self.rpc.call("eth_call", call, "latest" if at is None else hex(at))
        except RpcError as error:
            raise _refusal(error, function) from error
        return self._answer(contract, function, answer)

    async def read_all(self, questions: Sequence[tuple[Any, ...]], at: int | None = None) -> list[Any]:
        """Many views in one request: (contract, function, values ...). Raises as `read`."""
        block = "latest" if at is None else hex(at)
        calls = []
        for contract, function, *values in questions:
            data = artifact(CONTRACTS[contract]).functions[function].encode(*values)
            calls.append(("eth_call", [{"to": getattr(self.deployment, contract), "data": "0x" + data.hex()}, block]))
        answers = []
        for (contract, function, *_), answer in zip(questions, await self.rpc.batch(calls), strict=True):
            if isinstance(answer, RpcError):
                raise _refusal(answer, function) from answer
            answers.append(self._answer(contract, function, answer))
        return answers

    def _answer(self, contract: str, function: str, answer: str) -> Any:
        try:
            return artifact(CONTRACTS[contract]).functions[function].decode(bytes.fromhex(answer[2:]))
        except ValueError as error:
            raise Unavailable(
                f"{contract} at {getattr(self.deployment, contract)} does not answer {function} as it should",
                hint="the chain is not in step yet, or the deployment file is of another network",
            ) from error

    async def close(self) -> None:
        await self.rpc.close()


def _refusal(error: RpcError, function: str) -> FogchainError:
    return explain(error.data, f"the question {function}") if error.data else error
