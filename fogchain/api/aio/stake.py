"""The wallet's stake."""

from __future__ import annotations

from fogchain.api.aio.link import AsyncLink
from fogchain.api.commons import StakeView, UnbondingRequest, UnbondingView
from fogchain.api.models import AmountRequest


class AsyncStakeApi(AsyncLink):
    async def stake(self) -> StakeView:
        return await self._get(StakeView, "stake")

    async def bond(self, amount: int, key: str | None = None) -> StakeView:
        """Bond `amount` base units from the wallet. This and the other changes return when they are mined, and are
        made once for each `key`."""
        return await self._post(StakeView, AmountRequest(amount=amount), "stake", "bond", key=key)

    async def unbond(self, amount: int, key: str | None = None) -> StakeView:
        return await self._post(StakeView, AmountRequest(amount=amount), "stake", "unbond", key=key)

    async def withdraw_stake(self, key: str | None = None) -> StakeView:
        return await self._post(StakeView, None, "stake", "withdraw", key=key)

    async def claim_rewards(self, key: str | None = None) -> StakeView:
        return await self._post(StakeView, None, "stake", "rewards", key=key)

    async def cancel_unbonding(self, index: int, entry: UnbondingView, key: str | None = None) -> StakeView:
        """`entry`: as `stake` showed it at place `index`."""
        request = UnbondingRequest(amount=entry.amount, release=entry.release)
        return await self._post(StakeView, request, "stake", "unbonding", index, "cancel", key=key)
