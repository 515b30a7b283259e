"""What a gateway keeps of its devices and of the runs that they have, while it runs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from node.fleet.messages import Report, Result, Saved
from node.fleet.roster import Change, Member, Spans
from node.fleet.store import Stored

KEPT_CHANGES = 100  # of each device

Accept = Callable[[Result], Awaitable[bool]]  # False: the result does not hold, the run goes elsewhere
Keep = Callable[[Saved], Awaitable[None]]  # a checkpoint that is to be fetched and kept; raises FogchainError


@dataclass(frozen=True, slots=True)
class Settings:
    name: str
    version: str
    heartbeat: float  # seconds
    spans: Spans


@dataclass(slots=True)
class Attempt:
    """A run while a device has it. `gone` is set, with the reason, when it has to go elsewhere."""

    run_id: str
    number: str
    spec: bytes
    seed: bytes
    blobs: frozenset[str]  # that the device may fetch
    accept: Accept
    keep: Keep
    gone: asyncio.Future[str]
    taking: asyncio.Task[bool] | None = None


@dataclass(slots=True)
class Device:
    stored: Stored
    member: Member
    report: Report | None = None
    heard: float | None = None  # by the monotonic clock, also of one that is offline now
    noted: float = float("-inf")
    changes: deque[Change] = field(default_factory=lambda: deque(maxlen=KEPT_CHANGES))
    done: int = 0
    handed_on: int = 0

    @property
    def fresh(self) -> Report | None:
        """What it said last, while that holds."""
        return self.report if self.member.heard is not None else None


def shown(device: Device) -> Sequence[object]:
    """What its owner sees of it, but for numbers that always move."""
    report = device.report
    said = report and (
        report.state,
        report.intent,
        report.takes_work,
        report.slots,
        report.memory,
        report.rate,
        tuple(report.engines),
        report.policy_hash,
        report.refused,
        report.version,
        tuple((veto.guard, veto.action) for veto in report.vetoes),
    )
    runs = tuple((run.attempt, run.state) for run in device.member.runs)
    return device.member.state, runs, said
