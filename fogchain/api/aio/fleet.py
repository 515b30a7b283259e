"""The devices that work for this node."""

from __future__ import annotations

from fogchain.api.aio.link import AsyncLink
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


class AsyncFleetApi(AsyncLink):
    async def fleet(self) -> FleetView:
        return await self._get(FleetView, "fleet")

    async def invite_device(self, name: str | None = None) -> InvitationView:
        """A code by which one device joins, once. It can't be had again."""
        return await self._post(InvitationView, InvitationRequest(name=name), "fleet", "invitations")

    async def devices(self, limit: int = 1000, cursor: str | None = None) -> Page[DeviceView]:
        query = {"limit": limit, "cursor": cursor}
        return await self._get(Page[DeviceView], "fleet", "devices", query=query)

    async def device(self, device: str) -> DeviceDetail:
        """`device`: its name or its peer id, here and below."""
        return await self._get(DeviceDetail, "fleet", "devices", device)

    async def pause_device(self, device: str, key: str | None = None) -> DeviceView:
        """Its tasks stand still, and it takes no more."""
        return await self._post(DeviceView, None, "fleet", "devices", device, "pause", key=key)

    async def resume_device(self, device: str, key: str | None = None) -> DeviceView:
        """It works whenever its own policy lets it."""
        return await self._post(DeviceView, None, "fleet", "devices", device, "resume", key=key)

    async def drain_device(self, device: str, within: int = 600_000, key: str | None = None) -> DeviceView:
        """It takes no more; what it still runs after `within` milliseconds is handed on."""
        return await self._post(DeviceView, DrainRequest(within=within), "fleet", "devices", device, "drain", key=key)

    async def update_device(
        self, device: str, policy: str | None = None, profile: Profile | None = None, key: str | None = None
    ) -> DeviceView:
        """Another policy, in TOML, or one of the profiles. Raises BadInput for one that the linter refuses."""
        body = UpdateRequest(policy=policy, profile=profile)
        return await self._post(DeviceView, body, "fleet", "devices", device, "update", key=key)

    async def remove_device(self, device: str, key: str | None = None) -> DeviceView:
        """It is refused from now on, and what it runs is handed on."""
        return await self._post(DeviceView, None, "fleet", "devices", device, "remove", key=key)
