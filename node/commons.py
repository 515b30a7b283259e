"""What all on a network share, for the API: bonds, votes, prices, verdicts. Implements `node.api.services.Commons`.

Bonds, votes and prices are read from the chain when they are asked for, verdicts from the event index.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

from fogchain.api.commons import (
    BallotView,
    CaseView,
    DaoView,
    PriceStepView,
    PricesView,
    ProposalDetail,
    ProposalView,
    ProposeRequest,
    SettingView,
    StakeView,
    UnbondingRequest,
    Vote,
    VoteRequest,
)
from fogchain.api.models import Page
from fogchain.chain.bond import read_bond
from fogchain.chain.calls import Call, Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.contracts import parse_call
from fogchain.chain.dao import Ballot, Dao, Proposal, State, Support, draft, short_id
from fogchain.chain.index import EventIndex
from fogchain.chain.prices import EPOCH, Prices
from fogchain.chain.records import CaseRecord
from fogchain.chain.sender import Sender
from fogchain.chain.settings import change_settings, read_settings
from fogchain.errors import BadInput, Conflict, NotFound, PaymentRequired
from fogchain.units import format_fog
from node import common_views as views


class Commons:
    """`mined(block)` returns once the rest of the node has seen that block, too."""

    def __init__(
        self,
        *,
        client: ChainClient,
        index: EventIndex,
        calls: Calls,
        sender: Sender,
        address: str,
        mined: Callable[[int], Awaitable[object]],
    ) -> None:
        self._client, self._calls, self._sender, self._address, self._mined = client, calls, sender, address, mined
        self._dao, self._prices, self._index = Dao(client), Prices(client), index

    # ---- the bond

    async def stake(self) -> StakeView:
        bond, head = await asyncio.gather(read_bond(self._client, self._address), self._client.head())
        return views.stake(bond, head.timestamp)

    async def bond(self, amount: int, key: str | None) -> StakeView:
        stake, tag = self._client.deployment.stake, _tag("bond", key)
        if not self._sender.knows(tag):
            held, allowed = await asyncio.gather(
                self._client.token_balance(self._address), self._client.allowance(self._address, stake)
            )
            if held < amount:
                raise PaymentRequired(
                    f"the wallet holds {format_fog(held, 6)}, less than {format_fog(amount)}",
                    hint="bond less, or withdraw from the market first",
                )
            if allowed < amount:
                await self._sender.send(self._calls.approve(amount, stake), tag=f"approve:{tag}")
        return await self._send_for_stake(self._calls.bond(amount), tag)

    async def unbond(self, amount: int, key: str | None) -> StakeView:
        return await self._send_for_stake(self._calls.unbond(amount), _tag("unbond", key))

    async def withdraw_stake(self, key: str | None) -> StakeView:
        return await self._send_for_stake(self._calls.withdraw_stake(), _tag("withdraw-stake", key))

    async def claim_rewards(self, key: str | None) -> StakeView:
        return await self._send_for_stake(self._calls.claim_rewards(), _tag("rewards", key))

    async def cancel_unbonding(self, index: int, expected: UnbondingRequest, key: str | None) -> StakeView:
        tag, wanted = _tag("cancel-unbonding", key), (expected.amount, expected.release)
        if not self._sender.knows(tag):
            queue = (await read_bond(self._client, self._address)).unbonding
            if index >= len(queue) or (queue[index].amount, queue[index].release) != wanted:
                raise Conflict("this is no longer what is unbonding there", hint="look again at what is unbonding")
        return await self._send_for_stake(self._calls.cancel_unbond(index), tag)

    async def delegate(self, to: str, key: str | None) -> StakeView:
        call = self._calls.delegate(self._address if to == "me" else to.lower())
        return await self._send_for_stake(call, _tag("delegate", key))

    # ---- votes

    async def dao(self, limit: int) -> DaoView:
        read, dao = self._client.read_all, self._dao
        governor = (
            "proposalThreshold", "guardian", "guardianUntil", "votingDelay", "votingPeriod",
        )  # fmt: skip
        proposals, total, settings, bond, head, answers = await asyncio.gather(
            dao.proposals(limit),
            dao.count(),
            read_settings(self._client),
            read_bond(self._client, self._address),
            self._client.head(),
            read([*(("governor", view) for view in governor), ("timelock", "getMinDelay")]),
        )
        threshold, guardian, guardian_until, voting_delay, voting_period, timelock_delay = answers
        return DaoView(
            settings=[SettingView(name=setting.name, value=setting.value) for setting in settings],
            proposals=await asyncio.gather(*map(self._proposal, proposals)),
            total=total,
            address=self._address,
            votes=bond.votes,
            bonded=bond.bonded,
            delegatee=bond.delegatee,
            threshold=threshold,
            guardian=guardian,
            guardian_until=guardian_until,
            voting_delay=voting_delay,
            voting_period=voting_period,
            timelock_delay=timelock_delay,
            time=head.timestamp,
        )

    async def proposals(self, limit: int, cursor: str | None) -> Page[ProposalView]:
        first = _place(cursor)
        found, total = await asyncio.gather(self._dao.proposals(limit, first), self._dao.count())
        items = list(await asyncio.gather(*map(self._proposal, found)))
        return Page(items=items, next_cursor=_next(first + limit, total), total=total)

    async def proposal(self, text: str) -> ProposalDetail:
        return await self._detail(await self._dao.find(text))

    async def propose(self, request: ProposeRequest, key: str | None) -> ProposalDetail:
        deployment = self._client.deployment
        calls = [
            *await change_settings(self._client, request.settings),
            *(parse_call(deployment, text) for text in request.calls),
        ]
        plan = draft(calls, request.description)
        id = await self._dao.id_of(plan)
        await self._send(self._dao.propose(plan), _tag("propose", key))
        return await self.proposal(str(id))

    async def vote(self, text: str, request: VoteRequest, key: str | None) -> ProposalDetail:
        found, tag = await self._dao.find(text), _tag("vote", key)
        if not self._sender.knows(tag):
            _expect(found, State.ACTIVE, "voted on")
        await self._send(self._dao.vote(found.id, Support[request.vote.upper()], request.reason), tag)
        return await self.proposal(str(found.id))

    async def queue(self, text: str, key: str | None) -> ProposalDetail:
        found, tag = await self._dao.find(text), _tag("queue", key)
        if not self._sender.knows(tag):
            _expect(found, State.SUCCEEDED, "queued")
        await self._send(self._dao.queue(found), tag)
        return await self.proposal(str(found.id))

    async def execute(self, text: str, key: str | None) -> ProposalDetail:
        found, tag = await self._dao.find(text), _tag("execute", key)
        if not self._sender.knows(tag):
            _expect(found, State.QUEUED, "executed")
            left = found.eta - (await self._client.head()).timestamp
            if left > 0:
                raise Conflict(
                    f"proposal {short_id(found.id)} waits in the timelock for {left} s more",
                    hint="anyone can execute it then",
                )
        await self._send(self._dao.execute(found), tag)
        return await self.proposal(str(found.id))

    async def cancel_proposal(self, text: str, key: str | None) -> ProposalDetail:
        found = await self._dao.find(text)
        await self._send(self._dao.cancel(found), _tag("cancel", key))
        return await self.proposal(str(found.id))

    # ---- prices

    async def prices(self) -> PricesView:
        classes, (step_cap, target), head = await asyncio.gather(
            self._prices.classes(), self._prices.control(), self._client.head()
        )
        return PricesView(
            classes=[views.price_class(one, head.timestamp) for one in classes],
            target_use=target,
            step_cap=step_cap,
            epoch=EPOCH,
            time=head.timestamp,
        )

    async def price_history(self, name: str | None, limit: int, cursor: str | None) -> Page[PriceStepView]:
        if name is not None:
            await self._prices.known(name)
        steps = list(reversed(await self._prices.history(name)))
        first = _place(cursor)
        return Page(
            items=[views.price_step(step) for step in steps[first : first + limit]],
            next_cursor=_next(first + limit, len(steps)),
            total=len(steps),
        )

    # ---- verdicts

    async def cases(self, limit: int, cursor: str | None) -> Page[CaseView]:
        first = _place(cursor)
        found, total = self._index.cases(first, limit)
        return Page(items=[self._case(one) for one in found], next_cursor=_next(first + limit, total), total=total)

    async def case(self, job: str) -> CaseView:
        found = self._index.case(bytes.fromhex(job.removeprefix("0x")))
        if found is None:
            raise NotFound(f"there is no case about job {job}", hint="most jobs are never challenged or audited")
        return self._case(found)

    # ---- inside

    def _case(self, case: CaseRecord) -> CaseView:
        job = self._index.job(case.job)
        if job is None:
            raise NotFound(f"there is no job {case.job.hex()}", hint="the index is being built anew: ask again")
        return views.case(case, job, self._index.court_of(job), self._index.slash(case.job))

    async def _send_for_stake(self, call: Call, tag: str) -> StakeView:
        await self._send(call, tag)
        return await self.stake()

    async def _send(self, call: Call, tag: str) -> None:
        await self._mined((await self._sender.send(call, tag=tag)).block)

    async def _proposal(self, proposal: Proposal) -> ProposalView:
        return views.proposal(proposal, await self._dao.changes(proposal), *await self._own(proposal), self._address)

    async def _detail(self, proposal: Proposal) -> ProposalDetail:
        view, ballots, head = await asyncio.gather(
            self._proposal(proposal), self._dao.ballots(proposal), self._client.head()
        )
        return ProposalDetail(**view.__dict__, ballots=[_ballot(one) for one in reversed(ballots)], time=head.timestamp)

    async def _own(self, proposal: Proposal) -> tuple[Vote | None, int | None]:
        """How this node voted, and what it can vote with."""
        ballot = (await self._dao.cast_by(self._address)).get(proposal.id)
        if ballot is not None:
            return views.WORDS[ballot.support], ballot.weight
        if proposal.state == State.PENDING or proposal.quorum is None:
            return None, None
        return None, int(await self._client.read("stake", "getPastVotes", self._address, proposal.snapshot))


def _ballot(ballot: Ballot) -> BallotView:
    return BallotView(
        voter=ballot.voter,
        vote=views.WORDS[ballot.support],
        weight=ballot.weight,
        reason=ballot.reason,
        time=ballot.time,
    )


def _expect(proposal: Proposal, wanted: State, what: str) -> None:
    if proposal.state != wanted:
        raise Conflict(
            f"proposal {short_id(proposal.id)} is {proposal.state.word} and can't be {what}",
            hint=f"it has to be {wanted.word}",
        )


def _tag(what: str, key: str | None) -> str:
    """Names a transaction by the request's idempotency key, if it has one."""
    return f"{what}:{key or uuid.uuid4().hex}"


def _place(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isdecimal() or len(cursor) > 15:
        raise BadInput(f"{cursor[:40]!r} is not a cursor", hint="use the next_cursor of the page before")
    return int(cursor)


def _next(place: int, total: int) -> str | None:
    return str(place) if place < total else None
