"""Reads from one deployment's contracts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fogchain.chain.abi import Function, artifact
from fogchain.chain.deployment import CONTRACTS, Deployment
from fogchain.chain.records import JobState, Unbonding
from fogchain.chain.reverts import explain
from fogchain.chain.rpc import Rpc, RpcError
from fogchain.chain.states import (
    Auditor,
    Bond,
    Case,
    CourtParameters,
    Current,
    Parameters,
    RewardStream,
    SessionState,
    Slot,
)
from fogchain.errors import Conflict, NotFound, Unavailable

_BATCH = 200  # calls asked for at once


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

    # ---- token

    async def token_balance(self, address: str) -> int:
        return int(await self.read("token", "balanceOf", address))

    async def allowance(self, owner: str, spender: str | None = None) -> int:
        """What `spender`, the market unless named, may take of the owner's tokens."""
        return int(await self.read("token", "allowance", owner, spender or self.deployment.market))

    async def permit_nonce(self, owner: str) -> int:
        """The nonce that the token wants in the owner's next ERC-2612 permit."""
        return int(await self.read("token", "nonces", owner))

    # ---- market

    async def free_balance(self, address: str) -> int:
        """In the market, not locked in sessions and jobs."""
        return int(await self.read("market", "free", address))

    async def locked_balance(self, address: str) -> int:
        """As buyer: what is unclaimed of open sessions, prices of open jobs, bonds of open challenges.

        The contracts keep no such sum: this looks at everything that the address ever opened. A node asks its index.
        """
        market, courts = self.deployment.market, await self.courts()
        opened, priced, challenged = await asyncio.gather(
            self._events_of("market", "SessionOpened", address, [market]),
            self._events_of("market", "JobOpened", address, [market]),
            self._events_of("court", "CaseOpened", address, courts),
        )
        answers = await self._ask(
            *((market, "market", "session", (event["session"],)) for _, event in opened),
            *((market, "market", "job", (event["job"],)) for _, event in priced),
            *((court, "court", "caseOf", (event["job"],)) for court, event in challenged),
        )
        sessions = [SessionState(*raw) for raw in answers[: len(opened)]]
        slots = [_slot(raw) for raw in answers[len(opened) : len(opened) + len(priced)]]
        cases = [Case(*raw) for raw in answers[len(opened) + len(priced) :]]
        prices: list[int] = [event["price"] for _, event in priced]
        return (
            sum(session.cap - session.claimed for session in sessions if session.open)
            + sum(price for price, slot in zip(prices, slots, strict=True) if not slot.state.over)
            + sum(case.bond for case in cases if not case.closed)
        )

    async def withheld(self, address: str) -> int:
        """Fees kept back from what the address earned, and not collected yet."""
        fees, _ = await self.read("market", "withheld", address)
        return int(fees)

    async def session(self, session: bytes) -> SessionState:
        return SessionState(*await self.read("market", "session", session))

    async def job(self, job: bytes) -> Slot:
        return _slot(await self.read("market", "job", job))

    async def court_of(self, job: bytes) -> str:
        """Who judges the job; the zero address when it never was."""
        return str(await self.read("market", "courtOf", job))

    async def courts(self) -> list[str]:
        """All that new jobs were ever sent to, the present one last."""
        current = await self.current()
        versions = range(1, current.version + 1)
        found = await self.read_all([("market", "parametersOf", version) for version in versions])
        return list(dict.fromkeys([raw[0] for raw in found] + [current.parameters.court]))

    async def is_settled(self, buyer: str, number: int) -> bool:
        """Whether the buyer paid his job `number` in a batch."""
        return bool(await self.read("market", "settled", buyer, number))

    async def current(self) -> Current:
        """The parameters of new jobs and sessions."""
        parameters, version, stopped_until = await self.read("market", "current")
        return Current(Parameters(*parameters), version, stopped_until)

    async def parameters_of(self, version: int) -> Parameters:
        return Parameters(*await self.read("market", "parametersOf", version))

    async def domain_separator(self) -> bytes:
        return bytes(await self.read("market", "domainSeparator"))

    # ---- stake

    async def bonded(self, address: str) -> int:
        return int(await self.read("stake", "bonded", address))

    async def bond(self, address: str) -> Bond:
        """All about one account's stake but its unbonding queue."""
        names = ("bonded", "slashable", "rewardsOf", "getVotes", "delegates", "nonces")
        answers = await self.read_all([("stake", name, address) for name in names])
        bonded, slashable, rewards, votes, delegate, nonce = answers
        return Bond(bonded, slashable, rewards, votes, delegate, nonce)

    async def unbonding(self, address: str) -> list[Unbonding]:
        """By release; places are those of `cancelUnbond`."""
        return [Unbonding(*entry) for entry in await self.read("stake", "unbonding", address)]

    async def votes_at(self, address: str, time: int) -> int:
        return int(await self.read("stake", "getPastVotes", address, time))

    async def total_bonded(self) -> int:
        return int(await self.read("stake", "totalBonded"))

    async def reward_stream(self) -> RewardStream:
        return RewardStream(*await self.read("stake", "stream"))

    # ---- court

    # A job is asked about at its own court, all else at the court of new jobs.

    async def case(self, job: bytes) -> Case:
        return Case(*await self._ask_court_of(job, "caseOf", job))

    async def committee(self, job: bytes, round: int) -> tuple[str, ...]:
        return tuple(await self._ask_court_of(job, "committee", job, round))

    async def is_drawn(self, job: bytes, provider: str) -> bool:
        """Whether the delivery's audit is drawn: known from the second block after it on, for 256 blocks."""
        return bool(await self._ask_court_of(job, "isDrawn", job, provider))

    async def audit_rate(self, provider: str) -> int:
        """With which probability the provider's next delivery is audited, in basis points."""
        (rate,) = await self._ask_court(("auditRate", (provider,)))
        return int(rate)

    async def auditor(self, address: str) -> Auditor:
        return Auditor(*await self._ask_court(("seatsOf", (address,)), ("earned", (address,))))

    async def audit_pool(self) -> int:
        """What is there to pay auditors with."""
        (pool,) = await self._ask_court(("pool", ()))
        return int(pool)

    async def court_parameters(self) -> CourtParameters:
        (raw,) = await self._ask_court(("parameters", ()))
        return CourtParameters(*raw)

    async def _ask_court_of(self, job: bytes, function: str, *values: Any) -> Any:
        court = await self.court_of(job)
        if int(court, 16) == 0:
            court = self.deployment.court  # has nothing about it, and says so
        (answer,) = await self._ask((court, "court", function, values))
        return answer

    async def _ask_court(self, *questions: tuple[str, tuple[Any, ...]]) -> list[Any]:
        court = (await self.current()).parameters.court
        return await self._ask(*((court, "court", function, values) for function, values in questions))

    # ---- transactions

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

    # ---- any view

    async def logs(self, first: int, last: int, filter: dict[str, Any]) -> list[dict[str, Any]]:
        """The raw logs of blocks `first` to `last`, both included, that pass the filter's `address` and `topics`."""
        found = await self.rpc.call("eth_getLogs", {**filter, "fromBlock": hex(first), "toBlock": hex(last)})
        return list(found)

    async def read(self, contract: str, function: str, *values: Any) -> Any:
        """Calls a view of one of CONTRACTS, by its short name; one value, or a tuple. Raises Reverted."""
        (answer,) = await self.read_all([(contract, function, *values)])
        return answer

    async def read_all(self, questions: Sequence[tuple[Any, ...]]) -> list[Any]:
        """As `read`, many at one time: (contract, function, values ...). Raises Reverted for the first that reverts."""
        return await self._ask(
            *(
                (getattr(self.deployment, contract), contract, function, tuple(values))
                for contract, function, *values in questions
            )
        )

    async def _ask(self, *questions: tuple[str, str, str, tuple[Any, ...]]) -> list[Any]:
        """As `read_all`, of contracts at given addresses."""
        views = [artifact(CONTRACTS[contract]).functions[function] for _, contract, function, _ in questions]
        calls = [
            {"to": to, "data": "0x" + view.encode(*values).hex()}
            for view, (to, _, _, values) in zip(views, questions, strict=True)
        ]
        answers = []
        for start in range(0, len(calls), _BATCH):
            answers += await self.rpc.batch(("eth_call", [call, "latest"]) for call in calls[start : start + _BATCH])
        return [
            _decode(f"{contract} at {to}", function, view, answer)
            for view, (to, contract, function, _), answer in zip(views, questions, answers, strict=True)
        ]

    async def _events_of(
        self, contract: str, name: str, address: str, emitters: list[str]
    ) -> list[tuple[str, dict[str, Any]]]:
        """All of these events whose second indexed value is the address, with who told them."""
        event = artifact(CONTRACTS[contract]).events[name]
        topics = ["0x" + event.topic.hex(), None, "0x" + address[2:].lower().rjust(64, "0")]
        filter = {"address": emitters, "topics": topics}
        pending = [(self.deployment.block, (await self.head()).number)]
        found: list[dict[str, Any]] = []
        while pending:
            first, last = pending.pop()
            try:
                found += await self.logs(first, last, filter)
            except RpcError:
                if first == last:
                    raise
                middle = (first + last) // 2  # more than the node answers at once
                pending += [(first, middle), (middle + 1, last)]
        return [(log["address"].lower(), event.decode(log["topics"], log["data"])) for log in found]

    async def close(self) -> None:
        await self.rpc.close()


def _slot(raw: tuple[Any, ...]) -> Slot:
    return Slot(JobState(raw[0]), *raw[1:])


def _decode(who: str, function: str, view: Function, answer: Any) -> Any:
    if isinstance(answer, RpcError):
        if answer.data:
            raise explain(answer.data, f"the question {function}") from answer
        raise answer
    try:
        return view.decode(bytes.fromhex(answer[2:]))
    except ValueError as error:
        raise Unavailable(
            f"{who} does not answer {function} as it should",
            hint="the chain is not in step yet, or the deployment file is of another network",
        ) from error
