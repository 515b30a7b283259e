"""The API's answers about bonds, votes, prices and verdicts, made from what the chain says. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from fogchain.api.commons import (
    AnswerView,
    ArgumentView,
    BandView,
    CallView,
    CaseState,
    CaseView,
    ChangeView,
    MemberView,
    MemoryBandView,
    PriceClassView,
    PriceStepView,
    ProposalState,
    ProposalView,
    RoundView,
    StakeView,
    UnbondingView,
    Vote,
)
from fogchain.chain.bond import Bond
from fogchain.chain.cases import Answer, Case, Round
from fogchain.chain.contracts import Told
from fogchain.chain.dao import Proposal, Support
from fogchain.chain.prices import EPOCH, PriceClass, PriceStep
from fogchain.chain.settings import Change

WORDS: dict[Support, Vote] = {Support.FOR: "for", Support.AGAINST: "against", Support.ABSTAIN: "abstain"}


def stake(bond: Bond, now: int) -> StakeView:
    return StakeView(
        address=bond.owner,
        wallet=bond.wallet,
        bonded=bond.bonded,
        total=bond.total,
        rewards=bond.rewards,
        stream=bond.stream,
        stream_end=bond.stream_end,
        unbonding=[UnbondingView(amount=entry.amount, release=entry.release) for entry in bond.unbonding],
        unbonding_period=bond.period,
        votes=bond.votes,
        delegatee=bond.delegatee,
        time=now,
    )


def proposal(
    one: Proposal, changes: Sequence[Change], voted: Vote | None, weight: int | None, reader: str
) -> ProposalView:
    return ProposalView(
        id=f"{one.id:064x}",
        title=one.title,
        description=one.draft.description,
        proposer=one.proposer,
        state=cast(ProposalState, one.state.word),
        created=one.created,
        snapshot=one.snapshot,
        deadline=one.deadline,
        eta=one.eta or None,
        until=one.until,
        votes_for=one.votes_for,
        votes_against=one.votes_against,
        votes_abstain=one.votes_abstain,
        quorum=one.quorum,
        calls=[_call(call) for call in one.calls],
        changes=[ChangeView(name=change.name, old=change.old, new=change.new) for change in changes],
        voted=voted,
        weight=weight,
        mine=one.proposer == reader,
    )


def _call(told: Told) -> CallView:
    return CallView(
        to=told.to,
        value=told.value,
        contract=told.contract,
        function=told.function,
        arguments=[ArgumentView(name=name, value=value) for name, value in told.arguments],
    )


def price_class(one: PriceClass, now: int) -> PriceClassView:
    fuel, memory = one.per_gfuel, one.per_gib_second
    return PriceClassView(
        name=one.name,
        fuel=BandView(now=fuel.now, floor=fuel.floor, ceiling=fuel.ceiling),
        memory=MemoryBandView(now=memory.now, floor=memory.floor, ceiling=memory.ceiling),
        capacity=one.capacity,
        used=one.used,
        use=one.use(now),
        stepped=one.stepped,
        next_step=one.stepped + EPOCH,
    )


def price_step(step: PriceStep) -> PriceStepView:
    return PriceStepView(
        name=step.name,
        fuel=step.per_gfuel,
        memory=step.per_gib_second,
        use=step.use,
        time=step.time,
        transaction=step.transaction,
    )


def case(one: Case) -> CaseView:
    taken = one.taken
    return CaseView(
        job=one.job.hex(),
        state=_case_state(one),
        kind="challenge" if one.bond else "audit",
        court=one.court,
        provider=one.provider,
        buyer=one.buyer,
        finder=one.finder,
        price=one.price,
        bond=one.bond,
        delivered=_answer(one.delivered),
        delivered_at=one.delivered_at,
        opened=one.opened,
        verdict_by=one.verdict_by,
        closed=one.closed,
        rounds=[_round(part, one.delivered) for part in one.rounds],
        asked=one.asked,
        taken=taken.to_victim + taken.to_finder + taken.burnt if taken else 0,
        to_victim=taken.to_victim if taken else 0,
        to_finder=taken.to_finder if taken else 0,
        burnt=taken.burnt if taken else 0,
        refund=one.price if taken else 0,
        paid=one.paid,
        auditor_pay=one.auditor_pay,
        transaction=one.transaction,
    )


def _case_state(one: Case) -> CaseState:
    if one.guilty is not None:
        return "guilty" if one.guilty else "acquitted"
    return "open" if one.closed is None else "lapsed"


def _round(part: Round, delivered: Answer) -> RoundView:
    return RoundView(
        number=part.number + 1,
        members=[
            MemberView(
                auditor=member.auditor,
                committed=member.committed,
                answer=_answer(member.answer) if member.answer else None,
                agrees=member.answer == delivered if member.answer else None,
            )
            for member in part.members
        ],
        commit_by=part.commit_by,
        reveal_by=part.reveal_by,
    )


def _answer(answer: Answer) -> AnswerView:
    return AnswerView(result=answer.result.hex(), fuel=answer.fuel)
