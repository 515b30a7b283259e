# Made of fogchain/api/aio/fleet.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""The devices that work for this node."""

from __future__ import annotations

from fogchain.api.fleet import (
    DeviceDetail,
    DeviceView,
    DrainRequest,
    FleetView,
    InvitationRequest,
    InvitationView,
    Profile,
    UpdateRequest,
)
from fogchain.api.models import Page
from fogchain.api.sync.link import Link


class FleetApi(Link):
    def fleet(self) -> FleetView:
        return self._get(FleetView, "fleet")

    def invite_device(self, name: str | None = None) -> InvitationView:
        """A code by which one device joins, once. It can't be had again."""
        return self._post(InvitationView, InvitationRequest(name=name), "fleet", "invitations")

    def devices(self, limit: int = 1000, cursor: str | None = None) -> Page[DeviceView]:
        query = {"limit": limit, "cursor": cursor}
        return self._get(Page[DeviceView], "fleet", "devices", query=query)

    def device(self, device: str) -> DeviceDetail:
        """`device`: its name or its peer id, here and below."""
        return self._get(DeviceDetail, "fleet", "devices", device)

    def pause_device(self, device: str, key: str | None = None) -> DeviceView:
        """Its tasks stand still, and it takes no more."""
        return self._post(DeviceView, None, "fleet", "devices", device, "pause", key=key)

    def resume_device(self, device: str, key: str | None = None) -> DeviceView:
        """It works whenever its own policy lets it."""
        return self._post(DeviceView, None, "fleet", "devices", device, "resume", key=key)

    def drain_device(self, device: str, within: int = 600000, key: str | None = None) -> DeviceView:
        """It takes no more; what it still runs after `within` milliseconds is handed on."""
        return self._post(DeviceView, DrainRequest(within=within), "fleet", "devices", device, "drain", key=key)

    def update_device(
        self, device: str, policy: str | None = None, profile: Profile | None = None, key: str | None = None
    ) -> DeviceView:
        """Another policy, in TOML, or one of the profiles. Raises BadInput for one that the linter refuses."""
        body = UpdateRequest(policy=policy, profile=profile)
        return self._post(DeviceView, body, "fleet", "devices", device, "update", key=key)

    def remove_device(self, device: str, key: str | None = None) -> DeviceView:
        """It is refused from now on, and what it runs is handed on."""
        return self._post(DeviceView, None, "fleet", "devices", device, "remove", key=key)
