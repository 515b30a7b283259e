# Made of fogchain/api/aio/harvest.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""When this machine works for others, and why."""

from __future__ import annotations

from fogchain.api.harvest import (
    HarvestView,
    Intent,
    IntentRequest,
    LintView,
    PolicyRequest,
    PolicyView,
    Profile,
    ReplayRequest,
    ReplayView,
    TransitionView,
)
from fogchain.api.models import Page
from fogchain.api.sync.link import Link

WEEK = 7 * 86400000


class HarvestApi(Link):
    def harvest(self) -> HarvestView:
        """Now: state, sensors, every active veto."""
        return self._get(HarvestView, "harvest")

    def harvest_transitions(self, limit: int = 100, cursor: str | None = None) -> Page[TransitionView]:
        """The newest first."""
        query = {"limit": limit, "cursor": cursor}
        return self._get(Page[TransitionView], "harvest", "transitions", query=query)

    def intend(self, intent: Intent, span: int | None = None, key: str | None = None) -> HarvestView:
        """The owner's will, for `span` milliseconds or until he says so again; a boost needs an end."""
        return self._post(HarvestView, IntentRequest(intent=intent, span=span), "harvest", "intent", key=key)

    def clear_quarantine(self, key: str | None = None) -> HarvestView:
        """The owner has looked into why this machine is in quarantine. Raises Conflict when it is not."""
        return self._post(HarvestView, None, "harvest", "clear", key=key)

    def policy(self) -> PolicyView:
        """The policy in use, and the profiles there are."""
        return self._get(PolicyView, "harvest", "policy")

    def set_policy(
        self, text: str | None = None, profile: Profile | None = None, key: str | None = None
    ) -> HarvestView:
        """Use another policy. Raises BadInput naming the first thing that is wrong with it; nothing changes then."""
        return self._post(HarvestView, PolicyRequest(text=text, profile=profile), "harvest", "policy", key=key)

    def lint_policy(self, text: str) -> LintView:
        """What is wrong with a policy, without using it."""
        return self._post(LintView, PolicyRequest(text=text), "harvest", "lint")

    def replay(self, text: str | None = None, profile: Profile | None = None, span: int = WEEK) -> ReplayView:
        """What a policy would have done with the readings of the last `span` milliseconds."""
        request = ReplayRequest(text=text, profile=profile, span=span)
        return self._post(ReplayView, request, "harvest", "replay")
