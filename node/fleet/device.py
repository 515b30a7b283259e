"""A device's side of a fleet: tells its gateway how it is, and does what that wishes.

Every few seconds it says all that the gateway has to know, and is answered with all that the gateway wants: runs to
begin, runs to drop, its owner's word, a policy. It holds no promise of its own: what is lost on the way is said again,
and a gateway that is away is asked again, seldom at first and more seldom then, while its runs go on.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from fogchain.errors import BadInput, BadMessage, FogchainError, Forbidden, NotFound, Unavailable
from fogchain.jobs.spec import BlobRef, RunSpec
from node.fleet import messages
from node.fleet.messages import Receipt, Report, Result, RunState, Wishes, Work, hash_of
from node.fleet.ports import Box, Harvest, Network

log = structlog.get_logger(__name__)

FIRST_PAUSE, LAST_PAUSE = 1.0, 30.0  # seconds between attempts at a gateway that does not answer
PATIENCE = 15.0  # seconds for an answer
RESULT_PATIENCE = 300.0  # seconds for one that takes the gateway as long as the result's files
GOODBYE = 2.0  # seconds
LEAST_PAUSE = 0.05  # seconds between two heartbeats, whatever there is to say


class Dismissed(Forbidden):
    """The gateway wants no more of this device."""


@dataclass(slots=True)
class _Run:
    task: asyncio.Task[None]
    spec: RunSpec
    state: RunState = "fetching"


@dataclass(frozen=True, slots=True)
class Link:
    """How it stands with the gateway: joined, away or dismissed; and in words why."""

    state: str = "away"
    trouble: str = "not reached yet"


class Device:
    """`run` until cancelled, then `stop`. `changed` is called after each heartbeat, heard or not."""

    def __init__(
        self,
        *,
        network: Network,
        gateway: str,
        harvest: Harvest,
        box: Box,
        version: str,
        revision: int,
        told: Callable[[Wishes], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`gateway`: its peer id. `revision`: of the word that was obeyed last, before this start. `told` hears of each
        answer, to keep what outlives a restart."""
        self._network, self._gateway = network, gateway
        self._harvest, self._box, self._version = harvest, box, version
        self._revision, self._told, self._changed = revision, told, changed
        self._life = secrets.token_hex(8)
        self._runs: dict[str, _Run] = {}
        self._wake = asyncio.Event()
        self._heartbeat = FIRST_PAUSE
        self._refused = self._refusal = ""
        self.link = Link()

    # ---------------------------------------------------------------- life

    def serve(self) -> None:
        self._network.serve(messages.WAKE, self._on_wake)

    def news(self) -> None:
        """Something has changed here: the gateway should hear of it."""
        self._wake.set()

    @property
    def running(self) -> int:
        return len(self._runs)

    def needed(self) -> set[str]:
        """Blobs that its runs are made of."""
        return {ref.sha256 for run in self._runs.values() for ref in blobs_of(run.spec)}

    async def run(self) -> None:
        """Raises Dismissed when the gateway wants no more of it."""
        pause = FIRST_PAUSE
        while True:
            self._wake.clear()
            try:
                more = await self._beat()
            except Forbidden as error:
                self._set_link("dismissed", error.message)
                raise Dismissed(error.message, hint=error.hint) from error
            except FogchainError as error:
                self._set_link("away", error.message)
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  so that devices don't come all at once
                pause = min(pause * 2, LAST_PAUSE)
                continue
            pause = FIRST_PAUSE
            self._set_link("joined", "")
            await asyncio.sleep(LEAST_PAUSE)
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._heartbeat)

    async def stop(self) -> None:
        """End its runs and say goodbye: they are handed on at once."""
        runs = list(self._runs.values())
        for run in runs:
            run.task.cancel()
        await asyncio.gather(*(run.task for run in runs), return_exceptions=True)
        if self.link.state == "joined":
            with suppress(FogchainError):
                report = messages.encode(self._report(leaving=True))
                await self._network.request(self._gateway, messages.BEAT, report, timeout=GOODBYE)

    # ---------------------------------------------------------------- heartbeats

    async def _beat(self) -> bool:
        """Whether the gateway has more to say at once."""
        report = messages.encode(self._report())
        answer = await self._network.request(self._gateway, messages.BEAT, report, timeout=PATIENCE)
        wishes = messages.decode(Wishes, answer)
        self._heartbeat = wishes.heartbeat / 1000
        self._obey(wishes)
        if wishes.policy is not None:
            await self._adopt(wishes.policy)
        for attempt in wishes.drop:
            self._drop(attempt)
        for work in wishes.give:
            self._begin(work)
        return wishes.more

    def _obey(self, wishes: Wishes) -> None:
        """Its owner's word at the gateway, once; a full disk hears of it again."""
        try:
            if wishes.revision != self._revision:
                self._harvest.tell(wishes.intent)
                self._revision = wishes.revision
            self._told(wishes)
        except (FogchainError, OSError) as error:
            log.warning("what the gateway said can't be kept", why=str(error))

    def _report(self, *, leaving: bool = False) -> Report:
        now = self._harvest.condition()
        runs: dict[str, RunState] = {
            attempt: "standing" if run.state == "running" and now.standing else run.state
            for attempt, run in self._runs.items()
        }
        return Report(
            life=self._life,
            version=self._version[:40],
            state=now.state,
            intent=now.intent,
            takes_work=now.takes_work and not leaving,
            detail=now.detail[:400],
            vetoes=list(now.vetoes)[:50],
            sensors=dict(list(now.sensors.items())[:64]),
            slots=self._box.slots,
            memory=self._box.memory,
            rate=self._box.rate,
            engines=list(self._box.engines),
            runs=runs,
            policy=now.policy[:400],
            policy_hash=now.policy_hash,
            refused=self._refused,
            refusal=self._refusal,
            leaving=leaving,
        )

    async def _adopt(self, text: str) -> None:
        """A policy that is not used changes nothing, and the gateway hears why."""
        try:
            await asyncio.to_thread(self._harvest.adopt, text)
            self._refused = self._refusal = ""
        except FogchainError as error:
            log.warning("the gateway's policy is not used", why=error.message)
            self._refused, self._refusal = hash_of(text), error.message[:2000]
        self.news()

    async def _on_wake(self, peer_id: str, payload: bytes) -> bytes:
        if peer_id != self._gateway:
            raise Forbidden("this device works for another gateway")
        if payload:
            raise BadMessage("a wake carries nothing")
        self.news()
        return b""

    def _set_link(self, state: str, trouble: str) -> None:
        if self.link != Link(state, trouble):
            log.info("gateway", state=state, why=trouble)
        self.link = Link(state, trouble)
        self._changed()

    # ---------------------------------------------------------------- runs

    def _begin(self, work: Work) -> None:
        if work.attempt in self._runs:
            return
        try:
            spec = RunSpec.decode(work.spec)
        except BadMessage as error:
            log.warning("a run that can't be read", why=error.message)
            return
        task = asyncio.create_task(self._execute(work, spec), name=f"run-{work.attempt}")
        self._runs[work.attempt] = _Run(task, spec)
        task.add_done_callback(lambda _: self._ended(work.attempt))

    def _ended(self, attempt: str) -> None:
        self._runs.pop(attempt, None)
        self._box.discard(attempt)
        self.news()

    def _drop(self, attempt: str) -> None:
        if (run := self._runs.get(attempt)) is not None:
            log.info("a run is not wanted any more", attempt=attempt)
            run.task.cancel()

    async def _execute(self, work: Work, spec: RunSpec) -> None:
        try:
            result = await self._run(work, spec)
        except FogchainError as error:
            log.warning("a run is given back", attempt=work.attempt, why=error.message)
            result = Result(attempt=work.attempt, returned=error.message[:400] or error.code)
        await self._deliver(result)

    async def _run(self, work: Work, spec: RunSpec) -> Result:
        """Raises FogchainError: it is given back."""
        self._check_willing()
        self._box.room(spec)
        for ref in blobs_of(spec):
            await self._fetch(ref)
        self._check_willing()
        self._runs[work.attempt].state = "running"
        self.news()
        return await self._box.run(work.attempt, spec, work.seed)

    def _check_willing(self) -> None:
        now = self._harvest.condition()
        if not now.takes_work:
            raise Unavailable(now.detail or f"the device is {now.state}")

    async def _fetch(self, ref: BlobRef) -> None:
        """From the gateway, which may be away for a while. Raises NotFound, BadMessage."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._network.fetch(self._gateway, ref)
                return
            except Unavailable as error:
                log.info("a run's data are not here yet", why=error.message)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LAST_PAUSE)

    async def _deliver(self, result: Result) -> None:
        """Until the gateway has taken it, or does not want it."""
        message, pause = messages.encode(result), FIRST_PAUSE
        while True:
            try:
                answer = await self._network.request(self._gateway, messages.RESULT, message, timeout=RESULT_PATIENCE)
                messages.decode(Receipt, answer)
                return
            except (Forbidden, BadInput, NotFound) as error:
                log.warning("a result is not taken", attempt=result.attempt, why=error.message)
                return
            except FogchainError as error:
                log.info("a result waits for the gateway", attempt=result.attempt, why=error.message)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LAST_PAUSE)


def blobs_of(spec: RunSpec) -> list[BlobRef]:
    """What a run needs."""
    refs = [spec.module, *spec.task.inputs.values(), *([spec.task.stdin] if spec.task.stdin else [])]
    if spec.resume is not None:
        refs.append(spec.resume.archive)
    return list({ref.sha256: ref for ref in refs}.values())
