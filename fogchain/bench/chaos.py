"""Jobs under kills: processes of a whole market die by `kill -9` at random moments while a buyer keeps it busy.

Afterwards nothing that was accepted may be missing, nothing may be there twice, and the books of chain, buyer and
providers have to agree.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fogchain.api.client import AsyncClient
from fogchain.api.models import JobDetail, ReceiptView
from fogchain.bench.books import all_of, disagreements, supply
from fogchain.errors import FogchainError, Unavailable
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, TaskSpec
from fogchain.localnet import LocalNetwork
from fogchain.units import GFUEL, WEI

TASKS = 10
ROUNDS = 80_000_000  # of the module's loop, 8 fuel each: a tenth of a second and more
AT_ONCE = 2  # jobs under way
LEAST_PAUSE, MEAN_PAUSE = 0.2, 4.0  # seconds between kills
PATIENCE = 600.0  # seconds for all jobs to be paid once the killing is over

# Spins, then writes its arguments to stdout: each task's result names the task.
MODULE = f"""
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $left i64)
    (local.set $left (i64.const {ROUNDS}))
    (loop $next
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $next (i64.ne (local.get $left) (i64.const 0))))
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $args (i32.const 1024) (i32.const 4096)))
    (i32.store (i32.const 16) (i32.const 4096))
    (i32.store (i32.const 20) (i32.load (i32.const 4)))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
"""

T = TypeVar("T")


@dataclass
class Outcome:
    """What a run found, in words; all three lists are empty when the market kept its promises."""

    kills: Counter[str] = field(default_factory=Counter)
    jobs: int = 0
    tasks: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)


async def chaos(
    network: LocalNetwork, *, kills: int, seed: int, say: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Kill `kills` times, then let every job end. The network must be supervised, and is stopped by whoever started it.
    Raises Unavailable when the jobs do not end in PATIENCE seconds."""
    run = _Chaos(network, random.Random(seed), say)  # noqa: S311
    return await run.run(kills)


class _Chaos:
    def __init__(self, network: LocalNetwork, dice: random.Random, say: Callable[[str], None]) -> None:
        self._network, self._dice, self._say = network, dice, say
        self._accepted: dict[str, str] = {}  # idempotency key to the job it was answered with
        self._over = False
        self._turn = asyncio.Lock()
        self._outcome = Outcome()

    async def run(self, kills: int) -> Outcome:
        before = await supply(self._network)
        buyers = [asyncio.create_task(self._buy(number)) for number in range(AT_ONCE)]
        try:
            for number in range(1, kills + 1):
                await asyncio.sleep(LEAST_PAUSE + self._dice.expovariate(1 / MEAN_PAUSE))
                await self._kill_one()
                if number % 20 == 0:
                    self._say(f"{number} of {kills} kills, {len(self._accepted)} jobs accepted")
            self._over = True
            await asyncio.wait_for(asyncio.gather(*buyers), PATIENCE)
        except TimeoutError as error:
            raise Unavailable(f"not all jobs were paid {PATIENCE:.0f} s after the last kill") from error
        finally:
            for task in buyers:
                task.cancel()
            await asyncio.gather(*buyers, return_exceptions=True)
        await self._check(before)
        return self._outcome

    # ---------------------------------------------------------------- killing

    async def _kill_one(self) -> None:
        victim = self._dice.choice(["buyer", "chain", "anvil", *self._network.names])
        self._outcome.kills[victim] += 1
        if victim == "anvil":
            with contextlib.suppress(OSError, ValueError, KeyError):
                place = self._network.folder / "chain" / "chain.json"
                os.kill(json.loads(place.read_text())["anvil_pid"], signal.SIGKILL)
        else:
            await self._network.kill(victim)

    # ---------------------------------------------------------------- buying

    async def _buy(self, buyer: int) -> None:
        """One job after the other until the killing is over, each with a key of its own and sent until it is taken."""
        number = 0
        while not self._over:
            key = f"chaos-{buyer}-{number}"
            number += 1
            job = await self._insist(lambda api, key=key: self._submit(api, key))  # type: ignore[misc]
            self._accepted[key] = job
            await self._insist(lambda api, job=job: self._ended(api, job))  # type: ignore[misc]

    async def _insist(self, ask: Callable[[AsyncClient], Awaitable[T | None]]) -> T:
        """The first answer, asked again and again, of whatever process the buyer's node is by then."""
        while True:
            with contextlib.suppress(FogchainError, KeyError):
                answer = await ask(self._network.buyer)
                if answer is not None:
                    return answer
            await asyncio.sleep(0.2)
            async with self._turn:  # one of us looks for the node's new address
                with contextlib.suppress(FogchainError, KeyError):
                    await self._network.buyer.status()
                    continue
                with contextlib.suppress(FogchainError):
                    await self._network.ready("buyer")

    async def _submit(self, api: AsyncClient, key: str) -> str:
        module = _module()
        sha256 = hashlib.sha256(module).hexdigest()
        if not await api.has_blob(sha256):
            await api.put_blob(module, sha256)
        spec = JobSpec(
            name=key,
            module=BlobRef(sha256=sha256, size=len(module)),
            budget=40 * WEI,
            time_limit=24 * 3_600_000,  # what is measured is that it ends, not when
            limits=Limits(fuel=GFUEL, memory=16 << 20, time=60_000, output=1 << 16),
            tasks=tuple(TaskSpec(args=(_word(key, index),)) for index in range(TASKS)),
        )
        return (await api.submit(spec, key)).id

    async def _ended(self, api: AsyncClient, job: str) -> JobDetail | None:
        """The job once it is over; once the killing is over as well, once it is paid."""
        detail = await api.job(job)
        done = detail.paid if self._over else detail.finished is not None
        return detail if done else None

    # ---------------------------------------------------------------- afterwards

    async def _check(self, before: int) -> None:
        network, found = self._network, self._outcome
        for name in (*network.names, "buyer"):
            await network.ready(name)
        api = network.buyer
        for job in self._accepted.values():
            await self._until_paid(api, job)
        await self._settled()
        found.jobs = len(self._accepted)
        known = await all_of(api.jobs)
        names = Counter(job.name for job in known)
        found.doubled += [f"job {name} is there {count} times" for name, count in names.items() if count > 1]
        ids = {job.id for job in known}
        for key, job in self._accepted.items():
            if job not in ids:
                found.lost.append(f"job {key} was accepted and is not there")
                continue
            await self._check_job(api, key, job)
        found.disagreements += await disagreements(network)
        after = await supply(self._network)
        if after != before:
            found.disagreements.append(f"all FOG together was {before} and is {after}")

    async def _check_job(self, api: AsyncClient, key: str, job: str) -> None:
        found = self._outcome
        detail = await api.job(job)
        if detail.state != "done":
            found.lost.append(f"job {key} ended {detail.state}: {detail.detail}")
        paid: dict[int, list[ReceiptView]] = {}
        for receipt in await all_of(lambda **page: api.receipts("buyer", job, **page)):
            if receipt.state == "accepted":
                paid.setdefault(receipt.task, []).append(receipt)
        for number, receipts in paid.items():  # several are in order when they confirm each other
            parties = {receipt.counterparty for receipt in receipts}
            if len(receipts) > 1 and (len(parties) < len(receipts) or any(r.reason == "ok" for r in receipts)):
                found.doubled.append(f"task {number} of {key} was accepted {len(receipts)} times")
        for task in await all_of(lambda **page: api.tasks(job, **page)):
            if task.state != "done":
                found.lost.append(f"task {task.index} of {key} ended {task.state}: {task.detail}")
                continue
            found.tasks += 1
            output = await api.result_file(job, task.index, "stdout")
            if not output.endswith(f"{_word(key, task.index)}\0".encode()):
                found.lost.append(f"task {task.index} of {key} has another task's result: {output[:60]!r}")
        for share in detail.providers:
            if share.claimed > share.owed:
                found.doubled.append(f"{share.name} was paid {share.claimed} for {share.owed} in {key}")
            if share.claimed < share.owed:
                found.lost.append(f"{share.name} was paid {share.claimed} for {share.owed} in {key}")

    async def _until_paid(self, api: AsyncClient, job: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not (await api.job(job)).paid:
            if time.monotonic() > deadline:
                raise Unavailable(f"job {job} was not paid in {PATIENCE:.0f} s")
            await asyncio.sleep(0.2)

    async def _settled(self) -> None:
        """Every node has seen the chain's last words: providers close their sessions on their own time."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            states = [
                session.state
                for name in self._network.names
                for session in await all_of(self._network.client(name).sessions)
            ]
            if all(state == "closed" for state in states):
                return
            await asyncio.sleep(0.5)


def _word(key: str, index: int) -> str:
    return f"{key}/{index}"


def _module() -> bytes:
    from wasmtime import wat2wasm

    return bytes(wat2wasm(MODULE))
