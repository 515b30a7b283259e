"""The API's models of a fleet: devices that work for this node. Endpoints (under `/v1`, see `fogchain.api.models` for
the rest of the rules):

    GET    /fleet                             FleetView           also where this node has no fleet
    POST   /fleet/invitations                 InvitationRequest -> InvitationView    a code, never to be had again
    GET    /fleet/devices                     Page[DeviceView]
    GET    /fleet/devices/{device}            DeviceDetail        by its name, or the whole of its peer id
    POST   /fleet/devices/{device}/pause      DeviceView
    POST   /fleet/devices/{device}/resume     DeviceView
    POST   /fleet/devices/{device}/drain      DrainRequest -> DeviceView
    POST   /fleet/devices/{device}/update     UpdateRequest -> DeviceView            another policy
    POST   /fleet/devices/{device}/remove     DeviceView          it is refused from then on

A node is a fleet's gateway where its config.toml says `[fleet] enabled = true`. What changes is told by an event of
kind `fleet`, without data.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from fogchain.api.models import View
from fogchain.jobs.spec import SpanAmount, Value

MAX_POLICY = 64 << 10  # characters of a policy
MAX_DRAIN = 7 * 86_400_000  # milliseconds

Profile = Literal["desktop", "laptop", "phone", "server", "quiet-night", "dedicated"]
Intent = Literal["auto", "pause", "drain"]
DeviceState = Literal["offline", "ready", "resting", "paused", "draining", "drained", "removed"]
# offline: not heard of for longer than the fleet's span, or not since the gateway's start · ready: takes work ·
# resting: takes none by its own reasons, see `vetoes` · paused: the gateway said so, its tasks stand still ·
# draining: takes none, what it runs is ended or handed on · drained: that is done · removed: refused at the door

DeviceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]


class CapacityView(View):
    """What can be used now."""

    slots: int = 0  # tasks at once
    free: int = 0  # of those without a task
    memory: int = 0  # bytes, the most that one task may have
    fuel_rate: int = 0  # fuel/s of all slots together
    engines: list[str] = Field(default_factory=list)


class FleetView(View):
    enabled: bool  # False: this node is no gateway, and the rest is empty
    gateway: str = ""  # this node's name
    peer_id: str = ""
    version: str = ""
    heartbeat_ms: int = 0  # between two signs of life of a device
    offline_after_ms: int = 0  # of silence
    capacity: CapacityView = CapacityView()  # of the gateway and all devices together
    own: CapacityView = CapacityView()  # of the gateway alone
    devices: int = 0
    by_state: dict[DeviceState, int] = Field(default_factory=dict)
    running: int = 0  # tasks on devices
    handed_on: int = 0  # tasks that went elsewhere since the gateway's start
    invitations: int = 0  # codes that can be used now


class DeviceVeto(View):
    """One reason for which a device does not work, in its own words."""

    guard: str
    cause: str  # with value and threshold
    action: str = ""
    clears_in_ms: int | None = None  # when only time is missing


class DeviceRun(View):
    run: str  # the order's digest, hex
    state: Literal["sent", "fetching", "running", "standing"]
    seconds: float  # since it was given to the device


class DeviceView(View):
    name: str
    peer_id: str
    state: DeviceState
    detail: str = ""  # why it is in that state, in words
    intent: Intent  # the gateway's
    own_state: str = ""  # of the device's own machine: idle, running, frozen, …; as last heard
    own_intent: str = ""  # its owner's word at the device itself: auto, pause, finish, boost
    takes_work: bool = False
    vetoes: list[DeviceVeto] = Field(default_factory=list)
    sensors: dict[str, str] = Field(
        default_factory=dict
    )  # charge, temperature, load, … with their units; as last heard
    capacity: CapacityView = CapacityView()
    runs: list[DeviceRun] = Field(default_factory=list)
    done: int = 0  # runs that were accepted since the gateway's start
    handed_on: int = 0  # runs that went elsewhere
    policy: str = ""  # the name of the policy in use there
    policy_hash: str = ""
    policy_wanted: str = ""  # hash of the one that the gateway has sent; empty: none
    policy_error: str = ""  # why the device does not use that one
    version: str = ""
    outdated: bool = False  # its version is not the gateway's
    joined: float  # Unix seconds
    last_seen: float | None = None  # Unix seconds, by the gateway's clock
    silent_ms: int | None = None  # since its last heartbeat; None: not heard since the gateway's start


class DeviceChange(View):
    at: float  # Unix seconds
    before: DeviceState
    after: DeviceState
    cause: str
    actor: Literal["device", "owner", "clock", "gateway"]


class DeviceDetail(DeviceView):
    changes: list[DeviceChange] = Field(default_factory=list)  # the newest first, since the gateway's start
    policy_text: str = ""  # that the gateway has sent


class InvitationRequest(Value):
    name: DeviceName | None = None  # what the device will be called; None: as it calls itself


class InvitationView(View):
    code: str  # for `fogchain fleet join`; kept nowhere
    expires: float  # Unix seconds
    valid_ms: int
    gateway: str  # peer id
    addresses: list[str]  # where the device will look for the gateway


class DrainRequest(Value):
    within: SpanAmount = Field(default=600_000, ge=0, le=MAX_DRAIN)  # what runs then still is handed on


class UpdateRequest(Value):
    """Another policy: a profile by name, or a policy's TOML. Neither: the gateway's own wish is taken back."""

    profile: Profile | None = None
    policy: str | None = Field(default=None, max_length=MAX_POLICY)

    @model_validator(mode="after")
    def _one(self) -> UpdateRequest:
        if self.profile is not None and self.policy is not None:
            raise ValueError("profile and policy exclude each other: give one of them")
        return self
