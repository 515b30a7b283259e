"""The HTTP models of what all on a network share: bonds, votes, prices, verdicts. As `fogchain.api.models`.

    GET    /stake                              StakeView               the node's own bond
    POST   /stake/bond|unbond                  AmountRequest -> StakeView
    POST   /stake/withdraw|rewards             StakeView               what finished unbonding; what the bond earned
    POST   /stake/unbonding/{index}/cancel     UnbondingRequest -> StakeView
    GET    /dao                                DaoView                 ?limit=  the newest so many proposals
    POST   /dao/delegate                       DelegateRequest -> StakeView
    GET    /dao/proposals/{id}                 ProposalDetail          8 hex digits of the id will do
    POST   /dao/proposals                      ProposeRequest -> ProposalDetail
    POST   /dao/proposals/{id}/vote            VoteRequest -> ProposalDetail
    POST   /dao/proposals/{id}/queue|execute|cancel   ProposalDetail
    GET    /prices                             PricesView
    GET    /prices/history                     Page[PriceStepView]     ?class=  newest first
    GET    /slashings                          Page[CaseView]          newest first
    GET    /slashings/{job}                    CaseView

What changes something answers once it is mined. Times are Unix seconds of block time: compare them with `time`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fogchain.api.models import View
from fogchain.jobs.spec import EthAmount, FogAmount, FuelAmount, PriceAmount, RatioAmount, Value

Vote = Literal["for", "against", "abstain"]
ProposalState = Literal["pending", "active", "canceled", "defeated", "succeeded", "queued", "expired", "executed"]
CaseState = Literal["open", "guilty", "acquitted", "lapsed"]
# guilty: slashed · acquitted: a committee found the delivery right, or none could tell · lapsed: no verdict in time


class UnbondingView(View):
    amount: FogAmount
    release: int  # it can be withdrawn from then on


class StakeView(View):
    address: str
    wallet: FogAmount  # what could be bonded
    bonded: FogAmount
    total: FogAmount  # all bonds
    rewards: FogAmount  # can be taken now
    stream: FogAmount  # to all bonds, per second
    stream_end: int
    unbonding: list[UnbondingView]  # soonest first
    unbonding_period: int  # seconds
    votes: FogAmount  # this address can vote with: its own, if it delegated to itself, and others'
    delegatee: str | None  # who votes with this bond; None: nobody
    time: int


class UnbondingRequest(Value):
    """Which one, by what it was when it was looked at: places move up when one is gone."""

    amount: FogAmount
    release: int = Field(ge=0, strict=True)


class ArgumentView(View):
    name: str
    value: str


class CallView(View):
    to: str
    value: EthAmount
    contract: str | None  # None: not one of this network's contracts
    function: str | None
    arguments: list[ArgumentView]


class SettingView(View):
    name: str  # "market.fee"
    value: str  # with its unit


class ChangeView(View):
    name: str
    old: str | None  # what it is or, once the proposal is over, was before it
    new: str


class ProposalView(View):
    id: str  # 64 hex digits
    title: str
    description: str
    proposer: str
    state: ProposalState
    created: int
    snapshot: int  # who had votes then may vote
    deadline: int
    eta: int | None  # it can be executed from then on
    until: int | None  # when its state ends if nobody acts; None once it is over
    votes_for: FogAmount
    votes_against: FogAmount
    votes_abstain: FogAmount
    quorum: FogAmount | None  # for and abstaining together; None until the snapshot
    calls: list[CallView]
    changes: list[ChangeView]  # what the calls set, as far as they set settings
    voted: Vote | None  # by this node
    weight: FogAmount | None  # this node's votes on it; None until the snapshot
    mine: bool  # proposed by this node


class BallotView(View):
    voter: str
    vote: Vote
    weight: FogAmount
    reason: str
    time: int


class ProposalDetail(ProposalView):
    ballots: list[BallotView]  # newest first
    time: int


class DaoView(View):
    settings: list[SettingView]
    proposals: list[ProposalView]  # newest first
    total: int
    address: str
    votes: FogAmount
    bonded: FogAmount
    delegatee: str | None
    threshold: FogAmount  # votes it takes to propose
    guardian: str  # may cancel proposals
    guardian_until: int
    voting_delay: int  # seconds, as the next two
    voting_period: int
    timelock_delay: int
    time: int


class DelegateRequest(Value):
    to: str = Field(pattern="^(me|0x[0-9a-fA-F]{40})$")


class ProposeRequest(Value):
    """What to set, by name, with units; or calls by hand: 'market.setPricing("0x…")'."""

    description: str = Field(min_length=1, max_length=16_384)  # the first line is the title
    settings: dict[str, str] = Field(default={}, max_length=32)
    calls: list[str] = Field(default=[], max_length=8)


class VoteRequest(Value):
    vote: Vote
    reason: str = Field(default="", max_length=4096)


class BandView(View):
    now: PriceAmount
    floor: PriceAmount
    ceiling: PriceAmount


class MemoryBandView(View):
    """For a GiB of memory and a second."""

    now: FogAmount
    floor: FogAmount
    ceiling: FogAmount


class PriceClassView(View):
    name: str
    fuel: BandView
    memory: MemoryBandView
    capacity: int  # Gfuel per epoch, as far as bonds answer for it
    used: int  # fuel, since the last step
    use: RatioAmount | None  # of the capacity since the last step; None without capacity
    stepped: int
    next_step: int  # the next one is possible from then on; anyone may bring it about


class PricesView(View):
    classes: list[PriceClassView]
    target_use: RatioAmount  # at which prices stay
    step_cap: RatioAmount
    epoch: int  # seconds
    time: int


class PriceStepView(View):
    name: str
    fuel: PriceAmount
    memory: FogAmount  # for a GiB and a second
    use: RatioAmount  # that led to it; zero where a vote set it
    time: int
    transaction: str


class AnswerView(View):
    result: str  # hash
    fuel: FuelAmount


class MemberView(View):
    auditor: str
    committed: bool
    answer: AnswerView | None  # None: nothing was revealed
    agrees: bool | None  # with the delivery, result and fuel


class RoundView(View):
    number: int  # from 1
    members: list[MemberView]
    commit_by: int
    reveal_by: int


class CaseView(View):
    job: str
    state: CaseState
    kind: Literal["challenge", "audit"]
    court: str
    provider: str
    buyer: str
    finder: str
    price: FogAmount
    bond: FogAmount  # of the challenge
    delivered: AnswerView
    delivered_at: int
    opened: int
    verdict_by: int
    closed: int | None
    rounds: list[RoundView]
    asked: FogAmount  # by the verdict; less is taken where the bond has less
    taken: FogAmount  # from the bond: the next three
    to_victim: FogAmount
    to_finder: FogAmount
    burnt: FogAmount
    refund: FogAmount  # the price, back to the buyer
    paid: FogAmount  # to the provider, after all
    auditor_pay: FogAmount  # to each who said what the verdict says
    transaction: str
