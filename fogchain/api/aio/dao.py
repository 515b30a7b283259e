"""Votes, and the court's cases."""

from __future__ import annotations

from typing import Literal

from fogchain.api.aio.link import AsyncLink
from fogchain.api.commons import (
    CaseView,
    DaoView,
    DelegateRequest,
    ProposalDetail,
    ProposeRequest,
    StakeView,
    Vote,
    VoteRequest,
)
from fogchain.api.models import Page


class AsyncDaoApi(AsyncLink):
    async def dao(self, limit: int | None = None) -> DaoView:
        return await self._get(DaoView, "dao", query={"limit": limit})

    async def delegate(self, to: str, key: str | None = None) -> StakeView:
        """An address, or "me"."""
        return await self._post(StakeView, DelegateRequest(to=to), "dao", "delegate", key=key)

    async def proposal(self, id: str) -> ProposalDetail:
        return await self._get(ProposalDetail, "dao", "proposals", id)

    async def propose(self, request: ProposeRequest, key: str | None = None) -> ProposalDetail:
        return await self._post(ProposalDetail, request, "dao", "proposals", key=key)

    async def vote(self, id: str, vote: Vote, reason: str = "", key: str | None = None) -> ProposalDetail:
        request = VoteRequest(vote=vote, reason=reason)
        return await self._post(ProposalDetail, request, "dao", "proposals", id, "vote", key=key)

    async def move_proposal(
        self, id: str, step: Literal["queue", "execute", "cancel"], key: str | None = None
    ) -> ProposalDetail:
        return await self._post(ProposalDetail, None, "dao", "proposals", id, step, key=key)

    async def cases(self, limit: int | None = None, cursor: str | None = None) -> Page[CaseView]:
        return await self._get(Page[CaseView], "slashings", query={"limit": limit, "cursor": cursor})

    async def case(self, job: str) -> CaseView:
        return await self._get(CaseView, "slashings", job)
