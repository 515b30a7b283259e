"""What the API shows of harvesting, and lets the owner do: over the harvester, its probes and its journal."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

from fogchain.api.harvest import (
    CauseView,
    FindingView,
    HarvestView,
    IntentRequest,
    LintView,
    LostView,
    PolicyRequest,
    PolicyView,
    ProbeView,
    Profile,
    ReplayRequest,
    ReplayView,
    SensorView,
    TransitionView,
    VetoView,
)
from fogchain.api.models import Page
from fogchain.chain.deployment import write_atomically
from fogchain.errors import BadInput, NotFound
from node.harvest import profile
from node.harvest.expression import Cause, show, write
from node.harvest.harvester import Harvester, Seen, cause_of_veto
from node.harvest.journal import Journal, Kept
from node.harvest.policy import Policy, Veto
from node.harvest.sensors import SENSORS, Number

HOUR = 3600
DEFAULT_PROFILE = "dedicated"  # of a node that has no policy


class Probes(Protocol):
    """What tells of each probe."""

    def views(self) -> Sequence[ProbeView]: ...


class Harvesting:
    """Implements `node.api.services.Harvesting`."""

    def __init__(
        self,
        *,
        harvester: Harvester,
        probes: Probes,
        journal: Journal,
        file: Path,
        cores: int,
        running: Callable[[], int],
        survival: Callable[[], Mapping[str, int]],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`file`: the owner's policy, which need not be there. `survival`: basis points by span."""
        self._harvester, self._probes, self._journal, self._file = harvester, probes, journal, file
        self._cores, self._running, self._survival, self._wall = cores, running, survival, wall

    def why_not(self) -> str:
        """Why this machine takes no work now, in words; empty while it does."""
        return "" if self._harvester.takes_work else self._harvester.why()

    def view(self) -> HarvestView:
        seen, wall = self._harvester.seen, self._wall()
        device = seen.device
        return HarvestView(
            state=device.state.value,
            cause=seen.cause,
            since=wall - (seen.at - seen.since),
            takes_work=device.takes_work,
            why=self.why_not(),
            intent=device.intent,
            until=None if device.until is None else wall + device.until - seen.at,
            duty=round(seen.duty * 10_000),
            pace=seen.pace.cause,
            running=self._running(),
            policy=seen.policy.name,
            profile=self._profile(),
            vetoes=[veto_view(veto) for veto in seen.decision.vetoes],
            sensors=sensor_views(seen),
            probes=list(self._probes.views()),
            survival=dict(self._survival()),
        )

    def transitions(self, limit: int, cursor: str | None) -> Page[TransitionView]:
        """Raises BadInput for a cursor that is none."""
        if cursor is not None and not (cursor.isdecimal() and len(cursor) < 19):
            raise BadInput(f"{cursor[:40]!r} is no cursor", hint="use the `next_cursor` of the page before")
        found = self._journal.transitions(limit + 1, int(cursor) if cursor else None)
        more = len(found) > limit
        page = found[:limit]
        return Page(
            items=[_transition(one) for one in page],
            next_cursor=str(page[-1].id) if more else None,
            total=self._journal.count(),
        )

    async def intend(self, request: IntentRequest) -> HarvestView:
        seconds = None if request.span is None else request.span / 1000
        await asyncio.to_thread(self._harvester.intend, request.intent, seconds)
        return self.view()

    async def clear(self) -> HarvestView:
        await asyncio.to_thread(self._harvester.clear)
        return self.view()

    # ---------------------------------------------------------------- policies

    def policy(self) -> PolicyView:
        return PolicyView(
            text=policy_text(self._file),
            file=str(self._file),
            profile=self._profile(),
            profiles={name: profile.text_of(name) for name in profile.PROFILES},
        )

    async def set_policy(self, request: PolicyRequest) -> HarvestView:
        """On disk, then in use. Raises BadInput (BadPolicy): nothing changes then."""
        text = _text(request)
        policy = await asyncio.to_thread(profile.read, text, str(self._file))
        await asyncio.to_thread(write_atomically, self._file, text.encode())
        await asyncio.to_thread(self._harvester.use, policy)
        return self.view()

    async def lint(self, request: PolicyRequest) -> LintView:
        text = _text(request)
        found = await asyncio.to_thread(profile.flaws, text, "the policy")
        guards = 0 if found else len(profile.read(text, "the policy").guards)
        return LintView(
            findings=[FindingView(guard=f.guard, line=f.line, problem=f.problem, hint=f.hint) for f in found],
            guards=guards,
        )

    async def replay(self, request: ReplayRequest) -> ReplayView:
        """Raises BadInput (BadPolicy), NotFound while there are no readings."""
        policy = profile.read(_text(request), "the policy")
        return await asyncio.to_thread(self._replay, policy, self._wall() - request.span / 1000)

    def _replay(self, policy: Policy, since: float) -> ReplayView:
        from node.harvest.replay import PowerModel, Row, replay  # with NumPy, which nothing else here needs

        times = [math.inf, -math.inf]  # of the first row and the last

        def rows() -> Iterator[Row]:
            for at, snapshot in self._journal.history(since):
                times[:] = min(times[0], at), max(times[1], at)
                yield at, snapshot

        (found,) = replay((policy,), rows(), PowerModel.of_cores(self._cores))
        first, last = times
        if first >= last:
            raise NotFound("there are no readings of that time yet", hint="they come by the minute while a node runs")
        return ReplayView(
            first=first,
            last=last,
            hours=found.known / HOUR,
            offered=found.offered / HOUR,
            worked=found.worked / HOUR,
            transitions=found.transitions,
            longest=found.longest / HOUR,
            energy=found.energy,
            lost=[LostView(guard=guard, hours=seconds / HOUR) for guard, seconds in found.lost_to.items()],
        )

    def _profile(self) -> Profile | None:
        return cast("Profile | None", profile.profile_in(policy_text(self._file)))


def load_policy(file: Path) -> Policy:
    """The owner's policy; the default one where there is none. Raises BadPolicy: no weaker one stands in for it."""
    return profile.load(file) if file.exists() else profile.builtin(DEFAULT_PROFILE)


def policy_text(file: Path) -> str:
    """What stands in the owner's file, or would."""
    try:
        return file.read_text()
    except FileNotFoundError:
        return f'profile = "{DEFAULT_PROFILE}"\n'


def _text(request: PolicyRequest) -> str:
    return request.text if request.text is not None else f'profile = "{request.profile}"\n'


def _transition(kept: Kept) -> TransitionView:
    return TransitionView(
        at=kept.at,
        before=kept.before.value,
        after=kept.after.value,
        cause=kept.cause,
        actor=kept.actor,
    )


def veto_view(veto: Veto) -> VetoView:
    guard = veto.guard
    return VetoView.model_validate(
        {
            "guard": guard.name,
            "scope": guard.scope.name.lower(),
            "action": guard.action.name.lower(),
            "reason": veto.reason,
            "causes": [_cause(cause) for cause in veto.causes],
            "enter": write(guard.enter),
            "dwell": guard.dwell,
            "clears_in": veto.clears_in,
            "text": cause_of_veto(veto),
        }
    )


def _cause(cause: Cause) -> CauseView:
    return CauseView(condition=cause.text, sensor=cause.sensor, value=show(cause.value, cause.unit))


def sensor_views(seen: Seen) -> list[SensorView]:
    """Every sensor, in the table's order."""
    found = []
    for name, kind in SENSORS.items():
        value = seen.snapshot.get(name)
        unit = kind.unit if isinstance(kind, Number) else None
        found.append(SensorView(name=name, value=show(value, unit), known=value is not None))
    return found
