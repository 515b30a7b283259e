"""The gateway's side of a fleet: hears its devices, tells them what it wishes, and knows who has which run.

What a device is and which runs have to go elsewhere, `roster.py` says; here are the messages, the clock and the disk.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from fogchain.errors import Conflict, FogchainError, Forbidden, NotFound
from node.fleet import messages, roster
from node.fleet.codes import MOST_ADDRESSES, Code
from node.fleet.doorman import Doorman
from node.fleet.known import Accept, Attempt, Device, Keep, Settings, shown
from node.fleet.messages import (
    GIVEN_BYTES,
    REPORT_BYTES,
    Join,
    Receipt,
    Report,
    Result,
    Saved,
    Welcome,
    Wishes,
    Work,
    hash_of,
)
from node.fleet.places import Place
from node.fleet.ports import Network
from node.fleet.roster import Event, HandOn, Intent, Member
from node.fleet.store import FleetStore, Stored

log = structlog.get_logger(__name__)

SEEN_INTERVAL = 60.0  # seconds between notes on the disk of when a device was heard
WAKE_TIMEOUT = 5.0  # seconds
LEAST_TICK = 0.05


class Gateway:
    """Lives in the event loop. `changed` is called at whatever the owner would see."""

    def __init__(
        self,
        *,
        network: Network,
        network_name: str,
        node_key: bytes,
        store: FleetStore,
        settings: Settings,
        check_policy: Callable[[str], None],
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`check_policy` raises BadInput for a policy that is not used."""
        self._network, self._network_name, self._node_key = network, network_name, node_key
        self._store, self.settings = store, settings
        self._check_policy, self._changed = check_policy, changed
        self._clock, self._wall = clock, wall
        self._doorman = Doorman(store)
        self._devices: dict[str, Device] = {}
        self._removed: set[str] = set()
        self._attempts: dict[str, tuple[str, Attempt]] = {}  # number to device and attempt
        self._news: dict[str, bool] = {}  # devices that are being woken, and whether there is more by now
        self._calls: set[asyncio.Task[None]] = set()
        self.moved = asyncio.Event()  # set, and made anew, whenever there may be room for a run
        for stored in store.devices():
            if stored.removed is None:
                self._devices[stored.peer_id] = Device(stored, Member(settings.spans, stored.intent))
            else:
                self._removed.add(stored.peer_id)

    def serve(self) -> None:
        self._network.serve(messages.JOIN, self._on_join)
        self._network.serve(messages.BEAT, self._on_beat)
        self._network.serve(messages.RESULT, self._on_result)

    async def run(self) -> None:
        """Notice who is silent, until cancelled."""
        pause = max(LEAST_TICK, min(1.0, self.settings.spans.offline / 20))
        while True:
            for peer_id in list(self._devices):
                self._step(peer_id, roster.Ticked())
            await asyncio.sleep(pause)

    # ---------------------------------------------------------------- what is asked of it

    @property
    def devices(self) -> list[Device]:
        return list(self._devices.values())

    def find(self, text: str) -> Device:
        """By name or peer id. Raises NotFound."""
        if text in self._devices:
            return self._devices[text]
        named = [device for device in self._devices.values() if device.stored.name == text]
        if len(named) != 1:
            raise NotFound(f"the fleet has no device {text[:80]!r}", hint="`fogchain fleet list` names them")
        return named[0]

    def invite(self, name: str | None) -> Code:
        """Raises Conflict when too many codes are open, or a device has that name."""
        if name is not None and any(device.stored.name == name for device in self._devices.values()):
            raise Conflict(f"a device of the fleet is called {name!r}", hint="give another name")
        code = self._doorman.invite(self._network_name, self._node_key, self._network.endpoints, name, self._wall())
        self._changed()
        return code

    @property
    def invitations(self) -> int:
        return self._doorman.open(self._wall())

    def tell(self, peer_id: str, intent: Intent, within: float | None = None) -> None:
        """The owner's word. `within`: seconds to be drained in."""
        device = self._devices[peer_id]
        revision = self._store.tell(peer_id, intent)
        device.stored = replace(device.stored, intent=intent, revision=revision)
        self._step(peer_id, roster.Told(intent, None if within is None else self._clock() + within))
        self._wake(peer_id)
        self._changed()

    def wish(self, peer_id: str, policy: str | None) -> None:
        """Another policy. Raises BadInput for one that is not used; then nothing changes."""
        if policy is not None:
            self._check_policy(policy)
        device = self._devices[peer_id]
        self._store.wish(peer_id, policy)
        device.stored = replace(device.stored, policy=policy)
        self._wake(peer_id)
        self._changed()

    def remove(self, peer_id: str) -> Device:
        """It is refused from now on, and after restarts."""
        device = self._devices[peer_id]
        self._store.remove(peer_id, self._wall())
        self._step(peer_id, roster.Removed())
        self._removed.add(peer_id)
        del self._devices[peer_id]
        self._wake(peer_id)  # so that it hears of it
        self._changed()
        return device

    # ---------------------------------------------------------------- runs

    def places(self) -> list[Place]:
        """The devices that may be given a run."""
        found = []
        for peer_id, device in self._devices.items():
            if device.member.usable and (report := device.fresh) is not None:
                used = len(device.member.runs)
                found.append(Place(peer_id, report.slots, used, report.memory, report.rate, tuple(report.engines)))
        return found

    def give(
        self, peer_id: str, run_id: str, spec: bytes, seed: bytes, blobs: frozenset[str], accept: Accept, keep: Keep
    ) -> Attempt:
        """The run is that device's from now on, until `accept` takes its result or the attempt is `gone`; what it has
        saved until then is given to `keep`."""
        number = secrets.token_hex(8)
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        attempt = Attempt(run_id, number, spec, seed, blobs, accept, keep, future)
        self._attempts[number] = (peer_id, attempt)
        self._step(peer_id, roster.Given(run_id, number))
        self._wake(peer_id)
        self._changed()
        return attempt

    def end(self, attempt: Attempt, *, accepted: bool) -> None:
        """The attempt is over: its result was taken, or nobody wants it any more."""
        held = self._attempts.pop(attempt.number, None)
        if attempt.taking is not None and not accepted:
            attempt.taking.cancel()
        if held is not None and held[0] in self._devices:
            device = self._devices[held[0]]
            device.done += accepted
            self._step(held[0], roster.Ended(attempt.number))
            if not accepted:
                self._wake(held[0])
        self.room()

    def may_read(self, peer_id: str, sha256: str) -> bool:
        """Whether this device may fetch this blob: it belongs to a run that it has."""
        return any(peer == peer_id and sha256 in attempt.blobs for peer, attempt in self._attempts.values())

    # ---------------------------------------------------------------- what devices say

    async def _on_join(self, peer_id: str, payload: bytes) -> bytes:
        join = messages.decode(Join, payload, 1024)
        stored = self._doorman.admit(peer_id, join, self._wall(), self._clock())
        if peer_id not in self._devices or self._devices[peer_id].stored != stored:
            log.info("a device joined", name=stored.name, peer=peer_id)
            self._removed.discard(peer_id)
            self._devices[peer_id] = Device(stored, Member(self.settings.spans, stored.intent))
            self._changed()
        return messages.encode(Welcome(name=stored.name, gateway=self.settings.name))

    async def _on_beat(self, peer_id: str, payload: bytes) -> bytes:
        device = self._member(peer_id)
        report = messages.decode(Report, payload, REPORT_BYTES)
        before = shown(device)
        device.report, device.heard = report, self._clock()
        if report.leaving:
            self._step(peer_id, roster.Left())
        else:
            cause = report.detail or ("" if report.takes_work else f"it is {report.state}")
            runs: dict[str, roster.RunState] = dict(report.runs)
            self._step(peer_id, roster.Heard(report.takes_work, report.life, runs, cause))
        self._note(device)
        if shown(device) != before:
            self._changed()
            self.room()
        return messages.encode(self._wishes(device, report))

    async def _on_result(self, peer_id: str, payload: bytes) -> bytes:
        self._member(peer_id)
        result = messages.decode(Result, payload)
        held = self._attempts.get(result.attempt)
        if held is None or held[0] != peer_id:
            return messages.encode(Receipt(wanted=False))
        attempt = held[1]
        if result.returned:
            if result.saved is not None:
                await self._keep(attempt, result.saved)
            self._step(peer_id, roster.Returned(result.attempt, result.returned))
            return messages.encode(Receipt(wanted=True))
        if attempt.taking is None:
            attempt.taking = asyncio.create_task(self._take(peer_id, attempt, result))
        return messages.encode(Receipt(wanted=await asyncio.shield(attempt.taking)))

    async def _keep(self, attempt: Attempt, saved: Saved) -> None:
        """What can't be kept is done again."""
        try:
            await attempt.keep(saved)
        except FogchainError as error:
            log.warning("a checkpoint is not kept", run=attempt.run_id[:12], why=error.message)

    async def _take(self, peer_id: str, attempt: Attempt, result: Result) -> bool:
        """Have the result accepted; one that does not hold sends the run elsewhere. Raises what hindered it."""
        try:
            sound = await attempt.accept(result)
        except FogchainError:
            attempt.taking = None  # the device will say it again
            raise
        except asyncio.CancelledError:
            if attempt.number in self._attempts:
                raise
            return False
        if attempt.number not in self._attempts:
            return False
        if sound:
            return True
        attempt.taking = None
        self._step(peer_id, roster.Returned(attempt.number, "its result is not what it says it is"))
        return False

    def _member(self, peer_id: str) -> Device:
        """Raises Forbidden."""
        if peer_id in self._devices:
            return self._devices[peer_id]
        if peer_id in self._removed:
            raise Forbidden("this device was removed from the fleet", hint="it can join again with a new code")
        raise Forbidden("this device is not in the fleet", hint="join with a code: `fogchain fleet join CODE`")

    def _wishes(self, device: Device, report: Report) -> Wishes:
        """All that the gateway wants of this device now."""
        stored, member = device.stored, device.member
        give: list[Work] = []
        size, more = 0, False
        for run in member.runs:
            held = self._attempts.get(run.attempt)
            if run.attempt in report.runs or held is None:
                continue
            size += len(held[1].spec)
            if give and size > GIVEN_BYTES:
                more = True
                break
            give.append(Work(attempt=run.attempt, spec=held[1].spec, seed=held[1].seed))
        wanted = self._policy_for(stored, report)
        return Wishes(
            name=stored.name,
            version=self.settings.version,
            heartbeat=int(self.settings.heartbeat * 1000),
            intent=stored.intent,
            revision=stored.revision,
            policy=stored.policy if wanted else None,
            policy_hash=wanted,
            give=give,
            drop=[attempt for attempt in report.runs if member.has(attempt) is None],
            more=more,
            addresses=list(self._network.endpoints[:MOST_ADDRESSES]),
        )

    def _policy_for(self, stored: Stored, report: Report) -> str:
        """The hash of the policy that this device should come to use; empty when it has it, or has refused it."""
        wanted = hash_of(stored.policy)
        return "" if wanted in (report.policy_hash, report.refused) else wanted

    # ---------------------------------------------------------------- inside

    def _step(self, peer_id: str, event: Event) -> None:
        device = self._devices[peer_id]
        device.member, handed, changes = roster.step(device.member, event, self._clock())
        for change in changes:
            device.changes.appendleft(change)
            log.info(
                "fleet", device=device.stored.name, before=change.before.value, after=change.after.value,
                cause=change.cause, actor=change.actor,
            )  # fmt: skip
        for one in handed:
            self._hand_on(device, one)
        if changes or handed:
            self._changed()
            self.room()

    def _hand_on(self, device: Device, one: HandOn) -> None:
        held = self._attempts.pop(one.attempt, None)
        if held is None:
            return
        attempt = held[1]
        device.handed_on += 1
        log.info("a run goes elsewhere", run=one.run_id[:12], device=device.stored.name, why=one.cause)
        if attempt.taking is not None and not attempt.taking.done():
            attempt.taking.cancel()
        if not attempt.gone.done():
            attempt.gone.set_result(one.cause)
        if device.member.heard is not None:
            self._wake(device.stored.peer_id)  # so that it ends there

    def _note(self, device: Device) -> None:
        """When it was heard, seldom and not in the way of anything."""
        if (now := self._clock()) - device.noted < SEEN_INTERVAL:
            return
        device.noted, at = now, self._wall()
        device.stored = replace(device.stored, last_seen=at)
        try:
            self._store.seen(device.stored.peer_id, at)
        except FogchainError as error:
            log.warning("not noted when a device was heard", why=error.message)

    def room(self) -> None:
        """There may be room for a run that waits."""
        self.moved.set()
        self.moved = asyncio.Event()

    def _wake(self, peer_id: str) -> None:
        """Have the device ask now; if it can't be reached it asks by itself before long."""
        underway = peer_id in self._news
        self._news[peer_id] = True
        if not underway:
            task = asyncio.create_task(self._call(peer_id))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    async def _call(self, peer_id: str) -> None:
        while self._news[peer_id]:
            self._news[peer_id] = False
            try:
                await self._network.request(peer_id, messages.WAKE, b"", timeout=WAKE_TIMEOUT)
            except FogchainError as error:
                log.debug("a device was not woken", peer=peer_id, why=error.message)
        del self._news[peer_id]
