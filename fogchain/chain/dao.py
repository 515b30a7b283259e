"""Proposals: what they would do in words, how the vote stands, and the transactions that move them on.

    propose ── delay ──▶ active ── vote ──▶ succeeded ── queue ──▶ queued ── timelock's delay ──▶ execute

Source: OpenZeppelin's IGovernor, `contracts/FogGovernor.sol`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_hash.auto import keccak

from fogchain.chain.abi import artifact
from fogchain.chain.calls import Call
from fogchain.chain.client import ChainClient
from fogchain.chain.contracts import Told, encode_call, tell
from fogchain.errors import BadInput, NotFound

MAX_DESCRIPTION = 16 * 1024  # bytes


class State(IntEnum):
    """In the governor's own numbers."""

    PENDING = 0
    ACTIVE = 1
    CANCELED = 2
    DEFEATED = 3
    SUCCEEDED = 4
    QUEUED = 5
    EXPIRED = 6
    EXECUTED = 7

    @property
    def word(self) -> str:
        return self.name.lower()


class Support(IntEnum):
    AGAINST = 0
    FOR = 1
    ABSTAIN = 2


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote. `weight` in base units of bonded FOG."""

    voter: str
    support: Support
    weight: int
    reason: str
    block: int


@dataclass(frozen=True, slots=True)
class Draft:
    """What the governor hashes to a proposal's id."""

    targets: tuple[str, ...]
    values: tuple[int, ...]  # wei
    calldatas: tuple[bytes, ...]
    description: str

    @property
    def description_hash(self) -> bytes:
        return bytes(keccak(self.description.encode()))

    @property
    def arguments(self) -> tuple[Any, ...]:
        """As `queue`, `execute` and `cancel` take it."""
        return list(self.targets), list(self.values), list(self.calldatas), self.description_hash


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as it is now. Votes in base units of bonded FOG, times in Unix seconds of block time."""

    id: int
    proposer: str
    draft: Draft
    calls: tuple[Told, ...]
    state: State
    block: int  # of the proposal
    snapshot: int  # who had votes then votes
    deadline: int
    eta: int  # it can be executed from then on; 0 while it is not queued
    votes_against: int
    votes_for: int
    votes_abstain: int
    quorum: int | None  # for and abstaining together; None until the snapshot

    @property
    def title(self) -> str:
        return self.draft.description.strip().partition("\n")[0][:200]


def draft(calls: Sequence[Call], description: str) -> Draft:
    """Raises BadInput without a call or a description."""
    if not calls:
        raise BadInput("the proposal does nothing", hint="say what it sets or calls")
    size = len(description.encode())
    if not description.strip() or size > MAX_DESCRIPTION:
        raise BadInput(f"a description has 1 to {MAX_DESCRIPTION} bytes, not {size}", hint="say in words why")
    return Draft(
        tuple(call.to for call in calls),
        tuple(call.value for call in calls),
        tuple(call.data for call in calls),
        description,
    )


class Dao:
    """One deployment's governor. All raise Unavailable when the chain does not answer."""

    def __init__(self, client: ChainClient) -> None:
        self._client = client
        self._deployment = client.deployment

    # ---- transactions

    def propose(self, plan: Draft) -> Call:
        values = (list(plan.targets), list(plan.values), list(plan.calldatas), plan.description)
        return self._call("propose", *values)

    def vote(self, proposal: int, support: Support, reason: str = "") -> Call:
        if reason:
            return self._call("castVoteWithReason", proposal, int(support), reason)
        return self._call("castVote", proposal, int(support))

    def queue(self, proposal: Proposal) -> Call:
        return self._call("queue(address[],uint256[],bytes[],bytes32)", *proposal.draft.arguments)

    def execute(self, proposal: Proposal) -> Call:
        return self._call("execute(address[],uint256[],bytes[],bytes32)", *proposal.draft.arguments)

    def cancel(self, proposal: Proposal) -> Call:
        return self._call("cancel(address[],uint256[],bytes[],bytes32)", *proposal.draft.arguments)

    def delegate(self, to: str) -> Call:
        return encode_call(self._deployment, "stake", "delegate", (to,))

    def _call(self, function: str, *values: Any) -> Call:
        return encode_call(self._deployment, "governor", function, values)

    # ---- views

    async def id_of(self, plan: Draft) -> int:
        """The id that `plan` has, or would have once proposed."""
        return int(await self._client.read("governor", "getProposalId", *plan.arguments))

    async def proposals(self, limit: int = 50) -> list[Proposal]:
        """The newest `limit`, newest first."""
        logs = await self._logs("ProposalCreated")
        return list(await asyncio.gather(*map(self._proposal, reversed(logs[-limit:]))))

    async def find(self, text: str) -> Proposal:
        """By id, decimal or 0x hex, or by its first 4 or more hex digits. Raises NotFound, BadInput."""
        wanted = text.lower().removeprefix("0x")
        logs = await self._logs("ProposalCreated")
        found = [log for log in logs if _matches(int(log["proposal_id"]), text, wanted)]
        if not found:
            raise NotFound(f"there is no proposal {text}", hint="`fogchain dao list` shows all")
        if len(found) > 1:
            raise BadInput(f"{len(found)} proposals begin with {text}", hint="give more digits")
        return await self._proposal(found[0])

    async def ballots(self, proposal: Proposal) -> list[Ballot]:
        """Every vote on it, oldest first."""
        logs = [log for log in await self._logs("VoteCast", proposal.block) if log["proposal_id"] == proposal.id]
        return [
            Ballot(log["voter"], Support(log["support"]), log["weight"], log["reason"], log["block"]) for log in logs
        ]

    async def votes_of(self, account: str) -> int:
        """What the account could vote with if a proposal's snapshot were now."""
        return int(await self._client.read("stake", "getVotes", account))

    async def delegatee_of(self, account: str) -> str:
        """To whom the account's bond is delegated; the zero address for nobody."""
        return str(await self._client.read("stake", "delegates", account))

    async def _logs(self, name: str, first: int | None = None) -> list[dict[str, Any]]:
        event = artifact("FogGovernor").events[name]
        head = await self._client.head()
        filter = {"address": self._deployment.governor, "topics": ["0x" + event.topic.hex()]}
        raw = await self._client.logs(first or self._deployment.block, head.number, filter)
        return [event.decode(log["topics"], log["data"]) | {"block": int(log["blockNumber"], 16)} for log in raw]

    async def _proposal(self, log: dict[str, Any]) -> Proposal:
        id = int(log["proposal_id"])
        read = self._client.read
        state, deadline, eta, votes = await asyncio.gather(
            read("governor", "state", id),
            read("governor", "proposalDeadline", id),
            read("governor", "proposalEta", id),
            read("governor", "proposalVotes", id),
        )
        plan = Draft(
            tuple(log["targets"]),
            tuple(log["values"]),
            tuple(bytes(data) for data in log["calldatas"]),
            log["description"],
        )
        against, in_favour, abstaining = (int(count) for count in votes)
        steps = zip(plan.targets, plan.calldatas, plan.values, strict=True)
        quorum = None if state == State.PENDING else int(await read("governor", "quorum", log["vote_start"]))
        return Proposal(
            id,
            log["proposer"],
            plan,
            tuple(tell(self._deployment, to, data, value) for to, data, value in steps),
            State(state),
            log["block"],
            int(log["vote_start"]),
            int(deadline),
            int(eta),
            against,
            in_favour,
            abstaining,
            quorum,
        )


def short_id(proposal: int) -> str:
    """The first 8 hex digits of 64: enough to name it by."""
    return f"{proposal:064x}"[:8]


def _matches(id: int, text: str, hex_digits: str) -> bool:
    if text == str(id):
        return True
    return len(hex_digits) >= 4 and f"{id:064x}".startswith(hex_digits)
