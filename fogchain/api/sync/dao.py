# Made of fogchain/api/aio/dao.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""Votes, and the court's cases."""

from __future__ import annotations

from typing import Literal

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
from fogchain.api.sync.link import Link


class DaoApi(Link):
    def dao(self, limit: int | None = None) -> DaoView:
        return self._get(DaoView, "dao", query={"limit": limit})

    def delegate(self, to: str, key: str | None = None) -> StakeView:
        """An address, or "me"."""
        return self._post(StakeView, DelegateRequest(to=to), "dao", "delegate", key=key)

    def proposal(self, id: str) -> ProposalDetail:
        return self._get(ProposalDetail, "dao", "proposals", id)

    def propose(self, request: ProposeRequest, key: str | None = None) -> ProposalDetail:
        return self._post(ProposalDetail, request, "dao", "proposals", key=key)

    def vote(self, id: str, vote: Vote, reason: str = "", key: str | None = None) -> ProposalDetail:
        request = VoteRequest(vote=vote, reason=reason)
        return self._post(ProposalDetail, request, "dao", "proposals", id, "vote", key=key)

    def move_proposal(
        self, id: str, step: Literal["queue", "execute", "cancel"], key: str | None = None
    ) -> ProposalDetail:
        return self._post(ProposalDetail, None, "dao", "proposals", id, step, key=key)

    def cases(self, limit: int | None = None, cursor: str | None = None) -> Page[CaseView]:
        return self._get(Page[CaseView], "slashings", query={"limit": limit, "cursor": cursor})

    def case(self, job: str) -> CaseView:
        return self._get(CaseView, "slashings", job)
