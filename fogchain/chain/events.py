"""The contracts' events as values. Field names and order are the contracts' own (`contracts/libraries/EventsLib.sol`).

Amounts are base units, times Unix seconds, addresses lower case.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from fogchain.chain.abi import EventType, artifact
from fogchain.chain.deployment import Deployment


@dataclass(frozen=True, slots=True)
class At:
    """Where and when on the chain an event is."""

    block: int
    index: int  # the log's number within its block
    transaction: str
    time: int = 0  # of the block, Unix seconds


@dataclass(frozen=True, slots=True)
class Event:
    at: At


# ---- token


@dataclass(frozen=True, slots=True)
class Transfer(Event):
    """Tokens moved between accounts; `source` is the zero address when they were minted."""

    source: str
    to: str
    value: int


# ---- market


@dataclass(frozen=True, slots=True)
class Deposited(Event):
    owner: str
    amount: int


@dataclass(frozen=True, slots=True)
class Withdrawn(Event):
    owner: str
    amount: int


@dataclass(frozen=True, slots=True)
class SessionOpened(Event):
    session: bytes
    buyer: str
    provider: str
    job: bytes
    cap: int
    expiry: int
    fee_bps: int


@dataclass(frozen=True, slots=True)
class SessionToppedUp(Event):
    session: bytes
    cap: int  # the new one


@dataclass(frozen=True, slots=True)
class VoucherClaimed(Event):
    session: bytes
    buyer: str
    provider: str
    paid: int  # free for the provider now
    fee: int  # kept back from it
    total: int  # claimed since the session opened, fees included


@dataclass(frozen=True, slots=True)
class ClaimSkipped(Event):
    session: bytes
    amount: int


@dataclass(frozen=True, slots=True)
class SessionClosed(Event):
    session: bytes
    buyer: str
    provider: str
    claimed: int
    refunded: int


@dataclass(frozen=True, slots=True)
class JobOpened(Event):
    job: bytes
    buyer: str
    provider: str
    price: int
    rate: int
    breach: int
    input_by: int
    due: int
    late_by: int
    work: bytes


@dataclass(frozen=True, slots=True)
class JobDelivered(Event):
    job: bytes
    result: bytes
    fuel: int


@dataclass(frozen=True, slots=True)
class JobChallenged(Event):
    job: bytes
    court: str
    bond: int  # of the buyer; zero for an audit


@dataclass(frozen=True, slots=True)
class JobSettled(Event):
    job: bytes
    paid: int
    fee: int
    refund: int
    reason: int  # a Reason


@dataclass(frozen=True, slots=True)
class ReplicasPaid(Event):
    job: bytes
    replicas: tuple[str, ...]
    paid: int  # to each
    fee: int  # of each
    refund: int


@dataclass(frozen=True, slots=True)
class JobCancelled(Event):
    job: bytes
    by: str


@dataclass(frozen=True, slots=True)
class JobExpired(Event):
    job: bytes
    breach: int


@dataclass(frozen=True, slots=True)
class JobSlashed(Event):
    job: bytes
    slashed: int


@dataclass(frozen=True, slots=True)
class BatchSettled(Event):
    buyer: str
    root: bytes
    jobs: int
    total: int


@dataclass(frozen=True, slots=True)
class BatchPaid(Event):
    buyer: str
    payee: str
    paid: int
    fee: int


@dataclass(frozen=True, slots=True)
class BatchNumbers(Event):
    buyer: str
    word: int
    bits: int  # bit i: job number 256 * word + i is paid


@dataclass(frozen=True, slots=True)
class FeesCollected(Event):
    provider: str
    fees: int
    volume: int  # in 10^9 base units


@dataclass(frozen=True, slots=True)
class ParametersSet(Event):
    version: int
    court: str
    challenge_window: int
    fee_bps: int
    bond_multiple: int


@dataclass(frozen=True, slots=True)
class PricingSet(Event):
    pricing: str


@dataclass(frozen=True, slots=True)
class StopSet(Event):
    by: str
    until: int


# ---- stake


@dataclass(frozen=True, slots=True)
class Bonded(Event):
    owner: str
    amount: int


@dataclass(frozen=True, slots=True)
class UnbondStarted(Event):
    owner: str
    amount: int
    release: int


@dataclass(frozen=True, slots=True)
class UnbondCancelled(Event):
    owner: str
    amount: int
    release: int


@dataclass(frozen=True, slots=True)
class StakeWithdrawn(Event):
    owner: str
    amount: int


@dataclass(frozen=True, slots=True)
class RewardsClaimed(Event):
    owner: str
    amount: int


@dataclass(frozen=True, slots=True)
class RewardsFunded(Event):
    by: str
    amount: int


@dataclass(frozen=True, slots=True)
class Compensated(Event):
    """A breach, paid from a bond."""

    owner: str
    to: str
    paid: int
    from_bond: int  # the rest was unbonding, taken latest first


@dataclass(frozen=True, slots=True)
class Slashed(Event):
    owner: str
    victim: str
    finder: str
    from_bond: int
    to_victim: int
    to_finder: int
    burnt: int


@dataclass(frozen=True, slots=True)
class DelegateChanged(Event):
    delegator: str
    from_delegate: str
    to_delegate: str


@dataclass(frozen=True, slots=True)
class DelegateVotesChanged(Event):
    delegate: str
    previous_votes: int
    new_votes: int


# ---- court


@dataclass(frozen=True, slots=True)
class SeatsSet(Event):
    auditor: str
    seats: int


@dataclass(frozen=True, slots=True)
class CaseOpened(Event):
    job: bytes
    finder: str
    provider: str
    bond: int
    verdict_by: int


@dataclass(frozen=True, slots=True)
class SeedNamed(Event):
    job: bytes
    round: int
    seed_block: int


@dataclass(frozen=True, slots=True)
class CommitteeDrawn(Event):
    job: bytes
    round: int
    members: tuple[str, ...]
    commit_by: int
    reveal_by: int


@dataclass(frozen=True, slots=True)
class Committed(Event):
    job: bytes
    round: int
    auditor: str
    commitment: bytes


@dataclass(frozen=True, slots=True)
class Revealed(Event):
    job: bytes
    round: int
    auditor: str
    result: bytes
    fuel: int


@dataclass(frozen=True, slots=True)
class Verdict(Event):
    job: bytes
    guilty: bool
    round: int
    slashed: int
    pay: int  # to each member that said what the verdict says


@dataclass(frozen=True, slots=True)
class AuditPayCollected(Event):
    auditor: str
    amount: int


@dataclass(frozen=True, slots=True)
class CourtParametersSet(Event):
    commit_time: int
    reveal_time: int
    audit_min_bps: int
    audit_factor: int
    slash_multiple: int
    seat_bond: int


# ---- registry


@dataclass(frozen=True, slots=True)
class NodeRegistered(Event):
    owner: str
    node_key: bytes
    operator: str
    resource_class: bytes
    slots: int
    capacity: int  # Gfuel per epoch
    endpoints: str
    node_signature: bytes


@dataclass(frozen=True, slots=True)
class NodeDeregistered(Event):
    owner: str
    node_key: bytes


@dataclass(frozen=True, slots=True)
class NodeDisowned(Event):
    operator: str
    owner: str
    up_to: int


@dataclass(frozen=True, slots=True)
class CapacityCounted(Event):
    owner: str
    resource_class: bytes
    counted: int  # Gfuel per epoch


@dataclass(frozen=True, slots=True)
class NewFeedback(Event):
    """ERC-8004's: how a job ended (first tag "fogchain"), or what a buyer says of a session (first tag "review")."""

    agent_id: int  # the provider's address as a number
    client_address: str  # the buyer
    feedback_index: int  # among those of this buyer for this provider, from 1 on
    value: int  # out of 100
    value_decimals: int
    indexed_tag1: bytes
    tag1: str
    tag2: str
    endpoint: str
    feedback_uri: str
    feedback_hash: bytes  # the id of the job or session

    @property
    def provider(self) -> str:
        return f"0x{self.agent_id:040x}"


# ---- pricing


@dataclass(frozen=True, slots=True)
class ClassSet(Event):
    resource_class: bytes
    lot: int
    fuel_floor: int
    fuel_ceiling: int
    memory_floor: int
    memory_ceiling: int


@dataclass(frozen=True, slots=True)
class ClassRetired(Event):
    resource_class: bytes


@dataclass(frozen=True, slots=True)
class BasePrice(Event):
    """The base prices of a class from now on, and the use that led to them; zero where a vote set them."""

    resource_class: bytes
    epoch: int
    per_gfuel: int
    per_gib_s: int
    util_bps: int


@dataclass(frozen=True, slots=True)
class UsageReported(Event):
    resource_class: bytes
    provider: str
    fuel: int


@dataclass(frozen=True, slots=True)
class AuctionCleared(Event):
    resource_class: bytes
    round: int
    price: int
    trades: int
    root: bytes


@dataclass(frozen=True, slots=True)
class RolledBack(Event):
    """Not of a contract: everything after block `at.block` was undone, by a reorganisation of the chain or because a
    local chain came back from an older snapshot. The events that replace it follow."""


FOLLOWED: dict[str, tuple[type[Event], ...]] = {
    "FogToken": (Transfer,),
    "FogMarket": (
        *(Deposited, Withdrawn, SessionOpened, SessionToppedUp, VoucherClaimed, ClaimSkipped, SessionClosed),
        *(JobOpened, JobDelivered, JobChallenged, JobSettled, ReplicasPaid, JobCancelled, JobExpired, JobSlashed),
        *(BatchSettled, BatchPaid, BatchNumbers, FeesCollected, ParametersSet, PricingSet, StopSet),
    ),
    "FogStake": (
        *(Bonded, UnbondStarted, UnbondCancelled, StakeWithdrawn, RewardsClaimed, RewardsFunded),
        *(Compensated, Slashed, DelegateChanged, DelegateVotesChanged),
    ),
    "FogCourt": (
        *(SeatsSet, CaseOpened, SeedNamed, CommitteeDrawn, Committed, Revealed, Verdict),
        *(AuditPayCollected, CourtParametersSet),
    ),
    "FogPricing": (ClassSet, ClassRetired, BasePrice, UsageReported, AuctionCleared),
    "FogRegistry": (NodeRegistered, NodeDeregistered, NodeDisowned, CapacityCounted, NewFeedback),
}

_RENAMED = {"from": "source", "class": "resource_class", "per_gi_bs": "per_gib_s", "feedback_u_r_i": "feedback_uri"}


class Decoder:
    """Logs of one deployment's contracts, and of courts that were named later, to events."""

    def __init__(self, deployment: Deployment) -> None:
        self._types: dict[tuple[str, str], tuple[type[Event], EventType]] = {}
        self._named: dict[str, tuple[int, int]] = {}  # where on the chain a later court was named
        for contract, address in deployment.addresses.items():
            self._follow(contract, address)

    def follow_court(self, address: str, block: int = 0, index: int = 0) -> bool:
        """False when it is followed already. What it says before it was named, at this log, is none of the events:
        who follows the chain could not have heard it."""
        if any(followed == address for followed, _ in self._types):
            return False
        self._named[address] = (block, index)
        self._follow("FogCourt", address)
        return True

    def _follow(self, contract: str, address: str) -> None:
        for kind in FOLLOWED.get(contract, ()):
            event = artifact(contract).events[kind.__name__]
            self._types[address, "0x" + event.topic.hex()] = (kind, event)

    @property
    def filter(self) -> dict[str, Any]:
        """What to ask `eth_getLogs` for."""
        return {
            "address": sorted({address for address, _ in self._types}),
            "topics": [sorted({topic for _, topic in self._types})],
        }

    def decode(self, log: dict[str, Any]) -> Event | None:
        """None for a log that is none of the followed events. Raises ValueError for one that only claims to be.

        The log has the time of its block as `blockTimestamp`."""
        topics = log["topics"]
        found = self._types.get((log["address"].lower(), topics[0])) if topics else None
        if found is None:
            return None
        if (int(log["blockNumber"], 16), int(log["logIndex"], 16)) < self._named.get(log["address"].lower(), (0, 0)):
            return None
        kind, event = found
        values = event.decode(topics, log["data"])
        at = At(
            int(log["blockNumber"], 16),
            int(log["logIndex"], 16),
            log["transactionHash"],
            int(log["blockTimestamp"], 16),
        )
        return kind(at, **{_RENAMED.get(name, name): value for name, value in values.items()})


@cache
def topic_of(contract: str, event: str) -> str:
    """The 0x hex of an event's first topic. Raises KeyError for an unknown event."""
    return "0x" + artifact(contract).events[event].topic.hex()
