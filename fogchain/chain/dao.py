"""Proposals: what they would do in words, how the vote stands, and the transactions that move them on.

    propose ── delay ──▶ active ── vote ──▶ succeeded ── queue ──▶ queued ── timelock's delay ──▶ execute

Source: OpenZeppelin's IGovernor, `contracts/FogGovernor.sol`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_hash.auto import keccak

from fogchain.chain.calls import Call
from fogchain.chain.client import ChainClient
from fogchain.chain.contracts import Told, encode_call, tell
from fogchain.chain.logbook import Entry, LogBook
from fogchain.chain.reverts import Reverted
from fogchain.chain.settings import Change, SettingsHistory
from fogchain.errors import BadInput, NotFound

MAX_DESCRIPTION = 16 * 1024  # bytes
GRACE_PERIOD = 14 * 24 * 3600  # seconds, as in contracts/libraries/ConstantsLib.sol


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

    @property
    def over(self) -> bool:
        return self in (State.CANCELED, State.DEFEATED, State.EXPIRED, State.EXECUTED)


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
    time: int  # of that block, Unix seconds


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
    created: int
    snapshot: int  # who had votes then votes
    deadline: int
    eta: int  # it can be executed from then on; 0 while it is not queued
    votes_against: int
    votes_for: int
    votes_abstain: int
    quorum: int | None  # for and abstaining together; None until the snapshot

    @property
    def until(self) -> int | None:
        """When its state ends if nobody does anything; None when it is over."""
        return {
            State.PENDING: self.snapshot,
            State.ACTIVE: self.deadline,
            State.SUCCEEDED: self.deadline + GRACE_PERIOD,
            State.QUEUED: self.eta + GRACE_PERIOD,
        }.get(self.state)

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
        self._created = LogBook(client, "FogGovernor", ("ProposalCreated",), (client.deployment.governor,))
        self._settings = SettingsHistory(client)
        self._cast = LogBook(client, "FogGovernor", ("VoteCast",), (client.deployment.governor,))

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

    def _call(self, function: str, *values: Any) -> Call:
        return encode_call(self._deployment, "governor", function, values)

    # ---- views

    async def id_of(self, plan: Draft) -> int:
        """The id that `plan` has, or would have once proposed."""
        return int(await self._client.read("governor", "getProposalId", *plan.arguments))

    async def proposals(self, limit: int = 50, skip: int = 0) -> list[Proposal]:
        """The newest `limit` but the `skip` newest of all, newest first."""
        logs = (await self._created.read())[::-1][skip : skip + limit]
        return list(await asyncio.gather(*map(self._proposal, logs)))

    async def count(self) -> int:
        """Of all proposals there ever were."""
        return len(await self._created.read())

    async def find(self, text: str) -> Proposal:
        """By id, decimal or 0x hex, or by its first 4 or more hex digits. Raises NotFound, BadInput."""
        wanted = text.lower().removeprefix("0x")
        logs = await self._created.read()
        found = [log for log in logs if _matches(int(log["proposal_id"]), text, wanted)]
        if not found:
            raise NotFound(f"there is no proposal {text}", hint="`fogchain dao list` shows all")
        if len(found) > 1:
            raise BadInput(f"{len(found)} proposals begin with {text}", hint="give more digits")
        return await self._proposal(found[0])

    async def ballots(self, proposal: Proposal) -> list[Ballot]:
        """The votes on a proposal, oldest first."""
        found = await self._cast.read()
        return [_ballot(log) for log in found if log["proposal_id"] == proposal.id]

    async def cast_by(self, voter: str) -> dict[int, Ballot]:
        """The votes of one account, by proposal."""
        return {log["proposal_id"]: _ballot(log) for log in await self._cast.read() if log["voter"] == voter}

    async def changes(self, proposal: Proposal) -> list[Change]:
        """What it sets: from what it is now or, once it is over, from what it was when it was proposed."""
        calls = list(zip(proposal.draft.targets, proposal.draft.calldatas, strict=True))
        return await self._settings.changes(calls, proposal.block if proposal.state.over else None)

    async def votes_of(self, account: str) -> int:
        """What the account could vote with if a proposal's snapshot were now."""
        return int(await self._client.read("stake", "getVotes", account))

    async def delegatee_of(self, account: str) -> str:
        """To whom the account's bond is delegated; the zero address for nobody."""
        return str(await self._client.read("stake", "delegates", account))

    async def _proposal(self, log: Entry) -> Proposal:
        id = int(log["proposal_id"])
        state, deadline, eta, (against, in_favour, abstaining) = await self._client.read_all(
            [("governor", view, id) for view in ("state", "proposalDeadline", "proposalEta", "proposalVotes")]
        )
        plan = Draft(
            tuple(log["targets"]),
            tuple(log["values"]),
            tuple(bytes(data) for data in log["calldatas"]),
            log["description"],
        )
        steps = zip(plan.targets, plan.calldatas, plan.values, strict=True)
        quorum = None
        if state != State.PENDING:
            with contextlib.suppress(Reverted):  # cancelled before its snapshot
                quorum = int(await self._client.read("governor", "quorum", log["vote_start"]))
        return Proposal(
            id,
            log["proposer"],
            plan,
            tuple(tell(self._deployment, to, data, value) for to, data, value in steps),
            State(state),
            log.block,
            log.time,
            int(log["vote_start"]),
            int(deadline),
            int(eta),
            against,
            in_favour,
            abstaining,
            quorum,
        )


def _ballot(log: Entry) -> Ballot:
    return Ballot(log["voter"], Support(log["support"]), log["weight"], log["reason"], log.block, log.time)


def short_id(proposal: int) -> str:
    """The first 8 hex digits of 64: enough to name it by."""
    return f"{proposal:064x}"[:8]


def _matches(id: int, text: str, hex_digits: str) -> bool:
    if text == str(id):
        return True
    return len(hex_digits) >= 4 and f"{id:064x}".startswith(hex_digits)
