"""The API's models of harvesting: when this machine works for others, and why it does or doesn't. Endpoints (`/v1`):

GET    /harvest                HarvestView              now: state, sensors, every active veto
GET    /harvest/transitions    Page[TransitionView]     the newest first
POST   /harvest/intent         IntentRequest -> HarvestView     auto, pause, finish or boost
POST   /harvest/clear          HarvestView              the owner has looked into why it is in quarantine
GET    /harvest/policy         PolicyView
POST   /harvest/policy         PolicyRequest -> HarvestView     with any finding nothing changes
POST   /harvest/lint           PolicyRequest -> LintView        what is wrong with a policy, without using it
POST   /harvest/replay         ReplayRequest -> ReplayView      what a policy would have done here
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from fogchain.api.models import View
from fogchain.jobs.spec import RatioAmount, SpanAmount, Value

Intent = Literal["auto", "pause", "finish", "boost"]
DeviceState = Literal[
    "offline", "blocked", "warming", "idle", "benchmark", "claimed", "running", "frozen", "checkpointing", "draining",
    "vacating", "quarantine",
]  # fmt: skip
Profile = Literal["desktop", "laptop", "phone", "server", "quiet-night", "dedicated"]
MAX_POLICY = 64 << 10  # bytes


class CauseView(View):
    """A condition that holds, or fails, and thereby forbids."""

    condition: str  # "battery.charge < 70 %"
    sensor: str
    value: str  # "63 %", "unknown"


class VetoView(View):
    guard: str
    scope: Literal["safety", "owner", "platform", "job"]
    action: Literal["throttle", "freeze", "checkpoint", "vacate", "kill"]
    reason: Literal["left", "waiting", "unknown"]
    # ^ its `leave` holds · its `enter` does not hold yet, or not for long enough · a sensor is unknown
    causes: list[CauseView]
    enter: str  # what has to hold for it to clear
    dwell: float  # seconds for which
    clears_in: float | None  # seconds, when only time is missing; None: `enter` does not hold
    text: str  # all of it in words


class SensorView(View):
    name: str
    value: str  # "63 %", "unknown"
    known: bool


class ProbeView(View):
    """What reads sensors."""

    name: str
    sensors: list[str]
    state: Literal["ok", "late", "failed", "absent"]
    detail: str = ""
    age: float | None = None  # seconds since it last told something


class HarvestView(View):
    state: DeviceState
    cause: str  # why it came to that state
    since: float  # Unix seconds
    takes_work: bool
    why: str  # why it takes none, in words; empty while it does
    intent: Intent
    until: float | None = None  # Unix seconds; None: until the owner says otherwise
    duty: RatioAmount  # the share of time in which tasks run
    pace: str = ""  # why that is less than a policy would allow
    running: int  # tasks that have begun, standing ones too
    policy: str  # "profile laptop", or the file
    profile: Profile | None = None
    vetoes: list[VetoView]  # the most severe first
    sensors: list[SensorView]
    probes: list[ProbeView]
    survival: dict[str, RatioAmount]  # chance that it stays for 10 min, 1 h and 2 h, as its offers say


class TransitionView(View):
    at: float  # Unix seconds
    before: DeviceState
    after: DeviceState
    cause: str
    actor: Literal["policy", "owner", "executor", "buyer", "node", "clock"]


class IntentRequest(Value):
    intent: Intent
    span: SpanAmount | None = Field(default=None, ge=1000, le=30 * 86_400_000)
    # ^ for so long; None: until the owner says otherwise, which a boost can't be


class PolicyView(View):
    text: str  # TOML
    file: str
    profile: Profile | None = None
    profiles: dict[str, str]  # those that come with the node, in TOML, by name


class PolicyRequest(Value):
    """Either a whole policy in TOML, or the name of a profile."""

    text: str | None = Field(default=None, max_length=MAX_POLICY)
    profile: Profile | None = None

    @model_validator(mode="after")
    def _one(self) -> PolicyRequest:
        if (self.text is None) == (self.profile is None):
            raise ValueError("give either a text or a profile")
        return self


class FindingView(View):
    guard: str | None
    line: int | None
    problem: str
    hint: str = ""


class LintView(View):
    """`findings` is empty for a policy that can be used."""

    findings: list[FindingView]
    guards: int = 0


class ReplayRequest(PolicyRequest):
    span: SpanAmount = Field(default=7 * 86_400_000, ge=60_000, le=30 * 86_400_000)  # of the past


class LostView(View):
    guard: str
    hours: float  # in which it was the most severe veto


class ReplayView(View):
    """What a policy would have done with what the sensors have said."""

    first: float  # Unix seconds of the first reading
    last: float
    hours: float  # of readings; gaps are left out
    offered: float  # hours in which work would have run, if slowly
    worked: float  # the same, throttled ones by their duty
    transitions: int
    longest: float  # hours of the longest stretch
    energy: float  # kWh that work in all of it would have drawn, by an estimate of what a core draws
    lost: list[LostView]
