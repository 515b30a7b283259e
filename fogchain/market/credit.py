"""How far a provider works ahead of its pay, and how it claims it. Pure; amounts in base units, fee included.

A provider starts no order unless what it has delivered and what it has started, each at the most it may come to, is
covered by what the buyer has signed for, but for one increment:

    delivered + started + this order  <=  signed + increment + signed / HISTORY

so that a buyer that takes results and never signs costs it one increment, over all its jobs together. One that has paid
before may be further behind: results that came too late to be of use are never paid, and are a small part of all.
"""

from __future__ import annotations

from dataclasses import dataclass

from fogchain.units import format_fog

HISTORY = 4  # a quarter of what was ever signed for


@dataclass(frozen=True, slots=True)
class Standing:
    """One buyer, over all its sessions and accounts with this provider."""

    delivered: int = 0  # what all finished runs earn by their receipts, whatever the buyer said of them
    signed: int = 0  # vouchers and payments, in all
    started: int = 0  # runs in the sandbox, at their fuel limits

    @property
    def behind(self) -> int:
        """What the buyer has had and has not paid; negative when it is ahead."""
        return self.delivered - self.signed


def allowance(increment: int, signed: int) -> int:
    """How far a buyer that has signed for so much may be behind."""
    return increment + signed // HISTORY


def may_start(standing: Standing, most: int, increment: int) -> bool:
    """Whether an order that may come to `most` can be started now."""
    return standing.behind + standing.started + most <= allowance(increment, standing.signed)


def why_never(standing: Standing, most: int, increment: int) -> str:
    """Why such an order could not be started even if all else were paid, in words; empty when it could."""
    limit = allowance(increment, standing.signed)
    if most <= limit:
        return ""
    return f"one run may come to {format_fog(most)}; this node works {format_fog(limit)} ahead of its pay, no more"


@dataclass(frozen=True, slots=True)
class Claimable:
    """What is held of one open session."""

    session: bytes
    signed: int
    claimed: int
    expiry: int
    over: bool  # its job is over: it can be closed, too

    @property
    def unclaimed(self) -> int:
        return max(0, self.signed - self.claimed)


def due_claims(held: list[Claimable], now: float, claim_above: int, margin: float) -> list[Claimable]:
    """Which vouchers to claim now, in one transaction: all that are worth it once one of them is due. One is due when
    its session is about to expire, or when more than `claim_above` is unclaimed in all.

    Sessions that are over are claimed and closed in one, each by itself, and are not among them.
    """
    running = [one for one in held if not one.over and one.unclaimed]
    pressing = any(now > one.expiry - margin for one in running)
    if pressing or sum(one.unclaimed for one in running) > claim_above:
        return running
    return []
