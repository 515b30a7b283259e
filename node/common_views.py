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
from fogchain.chain.contracts import Told
from fogchain.chain.dao import Proposal, Support
from fogchain.chain.prices import EPOCH, PriceClass, PriceStep
from fogchain.chain.records import CaseRecord, JobRecord, JobState, Round, SlashRecord
from fogchain.chain.settings import Change
from fogchain.errors import CorruptData

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


def case(one: CaseRecord, job: JobRecord, court: str, slash: SlashRecord | None) -> CaseView:
    if job.delivery is None:
        raise CorruptData(f"job {job.id.hex()} is before the court and was never delivered")
    delivered = AnswerView(result=job.delivery.result.hex(), fuel=job.delivery.fuel)
    state = _case_state(one, job)
    return CaseView(
        job=one.job.hex(),
        state=state,
        kind="challenge" if one.bond else "audit",
        court=court,
        provider=one.provider,
        buyer=job.buyer,
        finder=one.finder,
        price=job.price,
        bond=one.bond,
        delivered=delivered,
        delivered_at=job.delivery.at,
        opened=one.opened,
        verdict_by=one.verdict_by,
        closed=job.since if state == "lapsed" else one.closed,
        rounds=[_round(number, part, delivered) for number, part in enumerate(one.rounds, 1) if part.members],
        asked=one.slash,
        taken=slash.taken if slash else 0,
        to_victim=slash.to_victim if slash else 0,
        to_finder=slash.to_finder if slash else 0,
        burnt=slash.burnt if slash else 0,
        refund=job.refund,
        paid=job.paid,
        auditor_pay=one.pay,
        transaction=one.transaction,
    )


def _case_state(one: CaseRecord, job: JobRecord) -> CaseState:
    if one.guilty is not None:
        return "guilty" if one.guilty else "acquitted"
    return "open" if job.state == JobState.CHALLENGED else "lapsed"


def _round(number: int, part: Round, delivered: AnswerView) -> RoundView:
    answers = {reveal.auditor: AnswerView(result=reveal.result.hex(), fuel=reveal.fuel) for reveal in part.reveals}
    return RoundView(
        number=number,
        members=[
            MemberView(
                auditor=auditor,
                committed=auditor in part.committed,
                answer=(answer := answers.get(auditor)),
                agrees=answer == delivered if answer else None,
            )
            for auditor in part.members
        ],
        commit_by=part.commit_by,
        reveal_by=part.reveal_by,
    )
