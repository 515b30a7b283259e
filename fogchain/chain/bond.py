"""One account's bond: what answers for its work, votes and earns. Source: `contracts/interfaces/IFogStake.sol`."""

from __future__ import annotations

from dataclasses import dataclass

from fogchain.chain.client import ChainClient

YEAR = 365 * 24 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class Unbonding:
    """Part of a bond on its way out; `release` is the block time from which it can be withdrawn."""

    amount: int
    release: int


@dataclass(frozen=True, slots=True)
class Bond:
    """Amounts in base units of FOG, times in Unix seconds of block time."""

    owner: str
    wallet: int  # what could be bonded
    bonded: int
    total: int  # of all bonds
    rewards: int  # that can be claimed
    stream: int  # to all bonds, per second
    stream_end: int
    unbonding: tuple[Unbonding, ...]  # soonest first; places are those of `cancelUnbond`
    period: int  # of unbonding, seconds
    votes: int  # delegated to the account, by itself or others
    delegatee: str | None


async def read_bond(client: ChainClient, owner: str) -> Bond:
    """Raises Unavailable."""
    mine = ("bonded", "rewardsOf", "unbonding", "getVotes", "delegates")
    common = ("totalBonded", "stream", "unbondingPeriod")
    bonded, rewards, queue, votes, delegatee, total, stream, period, wallet = await client.read_all(
        [
            *(("stake", view, owner) for view in mine),
            *(("stake", view) for view in common),
            ("token", "balanceOf", owner),
        ]
    )
    return Bond(
        owner=owner,
        wallet=wallet,
        bonded=bonded,
        total=total,
        rewards=rewards,
        stream=stream[0],
        stream_end=stream[1],
        unbonding=tuple(Unbonding(*entry) for entry in queue),
        period=period,
        votes=votes,
        delegatee=delegatee if int(delegatee, 16) else None,
    )
