"""The fleet as the API shows it, and what its owner can tell its devices."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from fogchain import __version__
from fogchain.api.fleet import (
    CapacityView,
    DeviceChange,
    DeviceDetail,
    DeviceRun,
    DeviceState,
    DeviceVeto,
    DeviceView,
    DrainRequest,
    FleetView,
    InvitationRequest,
    InvitationView,
    UpdateRequest,
)
from fogchain.api.models import Page
from fogchain.errors import BadInput, Conflict
from node.fleet.codes import VALID
from node.fleet.gateway import Gateway
from node.fleet.known import Device
from node.fleet.messages import hash_of
from node.fleet.places import Capacity, Place, capacity
from node.fleet.roster import Member, State


class Devices:
    """Implements `node.api.services.Fleet`."""

    def __init__(self, gateway: Gateway | None, peer_id: str, own: Callable[[], Place | None]) -> None:
        """`own`: the gateway as a place to work, None while it takes no work."""
        self._gateway, self._peer_id, self._own = gateway, peer_id, own

    def view(self) -> FleetView:
        if self._gateway is None:
            return FleetView(enabled=False)
        gateway, own, there = self._gateway, self._own(), self._gateway.places()
        devices, settings = gateway.devices, gateway.settings
        states: Counter[DeviceState] = Counter(device.member.state.value for device in devices)
        return FleetView(
            enabled=True,
            gateway=settings.name,
            peer_id=self._peer_id,
            version=settings.version,
            heartbeat_ms=int(settings.heartbeat * 1000),
            offline_after_ms=int(settings.spans.offline * 1000),
            capacity=_capacity(capacity([*there, own] if own else there)),
            own=_capacity(capacity([own] if own else [])),
            devices=len(devices),
            by_state=dict(states),
            running=sum(len(device.member.runs) for device in devices),
            handed_on=sum(device.handed_on for device in devices),
            invitations=gateway.invitations,
        )

    def invite(self, request: InvitationRequest) -> InvitationView:
        code = self._need().invite(request.name)
        return InvitationView(
            code=str(code),
            expires=time.time() + VALID,
            valid_ms=int(VALID * 1000),
            gateway=self._peer_id,
            addresses=list(code.addresses),
        )

    def devices(self, limit: int, cursor: str | None) -> Page[DeviceView]:
        """By name."""
        known = sorted(self._need().devices, key=lambda device: device.stored.name)
        total = len(known)
        if cursor is not None:
            known = [device for device in known if device.stored.name > cursor]
        page = known[:limit]
        more = page[-1].stored.name if len(known) > limit else None
        return Page(items=[self._show(device) for device in page], next_cursor=more, total=total)

    def device(self, device: str) -> DeviceDetail:
        found = self._need().find(device)
        now, wall = time.monotonic(), time.time()
        changes = [
            DeviceChange(
                at=wall - (now - change.at),
                before=change.before.value,
                after=change.after.value,
                cause=change.cause,
                actor=change.actor,
            )
            for change in found.changes
        ]
        shown = self._show(found).model_dump()
        return DeviceDetail(**shown, changes=changes, policy_text=found.stored.policy or "")

    async def pause(self, device: str) -> DeviceView:
        gateway = self._need()
        found = gateway.find(device)
        gateway.tell(found.stored.peer_id, "pause")
        return self._show(found)

    async def resume(self, device: str) -> DeviceView:
        gateway = self._need()
        found = gateway.find(device)
        gateway.tell(found.stored.peer_id, "auto")
        return self._show(found)

    async def drain(self, device: str, request: DrainRequest) -> DeviceView:
        gateway = self._need()
        found = gateway.find(device)
        gateway.tell(found.stored.peer_id, "drain", request.within / 1000)
        return self._show(found)

    async def update(self, device: str, request: UpdateRequest) -> DeviceView:
        gateway = self._need()
        found = gateway.find(device)
        text = request.policy
        if text is not None and not text.strip():
            raise BadInput("the policy is empty", hint="name a profile, or give the policy's TOML")
        if request.profile is not None:
            text = f'profile = "{request.profile}"\n'
        gateway.wish(found.stored.peer_id, text)
        return self._show(found)

    async def remove(self, device: str) -> DeviceView:
        gateway = self._need()
        found = gateway.find(device)
        shown = self._show(gateway.remove(found.stored.peer_id))
        return shown.model_copy(update={"detail": "it is refused from now on"})

    def _need(self) -> Gateway:
        if self._gateway is None:
            raise Conflict("this node has no fleet", hint="set `enabled = true` under [fleet] in its config.toml")
        return self._gateway

    def _show(self, device: Device) -> DeviceView:
        stored, member, report, now = device.stored, device.member, device.report, time.monotonic()
        wanted = hash_of(stored.policy)
        view = DeviceView(
            name=stored.name,
            peer_id=stored.peer_id,
            state=member.state.value,
            detail=_detail(member),
            intent=stored.intent,
            runs=[DeviceRun(run=run.run_id, state=run.state, seconds=round(now - run.since, 3)) for run in member.runs],
            done=device.done,
            handed_on=device.handed_on,
            policy_wanted=wanted,
            joined=stored.joined,
            last_seen=stored.last_seen if device.heard is None else time.time() - (now - device.heard),
            silent_ms=None if device.heard is None else int((now - device.heard) * 1000),
        )
        if report is None:
            return view
        return view.model_copy(
            update={
                "own_state": report.state,
                "own_intent": report.intent,
                "takes_work": member.usable,
                "vetoes": [
                    DeviceVeto(guard=veto.guard, cause=veto.cause, action=veto.action, clears_in_ms=veto.clears_in)
                    for veto in report.vetoes
                ],
                "sensors": dict(report.sensors),
                "capacity": CapacityView(
                    slots=report.slots,
                    free=max(0, report.slots - len(member.runs)) if member.usable else 0,
                    memory=report.memory,
                    fuel_rate=report.slots * report.rate,
                    engines=list(report.engines),
                ),
                "policy": report.policy,
                "policy_hash": report.policy_hash,
                "policy_error": report.refusal if report.refused and report.refused == wanted else "",
                "version": report.version,
                "outdated": report.version != __version__,
            }
        )


def _detail(member: Member) -> str:
    match member.state:
        case State.PAUSED:
            return "its owner paused it at the gateway"
        case State.DRAINING:
            return f"its owner drains it at the gateway; it has {len(member.runs)} to end"
        case State.DRAINED:
            return "its owner drained it at the gateway"
        case _:
            return member.cause


def _capacity(found: Capacity) -> CapacityView:
    return CapacityView(
        slots=found.slots,
        free=found.free,
        memory=found.memory,
        fuel_rate=found.rate,
        engines=list(found.engines),
    )
