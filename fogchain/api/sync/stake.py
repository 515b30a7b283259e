# Made of fogchain/api/aio/stake.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""The wallet's stake."""

from __future__ import annotations

from fogchain.api.commons import StakeView, UnbondingRequest, UnbondingView
from fogchain.api.models import AmountRequest
from fogchain.api.sync.link import Link


class StakeApi(Link):
    def stake(self) -> StakeView:
        return self._get(StakeView, "stake")

    def bond(self, amount: int, key: str | None = None) -> StakeView:
        """Bond `amount` base units from the wallet. This and the other changes return when they are mined, and are
        made once for each `key`."""
        return self._post(StakeView, AmountRequest(amount=amount), "stake", "bond", key=key)

    def unbond(self, amount: int, key: str | None = None) -> StakeView:
        return self._post(StakeView, AmountRequest(amount=amount), "stake", "unbond", key=key)

    def withdraw_stake(self, key: str | None = None) -> StakeView:
        return self._post(StakeView, None, "stake", "withdraw", key=key)

    def claim_rewards(self, key: str | None = None) -> StakeView:
        return self._post(StakeView, None, "stake", "rewards", key=key)

    def cancel_unbonding(self, index: int, entry: UnbondingView, key: str | None = None) -> StakeView:
        """`entry`: as `stake` showed it at place `index`."""
        request = UnbondingRequest(amount=entry.amount, release=entry.release)
        return self._post(StakeView, request, "stake", "unbonding", index, "cancel", key=key)
