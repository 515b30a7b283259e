"""What the contracts answer about themselves, as values: structs of contracts/interfaces/, field by field.

Amounts are base units of FOG, times Unix seconds of block time, addresses lower case; the zero address is nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

from fogchain.chain.records import JobState


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session as the market has it now. `buyer` is the zero address if it never was."""

    buyer: str
    cap: int
    provider: str
    claimed: int  # fees included
    expiry: int
    fee_bps: int
    open: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """What the market keeps of a job; all zero when it never was."""

    state: JobState
    version: int  # of the parameters it was opened under
    fee_bps: int
    since: int
    number: int  # of the block in which it came into its state
    delivery: bytes  # 18 bytes, the head of keccak256(abi.encode(result, fuel, at))


@dataclass(frozen=True, slots=True)
class Parameters:
    """Of jobs and sessions that are opened from now on."""

    court: str
    challenge_window: int  # seconds
    fee_bps: int
    bond_multiple: int


@dataclass(frozen=True, slots=True)
class Current:
    parameters: Parameters
    version: int
    stopped_until: int  # until when new jobs and sessions are refused


@dataclass(frozen=True, slots=True)
class Case:
    """A challenged job before the court; `verdict_by` is zero when there was none."""

    finder: str
    bond: int
    verdict_by: int
    commit_by: int
    reveal_by: int
    seed_block: int
    round: int
    revealed: int
    most: int
    closed: bool
    commit_time: int
    reveal_time: int
    slash_multiple: int
    answer: bytes
    delivered: bytes
    provider: str
    buyer: str


@dataclass(frozen=True, slots=True)
class CourtParameters:
    """Of cases that are opened from now on."""

    commit_time: int
    reveal_time: int
    audit_min_bps: int
    audit_factor: int
    slash_multiple: int
    seat_bond: int


@dataclass(frozen=True, slots=True)
class RewardStream:
    """What is given to all bonds together, in base units a second, and until when."""

    rate: int
    end: int


@dataclass(frozen=True, slots=True)
class Bond:
    """One account's stake."""

    bonded: int
    slashable: int  # with what is unbonding
    rewards: int  # what `claimRewards` would pay
    votes: int  # delegated to it
    delegate: str  # whom its bond votes by
    nonce: int  # of its next delegation by signature


@dataclass(frozen=True, slots=True)
class Auditor:
    seats: int
    earned: int  # what `collect` would pay
