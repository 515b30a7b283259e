# Made of fogchain/api/aio/stake.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""The wallet's stake."""

from __future__ import annotations

from fogchain.api.commons import StakeView, UnbondingRequest, UnbondingView
from fogchain.api.models import AmountRequest
from fogchain.api.sync.link import Link


class StakeApi(Link):
    def stake(self) -> StakeView:
        return self._get(StakeView, "stake")

    def bond(self, amount: int) -> StakeView:
        """Bond `amount` base units from the wallet. This and the other changes return when they are mined."""
        return self._post(StakeView, AmountRequest(amount=amount), "stake", "bond")

    def unbond(self, amount: int) -> StakeView:
        return self._post(StakeView, AmountRequest(amount=amount), "stake", "unbond")

    def withdraw_stake(self) -> StakeView:
        return self._post(StakeView, None, "stake", "withdraw")

    def claim_rewards(self) -> StakeView:
        return self._post(StakeView, None, "stake", "rewards")

    def cancel_unbonding(self, index: int, entry: UnbondingView) -> StakeView:
        """`entry`: as `stake` showed it at place `index`."""
        request = UnbondingRequest(amount=entry.amount, release=entry.release)
        return self._post(StakeView, request, "stake", "unbonding", index, "cancel")
